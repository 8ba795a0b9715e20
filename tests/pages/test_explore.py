"""Explore: who asks in PromQL sees numbers, or reads what is wrong and where."""

from __future__ import annotations

import asyncio
import csv
import html
import io
import re
import socket
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from jupyterhub_monitoring.errors import ParseError, QueryTimedOut, TooManyQueries
from jupyterhub_monitoring.pages.explore.mistake import mistake
from jupyterhub_monitoring.querier import Instant, Sample, Shape
from jupyterhub_monitoring.usage.viewer import Viewer
from support.eventually import eventually
from support.explored import END, EVIL, explored
from support.page_server import PREFIX, Context, PageServer

WHEN = {"from": str(END - 600), "to": str(END)}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    with explored(tmp_path_factory.mktemp("store")) as made:
        yield made


@pytest.fixture(scope="module")
def pages(context: Context) -> Iterator[PageServer]:
    with PageServer(context) as served:
        yield served


def explore(pages: PageServer, *exprs: str, **query: str) -> str:
    reply = pages.get("explore", *(("expr", expr) for expr in exprs), **{**WHEN, **query})
    assert reply.status == 200
    return reply.body.decode()


def words(page: str) -> str:
    """What one reads, without the tags."""
    shown = page[page.index('<div id="sections">') :]
    return html.unescape(re.sub(r"<[^>]*>", " ", shown))


# --- The page -------------------------------------------------------------------------------------


def test_values_are_there_without_a_script(pages: PageServer):
    """The page itself has a table of the latest values, labels as columns."""
    page = explore(pages, "up")
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    texts = [re.findall(r">([^<>]+)</t[hd]>", row) for row in rows]
    assert texts == [["metric", "job", "value"], ["up", "hub", "1"], ["up", "self", "0"]]


def test_several_expressions_are_in_one_address(pages: PageServer):
    """Each has its field, its plot and its table; the address holds them all."""
    page = explore(pages, "up", "sum(many)")
    fields = re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert fields[:2] == ["up", "sum(many)"]
    assert page.count('data-panel="explore"') == 2
    assert "244650" in words(page)


def test_numbers_are_not_rounded(pages: PageServer):
    """Who explores wants the exact value."""
    assert "0.1234567890123" in words(explore(pages, "evil"))


def test_a_wrong_one_leaves_the_others(pages: PageServer):
    """What is wrong with one expression is said below it; the others are answered."""
    page = explore(pages, "up", "rate(up", "many")
    assert page.count('class="notice fail mistake"') == 1
    assert page.count('data-panel="explore"') == 2


@pytest.mark.parametrize(
    ("expr", "sentence", "place"),
    [
        ("sum(rate(up[5m])", "The parenthesis that opens here is never closed", "("),
        ('up{job="hub"', "The brace that opens here is never closed", "{"),
        ("rate(up[5m)", "unexpected", ")"),
        ("sum(up[5m", "The bracket that opens here is never closed", "["),
        ("up)", "This parenthesis closes nothing", ")"),
        ("rat(up[5m])", "There is no function rat. Did you mean rate?", "rat"),
        ("rate(up)", "as in rate(metric[5m])", "up"),
        ("sum(up[5m])", "put rate(…)", "up[5m]"),
        ("up{job=hub}", "stands in quotes", "hub"),
        ('up{job="hub}', "has no closing quote", '"hub}'),
        ("clamp(up, 1)", "clamp takes 3 arguments, and here are 2.", "clamp(up, 1)"),
        ("up\n+ up up", "is not expected here", "up"),
        ("{}", "name a metric", "{}"),
        ("up +", "It ends too early", ""),
    ],
)
def test_an_error_is_shown_in_its_place(pages: PageServer, expr: str, sentence: str, place: str):
    """A sentence says what is wrong; in the expression, below, the place is marked."""
    page = explore(pages, expr)
    assert sentence.lower() in words(page).lower()
    assert html.unescape(re.findall("<mark>(.*?)</mark>", page)[0]).startswith(place)
    caret = re.findall(r'aria-hidden="true">( *)(\^+)</span>', page)[0]
    line = next(line for line in page.splitlines() if "<mark>" in line)
    before = html.unescape(re.sub("<pre><code>", "", line).partition("<mark>")[0])
    assert len(caret[0]) == len(before)
    assert len(caret[1]) == max(1, len(place))


def test_an_engine_elsewhere_tells_only_where_it_begins():
    """Of what another engine complains about, the whole word is marked."""
    wrong = ParseError('unknown function with name "rat"', "sum(rat(up))", 4)
    line = mistake(wrong, "sum(rat(up))").lines[0]
    assert (line.before, line.wrong, line.after) == ("sum(", "rat", "(up))")
    assert line.caret == "    ^^^"


