"""A report in each of its formats: the same figures, and nothing made up."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from jupyterhub_monitoring.capacity import By, Format, written
from jupyterhub_monitoring.capacity.fields import FIELDS, definitions
from jupyterhub_monitoring.capacity.sentence import sentence
from jupyterhub_monitoring.capacity.span import month
from jupyterhub_monitoring.dashboards.unit import UNKNOWN
from support.report_cases import BERLIN, at, report, run

ODD = "=cmd|'calc'!A1 <script>alert(1)"
MADE = report(
    month("2026-10", BERLIN),
    at("2026-12-01 00:00"),
    [
        "ann: 2026-10-05 09:00 - 2026-10-05 11:30",
        f"{ODD}: 2026-10-05 09:00 - 2026-10-05 10:00",
    ],
    spawns=["ann: 2026-10-05 09:00 success 4"],
    runs=[run("2026-10-01 00:00", "2026-10-02 00:00"), run("2026-10-02 00:01")],
    by=By.USER,
)


@pytest.mark.parametrize("how", [Format.TEXT, Format.HTML], ids=str)
def test_for_people(how: Format):
    """Sentence, zone, figures, what is unknown as a dash, and what each figure means."""
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", written(MADE, how)))
    assert sentence(MADE) in text
    assert "2026-10-01 00:00 to 2026-11-01 00:00 (CEST/CET), made 2026-12-01 00:00" in text
    assert "Hours 3.5 " in text
    assert f"CPU hours {UNKNOWN} " in text
    assert "(away for 60 s, started 2 times)" in text
    for title, meaning in definitions():
        assert title in text
        assert meaning.replace("&", "&amp;") in text


def test_html_needs_nothing_else():
    """The file has no script and no address, and names are text."""
    text = written(MADE, Format.HTML)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "src=" not in text
    assert "href=" not in text
    assert "@media print" in text


def test_csv():
    """A line for all and one for each row; an unknown figure is empty, a name no formula."""
    head, total, *rows = csv.reader(io.StringIO(written(MADE, Format.CSV)))
    assert head == ["user", "from", "to", *(field.id for field in FIELDS)]
    found = dict(zip(head, total, strict=True))
    assert (found["user"], found["people"], found["hours"]) == ("(all)", "2", "3.5")
    assert found["cpu_hours"] == ""
    assert found["peak_at"] == "2026-10-05T09:00:00+02:00"
    assert [row[0] for row in rows] == ["ann", f"'{ODD}"]


def test_json():
    """All of it, with null for what is not known, and times with their offset."""
    found = json.loads(written(MADE, Format.JSON))
    assert found["sentence"] == sentence(MADE)
    assert (found["from"], found["to"]) == (
        "2026-10-01T00:00:00+02:00",
        "2026-11-01T00:00:00+01:00",
    )
    assert found["total"]["hours"] == 3.5
    assert found["total"]["cpu_hours"] is None
    assert [row["name"] for row in found["rows"]] == ["ann", ODD]
    assert found["availability"]["down_seconds"] == 60
    assert set(found["total"]) == {field.id for field in FIELDS}


def test_not_quite_always_is_not_always():
    """No rounding makes an outage disappear."""
    long = report(
        month("2026-10", BERLIN),
        at("2026-12-01 00:00"),
        runs=[run("2026-10-01 00:00", "2026-10-02 00:00"), run("2026-10-02 00:01")],
    )
    (line,) = [line for line in written(long, Format.TEXT).split("\n") if "Hub was there  " in line]
    assert "99.99 %" in line
