"""Check rule files, and test what their alerts say: in Prometheus's own formats.

`rules check` refuses what `promtool check rules` refuses, with file and line. `rules test` runs
unit tests in promtool's format on the engine that evaluates the rules here.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..alerting.rules.rule_file import Checked, check_file
from .counted import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe what the verb takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser(
        "check", help="say whether rule files can be used, and what is wrong"
    )
    check.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a rule file, in YAML")
    test = actions.add_parser("test", help="run unit tests of rules, in promtool's format")
    test.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a test file, in YAML")


def run(args: argparse.Namespace) -> int:
    """Check or test; return the exit status: 0 well, 1 not."""
    if args.action == "check":
        return max(_check(path) for path in args.files)
    from ..alerting.unit_test.run import run_files  # noqa: PLC0415 -- see `cli.load`

    return run_files(args.files, sys.stdout)


def _check(path: Path) -> int:
    print(f"Checking {path}")
    checked = check_file(path)
    if checked.problems:
        _tell_problems(checked)
    else:
        print(f"  SUCCESS: {counted(checked.rules, 'rule')} found")
        for warning in checked.warnings:
            print(f"  WARNING: {path}: {warning}")
    print()
    return 1 if checked.problems else 0


def _tell_problems(checked: Checked) -> None:
    print("  FAILED:")
    for problem in checked.problems:
        print(f"{problem}")