def test_an_error_in_a_long_text_is_found(pages: PageServer):
    """Of a long expression only what is around the place is shown again."""
    expr = "\n".join(["up +"] * 50 + ["(" * 20 + "up{job='" + "x" * 3000 + "'} up"])
    shown = re.search(r"<pre>.*?</pre>", explore(pages, expr), re.DOTALL)
    assert shown is not None
    assert len(shown[0]) < 800
    assert "<mark>" in shown[0]


def test_what_is_too_expensive_says_what_to_do(pages: PageServer):
    """A limit is named, and how to ask for less."""
    text = words(explore(pages, "sum_over_time(many[10m:1s])"))
    assert "too expensive" in text
    assert "shorter time" in text


class Failing:
    """A querier that fails in a way that is hard to bring about."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def instant(self, expr: str, at: float) -> Any:
        raise self.error

    range = instant


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (QueryTimedOut(60), "took too long and was ended"),
        (TooManyQueries(4, 128), "ask again in a few seconds"),
    ],
    ids=["timeout", "busy"],
)
def test_each_failure_has_a_sentence(error: Exception, sentence: str):
    """Time-outs and a busy service are no broken page, and neither is the plot then."""
    with PageServer(Context(querier=Failing(error))) as pages:
        assert sentence in words(explore(pages, "up"))
        assert sentence in pages.get("explore/data", expr="up").json["error"]


def test_a_store_that_is_not_open_is_said():
    """While there are no numbers the page says why, and asks for none."""
    with PageServer(Context(unavailable="the store is being opened")) as pages:
        assert "the store is being opened" in words(explore(pages, "up"))


def test_an_unknown_metric_is_said(pages: PageServer):
    """An empty answer tells why: no metric has that name, and one has nearly that one."""
    assert "There is no metric manny. Did you mean many?" in words(explore(pages, "manny"))
    assert "No series has a value" in words(explore(pages, 'up{job="x"}'))


def test_a_range_of_samples_is_shown_without_a_plot(pages: PageServer):
    """`up[5m]` has no plot, but its samples; the page says what makes a plot of it."""
    page = explore(pages, "up[5m]")
    assert "avg_over_time" in words(page)
    assert 'data-panel="explore"' not in page
    assert re.search(r">up</td><td [^>]*>hub</td><td [^>]*>5</td>", page)


@pytest.mark.parametrize(("expr", "value"), [('"a text"', "a text"), ("1 + 1", "2")])
def test_what_is_no_series_is_shown(pages: PageServer, expr: str, value: str):
    """Numbers and texts have a table, too."""
    assert f' class="number">{value}</td>' in explore(pages, expr)


def test_many_rows_are_cut_and_it_is_said(pages: PageServer):
    """A table has at most 500 rows; the page says how many more there are."""
    page = explore(pages, "many")
    assert page.count("<tr>") == 501
    assert "and 200 more, in the CSV" in words(page)


def test_it_begins_with_something_to_click(pages: PageServer):
    """Without an expression there are some of the Overview's, as links that work."""
    page = explore(pages)
    links = re.findall(r'href="(/services/monitoring/explore\?expr=[^"]*)"', page)
    assert len(links) >= 4
    assert "How many servers run" in page
    for link in links:
        path = html.unescape(link).removeprefix("/services/monitoring/")
        assert "mistake" not in pages.get(path).body.decode()


def test_a_field_is_added_without_a_script(pages: PageServer):
    """The button asks for the same page with one more, empty field."""
    page = explore(pages, "up", more="1")
    assert page.partition("<template")[0].count("<textarea") == 2


def test_more_than_a_page_holds_is_refused(pages: PageServer):
    """Ten expressions are enough; the eleventh is said to be too many, none is left out."""
    reply = pages.get("explore", *[("expr", "up")] * 11)
    assert reply.status == 400
    assert "at most 10 expressions" in reply.body.decode()


@pytest.mark.parametrize(("range_", "shown"), [("6h", "6h"), ("1h30m", "1h"), ("", "1h")])
def test_links_of_prometheus_lead_here(pages: PageServer, range_: str, shown: str):
    """`/graph?g0.expr=…`, as alerts have it, shows the same expressions here."""
    asked = [("g0.expr", "up == 0"), ("g0.tab", "1"), ("g0.range_input", range_)]
    page = pages.get("graph", *asked, ("g1.expr", "many")).body.decode()
    assert f'<option value="{shown}" selected>' in page
    fields = re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert [html.unescape(field) for field in fields[:2]] == ["up == 0", "many"]


