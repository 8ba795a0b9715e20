"""Show how a Hub is: a table for people, JSON, or one line for Nagios and Icinga."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TextIO

from ..errors import CannotStart

TOKEN_VARIABLE = "JUPYTERHUB_API_TOKEN"  # noqa: S105 -- the name of a variable, not a token
OK, WARNING, CRITICAL, UNKNOWN = range(4)  # what Nagios plugins exit with
CANNOT_ASK = 2
EXIT = {"pass": OK, "warn": WARNING, "fail": CRITICAL}
WORD = {OK: "OK", WARNING: "WARNING", CRITICAL: "CRITICAL", UNKNOWN: "UNKNOWN"}
HOW_TO_GET_A_TOKEN = (
    "give one with the scope read:metrics or admin-ui with --token or in"
    f" {TOKEN_VARIABLE} (the Hub's page /hub/token makes them)"
)


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask, and how."""

    url: str  # of the report, with its query
    token: str
    timeout: float
    verify: bool


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
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="give up after this many seconds (default: %(default)s)",
    )
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="accept a certificate that is self-signed or expired",
    )


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
    headers = {"Accept": "application/health+json"}
    request = urllib.request.Request(question.url, headers=headers)  # noqa: S310 -- http(s) only
    if question.token:
        request.add_unredirected_header("Authorization", f"token {question.token}")
    try:
        # No redirects: a token must not travel to wherever an address leads.
        opener = urllib.request.build_opener(
            _NoRedirect, urllib.request.HTTPSHandler(context=_context(question.verify))
        )
        with opener.open(request, timeout=question.timeout) as response:
            return _parsed(response.read(), response.status, question)
    except urllib.error.HTTPError as error:
        return _parsed(error.read(), error.code, question)
    except (OSError, ValueError) as error:
        raise CannotStart(_unreachable(error, question)) from None
    except http.client.HTTPException as error:  # for what is not HTTP at all
        raise CannotStart(
            f"{_place(question.url)} does not speak HTTP ({type(error).__name__});"
            " is this the Hub's port, and http or https right?"
        ) from None


def exit_status(report: dict[str, Any]) -> int:
    """Return 0, 1 or 2: also a failing check that is not critical is no more than a warning."""
    return EXIT.get(str(report.get("status")), CRITICAL)


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
    said = "; ".join(wrong) or report.get("output") or f"{len(checks)} checks pass"
    if not checks:
        said = report.get("output") or "no details without an accepted token"
    data = " ".join(
        f"'{name.replace(chr(39), '')}'={entry['observedValue']}s;;;0"
        for name, entry in checks.items()
        if "observedValue" in entry
    )
    return f"JUPYTERHUB {word} - {said}" + (f" | {data}" if data else "")


# --- Asking -------------------------------------------------------------------------------------


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 86400:
        raise argparse.ArgumentTypeError("seconds above 0")
    return value


def _question(args: argparse.Namespace) -> Question:
    url = args.url if "://" in args.url else f"http://{args.url}"
    try:
        parts = urllib.parse.urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise CannotStart(f"--url {args.url}: not an http:// or https:// address")
    base = parts.path.rstrip("/").removesuffix("/hub") + "/hub/health/ready"
    query = urllib.parse.urlencode([("verbose", "1"), *(("exclude", n) for n in args.exclude)])
    token = (args.token or os.environ.get(TOKEN_VARIABLE, "")).strip()
    if not token.isascii() or not token.isprintable():
        raise CannotStart("the token has characters that no token has; check how it was copied")
    report = urllib.parse.urlunsplit((parts.scheme, parts.netloc, base, query, ""))
    return Question(report, token, args.timeout, not args.insecure)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Let the answer stand as it is."""


def _context(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _parsed(body: bytes, status: int, question: Question) -> dict[str, Any]:
    place = _place(question.url)
    try:
        report = json.loads(body)
    except ValueError:
        report = None
    if isinstance(report, dict) and report.get("status") in EXIT and status in (200, 503):
        if question.token and "checks" not in report:
            report.setdefault("output", "the Hub did not accept the token, or cannot look it up")
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


def _unreachable(error: Exception, question: Question) -> str:
    place, reason = _place(question.url), getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"{place}: {reason.verify_message}; --insecure accepts the certificate as it is"
    if isinstance(reason, ssl.SSLError):
        return f"{place} does not speak TLS; is it http:// rather than https://?"
    if isinstance(reason, TimeoutError):
        return f"{place} did not answer within {question.timeout:g} s; is the Hub hanging?"
    if isinstance(reason, ConnectionRefusedError):
        return f"nothing listens at {place}; does the Hub run, and is the port right?"
    return f"{place} is not reached: {reason}"


def _place(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    netloc = parts.netloc.rpartition("@")[2]  # what is before it may be a password
    return f"{parts.scheme}://{netloc}"


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
