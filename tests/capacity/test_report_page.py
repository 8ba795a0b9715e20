"""The page of a report, its files, and the command, all with the same figures."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterhub_monitoring.activity import Session
from jupyterhub_monitoring.activity.database import FILE
from jupyterhub_monitoring.activity.local_zone import LocalZone
from jupyterhub_monitoring.capacity.span import month
from jupyterhub_monitoring.cli import main
from jupyterhub_monitoring.errors import StoreNotOpen
from support.activities import activity_of
from support.page_server import Context, PageServer

OCTOBER = month("2026-10", LocalZone())
NOON = OCTOBER.start + 12 * 3600
ROWS = (
    *(Session(f"u{n}", "", NOON, NOON + 3600, "user", "small") for n in range(6)),
    Session("ann", "", NOON, NOON + 7200, "user", "large"),
    Session("eve", "", OCTOBER.start - 7200, OCTOBER.start - 3600, "user", "small"),
)


class Closed:
    """A querier whose store is being opened."""

    async def instant(self, *_: object) -> None:
        raise StoreNotOpen("it is being opened")

    range = instant


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    activity_of(tmp_path, *ROWS)
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[PageServer]:
    context = Context(activity=activity_of(folder), querier=Closed())
    terms = {"autumn": ("2026-10-01", "2027-01-31")}
    with PageServer(context, terms=terms) as server:
        yield server


def command(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["report", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def test_page_files_and_command_agree(
    server: PageServer, folder: Path, capsys: pytest.CaptureFixture[str]
):
    """A sentence on the page, the same in the files, the same from the data folder and the URL."""
    page = server.get("report", month="2026-10").body.decode()
    said = "In October 2026 7 people used the Hub for 7 sessions of 8 hours in all"
    assert said in page
    assert "of them new" in page
    for ending in ("csv", "json", "txt", "html"):
        link = f'href="/services/monitoring/report.{ending}?month=2026-10"'
        assert link in page
    by_folder = json.loads(
        command(capsys, "--data-dir", folder, "--month", "2026-10", "--format", "json")
    )
    by_url = json.loads(
        command(capsys, "--url", server.url, "--month", "2026-10", "--format", "json")
    )
    by_link = json.loads(server.get("report.json", month="2026-10").body)
    for found in (by_folder, by_url, by_link):
        assert found["sentence"].startswith(said)
        assert found["total"] == by_folder["total"]
    assert by_folder["total"]["new"] == 7


def test_rows(server: PageServer):
    """Small groups are merged on the page and in files; `all` shows them."""
    merged = list(csv.reader(io.StringIO(
        server.get("report.csv", month="2026-10", by="profile").body.decode()
    )))  # fmt: skip
    assert [row[0] for row in merged] == ["profile", "(all)", "(small groups)"]
    page = server.get("report", month="2026-10", by="profile", all="1").body.decode()
    assert re.search(r'<th scope="row">small</th>', page)
    assert re.search(r'<th scope="row">large</th>', page)


def test_terms(server: PageServer, folder: Path, capsys: pytest.CaptureFixture[str]):
    """A term of the configuration is a link on the page, and known to the command by --config."""
    page = server.get("report").body.decode()
    assert "?term=autumn" in page
    assert "In autumn" in server.get("report", term="autumn").body.decode()
    config = folder / "config.py"
    config.write_text("c.MonitoringReports.terms = {'autumn': ('2026-10-01', '2027-01-31')}\n")
    text = command(capsys, "--data-dir", folder, "--term", "autumn", "--config", config)
    assert text.startswith("In autumn")


def test_what_is_wrong_is_said(server: PageServer):
    """A month that is none, a term that nobody knows, a history that is not there."""
    for query in ({"month": "2026-13"}, {"term": "winter"}, {"by": "shoe size"}):
        assert server.get("report", **query).status == 400
        refused = server.get("report.json", **query)
        assert refused.status == 400
        assert "error" in json.loads(refused.body)
    server.context.activity = None
    assert "not kept" in server.get("report").body.decode()
    assert server.get("report.csv").status == 503


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--month", "2026-13"], "no month"),
        (["--term", "winter"], "no term"),
        (["--to", "2026-10-01"], "together with from"),
    ],
)
def test_the_command_says_what_is_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
):
    """It ends with 1 and a sentence."""
    assert main(["report", "--data-dir", str(folder), *arguments]) == 1
    assert said in capsys.readouterr().err


def test_a_folder_without_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """It is told, and nothing is made there."""
    assert main(["report", "--data-dir", str(tmp_path)]) == 1
    assert FILE in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_something_else_at_the_url(server: PageServer, capsys: pytest.CaptureFixture[str]):
    """What is no report is not printed as one."""
    assert main(["report", "--url", f"{server.url}services/nothing", "--timeout", "5"]) == 1
    assert "--url" in capsys.readouterr().err


def test_a_file(folder: Path, capsys: pytest.CaptureFixture[str]):
    """--output writes a file that only its owner can read: there may be names in it."""
    out = folder / "report.html"
    command(capsys, "--data-dir", folder, "--format", "html", "--output", out)
    assert out.stat().st_mode & 0o777 == 0o600
    assert out.read_text().startswith("<!doctype html>")