@pytest.mark.parametrize(
    "path", ["explore", "explore/data?expr=up", "explore/latest.csv?expr=up", "graph",
             "explore/complete?before=u"],
)  # fmt: skip
def test_it_is_for_who_sees_everything(context: Context, path: str):
    """A user who sees only the own numbers may ask for none in PromQL."""
    with PageServer(context, Viewer("ana", full=False, others=frozenset({"bo"}))) as pages:
        assert pages.get(path).status == 403


class Noting:
    """A querier that gives nothing and notes for when it was asked."""

    def __init__(self) -> None:
        self.at: list[float] = []

    async def instant(self, _expr: str, at: float) -> Instant:
        self.at.append(at)
        return Instant(at, Shape.SCALAR, (Sample({}, 1.0),))


@pytest.mark.parametrize("path", ["explore", "explore/latest.csv"])
def test_the_latest_values_are_of_now(path: str):
    """A plot over months has steps of hours; the table beside it is of this moment all the same."""
    querier = Noting()
    with PageServer(Context(querier=querier)) as pages:
        before = time.time()
        assert pages.get(path, expr="up", range="90d").status == 200
        assert before <= querier.at[0] <= time.time()
        assert pages.get(path, expr="up", **WHEN).status == 200
        assert querier.at[1] == END


class Endless:
    """A querier that takes for ever; knows how many queries began and were ended."""

    began = ended = 0

    async def instant(self, expr: str, _when: object) -> Any:
        self.began += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1

    range = instant


@pytest.mark.parametrize("path", ["explore", "explore/data", "explore/latest.csv"])
def test_who_leaves_ends_the_query(path: str):
    """A dear query does not go on when another was asked instead, or the page was left."""
    querier = Endless()
    with PageServer(Context(querier=querier)) as pages:
        with socket.create_connection(("127.0.0.1", pages.port)) as client:
            client.sendall(f"GET {PREFIX}{path}?expr=up HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            eventually(lambda: querier.began == 1)
        eventually(lambda: querier.ended == 1)


# --- No markup of others --------------------------------------------------------------------------


def test_no_label_becomes_markup(pages: PageServer):
    """Label values, expressions and errors with tags in them are shown as text."""
    for expr in ("evil", f'up{{job="{EVIL}"}}', EVIL, f"{EVIL}(up)", f'up{{a="{EVIL}'):
        page = explore(pages, expr)
        assert "<img" not in page
        assert html.escape(EVIL) in page


def test_what_is_fetched_is_data(pages: PageServer):
    """Lines and completions are JSON that no browser takes for a page."""
    for path in ("explore/data?expr=evil", "explore/complete?before=up"):
        reply = pages.get(path)
        assert reply.headers["Content-Type"].startswith("application/json")
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


# --- What a plot fetches --------------------------------------------------------------------------


def test_a_plot_has_more_lines_than_a_panel(pages: PageServer):
    """Up to 200 series are drawn, by what tells them apart; the rest is counted."""
    data = pages.get("explore/data", expr="many", **WHEN).json
    assert len(data["lines"]) == 200
    assert data["left_out"] == 500
    assert data["lines"][7]["name"] == '{n="007"}'
    assert {len(line["values"]) for line in data["lines"]} == {len(data["times"])}


def test_a_series_without_labels_is_called_by_its_expression(pages: PageServer):
    """A legend that says `{}` would say nothing."""
    data = pages.get("explore/data", expr="sum(\n  many\n)", **WHEN).json
    assert [line["name"] for line in data["lines"]] == ["sum( many )"]
    assert data["lines"][0]["values"][-1] == sum(range(700))


@pytest.mark.parametrize(
    ("expr", "sentence"),
    [("up[5m]", "a plot shows one for each moment"), ('"x"', "a plot shows numbers"),
     ("", "names no expression")],
)  # fmt: skip
def test_what_cannot_be_plotted_says_so(pages: PageServer, expr: str, sentence: str):
    """The sentence stands where the plot would."""
    reply = pages.get("explore/data", expr=expr, **WHEN)
    assert reply.status == 400
    assert sentence in reply.json["error"]


def utc(at: int) -> str:
    return datetime.fromtimestamp(at, timezone.utc).isoformat()


def rows(text: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode())))


def test_the_csv_has_everything(pages: PageServer):
    """No line and no row is left out, labels are whole, values exact."""
    of_plot = rows(pages.get("explore/data.csv", expr="many", **WHEN).body)
    assert len(of_plot[0]) == 701
    assert of_plot[0][1] == 'many{n="000"}'
    of_table = rows(pages.get("explore/latest.csv", expr="many", **WHEN).body)
    assert of_table[0] == ["__name__", "n", "value"]
    assert len(of_table) == 701
    assert of_table[8] == ["many", "007", "7"]


