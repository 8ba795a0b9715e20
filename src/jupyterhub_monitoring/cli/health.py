"""Show how a Hub is: a table for people, JSON, or one line for Nagios and Icinga."""

from __future__ import annotations

import argparse
import json
import sys
import urllib.parse
from datetime import datetime, timezone
from typing import Any, TextIO

from ..errors import CannotStart
from . import hub_request
from .hub_request import TOKEN_VARIABLE, Question, Reply

OK, WARNING, CRITICAL, UNKNOWN = range(4)  # what Nagios plugins exit with
CANNOT_ASK = 2
EXIT = {"pass": OK, "warn": WARNING, "fail": CRITICAL}
WORD = {OK: "OK", WARNING: "WARNING", CRITICAL: "CRITICAL", UNKNOWN: "UNKNOWN"}
REFUSED = "the Hub did not accept the token, or cannot look it up"
HOW_TO_GET_A_TOKEN = (
    "give one with the scope read:metrics or admin-ui with --token or in"
    f" {TOKEN_VARIABLE} (the Hub's page /hub/token makes them)"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--url",
        default="http://127.0.0.1:8000",
        help="the Hub's address, with its base URL if it has one, with or without /hub"
        " (default: %(default)s)",
    )
    parser.add_argument(
        "--token",
        help="an API token with the scope read:metrics or admin-ui (default: the variable"
        f" {TOKEN_VARIABLE}, which other users of the machine cannot see); without one only the"
        " status is shown",
    )
    parser.add_argument(
        "--format",
        choices=("table", "json", "nagios"),
        default="table",
        help="table for people, json as the Hub sends it, nagios for one line and exit status"
        " 0 ok, 1 warning, 2 critical, 3 unknown (default: %(default)s)",
    )
    parser.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="NAME",
        help="leave this check out; may be repeated",
    )
    hub_request.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Ask once and print. Exit status: 0 well, 1 warning, 2 failing or (3 for nagios) unknown."""
    try:
        report = ask(_question(args))
    except CannotStart as problem:
        if args.format == "nagios":
            _say(f"JUPYTERHUB UNKNOWN - {_one_line(str(problem))}")
            return UNKNOWN
        _say(f"jupyterhub-monitoring health: {problem}", sys.stderr)
        return CANNOT_ASK
    _say({"table": table, "json": _json, "nagios": nagios}[args.format](report))
    return exit_status(report)


def ask(question: Question) -> dict[str, Any]:
    """Return the Hub's report; `CannotStart` says what is wrong and what to do."""
    return _parsed(hub_request.get(question), question)


def exit_status(report: dict[str, Any]) -> int:
    """Return 0, 1 or 2: also a failing check that is not critical is no more than a warning.

    A token that the Hub does not accept is a warning at least: what was asked for is not known.
    """
    refused = WARNING if report.get("output") == REFUSED else OK
    return max(refused, EXIT.get(str(report.get("status")), CRITICAL))


def table(report: dict[str, Any]) -> str:
    """Return the report for people."""
    head = f"JupyterHub: {report['status']}"
    head += f" ({report['output']})" if report.get("output") else ""
    if "checks" not in report:
        return f"{head}\nNo details without a token that the Hub accepts: {HOW_TO_GET_A_TOKEN}."
    rows: list[tuple[str, ...]] = [("CHECK", "STATUS", "CODE", "SECONDS", "AGE", "")]
    rows += [_row(name, entry[0]) for name, entry in report["checks"].items()]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = [
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[5]]).rstrip()
        for row in rows
    ]
    return "\n".join([head, "", *lines, *_history(report), *_runbooks(report)])


def nagios(report: dict[str, Any]) -> str:
    """Return one line: what is wrong, then the checks' durations as performance data."""
    word = WORD[exit_status(report)]
    checks = {name: entry[0] for name, entry in report.get("checks", {}).items()}
    wrong = [
        _one_line(f"{name}: {entry.get('output', '')} [{entry.get('jupyterhub:code', '-')}]")
        for name, entry in checks.items()
        if entry["status"] not in ("pass", "unknown")
    ]
    said = "; ".join(wrong) or report.get("output") or _all_pass(len(checks))
    if not checks:
        said = report.get("output") or "no details without an accepted token"
    data = " ".join(
        f"'{name.replace(chr(39), '')}'={entry['observedValue']}s;;;0"
        for name, entry in checks.items()
        if "observedValue" in entry
    )
    return f"JUPYTERHUB {word} - {said}" + (f" | {data}" if data else "")


