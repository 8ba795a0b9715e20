"""The first line of the Overview: is the Hub well, and if not, what is wrong, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Mood(str, Enum):
    """How bad it is; the page shows a shape and a word beside the colour."""

    WELL = "well"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that wants a person. *href* leads to what to do."""

    text: str
    critical: bool
    href: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page says first."""

    mood: Mood
    text: str
    more: tuple[Wrong, ...] = ()


def answer(
    wrong: list[Wrong],
    *,
    unknown: str | None,
    running: float | None,
    pending: float | None,
    remarkable: str = "",
) -> Answer:
    """Say what is wrong, the worst first; else how many people are on.

    *unknown* is why nothing is known: then nothing is said to be well. *remarkable* is a number
    that is not good, though nothing fires.
    """
    ordered = sorted(wrong, key=lambda each: not each.critical)
    if ordered:
        mood = Mood.FAIL if ordered[0].critical else Mood.WARN
        return Answer(mood, ordered[0].text, tuple(ordered))
    if unknown is not None:
        return Answer(Mood.UNKNOWN, f"Nothing is known of now: {unknown.rstrip('.')}.")
    if running is None:
        return Answer(Mood.UNKNOWN, "The Hub was not heard of yet. Its first numbers take 15 s.")
    if remarkable:
        return Answer(Mood.WARN, f"No alert fires, but {remarkable}. {_people(running)}.")
    return Answer(Mood.WELL, f"All is well. {_people(running)}{_starting(pending or 0)}.")


def _people(running: float) -> str:
    if not running:
        return "No server runs"
    return f"{running:,.0f} {'server runs' if running == 1 else 'servers run'}"


def _starting(pending: float) -> str:
    if not pending:
        return ""
    return f", {pending:,.0f} {'is' if pending == 1 else 'are'} starting or stopping"
