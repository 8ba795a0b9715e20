"""Rule files: what is in them, what is wrong with them and where."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from jupyterhub_monitoring.alerting.rules.rule_file import (
    MOST_RULES,
    AlertingRule,
    RecordingRule,
    check_file,
    check_rules,
    read_rules,
)
from jupyterhub_monitoring.alerting.rules.rule_yaml import MOST_BYTES, MOST_PROBLEMS
from jupyterhub_monitoring.errors import WrongRules
from jupyterhub_monitoring.promql.printer import one_line
from support.promtool import accepted
from support.rule_files import ACCEPTED, OURS_ONLY, PROMTOOL_ONLY, REFUSED, alert, group, rule

WHOLE = """\
groups:
  - name: hub
    interval: 30s
    limit: 5
    query_offset: 1m
    labels: {team: core, tier: one}
    rules:
      - record: hub:up:sum
        expr: sum by (hub) (up)
        labels:
          tier: two
      - alert: HubDown
        expr: |
          up{job="jupyterhub"}
            == 0
        for: 5m
        keep_firing_for: 1h
        labels: {severity: critical, page: yes}
        annotations:
          summary: "{{ $labels.instance }} is down"
  - name: other
"""


def test_what_is_in_a_file():
    """Everything that a file says is in the records, with the line of each rule."""
    hub, other = read_rules("r.yml", WHOLE)
    record, down = hub.rules
    assert (hub.file, hub.name, hub.line) == ("r.yml", "hub", 2)
    assert (hub.interval_ms, hub.limit, hub.query_offset_ms) == (30_000, 5, 60_000)
    assert (other.interval_ms, other.limit, other.query_offset_ms) == (0, 0, None)
    assert other.rules == ()
    assert isinstance(record, RecordingRule)
    assert (record.name, record.query, record.line) == ("hub:up:sum", "sum by (hub) (up)", 8)
    assert isinstance(down, AlertingRule)
    assert (down.name, down.line) == ("HubDown", 12)
    assert down.query == 'up{job="jupyterhub"}\n  == 0\n'
    assert one_line(down.expr) == 'up{job="jupyterhub"} == 0'
    assert (down.for_ms, down.keep_firing_for_ms) == (300_000, 3_600_000)
    assert down.annotations == {"summary": "{{ $labels.instance }} is down"}


def test_labels_of_the_group():
    """A rule has the labels of its group too; its own go before them. `yes` stays a text."""
    record, down = read_rules("r.yml", WHOLE)[0].rules
    assert record.labels == {"team": "core", "tier": "two"}
    assert down.labels == {"page": "yes", "severity": "critical", "team": "core", "tier": "one"}


def test_the_same_file_gives_equal_groups():
    """Whoever reloads sees whether something changed."""
    assert read_rules("r.yml", WHOLE) == read_rules("r.yml", WHOLE)
    assert read_rules("r.yml", WHOLE) != read_rules("r.yml", WHOLE.replace("for: 5m", "for: 6m"))


@pytest.mark.parametrize("name", [*ACCEPTED, *OURS_ONLY])
def test_accepted(name: str):
    """A file that Prometheus takes, we take."""
    assert check_rules("r.yml", {**ACCEPTED, **OURS_ONLY}[name]).problems == ()


@pytest.mark.parametrize("name", [*REFUSED, *PROMTOOL_ONLY])
def test_refused(name: str):
    """A file that Prometheus refuses, we refuse, and say in which line of which file."""
    problems = check_rules("r.yml", {**REFUSED, **PROMTOOL_ONLY}[name]).problems
    assert problems
    assert all(str(problem).startswith(f"r.yml:{problem.line}: ") for problem in problems)
    assert all(problem.line > 0 for problem in problems)


@pytest.mark.peer("promtool")
def test_promtool_takes_and_refuses_the_same(tmp_path: Path):
    """A real `promtool check rules` agrees with both tables."""
    files = {**ACCEPTED, **REFUSED, **OURS_ONLY, **PROMTOOL_ONLY}
    assert len(files) == len(ACCEPTED) + len(REFUSED) + len(OURS_ONLY) + len(PROMTOOL_ONLY)
    assert accepted(tmp_path, files) == {*ACCEPTED, *PROMTOOL_ONLY}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        pytest.param(rule("alert: A", "expr: sum(up"), 5, "unclosed left parenthesis", id="expr"),
        pytest.param(
            rule("alert: A", "expr: |", "  sum(up)", "  +", "  nope(1)"),
            8,
            'unknown function with name "nope"',
            id="third line of an expr",
        ),
        pytest.param(
            alert("annotations:", "  d: |", "    one", "    {{ $value", "    }}", "    {{ nope }}"),
            11,
            'group "g", rule 1, "A": annotation "d": template: function "nope" not defined',
            id="fourth line of a template",
        ),
        pytest.param(
            alert("annotations:", '  d: "{{ end }}"'), 7, "unexpected {{end}}", id="quoted template"
        ),
        pytest.param(
            alert("lables: {a: b}"),
            6,
            "'lables' is unknown in a rule; did you mean 'labels'?",
            id="key",
        ),
        pytest.param(alert("for: 1m", "for: 2m"), 7, "'for' is in line 6 already", id="twice"),
        pytest.param("groups: [\n", 2, "no YAML: ", id="no yaml"),
        pytest.param(group("labels: {a: '{{ nope }}'}"), 3, "not defined", id="group label"),
        pytest.param(
            group("labels: {a-b: c}"), 3, "invalid label name: a-b", id="group label name"
        ),
        pytest.param(alert("labels: {a: !foo b}"), 6, "tag '!foo' has no meaning", id="tag"),
        pytest.param(alert("labels: {a: !!binary aGk=}"), 6, "has no meaning", id="binary"),
    ],
)
def test_where_and_why(text: str, line: int, said: str):
    """An operator is told the line in the file, not that within an expression."""
    problem = check_rules("r.yml", text).problems[0]
    assert (problem.line, problem.file) == (line, "r.yml")
    assert said in str(problem)


def test_everything_wrong_is_told_at_once():
    """Nobody mends a file ten times to learn of ten mistakes."""
    text = """\