def _all_pass(checks: int) -> str:
    return "1 check passes" if checks == 1 else f"{checks} checks pass"


# --- Asking -------------------------------------------------------------------------------------


def _question(args: argparse.Namespace) -> Question:
    parts = hub_request.address(args.url)
    base = parts.path.rstrip("/").removesuffix("/hub") + "/hub/health/ready"
    query = urllib.parse.urlencode([("verbose", "1"), *(("exclude", n) for n in args.exclude)])
    report = urllib.parse.urlunsplit((parts.scheme, parts.netloc, base, query, ""))
    token = hub_request.token(args.token)
    return Question(report, token, args.timeout, not args.insecure, "application/health+json")


def _parsed(reply: Reply, question: Question) -> dict[str, Any]:
    place, status = hub_request.place(question.url), reply.status
    try:
        report = json.loads(reply.body)
    except ValueError:
        report = None
    if isinstance(report, dict) and report.get("status") in EXIT and status in (200, 503):
        if question.token and "checks" not in report:
            report["output"] = REFUSED
        return report
    raise CannotStart(_refusal(status, report, place))


def _refusal(status: int, report: Any, place: str) -> str:
    if status == 400 and isinstance(report, dict) and report.get("output"):
        return f"{place} refuses the question: {report['output']}"
    if status in (401, 403):
        return f"{place} answers {status}: it wants a token it accepts; {HOW_TO_GET_A_TOKEN}"
    if status == 404:
        return (
            f"{place} answers 404 at /hub/health/ready: either this is no JupyterHub, or its base"
            " URL is missing in --url, or its configuration lacks jupyterhub_monitoring.setup(c)"
        )
    if 300 <= status < 400:
        return f"{place} redirects ({status}); give the address that it leads to with --url"
    if status in (502, 503, 504):
        return f"{place} answers {status}: a proxy is there, but the Hub behind it is not"
    return f"{place} answers {status}, but not as a monitored JupyterHub does; check --url"


# --- Printing -----------------------------------------------------------------------------------


def _say(text: str, stream: TextIO | None = None) -> None:
    print(text, file=stream or sys.stdout)


def _json(report: dict[str, Any]) -> str:
    return json.dumps(report, indent=2)


def _row(name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    status = entry.get("jupyterhub:status", entry["status"])
    status += (
        " (critical)" if entry.get("jupyterhub:critical") and entry["status"] == "fail" else ""
    )
    seconds = f"{entry['observedValue']:.3f}" if "observedValue" in entry else ""
    said = _one_line(entry.get("output", ""))
    return name, status, entry.get("jupyterhub:code", ""), seconds, _age(entry.get("time")), said


def _age(time: str | None) -> str:
    if not time:
        return ""
    seconds = (datetime.now(timezone.utc) - datetime.fromisoformat(time)).total_seconds()
    return f"{max(0, seconds):.0f}s" if seconds < 120 else f"{seconds / 60:.0f}min"


def _history(report: dict[str, Any]) -> list[str]:
    changes = [c for c in report.get("history", []) if c["from"] is not None][:10]
    lines = [
        f"  {c['time'][:19]}Z  {c['check']}: {c['from']} -> {c['to']}"
        + (f"  {_one_line(c['message'])} [{c['code']}]" if c["code"] else "")
        for c in changes
    ]
    return ["", "Last changes:", *lines] if lines else []


def _runbooks(report: dict[str, Any]) -> list[str]:
    pages = [e[0]["links"]["runbook"] for e in report["checks"].values() if "links" in e[0]]
    return ["", "What to do: " + ", ".join(dict.fromkeys(pages))] if pages else []


def _one_line(text: str) -> str:
    """Return *text* without line ends, and without the bar that begins performance data."""
    return " ".join(text.replace("|", "/").split())
