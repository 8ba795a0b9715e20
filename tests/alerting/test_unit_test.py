"""Rule tests in promtool's form: our engine comes to promtool's verdict on every file."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import jupyterhub_monitoring
from jupyterhub_monitoring.alerting.unit_test.run import run_files
from support.peers import find

RULES = """
groups:
  - name: records
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
  - name: alerts
    rules:
      - alert: Down
        expr: up == 0
        for: 2m
        labels: {severity: page, who: "{{ $labels.instance }}"}
        annotations:
          summary: "{{ $labels.instance }} of {{ $externalLabels.site }} is {{ $value }}"
          link: "{{ $externalURL }}"
      - alert: FewUp
        expr: job:up:sum < 2
        keep_firing_for: 3m
      - alert: Gone
        expr: absent(up)
  - name: again
    rules:
      - alert: Down
        expr: up == 0
        labels: {severity: info}
"""

OTHERS = {
    "late.yaml": """
groups:
  - name: first
    rules: [{record: two, expr: one + 1}]
  - name: second
    rules: [{record: one, expr: "time()"}]
""",
    "failing.yaml": "groups: [{name: g, rules: [{record: r, expr: up * on() other}]}]",
    "broken.yaml": "groups: [{name: g, rules: [{record: r, expr: 'sum('}]}]",
    "empty.yaml": """
groups:
  - name: g
    rules:
      - alert: A
        expr: up == 0
        labels: {none: "{{ $labels.none }}"}
        annotations: {empty: "{{ $labels.none }}"}
""",
}

HEAD = "rule_files: [rules.yaml]\nevaluation_interval: 1m\n"
IN_ORDER = HEAD + "group_eval_order: [records, alerts]\n"

UP = """
tests:
  - interval: 1m
    input_series:
      - series: up{job="hub", instance="a"}
        values: 1 1 0x8
      - series: up{job="hub", instance="b"}
        values: 1x10
"""

DOWN = """
          - exp_labels: {job: hub, instance: a, severity: page, who: a}
            exp_annotations: {summary: "a of  is 0", link: ""}
          - exp_labels: {job: hub, instance: a, severity: info}
