"""What a message says when nobody wrote a template: read on a lock screen, at night."""

from __future__ import annotations

from datetime import datetime, timezone, tzinfo

from ..alert import ALERTNAME, Alert, Millis
from ..message import Message

TITLE_CHARACTERS = 150
"""Longest title; a lock screen shows less, a mail's subject not much more."""

PART_CHARACTERS = 800
"""Longest summary or description of one alert."""

LISTED = 20
"""Alerts that a text has in full; of the rest it says how many there are."""

HIDDEN = frozenset({ALERTNAME, "severity"})


def title(message: Message) -> str:
    """Return one line: what is wrong, and how often. "[FIRING 2] Servers fail to start"."""
    return shortened(f"[{_state(message)}] {subject(message)}", TITLE_CHARACTERS)


def subject(message: Message) -> str:
    """Return what is wrong, in as few words as may be: the first alert's, and how many others."""
    if summary := dict(message.common_annotations).get("summary"):
        return _one_line(summary)
    told = message.firing or message.alerts
    words = {alert.name: _one_line(_summary(alert)) for alert in reversed(told)}
    first, *others = [*reversed(words.values())] or ["alert"]
    if not others:
        return first
    return f"{first.rstrip('.')}, and {len(others)} other alert{'s' if len(others) > 1 else ''}"


def body(message: Message, zone: tzinfo | None = None) -> str:
    """Return the alerts one by one, those that fire first. Times are in *zone*, else local."""
    listed = [*message.firing, *message.resolved]
    parts = [_alert(alert, message, zone) for alert in listed[:LISTED]]
    left_out = len(listed) - len(parts) + message.truncated_alerts
    if left_out > 0:
        parts.append(f"... and {left_out:,} more.")
    if message.external_url:
        parts.append(f"All alerts: {message.external_url}")
    return "\n\n".join(parts)


def shortened(text: str, characters: int) -> str:
    """Return *text*, or its beginning with an ellipsis where it is longer than *characters*."""
    return text if len(text) <= characters else text[: max(0, characters - 1)].rstrip() + "…"


def duration(millis: Millis) -> str:
    """Return a span as people say it: "40 s", "12 min", "3 h 20 min", "2 days 4 h"."""
    seconds = max(0, millis) // 1000
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    text = "1 day" if days == 1 else f"{days} days"
    return f"{text} {hours} h" if hours else text


def clock(at: Millis, now: Millis, zone: tzinfo | None = None) -> str:
    """Return *at* as a clock shows it, with the date where *now* has another one."""
    then, today = _local(at, zone), _local(now, zone)
    day = "" if then.date() == today.date() else then.strftime("%Y-%m-%d ")
    return day + then.strftime("%H:%M %Z").rstrip()


def _local(at: Millis, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(at / 1000, timezone.utc).astimezone(zone)


def _state(message: Message) -> str:
    firing, resolved = len(message.firing), len(message.resolved)
    if not firing:
        return f"RESOLVED {resolved}" if resolved > 1 else "RESOLVED"
    firing += message.truncated_alerts
    return f"FIRING {firing}, resolved {resolved}" if resolved else f"FIRING {firing}"


def _alert(alert: Alert, message: Message, zone: tzinfo | None) -> str:
    notes, resolved = dict(alert.annotations), alert.resolved(message.at)
    lines = []
    if len(message.alerts) + message.truncated_alerts > 1:  # else the title has said it
        summary = _one_line(_summary(alert))
        lines.append(f"Over: {summary}" if resolved else summary)
    if not resolved:  # its number is of the time when it fired
        lines += _short(notes.get("description") or notes.get("message", ""))
    lines.append(_when(alert, message.at, resolved, zone))
    if labels := [f"{name}={value}" for name, value in alert.labels if name not in HIDDEN]:
        lines.append(shortened(", ".join(labels), PART_CHARACTERS))
    if (runbook := notes.get("runbook_url")) and not resolved:
        lines.append(f"What to do: {runbook}")
    return "\n".join(lines)


def _summary(alert: Alert) -> str:
    return dict(alert.annotations).get("summary", "").strip() or alert.name or "alert"


def _when(alert: Alert, now: Millis, resolved: bool, zone: tzinfo | None) -> str:
    severity = dict(alert.labels).get("severity", "")
    began = clock(alert.starts_at, now, zone)
    if resolved:
        lasted = duration(alert.ends_at - alert.starts_at)
        return f"It lasted {lasted}, from {began} to {clock(alert.ends_at, now, zone)}."
    since = f"ince {began}, for {duration(now - alert.starts_at)}."
    return f"{severity.capitalize()} s{since}" if severity else f"S{since}"


def _short(text: str) -> list[str]:
    return [shortened(text.strip(), PART_CHARACTERS)] if text.strip() else []


def _one_line(text: str) -> str:
    return shortened(" ".join(text.split()), PART_CHARACTERS)