def test_the_csv_of_a_range_has_each_sample(pages: PageServer):
    """`up[5m]` as a file: a row for each sample, with its time."""
    found = rows(pages.get("explore/latest.csv", expr='up{job="hub"}[3m]', **WHEN).body)
    assert [row[-1] for row in found] == ["value", "1", "1", "1"]
    assert [row[2] for row in found] == ["time", *(utc(END - ago) for ago in (120, 60, 0))]


def test_no_cell_is_a_formula(pages: PageServer):
    """A label that begins with = is text to a spreadsheet."""
    found = rows(pages.get("explore/latest.csv", expr="formula", **WHEN).body)
    assert found[1][1] == "'=1+1"


# --- Completion -----------------------------------------------------------------------------------


def offered(pages: PageServer, before: str, after: str = "", **query: str) -> list[dict[str, str]]:
    reply = pages.get("explore/complete", before=before, after=after, **query)
    assert reply.status == 200, reply.body
    found: list[dict[str, str]] = reply.json["options"]
    return found


@pytest.mark.parametrize(
    ("before", "after", "texts"),
    [
        ("up", "", ["up"]),
        ("un", "", ["unless"]),
        ("sum(ra", "", ["rad", "rate"]),
        ("ev", "", ["evil"]),
        ("up{", "", ["job"]),
        ("up{j", "}", ["job"]),
        ("many{", "", ["n"]),
        ('up{job="', "", ["hub", "self"]),
        ('up{job="s', '"}', ["self"]),
        ("up{job=", "", ['"hub"', '"self"']),
        ('up{job=~"h', "", ["hub"]),
        ("sum by (", ") (up)", ["job"]),
        ("sum by (j", ") (up)", ["job"]),
        ("sum b", "", ["by", "bool"]),
        ("up o", "", ["offset", "on", "or"]),
        ("rate(up[", "", ["1m", "5m", "15m", "1h", "6h", "1d", "1w"]),
        ("rate(up[1", "", ["1m", "15m", "1h", "1d", "1w"]),
        ("my", "", ['{"my.metric"}']),
        ('{__name__="many", ', "", ["n"]),
        ('"te', "", []),
        ("# up", "", []),
        ("", "", []),
        ("up + ", "", []),
        ("12", "", []),
    ],
)
def test_what_may_be_typed_is_offered(pages: PageServer, before: str, after: str, texts: list[str]):
    """Metrics, functions, labels, values, times: each where it fits; nothing where none does."""
    found = [option["text"] for option in offered(pages, before, after)]
    assert sorted(found) == sorted(texts)


def test_metrics_are_offered_with_what_is_told_of_them(pages: PageServer):
    """Type and help stand beside the name; help is text whatever is in it."""
    (option,) = [each for each in offered(pages, "up") if each["kind"] == "metric"]
    assert (option["detail"], option["help"]) == ("gauge", f"Whether it answers. {EVIL}")


def test_functions_say_how_they_are_written(pages: PageServer):
    """A function stands with its arguments and a line on what it gives."""
    option = next(each for each in offered(pages, "rat") if each["text"] == "rate")
    assert option["then"] == "("
    assert option["detail"] == "rate(range)"
    assert "counter" in option["help"]


def test_all_metrics_are_offered_to_who_asks(pages: PageServer):
    """Ctrl+Space on an empty field lists what there is."""
    texts = {option["text"] for option in offered(pages, "", asked="1")}
    assert {"up", "many", "evil"} <= texts


def test_the_offer_is_bounded(pages: PageServer):
    """Of 700 values of a label at most 50 are sent, those that begin with what is typed first."""
    found = offered(pages, 'many{n="1')
    assert len(found) == 50
    assert all(option["text"].startswith("1") for option in found)


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ('evil{quote="', '\\"\\\\'),
        ("evil{quote='", '"\\\\'),
        ("evil{quote=`", '"\\'),
        ('evil{quote=~"', '\\"\\\\\\\\'),
    ],
    ids=["double", "single", "raw", "regex"],
)
def test_values_are_escaped_as_their_quotes_need(pages: PageServer, before: str, text: str):
    """What is taken from the list gives the series that has it."""
    (option,) = offered(pages, before)
    assert option["text"] == text
    reply = pages.get("explore", expr=f"{before}{text}{option['then']}}}", **WHEN)
    assert "0.1234567890123" in words(reply.body.decode())
