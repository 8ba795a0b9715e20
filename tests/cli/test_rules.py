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
