"""`jupyterhub-monitoring` itself: its verbs, its help, its exit status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from traitlets.config import Configurable

from jupyterhub_monitoring import __version__
from jupyterhub_monitoring.cli import SETTINGS, VERBS, help_all


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jupyterhub_monitoring", *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        cwd=cwd,
    )


def test_version():
    """`--version` is the package's."""
    done = run("--version")
    assert (done.stdout.strip(), done.returncode) == (__version__, 0)


def test_help_names_every_verb():
    """`--help` lists the verbs, and each verb has a `--help` of its own."""
    text = run("--help").stdout
    for verb in VERBS:
        assert f"\n    {verb} " in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["demp"], "did you mean 'demo'?", id="near"),
        pytest.param(["helth"], "did you mean 'health'?", id="near the other"),
        pytest.param(["zzz"], "there are: hub, demo, health", id="far"),
        pytest.param([], "COMMAND", id="nothing"),
        pytest.param(["demo", "--port", "65536"], "'65536' is no port", id="port too high"),
        pytest.param(["demo", "--port", "-1"], "no port", id="port below 0"),
        pytest.param(["demo", "--port", "web"], "'web' is no port", id="port no number"),
        pytest.param(["demo", "--prot", "1"], "--prot", id="unknown option"),
    ],
)
def test_wrong_arguments(arguments: list[str], said: str):
    """What a tired operator types gets status 2 and a line that helps."""
    done = run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_help_all_has_every_setting():
    """Each setting of each class stands there, with its default."""
    text = run("--help-all").stdout
    assert text.strip() == help_all().strip()
    for module, name in SETTINGS:
        settings: type[Configurable] = getattr(sys.modules[module], name)
        own = settings.class_own_traits(config=True)
        assert own
        for trait in own:
            assert f"--{name}.{trait}=" in text


def test_the_hub_verb_hands_all_arguments_on(tmp_path: Path):
    """`hub --version`, `--help` and `--generate-config` are JupyterHub's own."""
    stock = subprocess.run(
        [sys.executable, "-m", "jupyterhub", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run("hub", "--version").stdout == stock.stdout
    assert "Start a multi-user Jupyter" in run("hub", "--help").stdout

    made = run("hub", "--generate-config", "-f", "made.py", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    text = (tmp_path / "made.py").read_text()
    assert "c.JupyterHub.bind_url" in text
    assert "c.Monitoring.usernames" in text


def test_the_hub_verb_has_jupyterhubs_subcommands(tmp_path: Path):
    """`hub token NAME` and `hub upgrade-db` do what `jupyterhub` does."""
    (tmp_path / "jupyterhub_config.py").write_text(
        "c.JupyterHub.authenticator_class = 'dummy'\nc.Authenticator.admin_users = {'ada'}\n"
    )
    upgraded = run("hub", "upgrade-db", cwd=tmp_path)
    assert upgraded.returncode == 0, upgraded.stderr
    token = run("hub", "token", "ada", cwd=tmp_path)
    assert token.returncode == 0, token.stderr
    assert len(token.stdout.strip()) >= 32


def test_a_hub_that_cannot_start_says_so_and_fails(tmp_path: Path):
    """A configuration file that is not there is JupyterHub's own error, with its status."""
    done = run("hub", "-f", "nowhere.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "nowhere.py" in done.stderr


def test_health_starts_at_once():
    """Nagios starts it every minute: it pays for nothing that other commands need."""
    probe = (
        "import sys, jupyterhub_monitoring.cli as cli\n"
        "try: cli.main(['health', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'tornado', 'jupyterhub', 'sqlite3'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
