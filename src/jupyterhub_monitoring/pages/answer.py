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


def answer(  # noqa: PLR0913 -- so much is looked at
    wrong: list[Wrong],
    *,
    unknown: str | None,
    running: float | None,
    pending: float | None,
    remarkable: str = "",
    blind: str = "",
) -> Answer:
    """Say what is wrong, the worst first; else how many people are on.

    *unknown* is why nothing is known: then nothing is said to be well. *remarkable* is a number
    that is not good, though nothing fires. *blind* is why it is not known whether something does.
    """
    ordered = sorted(wrong, key=lambda each: not each.critical)
    if ordered:
        mood = Mood.FAIL if ordered[0].critical else Mood.WARN
        return Answer(mood, ordered[0].text, tuple(ordered))
    if unknown is not None:
        end = "" if unknown.endswith("?") else "."
        return Answer(Mood.UNKNOWN, f"Nothing is known of now: {unknown.rstrip('.')}{end}")
    if running is None:
        return Answer(Mood.UNKNOWN, "The Hub was not heard of yet. Its first numbers take 15 s.")
    if blind:
        told = f"{remarkable}. {_people(running)}" if remarkable else _people(running)
        mood = Mood.WARN if remarkable else Mood.UNKNOWN
        return Answer(mood, f"{told}. Whether an alert fires is not known: {blind}.")
    if remarkable:
        return Answer(Mood.WARN, f"No alert fires, but {remarkable}. {_people(running)}.")
    return Answer(Mood.WELL, f"All is well. {_people(running)}{_starting(pending or 0)}.")


def answer_of_the_past(running: float | None, remarkable: str = "") -> Answer:
    """Say how a time that is over was at its end; what is wrong now is no news of it."""
    if running is None:
        return Answer(Mood.UNKNOWN, "Nothing was recorded at the end of this time.")
    people = f"At its end {running:,.0f} {'server' if running == 1 else 'servers'} ran"
    if remarkable:
        return Answer(Mood.WARN, f"In this time {remarkable}. {people}.")
    return Answer(Mood.UNKNOWN, f"{people}. The Overview of now says whether all is well.")


def _people(running: float) -> str:
    if not running:
        return "No server runs"
    return f"{running:,.0f} {'server runs' if running == 1 else 'servers run'}"


def _starting(pending: float) -> str:
    if not pending:
        return ""
    return f", {pending:,.0f} {'is' if pending == 1 else 'are'} starting or stopping"
