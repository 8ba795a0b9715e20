"""The rule files that we ship: Prometheus takes them, and they say what they promise."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import jupyterhub_monitoring
from jupyterhub_monitoring.metrics.usage_catalogue import USAGE_CATALOGUE
from jupyterhub_monitoring.promql.parser import parse
from support.peers import find

RULES = sorted((Path(jupyterhub_monitoring.__file__).parent / "rules").glob("*.yaml"))
TESTS = sorted(Path(__file__).parent.glob("*.test.yaml"))


def expressions(path: Path) -> list[tuple[str, str]]:
    groups = yaml.safe_load(path.read_text())["groups"]
    return [(rule["record"], rule["expr"]) for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_our_own_engine_reads_every_rule(path: Path):
    """They work without a Prometheus too."""
    for _, expression in expressions(path):
        parse(expression)


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_rules_ask_for_series_that_exist(path: Path):
    """A renamed metric would leave a rule that is silent for ever."""
    recorded = {record for record, _ in expressions(path)}
    known = {spec.full_name for spec in USAGE_CATALOGUE.values()}
    for _, expression in expressions(path):
        for name in re.findall(r"[\w:]*jupyterhub_[\w:]+", expression):
            assert name in recorded or name.removesuffix("_bucket") in known, name


@pytest.mark.peer("promtool")
@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_promtool_takes_them(path: Path):
    """As Prometheus would at its start."""
    done = subprocess.run(
        [find("promtool"), "check", "rules", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.peer("promtool")
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_they_say_what_they_promise(path: Path, tmp_path: Path):
    """On series with known answers, by Prometheus's own engine."""
    for rules in RULES:
        shutil.copy(rules, tmp_path)
    shutil.copy(path, tmp_path)
    done = subprocess.run(
        [find("promtool"), "test", "rules", tmp_path / path.name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
