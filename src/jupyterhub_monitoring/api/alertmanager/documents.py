"""Alerts, groups and silences as Alertmanager's API writes and reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...alerting.alert import Alert, Millis, labels_of
from ...alerting.notifying.alert_views import AlertView, GroupView
from ...alerting.rfc3339 import parse_rfc3339, rfc3339_millis
from ...alerting.routing.matcher import Matcher
from ...alerting.routing.silence import Silence
from ...errors import BadData
from ...store.matcher import MatchType

_TYPES = {
    (True, False): MatchType.EQUAL,
    (False, False): MatchType.NOT_EQUAL,
    (True, True): MatchType.REGEX,
    (False, True): MatchType.NOT_REGEX,
}
_FLAGS = {kind: flags for flags, kind in _TYPES.items()}

Document = dict[str, Any]


# --- Written ---------------------------------------------------------------------------------


def alert_document(view: AlertView, receivers: Sequence[str] | None = None) -> Document:
    """Return an alert, told to *receivers* where the view does not know them all."""
    alert = view.alert
    document = {
        "annotations": dict(alert.annotations),
        "endsAt": rfc3339_millis(alert.ends_at),
        "fingerprint": alert.fingerprint,
        "receivers": [{"name": name} for name in receivers or view.receivers],
        "startsAt": rfc3339_millis(alert.starts_at),
        "status": {
            "inhibitedBy": list(view.inhibited_by),
            "mutedBy": list(view.muted_by),
            "silencedBy": list(view.silenced_by),
            "state": "suppressed" if view.suppressed else "active",
        },
        "updatedAt": rfc3339_millis(alert.updated_at),
        "labels": dict(alert.labels),
    }
    if alert.generator_url:
        document["generatorURL"] = alert.generator_url
    return document


def group_document(
    group: GroupView, alerts: Sequence[AlertView], receivers: Mapping[str, Sequence[str]]
) -> Document:
    """Return *group* with those of its *alerts* that are asked for, and whom each is told to."""
    return {
        "alerts": [alert_document(view, receivers[view.alert.fingerprint]) for view in alerts],
        "labels": dict(group.labels),
        "receiver": {"name": group.receiver},
        "routeLabels": {},
    }


def silence_document(silence: Silence, now: Millis) -> Document:
    """Return a silence."""
    return {
        "id": silence.id,
        "status": {"state": silence.state(now).value},
        "updatedAt": rfc3339_millis(silence.updated_at),
        "comment": silence.comment,
        "createdBy": silence.created_by,
        "endsAt": rfc3339_millis(silence.ends_at),
        "matchers": [_matcher_document(matcher) for matcher in silence.matchers],
        "startsAt": rfc3339_millis(silence.starts_at),
    }


def _matcher_document(matcher: Matcher) -> Document:
    is_equal, is_regex = _FLAGS[matcher.type]
    return {
        "isEqual": is_equal,
        "isRegex": is_regex,
        "name": matcher.name,
        "value": matcher.value,
    }


# --- Read ------------------------------------------------------------------------------------


def silence_of(document: Any) -> Silence:
    """Return the silence that somebody wishes. Raises `BadData`."""
    document = _object("silence", document)
    written = document.get("matchers")
    if not isinstance(written, list):
        raise BadData("matchers in body is required")
    return Silence(
        matchers=tuple(_matcher_of(matcher) for matcher in written),
        starts_at=_time(document, "startsAt") or 0,
        ends_at=_required_time(document, "endsAt"),
        created_by=_text(document, "createdBy"),
        comment=_text(document, "comment"),
        id=_text(document, "id"),
    )


def _matcher_of(document: Any) -> Matcher:
    document = _object("matcher", document)
    is_equal, is_regex = document.get("isEqual", True), document.get("isRegex", False)
    if not isinstance(is_equal, bool) or not isinstance(is_regex, bool):
        raise BadData("isEqual and isRegex have to be true or false")
    kind = _TYPES[is_equal, is_regex]
    return Matcher(_text(document, "name"), kind, _text(document, "value"))


def alert_of(document: Any, now: Millis, resolve_timeout: Millis) -> Alert:
    """Return an alert that somebody sends. Raises `BadData`.

    Without a start it begins now; without an end it is over after *resolve_timeout*, unless it is
    sent again.
    """
    document = _object("alert", document)
    starts_at, ends_at = _time(document, "startsAt"), _time(document, "endsAt")
    alert = Alert(
        labels=labels_of(_strings(document, "labels")),
        annotations=labels_of(_strings(document, "annotations")),
        starts_at=(now if ends_at is None else ends_at) if starts_at is None else starts_at,
        ends_at=now + resolve_timeout if ends_at is None else ends_at,
        generator_url=_text(document, "generatorURL"),
        updated_at=now,
    )
    if not alert.labels:
        raise BadData("at least one label pair required")
    if alert.ends_at < alert.starts_at:
        raise BadData("start time must be before end time")
    return alert


def _object(what: str, document: Any) -> Document:
    if not isinstance(document, dict):
        raise BadData(f"{what} has to be an object")
    return document


def _text(document: Document, name: str) -> str:
    value = document.get(name, "")
    if not isinstance(value, str):
        raise BadData(f"{name} has to be a string")
    return value


def _strings(document: Document, name: str) -> dict[str, str]:
    value = document.get(name) or {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise BadData(f"{name} has to be an object of strings")
    if "" in value:
        raise BadData(f'{name}: invalid name ""')
    return value


def _time(document: Document, name: str) -> Millis | None:
    """Return a time in milliseconds since 1970; None without one, or for Go's zero time."""
    text = _text(document, name)
    if not text:
        return None
    try:
        at = parse_rfc3339(text)
    except ValueError:
        raise BadData(f"{name} has to be a time of RFC 3339, as 2026-11-23T13:20:01Z") from None
    return at if at > 0 else None


def _required_time(document: Document, name: str) -> Millis:
    at = _time(document, name)
    if at is None:
        raise BadData(f"{name} in body is required")
    return at
