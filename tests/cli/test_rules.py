"""`jupyterhub-monitoring rules check`: what an operator sees before rules are put in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyterhub_monitoring.cli import main
from support.rule_files import alert

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "rules.md"
WRONG = alert("annotations: {a: '{{ $nope }}'}").replace("up == 0", "sum(up")


def test_check_says_how_many_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Files without a mistake: their rules are counted, the exit status is 0."""
    (tmp_path / "a.yml").write_text(alert())
    (tmp_path / "b.yml").write_text("")
    status = main(["rules", "check", str(tmp_path / "a.yml"), str(tmp_path / "b.yml")])
    assert status == 0
    assert capsys.readouterr().out == (
        f"Checking {tmp_path / 'a.yml'}\n  SUCCESS: 1 rule found\n\n"
        f"Checking {tmp_path / 'b.yml'}\n  SUCCESS: 0 rules found\n\n"
    )


def test_check_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """All mistakes with file and line; one file that is wrong makes the exit status 1."""
    wrong, fine = tmp_path / "wrong.yml", tmp_path / "fine.yml"
    wrong.write_text(WRONG)
    fine.write_text(alert())
    assert main(["rules", "check", str(wrong), str(fine)]) == 1
    said = capsys.readouterr().out
    assert f"  FAILED:\n{wrong}:5: " in said
    assert f'{wrong}:6: group "g", rule 1, "A": annotation "a": template: undefined' in said
    assert "SUCCESS: 1 rule found" in said


def test_check_warns_of_duplicates(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """They are no reason to refuse the file."""
    path = tmp_path / "r.yml"
    path.write_text("groups:\n- name: g\n  rules:\n" + "  - {record: a, expr: up}\n" * 2)
    assert main(["rules", "check", str(path)]) == 0
    assert f"WARNING: {path}: a is in lines 4, 5" in capsys.readouterr().out


def test_the_example_in_the_docs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Whoever copies the page's example has a file that works; the error shown is in its line."""
    page = HOW_TO.read_text()
    example = page.partition("```yaml\n")[2].partition("```")[0]
    path = tmp_path / "mine.yaml"
    path.write_text(example)
    assert main(["rules", "check", str(path)]) == 0
    path.write_text(example.replace("sum > 180", "sum > ) 180"))
    assert main(["rules", "check", str(path)]) == 1
    said = capsys.readouterr().out
    shown = 'mine.yaml:8: group "mine", rule 2, "ManyServers": could not parse expression: 1:28: '
    assert shown in said
    assert shown in page


@pytest.mark.parametrize(("path", "said"), [("nope.yml", "No such file"), (".", "Is a directory")])
def test_check_of_what_is_no_file(
    path: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """A wrong path is told like a wrong file."""
    assert main(["rules", "check", str(tmp_path / path)]) == 1
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["rules"], ["rules", "check"], ["rules", "chek", "a.yml"]])
def test_wrong_arguments(arguments: list[str]):
    """Without files there is nothing to check: exit status 2, as everywhere."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


TESTS = """\
rule_files: [rules.yml]
tests:
  - input_series: [{series: up, values: 0x9}]
    alert_rule_test: [{eval_time: 5m, alertname: A, exp_alerts: [{exp_labels: {a: b}}]}]
"""


def test_a_tab_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Nobody sees a tab: what it is and its line, in rules, in their tests and in a routing."""
    path = tmp_path / "x.yml"
    path.write_text("groups:\n- name: g\n\trules: []\n")
    for verb in (["rules", "check"], ["rules", "test"], ["notify", "check"]):
        assert main([*verb, str(path)]) == 1
        said = capsys.readouterr().out
        assert f"{path}:3: " in said
        assert "this line is indented with a tab, where YAML takes only spaces" in said


def test_the_other_command_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A file of tests that is checked, and one of rules that is run: in one sentence."""
    rules, tests = tmp_path / "r.yml", tmp_path / "t.yml"
    rules.write_text(alert())
    tests.write_text(TESTS)
    assert main(["rules", "check", str(tests)]) == 1
    said = capsys.readouterr().out
    assert f"{tests}:2: this is a file with unit tests" in said
    assert "`jupyterhub-monitoring rules test` takes it\n\n" in said
    assert main(["rules", "test", str(rules)]) == 1
    said = capsys.readouterr().out
    assert f"{rules}:1: this is a file with rules" in said
    assert "`jupyterhub-monitoring rules check` takes it" in said


@pytest.mark.parametrize("pattern", ["rules.yml", "none/*.yml"])
def test_rules_that_are_not_there(
    pattern: str, tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]
):
    """A test that does not hold for want of its rules says so, and where it looked for them."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "x.test.yaml").write_text(TESTS.replace("rules.yml", pattern))
    monkeypatch.chdir(tmp_path)
    assert main(["rules", "test", "tests/x.test.yaml"]) == 1
    said = capsys.readouterr().out
    failed = said.partition("FAILED:\n")[2]
    assert f"there is no {tmp_path / 'tests' / pattern}; its path begins in the folder" in failed
    assert "alertname" not in failed