groups:
- name: a
  intervall: 5m
  rules:
  - alert: A
    expr: sum(
    labels: {a-b: c}
  - record: b
    expr: up
    for: 5m
- name: a
"""
    problems = check_rules("r.yml", text).problems
    assert [problem.line for problem in problems] == [3, 6, 7, 10, 11]
    with pytest.raises(WrongRules, match=r"r\.yml:3: .*intervall.* \(and 4 more\)"):
        read_rules("r.yml", text)


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        pytest.param("- {record: a, expr: up}", 0, id="one"),
        pytest.param("- {record: a, expr: up}\n  - {record: a, expr: down}", 1, id="same"),
        pytest.param(
            "- {record: a, expr: up}\n  - {record: a, expr: x, labels: {b: c}}", 0, id="labels"
        ),
        pytest.param("- {alert: A, expr: up}\n  - {alert: A, expr: down}", 1, id="alerts"),
        pytest.param(
            "- {alert: A, expr: up, labels: {s: x}}\n  - {alert: A, expr: down, labels: {s: y}}",
            0,
            id="a ladder",
        ),
    ],
)
def test_duplicates_are_warned_of(text: str, warnings: int):
    """Rules that cannot be told apart are a warning, as promtool's lint, and no error."""
    checked = check_rules("r.yml", f"groups:\n- name: g\n  rules:\n  {text}\n")
    assert checked.problems == ()
    assert len(checked.warnings) == warnings


# --- Files and bounds ----------------------------------------------------------------------------


def test_file_with_a_byte_order_mark(tmp_path: Path):
    """An editor of Windows may have written the file."""
    path = tmp_path / "r.yml"
    path.write_bytes(b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode())
    checked = check_file(path)
    assert (checked.rules, checked.problems) == (2, ())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(None, "No such file", id="missing"),
        pytest.param(b"groups: [] # \xff", "no UTF-8 at byte 13", id="no utf-8"),
        pytest.param(b"# " + b"x" * MOST_BYTES, "larger than 8 MiB", id="large"),
        pytest.param(b"groups: []\0", "no YAML", id="zero byte"),
    ],
)
def test_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, said: str):
    """It is a problem that names the file, not a traceback."""
    path = tmp_path / "r.yml"
    if content is not None:
        path.write_bytes(content)
    checked = check_file(path)
    assert len(checked.problems) == 1
    assert str(checked.problems[0]).startswith(str(path))
    assert said in str(checked.problems[0])
    assert checked.groups == ()


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{after}: &{after} [{','.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)
ALIASES = (
    "groups:\n- name: g0\n  rules: &r\n"
    + "  - {record: a, expr: up}\n" * 1000
    + "".join(f"- name: g{number}\n  rules: *r\n" for number in range(1, 1000))
)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(BOMB, id="aliases of aliases"),
        pytest.param(ALIASES, id="a million rules by aliases"),
        pytest.param("groups: " + "[" * 100_000, id="deep"),
        pytest.param("groups: &g [*g]\n", id="in itself"),
        pytest.param("groups: &g\n- <<: *g\n", id="merged into itself"),
        pytest.param(
            "groups:\n- name: g\n  rules:\n" + "  - {record: a, expr: up}\n" * (MOST_RULES + 1),
            id="too many rules",
        ),
        pytest.param(
            "groups:\n- name: g\n  rules:\n  - {alert: a, expr: up, annotations: &m {"
            + ", ".join(f"k{number}: x" for number in range(1000))
            + "}}\n"
            + "  - {alert: a, expr: up, annotations: *m}\n" * 1000,
            id="a map used often",
        ),
    ],
)
def test_a_file_cannot_be_a_bomb(text: str):
    """A small file that means a large one is refused while it is small."""
    begun = time.thread_time()
    assert check_rules("r.yml", text).problems
    assert time.thread_time() - begun < 30


def test_problems_are_bounded():
    """A file of another kind gives a screen full of errors, not a million."""
    text = "groups:\n" + "- {nme: a}\n" * 1000
    assert len(check_rules("r.yml", text).problems) == MOST_PROBLEMS