"""


def alert_test(eval_time: str, alertname: str, expected: str = "[]") -> str:
    return (
        f"    alert_rule_test:\n      - eval_time: {eval_time}\n"
        f"        alertname: {alertname}\n        exp_alerts: {expected}\n"
    )


def expr_test(expr: str, eval_time: str, *samples: str) -> str:
    text = f"    promql_expr_test:\n      - expr: {expr}\n        eval_time: {eval_time}\n"
    return text + "        exp_samples:\n" + "".join(f"          - {s}\n" for s in samples)


def series(name: str, values: str, rest: str, interval: str = "1m") -> str:
    return (
        f"tests:\n  - interval: {interval}\n    input_series:\n"
        f"      - series: {name}\n        values: {values!r}\n{rest}"
    )


ONE = "{labels: '{}', value: 1}"
HUB = """{labels: 'job:up:sum{job="hub"}', value: %s}"""
PASS, FAIL = 0, 1

FILES = {
    # --- alerts
    "it fires": (PASS, HEAD + UP + alert_test("4m", "Down", DOWN)),
    "it waits": (
        PASS,
        HEAD
        + UP
        + alert_test("3m", "Down", "[{exp_labels: {job: hub, instance: a, severity: info}}]"),
    ),
    "it fires, which was not expected": (FAIL, HEAD + UP + alert_test("4m", "Down")),
    "it does not fire, which was expected": (
        FAIL,
        HEAD + UP + alert_test("1m", "Down", DOWN),
    ),
    "another label": (
        FAIL,
        HEAD + UP + alert_test("4m", "Down", DOWN.replace("page", "critical")),
    ),
    "another annotation": (
        FAIL,
        HEAD + UP + alert_test("4m", "Down", DOWN.replace("is 0", "is 1")),
    ),
    "an annotation is missing": (
        FAIL,
        HEAD + UP + alert_test("4m", "Down", DOWN.replace(', link: ""', "")),
    ),
    "an alert too few": (
        FAIL,
        HEAD + UP + alert_test("4m", "Down", DOWN[: DOWN.rindex("          -")]),
    ),
    "an alert that no rule has": (PASS, HEAD + UP + alert_test("4m", "Nothing")),
    "between two evaluations the earlier one counts": (
        PASS,
        HEAD + UP + alert_test("4m59s", "Down", DOWN),
    ),
    "it goes on firing while it is kept": (
        PASS,
        IN_ORDER
        + series(
            'up{job="j"}',
            "1 1 2 2 2 2 2 2",
            alert_test("4m", "FewUp", "[{exp_labels: {job: j}}]"),
        ),
    ),
    "and no longer": (
        PASS,
        IN_ORDER + series('up{job="j"}', "1 1 2 2 2 2 2 2", alert_test("5m", "FewUp")),
    ),
    "absent": (
        PASS,
        HEAD + series("other", "1", alert_test("0", "Gone", "[{}]")),
    ),
    "labels and texts that are empty": (
        PASS,
        HEAD.replace("rules", "empty")
        + series("up", "0", alert_test("0", "A", "[{exp_annotations: {empty: ''}}]")),
    ),
    "an empty label is expected": (
        FAIL,
        HEAD.replace("rules", "empty")
        + series(
            "up",
            "0",
            alert_test("0", "A", "[{exp_labels: {none: ''}, exp_annotations: {empty: ''}}]"),
        ),
    ),
    "a test without the alert's name": (
        FAIL,
        HEAD + UP + "    alert_rule_test: [{eval_time: 1m}]\n",
    ),
    "external labels and address": (
        PASS,
        HEAD
        + UP
        + "    external_labels: {site: x}\n    external_url: http://hub/m\n"
        + alert_test("4m", "Down", DOWN.replace("of  is", "of x is").replace('""', "http://hub/m")),
    ),
    # --- expressions
    "a recorded series": (PASS, HEAD + UP + expr_test("job:up:sum", "1m", HUB % 2)),
    "another value": (FAIL, HEAD + UP + expr_test("job:up:sum", "1m", HUB % 3)),
    "a sample too many": (FAIL, HEAD + UP + expr_test("job:up:sum", "1m", HUB % 2, ONE)),
    "a sample too few": (FAIL, HEAD + UP + expr_test("job:up:sum", "1m")),
    "a number": (PASS, HEAD + UP + expr_test("1", "1m", ONE)),
    "no labels at all": (PASS, HEAD + UP + expr_test("sum(up) - 1", "1m", "{value: 1}")),
    "NaN is equal to nothing": (FAIL, HEAD + UP + expr_test("NaN", "1m", "{value: .nan}")),
    "infinite": (PASS, HEAD + UP + expr_test("-1/0", "1m", "{value: -.inf}")),
    "a string": (FAIL, HEAD + UP + expr_test("'\"a\"'", "1m")),
    "a range": (FAIL, HEAD + UP + expr_test("up[5m]", "1m")),
    "no expression": (FAIL, HEAD + UP + expr_test("'sum('", "1m")),
    "an expression that cannot be answered": (
        FAIL,
        HEAD + UP + expr_test("up * on () up", "1m"),
    ),
    "no label set": (FAIL, HEAD + UP + expr_test("1", "1m", "{labels: 'a{', value: 1}")),
    "a sample after the last evaluation is not there": (
        PASS,
        HEAD + series("a", "1+1x10", expr_test("a", "90s", "{labels: a, value: 3}"), "30s"),
    ),
    "alerts are series": (
        PASS,
        HEAD
        + UP
        + expr_test(
            "count by (alertname, alertstate) (ALERTS{alertname='Down', severity='page'})",
            "3m",
            '{labels: \'{alertname="Down", alertstate="pending"}\', value: 1}',
        ),
    ),
    "since when": (
        PASS,
        HEAD + UP + expr_test("max(ALERTS_FOR_STATE{severity='page'})", "3m", "{value: 120}"),
    ),
    "what is not recorded any more has ended": (
        PASS,
        HEAD + series('up{job="j"}', "1 stale", expr_test("job:up:sum", "1m")),
    ),
    "a gap is looked past": (
        PASS,
        HEAD + series("a", "5 _x3", expr_test("a", "3m", "{labels: a, value: 5}")),
    ),
    "a subquery has the evaluation's interval": (
        PASS,
        HEAD.replace("1m", "2m")
        + series("a", "1+1x10", expr_test("count_over_time(a[9m:])", "10m", "{value: 5}")),
    ),
    "from the past and at a fixed time": (
        PASS,
        HEAD + series("a", "1+1x10", expr_test("a offset 2m + (a @ 60)", "5m", "{value: 6}")),
    ),
    # --- the file
    "groups in the order of the file": (
        PASS,
        HEAD.replace("rules", "late")
        + "group_eval_order: [first, second]\n"
        + series("x", "1", expr_test("two", "2m", "{labels: two, value: 61}")),
    ),
    "groups in another order": (
        PASS,
        HEAD.replace("rules", "late")
        + "group_eval_order: [second, first]\n"
        + series("x", "1", expr_test("two", "2m", "{labels: two, value: 121}")),
    ),
    "a group twice in the order": (FAIL, HEAD + "group_eval_order: [a, a]\n" + UP),
    "a rule that fails": (
        FAIL,
        HEAD.replace("rules", "failing")
        + "tests:\n  - interval: 1m\n    input_series:\n"
        + "".join(
            f"      - series: {name}\n        values: 1x3\n"
            for name in ("up", 'other{a="1"}', 'other{a="2"}')
        )
        + expr_test("r", "1m"),
    ),
    "rule files that cannot be read": (FAIL, HEAD.replace("rules", "broken") + UP),
    "no such rule file": (
        PASS,
        HEAD.replace("rules", "missing") + UP + expr_test("1", "1m", ONE),
    ),
    "patterns of rule files": (
        PASS,
        HEAD.replace("rules.yaml", '"r*.yaml"') + UP + expr_test("job:up:sum", "1m", HUB % 2),
    ),
    "an unknown key": (FAIL, HEAD + "tets: []\n"),
    "an unknown key of a test": (FAIL, HEAD + "tests: [{intervall: 1m}]\n"),
    "a key twice": (FAIL, HEAD + "evaluation_interval: 2m\n"),
    "no duration": (FAIL, HEAD.replace("1m", "1 minute") + UP),
    "no YAML": (FAIL, "tests: [\n"),
    "nothing to test": (PASS, HEAD),
    "an empty file": (PASS, ""),
    "no value": (FAIL, HEAD + series("a", "1 2 three", expr_test("1", "1m", ONE))),
    "no series": (FAIL, HEAD + series("'a{b=}'", "1", expr_test("1", "1m", ONE))),
    "the same series twice: the last one counts": (
        PASS,
        HEAD
        + "tests:\n  - interval: 1m\n    input_series:\n"
        + "      - {series: a, values: '1 1'}\n      - {series: a, values: '2 2'}\n"
        + expr_test("a", "1m", "{labels: a, value: 2}"),
    ),
    "one of two tests does not hold": (
        FAIL,
        HEAD
        + UP
        + expr_test("1", "1m", ONE)
        + UP.replace("\ntests:\n", "")
        + expr_test("2", "1m", ONE),
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files of the table, by number, and the rules that they test."""
    made = tmp_path_factory.mktemp("files")
    for name, text in {"rules.yaml": RULES, **OTHERS}.items():
        (made / name).write_text(text)
    for number, (_, text) in enumerate(FILES.values()):
        (made / f"test{number}.yml").write_text(text)
    return made


