"""The first line of the Overview never says that all is well while it is not, or not known."""

from __future__ import annotations

import pytest

from jupyterhub_monitoring.pages.answer import Mood, Wrong, answer, answer_of_the_past


@pytest.mark.parametrize(
    ("wrong", "unknown", "running", "pending", "remarkable", "mood", "text"),
    [
        ([], None, 43, 2, "", Mood.WELL, "All is well. 43 servers run, 2 are starting"),
        ([], None, 1, 1, "", Mood.WELL, "All is well. 1 server runs, 1 is starting or stopping."),
        ([], None, 0, 0, "", Mood.WELL, "All is well. No server runs."),
        ([], None, None, None, "", Mood.UNKNOWN, "The Hub was not heard of yet."),
        ([], "the store is being opened", None, None, "", Mood.UNKNOWN, "the store is being"),
        ([], None, 3, 0, "50 % of spawns succeed", Mood.WARN, "but 50 % of spawns succeed"),
        ([Wrong("slow", False)], None, 3, 0, "", Mood.WARN, "slow"),
        ([Wrong("slow", False), Wrong("down", True)], None, 3, 0, "", Mood.FAIL, "down"),
        ([Wrong("down", True)], "no store", None, None, "", Mood.FAIL, "down"),
    ],
    ids=[
        "people work", "one of each", "nobody is on", "nothing was scraped", "the store is closed",
        "a number is bad", "a warning", "the worst comes first", "what is known to be wrong",
    ],
)  # fmt: skip
def test_the_first_line(  # noqa: PLR0917 -- a table
    wrong: list[Wrong],
    unknown: str | None,
    running: float | None,
    pending: float | None,
    remarkable: str,
    mood: Mood,
    text: str,
):
    """One sentence, the worst first."""
    said = answer(wrong, unknown=unknown, running=running, pending=pending, remarkable=remarkable)
    assert said.mood is mood
    assert text in said.text


@pytest.mark.parametrize(
    ("running", "remarkable", "mood", "text"),
    [
        (None, "", Mood.UNKNOWN, "Nothing was recorded at the end of this time."),
        (1, "", Mood.UNKNOWN, "At its end 1 server ran."),
        (3, "50 % of spawns succeed", Mood.WARN, "In this time 50 % of spawns succeed. At"),
    ],
    ids=["before there was a Hub", "people worked", "a number was bad"],
)
def test_the_first_line_of_the_past(running: float | None, remarkable: str, mood: Mood, text: str):
    """It tells of that time: not that the Hub is new, nor that all is well now."""
    said = answer_of_the_past(running, remarkable)
    assert said.mood is mood
    assert said.text.startswith(text)
