"""One page of `top`: what there is in all, what stands in the way, the table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .terminal_text import fit, harmless
from .usage_table import (
    UNKNOWN,
    Line,
    Order,
    Row,
    Tone,
    cores,
    human_bytes,
    in_order,
    lines,
    number,
)

SCOPE = "read:metrics"
KEYS = "c cpu  m memory  a age  i idle  u user  arrows scroll  q quit"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is nothing newer, since when (seconds since 1970)."""

    reason: str
    since: float


@dataclass(frozen=True, slots=True)
class View:
    """What is on the page: an answer of `/api/usage`, and how to look at it."""

    answer: dict[str, Any]
    place: str
    order: Order
    first: int = 0  # row
    failure: Failure | None = None

    @property
    def rows(self) -> list[Row]:
        """All rows, sorted."""
        return in_order(self.answer["servers"], self.order)


def page(view: View, columns: int, height: int | None = None) -> list[Line]:
    """Return the page's lines; with a *height* those that fit, and the keys below them."""
    head: list[Line] = [
        [(fit(text, columns).rstrip(), tone)] for text, tone in (_summary(view), *_notes(view))
    ]
    rows, end = view.rows, None
    if height is not None:
        end = view.first + max(1, height - len(head) - 2)
    # Ages are those at the time of the answer: our clock may be another than the Hub's.
    now = number(view.answer, "time") or 0.0
    made = [*head, *lines(rows, slice(view.first, end), columns, now)]
    if height is None:
        return made
    below: Line = [(fit(KEYS, columns).rstrip(), Tone.PLAIN)]
    return [*(made + [[] for _ in range(height)])[: height - 1], below]


def _summary(view: View) -> tuple[str, Tone]:
    totals = view.answer.get("totals") or {}
    servers, users = totals.get("servers"), totals.get("users")
    memory = human_bytes(totals.get("memory_bytes"))
    text = (
        f"{clock(view.answer.get('time'))}  {_count(servers, 'server')} of"
        f" {_count(users, 'user')}, {cores(totals.get('cpu_cores'))} cores,"
        f" {memory} memory, by {view.order.value}  {view.place}"
    )
    return harmless(text), Tone.PLAIN


def _notes(view: View) -> Iterator[tuple[str, Tone]]:
    """Return what one has to know to read the table right."""
    answer, failure = view.answer, view.failure
    totals = answer.get("totals") or {}
    servers, listed = totals.get("servers") or 0, len(answer["servers"])
    if failure is not None:
        yield f"no answer since {clock(failure.since)}: {harmless(failure.reason)}", Tone.ALARM
    if answer.get("problem"):
        yield f"the service: {harmless(answer['problem'])}", Tone.ALARM
    if answer.get("full") is False:
        whose = "those you may see" if answer.get("others") else "yours only"
        yield f"{whose}; a token with the scope {SCOPE}, too, shows all", Tone.PLAIN
    if servers == 0:
        yield "no server is running", Tone.PLAIN
    elif answer.get("usernames") == "none" and listed < servers:
        yield "servers are not listed: c.Monitoring.usernames is 'none'", Tone.PLAIN
    elif listed < servers:
        yield f"the first {listed:,} of {servers:,} by {view.order.value}", Tone.PLAIN
    if totals.get("gaps"):
        yield f"{_count(totals['gaps'], 'server')} cannot be looked at", Tone.WARNING


def clock(at: object) -> str:
    """Return the local time of day of seconds since 1970."""
    if not isinstance(at, int | float):
        return UNKNOWN
    try:
        return time.strftime("%H:%M:%S", time.localtime(at))
    except (OverflowError, ValueError, OSError):
        return UNKNOWN


def _count(many: object, noun: str) -> str:
    if not isinstance(many, int):
        return f"{UNKNOWN} {noun}s"
    return f"{many:,} {noun}{'' if many == 1 else 's'}"