@pytest.fixture(scope="module")
def promtool(folder: Path) -> dict[str, int]:
    """Promtool's verdict on each file, by the table's names; it is asked once for all."""
    paths = [folder / f"test{number}.yml" for number in range(len(FILES))]
    done = subprocess.run(
        [find("promtool"), "test", "rules", *paths],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    parts = re.split(r"Unit Testing:  (\S+)\n", done.stdout)[1:]
    said = dict(zip(parts[::2], parts[1::2], strict=True))
    verdicts = [FAIL if "FAILED:" in said[str(path)] else PASS for path in paths]
    return dict(zip(FILES, verdicts, strict=True))


def verdict(path: Path) -> tuple[int, str]:
    out = io.StringIO()
    return run_files([path], out), out.getvalue()


@pytest.mark.parametrize("name", FILES)
def test_our_verdict(name: str, folder: Path):
    """Each thing that a test file can say, and each that can be wrong with one."""
    path = folder / f"test{list(FILES).index(name)}.yml"
    code, said = verdict(path)
    assert code == FILES[name][0], said
    assert ("SUCCESS" in said) is (code == PASS)


@pytest.mark.peer("promtool")
@pytest.mark.parametrize("name", FILES)
def test_promtool_agrees(name: str, promtool: dict[str, int]):
    """The table says what a real promtool says."""
    assert promtool[name] == FILES[name][0]


def test_what_is_said_of_an_alert(folder: Path):
    """Name, time, what was expected and what was found, as promtool writes it."""
    path = folder / "said.yml"
    path.write_text(HEAD + UP + "    name: my test\n" + alert_test("4m", "Down"))
    _, said = verdict(path)
    assert (
        said
        == f"""Unit Testing:  {path}
  FAILED:
    name: my test,
    alertname: Down, time: 4m,{" "}
        exp:[],{" "}
        got:[
            0:
              Labels:{{alertname="Down", instance="a", job="hub", severity="info"}}
              Annotations:{{}},
            1:
              Labels:{{alertname="Down", instance="a", job="hub", severity="page", who="a"}}
              Annotations:{{link="", summary="a of  is 0"}}
            ]


"""
    )


def test_what_is_said_of_an_expression(folder: Path):
    """The samples on one line, numbers with all their digits."""
    path = folder / "said.yml"
    path.write_text(HEAD + UP + expr_test("job:up:sum", "1m", ONE))
    _, said = verdict(path)
    assert (
        '    expr: "job:up:sum", time: 1m,\n'
        "        exp: {} 1E+00\n"
        '        got: {__name__="job:up:sum", job="hub"} 2E+00\n'
    ) in said


def test_a_missing_file_is_no_crash(tmp_path: Path):
    """It has failed, and the others are run."""
    (tmp_path / "good.yml").write_text("tests: []")
    out = io.StringIO()
    assert run_files([tmp_path / "none.yml", tmp_path / "good.yml"], out) == 1
    assert "No such file" in out.getvalue()
    assert "SUCCESS" in out.getvalue()


PAGE = Path(__file__).parents[2] / "docs/how-to/rules.md"


def test_the_example_of_the_documentation_holds(tmp_path: Path):
    """The rules and their test that stand on the page."""
    blocks = re.findall(
        r"```yaml\n# /etc/jupyterhub/rules/(\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL
    )
    for name, text in blocks:
        (tmp_path / name).write_text(text)
    assert [name for name, _ in blocks] == ["mine.yaml", "mine.test.yaml"]
    code, said = verdict(tmp_path / "mine.test.yaml")
    assert code == 0, said


HERE = Path(__file__).parents[1] / "rules"
PACK = Path(jupyterhub_monitoring.__file__).parent / "rules"


@pytest.mark.parametrize("path", sorted(HERE.glob("*.test.yaml")), ids=lambda path: path.name)
def test_the_tests_of_the_built_in_rules_hold(path: Path, tmp_path: Path):
    """On our own engine, as they do on Prometheus's."""
    for rules in PACK.glob("*.yaml"):
        shutil.copy(rules, tmp_path)
    code, said = verdict(Path(shutil.copy(path, tmp_path)))
    assert code == 0, said
