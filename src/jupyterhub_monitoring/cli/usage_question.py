"""Asking a monitoring service for `/api/usage`, and saying what to do when it gives nothing."""

from __future__ import annotations

import json
import re
import urllib.parse
from typing import Any

from ..errors import CannotStart
from . import hub_request
from .hub_request import Reply
from .terminal_text import harmless

SERVICE = "/services/monitoring"
ENDPOINT = "/api/usage"
MAX_ROWS = 10_000

HOW_TO_GET_A_TOKEN = (
    "the Hub's page /hub/token makes one; give it with --token, --token-file or in"
    f" {hub_request.TOKEN_VARIABLE}"
)


def usage_url(text: str, **parameters: object) -> str:
    """Return the endpoint's address for that of a Hub, of a page of it, or of the service."""
    return service_url(text, ENDPOINT, **parameters)


def service_url(text: str, endpoint: str, **parameters: object) -> str:
    """Return the address of *endpoint* of the service, for that of a Hub, a page or the service."""
    parts = hub_request.address(text)
    path = parts.path.rstrip("/")
    service = re.match(r"(.*?/services/[^/]+)", path)
    base = service[1] if service else re.sub(r"/hub(/.*)?$", "", path) + SERVICE
    whole = (parts.scheme, parts.netloc, base + endpoint, urllib.parse.urlencode(parameters), "")
    return str(urllib.parse.urlunsplit(whole))


def ask(question: hub_request.Question) -> dict[str, Any]:
    """Return the answer; `CannotStart` says why there is none, and what to do."""
    reply = hub_request.get(question)
    try:
        answer = json.loads(reply.body)
    except ValueError:
        answer = None
    if reply.status == 200 and _is_usage(answer):
        return dict(answer)
    said = answer.get("error") if isinstance(answer, dict) else None
    raise CannotStart(
        _refusal(reply, hub_request.place(question.url), harmless(said or ""), question.token)
    )


def _is_usage(answer: object) -> bool:
    return isinstance(answer, dict) and all(
        isinstance(answer.get(name), list) and all(isinstance(row, dict) for row in answer[name])
        for name in ("servers", "users")
    )


def _refusal(reply: Reply, place: str, said: str, token: str) -> str:
    """Return what the refusal means and what to do. *said* is the service's own word, or ''."""
    status = reply.status
    if status in (401, 403):
        return _no_entry(status, place, said, token)
    if 300 <= status < 400 and f"/hub{SERVICE}" not in reply.location:
        return f"{place} redirects ({status}); give the address that it leads to with --url"
    if status in (502, 503, 504):
        why = said or "a proxy is there, but what is behind it is not"
        return f"{place} answers {status}: {why}. It may be starting"
    if said:
        return f"{place} answers {status}: {said}"
    if status == 200:
        kind = "a web page" if reply.body.lstrip()[:1] == b"<" else "something else"
        return f"{place} answers with {kind} instead of numbers; is --url the address of the Hub?"
    return (
        f"{place} has no monitoring service at {SERVICE} ({status}): either this is no JupyterHub,"
        " or its base URL is missing in --url, or the service is off (c.Monitoring.service)"
    )


def _no_entry(status: int, place: str, said: str, token: str) -> str:
    if "scope" in said:
        return f"{place} answers {status}: {said}"
    if not token:
        return f"{place} wants a token: {HOW_TO_GET_A_TOKEN}"
    return f"{place} answers {status}: it does not know the token; {HOW_TO_GET_A_TOKEN}"
