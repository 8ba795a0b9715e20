"""What the Hub says to a user whose spawn failed, as one line without secrets."""

from __future__ import annotations

import re

from tornado.web import HTTPError

MOST = 300
"""Characters."""

_HIDDEN = "***"
_SECRETS = (
    (re.compile(r"(?<=://)[^/\s@]+@"), f"{_HIDDEN}@"),
    (
        re.compile(
            r"(?i)([\w-]*(?:token|passw(?:or)?d|passwd|secret|api[_-]?key|credential)[\w-]*"
            r"[\"']?\s*[=:]\s*[\"']?)[^\s\"',;&]+"
        ),
        rf"\1{_HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|token|basic)\s+(?=[^\s\"']*\d)[\w.+/=-]{12,}"), rf"\1 {_HIDDEN}"),
    (re.compile(r"\b[0-9a-fA-F]{32,}\b"), _HIDDEN),  # the Hub's tokens look like this
)
_TRACEBACK = "Traceback (most recent call last)"


def message_of(error: BaseException | None) -> str:
    """Return it; '' where there is nothing to say. Never raises."""
    try:
        return shown(_text(error))
    except Exception:  # noqa: BLE001 -- `str` of somebody's exception may do anything
        return ""


def _text(error: BaseException | None) -> str:
    """Return what the Hub's pages show of *error*, as they choose it."""
    if error is None:
        return ""
    chosen = getattr(error, "jupyterhub_message", None)
    if chosen:
        return str(chosen)
    if isinstance(error, HTTPError):
        return error.log_message % error.args if error.log_message else str(error.reason or "")
    return str(error)


def shown(text: str) -> str:
    """Return *text* as one line, shortened, with what looks like a secret taken out."""
    before, found, trace = text.partition(_TRACEBACK)
    if found:
        last = [row for row in trace.splitlines() if row.strip()]
        text = before.strip() or (last[-1] if last else "")
    line = " ".join(text[: 20 * MOST].split())
    for secret, instead in _SECRETS:
        line = secret.sub(instead, line)
    line = "".join(char for char in line if char.isprintable())
    return line if len(line) <= MOST else f"{line[: MOST - 1]}…"
