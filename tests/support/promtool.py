"""promtool asked what it makes of rule files and of templates."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from support import go_templates as known
from support.peers import find


def accepted(folder: Path, files: Mapping[str, str]) -> set[str]:
    """Return the names of those *files* (texts by name) that `check rules` finds nothing wrong in.

    A lint is nothing wrong: promtool ends with 0 then.
    """
    numbers = {f"{number:03d}.yml": name for number, name in enumerate(files)}
    for file, name in numbers.items():
        (folder / file).write_text(files[name], newline="")
    done = _run(folder, "check", "rules", *numbers)
    wrong = set(re.findall(r"^(\d{3}\.yml): ", done.stderr, re.MULTILINE))
    checked = re.findall(r"^Checking (\d{3}\.yml)$", done.stdout, re.MULTILINE)
    assert checked == list(numbers), done.stderr
    return {name for file, name in numbers.items() if file not in wrong}


def refused_templates(folder: Path, templates: Sequence[str]) -> set[str]:
    """Return those that `check rules` cannot parse as annotations."""
    (folder / "rules.yml").write_text(_rules(templates))
    done = _run(folder, "check", "rules", "rules.yml")
    numbers = re.findall(r'rule \d+, "T(\d+)": annotation', done.stderr)
    return {templates[int(number)] for number in numbers}


def differences(folder: Path, expansions: Mapping[str, str]) -> str:
    """Return what `test rules` says against templates being expanded so; empty where nothing."""
    (folder / "rules.yml").write_text(_rules(list(expansions)))
    (folder / "test.yml").write_text(json.dumps(_test(expansions.values()), ensure_ascii=False))
    done = _run(folder, "test", "rules", "test.yml")
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _rules(templates: Iterable[str]) -> str:
    rules = [
        {"alert": f"T{number}", "expr": "m", "annotations": {"text": template}}
        for number, template in enumerate(templates)
    ]
    return json.dumps({"groups": [{"name": "g", "rules": rules}]}, ensure_ascii=False)


def _test(expected: Iterable[str]) -> dict[str, object]:
    labels = {name: value for name, value in known.SERIES.items() if name != "__name__"}
    series = [(known.SERIES, known.VALUE), *known.TWO]
    alerts = [
        {
            "eval_time": "0m",
            "alertname": f"T{number}",
            "exp_alerts": [{"exp_labels": labels, "exp_annotations": {"text": text}}],
        }
        for number, text in enumerate(expected)
    ]
    return {
        "rule_files": ["rules.yml"],
        "tests": [
            {
                "interval": "1m",
                "external_labels": known.EXTERNAL_LABELS,
                "external_url": known.EXTERNAL_URL,
                "input_series": [
                    {"series": _selector(labels), "values": f"{value:g}"}
                    for labels, value in series
                ],
                "alert_rule_test": alerts,
            }
        ],
    }


def _selector(labels: Mapping[str, str]) -> str:
    pairs = ", ".join(f'{k}="{v}"' for k, v in labels.items() if k != "__name__")
    return f"{labels['__name__']}{{{pairs}}}"


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [find("promtool"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
