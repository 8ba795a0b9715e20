"""The command: the same bytes each time, nobody else's file written over, clear refusals."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from jupyterhub_monitoring import __version__
from jupyterhub_monitoring.cli import main
from jupyterhub_monitoring.cli.export_tools import TOOLS
from jupyterhub_monitoring.export.targets import EXPORTERS
from support.exported import HUBS, Hub, export, texts


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What the command says when it cannot."""
    assert main(["export", *map(str, arguments)]) == 1
    return capsys.readouterr().err


def test_the_same_bytes(tmp_path: Path):
    """The same input gives the same bytes: over files that are there, and in another process."""
    hub = HUBS["all of it at once"]
    out = export(tmp_path, "all", hub)
    first = texts(out)
    assert texts(export(tmp_path, "all", hub)) == first
    again = [sys.executable, "-m", "jupyterhub_monitoring", "export", "all", "--output", str(out)]
    again += ["-f", str(tmp_path / "jupyterhub_config.py"), *hub.options]
    environ = {**os.environ, "PYTHONHASHSEED": "7"}  # of the order in sets
    subprocess.run(again, env=environ, check=True, capture_output=True)
    assert texts(out) == first


@pytest.mark.parametrize("tool", TOOLS)
def test_the_help_of_a_tool_says_what_to_type(tool: str, capsys: pytest.CaptureFixture[str]):
    """Its first line is a command, not those of `export` with the tool behind them."""
    with pytest.raises(SystemExit):
        main(["export", tool, "--help"])
    assert capsys.readouterr().out.startswith(f"usage: jupyterhub-monitoring export {tool} [-h]")


def test_everything_is_each(tmp_path: Path):
    """`all` has what each tool has, in a folder of its name; nothing is only here or there."""
    everything = texts(export(tmp_path / "all", "all"))
    assert set(TOOLS) == {*EXPORTERS, "all"}
    alone = {
        f"{tool}/{path}" for tool in EXPORTERS for path in texts(export(tmp_path / tool, tool))
    }
    assert set(everything) == alone


def test_each_file_says_where_it_comes_from(tmp_path: Path):
    """Each file has the version that made it and the command that makes it again."""
    out = export(tmp_path, "all", HUBS["all of it at once"], "--namespace", "physics")
    for path, text in texts(out).items():
        assert f"Made by jupyterhub-monitoring {__version__}." in text, path
        assert "o'\"'\"'brien" in text.replace('\\"', '"'), path  # JSON has \\"
        assert "--namespace physics" in text, path


def test_the_command_in_a_file_makes_it_again(tmp_path: Path):
    """The command that stands in a file makes the same bytes, wherever they go."""
    out = export(tmp_path, "kubernetes", Hub(), "--namespace", "physics", "--label", "release=a")
    text = (out / "kustomization.yaml").read_text()
    (line,) = [line for line in text.splitlines() if "To make it again" in line]
    words = shlex.split(line.partition("again: ")[2])
    assert words[:3] == ["jupyterhub-monitoring", "export", "kubernetes"]
    again = [str(tmp_path / "again") if word == "DIR" else word for word in words[1:]]
    assert main(again) == 0
    assert texts(tmp_path / "again") == texts(out)


def test_nobody_elses_file_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A prometheus.yml of the operator's stays, and nothing is written beside it."""
    (tmp_path / "prometheus.yml").write_text("scrape_configs: []\n")
    said = refused(capsys, "prometheus", "--output", tmp_path)
    assert "was not made by this command" in said
    assert texts(tmp_path) == {"prometheus.yml": "scrape_configs: []\n"}


def test_a_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A file where the folder should be is told of, with its name."""
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in refused(capsys, "helm", "--output", tmp_path / "file" / "x")


WRONG = {
    "prefix": (("--prefix", "1a"), "--prefix '1a'"),
    "hub label": (("--hub-label", "a-b"), "--hub-label 'a-b'"),
    "job": (("--job", 'a"b'), "no quotes"),
    "address": (("--hub-url", "hub.example.org"), "like https://"),
    "password in the address": (("--hub-url", "https://a:b@h/"), "like https://"),
    "namespace": (("--namespace", "A_b"), "small letters"),
    "label": (("--label", "release"), "NAME=VALUE"),
    "no token": (("--token-file", "/nowhere/token"), "--token-file /nowhere/token: No such file"),
    "no configuration": (("-f", "/nowhere/c.py"), "cannot be run"),
}


@pytest.mark.parametrize(("options", "why"), WRONG.values(), ids=WRONG)
def test_wrong_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], why: str
):
    """What no tool would take is refused, with the option's name, and nothing is written."""
    assert why in refused(capsys, "kubernetes", "--output", tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


def test_wrong_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A misspelt setting is not left out in silence: it would change what the rules say."""
    config = tmp_path / "c.py"
    config.write_text(
        "c.MonitoringRules.memory_warning = 0.5\n"
        'c.MonitoringRules.disabled = ["JupyterHubDwn"]\n'
        "c.MonitoringRule.restarts_warning = 3\n"
    )
    said = refused(capsys, "prometheus", "-f", config, "--output", tmp_path / "out")
    assert "c.MonitoringRules.memory_warning is no setting" in said
    assert "did you mean 'JupyterHubDown'?" in said
    assert "c.MonitoringRule is no setting" in said


def test_a_label_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A label's name that Prometheus would refuse is refused here."""
    config = tmp_path / "c.py"
    config.write_text('c.Monitoring.external_labels = {"the-hub": "a"}\n')
    said = refused(capsys, "prometheus", "-f", config, "--output", tmp_path / "out")
    assert "'the-hub' is no name of a label" in said


AMBIGUOUS = {
    "nothing": ((), "say what: --data-dir DIR for samples, or one of"),
    "samples without a folder": (("--selector", "up"), "say what: --data-dir DIR"),
    "both": (("--data-dir", "d", "helm", "--output", "o"), "--data-dir is for samples"),
    "a tool without a folder": (("helm",), "--output"),
    "no such tool": (("nagios", "--output", "o"), "invalid choice: 'nagios'"),
}


@pytest.mark.parametrize(("arguments", "why"), AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_what_is_exported_must_be_clear(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], why: str
):
    """Samples and files for tools are never taken for each other: wrong arguments, status 2."""
    with pytest.raises(SystemExit) as ended:
        main(["export", *arguments])
    assert ended.value.code == 2
    assert why in capsys.readouterr().err
