"""Status, targets and what keeps a service running; methods, paths and prefixes."""

from __future__ import annotations

import gzip
import time

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from jupyterhub_monitoring.scrape.state import Health, TargetState
from jupyterhub_monitoring.scrape.target import Target
from support.api_server import ApiServer, Context


class Scraped:
    """Two targets: one that was scraped, one that was not yet."""

    def targets(self) -> list[TargetState]:
        node = Target("http://node:9100/metrics", "node", interval_seconds=30, labels={"a": "b"})
        hub = Target("http://hub:80/hub/metrics?x=1", "hub")
        up = {"up": ("gauge", "Another help.", "")}
        return [
            TargetState(node),
            TargetState(hub, Health.DOWN, "no", 1_700_000_000_250, 0.5, 7, metadata=up),
        ]


@pytest.fixture
def scraping(store) -> ApiServer:
    with ApiServer(Context(None, store, Scraped())) as server:
        yield server


def test_targets(scraping: ApiServer):
    """Every target with its last scrape, in Prometheus's form."""
    data = scraping.get("targets").data
    assert data["droppedTargets"] == []
    hub, node = data["activeTargets"]
    assert hub == {
        "discoveredLabels": {
            "__address__": "hub:80",
            "__metrics_path__": "/hub/metrics?x=1",
            "__scheme__": "http",
            "__scrape_interval__": "15s",
            "__scrape_timeout__": "10s",
            "job": "hub",
        },
        "labels": {"instance": "hub:80", "job": "hub"},
        "scrapePool": "hub",
        "scrapeUrl": "http://hub:80/hub/metrics?x=1",
        "globalUrl": "http://hub:80/hub/metrics?x=1",
        "lastError": "no",
        "lastScrape": "2023-11-14T22:13:20.25Z",
        "lastScrapeDuration": 0.5,
        "health": "down",
        "scrapeInterval": "15s",
        "scrapeTimeout": "10s",
    }
    assert (node["health"], node["lastScrape"]) == ("unknown", "0001-01-01T00:00:00Z")
    assert node["labels"] == {"a": "b", "instance": "node:9100", "job": "node"}


@pytest.mark.parametrize(
    ("query", "jobs"),
    [
        ({"state": "active"}, ["hub", "node"]),
        ({"state": "ANY"}, ["hub", "node"]),
        ({"state": "dropped"}, []),
        ({"scrapePool": "node"}, ["node"]),
    ],
)
def test_choosing_targets(scraping: ApiServer, query: dict[str, str], jobs: list[str]):
    """`state` and `scrapePool` choose among them."""
    active = scraping.get("targets", **query).data["activeTargets"]
    assert [target["labels"]["job"] for target in active] == jobs


def test_metadata_of_targets(scraping: ApiServer):
    """Targets that disagree are shown both, and `limit_per_metric` cuts."""
    said = scraping.get("metadata", metric="up").data["up"]
    assert [row["help"] for row in said] == ["Whether it answers.", "Another help."]
    assert len(scraping.get("metadata", limit_per_metric=1).data["up"]) == 1


def test_nothing_is_scraped(api: ApiServer):
    """A store without a scraper has no targets; rules and alerts are empty yet."""
    assert api.get("targets").data["activeTargets"] == []
    assert api.get("rules").data == {"groups": []}
    assert api.get("alerts").data == {"alerts": []}
    assert api.get("query_exemplars", query="up", start=1, end=2).data == []


def test_buildinfo(api: ApiServer):
    """Grafana asks for the version to know what it may ask."""
    data = api.get("status/buildinfo").data
    assert data["application"] == "jupyterhub-monitoring"
    assert tuple(map(int, data["version"].split("."))) >= (3, 0, 0)
    assert set(data) >= {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"}


def test_tsdb(api: ApiServer):
    """How many series there are, and which metrics and labels have most."""
    data = api.get("status/tsdb", limit=2).data
    assert data["headStats"]["numSeries"] == 5
    assert data["headStats"]["maxTime"] == 1_700_000_000_000
    assert data["seriesCountByMetricName"][0] == {"name": "up", "value": 2}
    assert len(data["labelValueCountByLabelName"]) == 2


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        ("x", "limit must be a positive number"),
        ("0", "limit must be a positive number"),
        ("10001", "limit must not exceed 10000"),
    ],
)
def test_tsdb_limits(api: ApiServer, limit: str, text: str):
    """A wrong limit is refused in Prometheus's words."""
    assert api.get("status/tsdb", limit=limit).error == (400, "bad_data", text)


def test_runtimeinfo_and_flags(store):
    """Since when it runs, what it keeps, with which settings."""
    context = Context(None, store, flags={"MonitoringQuery.max_points": "11000"})
    with ApiServer(context) as server:
        info = server.get("status/runtimeinfo").data
        assert server.get("status/flags").data == {"MonitoringQuery.max_points": "11000"}
    assert info["storageRetention"] == "400d or 5GiB"
    assert info["corruptionCount"] == 0
    assert info["startTime"].startswith(time.strftime("%Y-%m-%dT", time.gmtime(context.started)))


def test_own_metrics():
    """The process's own metrics, in the text format or OpenMetrics, compressed if wished."""
    registry = CollectorRegistry()
    counter = Counter("things_total", "Things.", registry=registry)
    with ApiServer(Context(registry=registry)) as server:
        counter.inc()
        text = server.ask("/metrics")
        counter.inc()
        wish = {"Accept": "application/openmetrics-text", "Accept-Encoding": "gzip"}
        open_metrics = server.ask("/metrics", headers=wish)
    families = {family.name for family in text_string_to_metric_families(text.body.decode())}
    assert "things" in families
    assert text.headers["Content-Type"].startswith("text/plain; version=")
    body = open_metrics.body
    if open_metrics.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    assert b"things_total 2.0" in body
    assert body.endswith(b"# EOF\n")


def test_healthy_and_ready():
    """It is healthy whenever it answers, and ready when the store can be asked."""
    context = Context(unavailable="MON-STORE-01: locked")
    with ApiServer(context) as server:
        assert server.ask("/-/healthy").status == 200
        not_ready = server.ask("/-/ready")
        assert (not_ready.status, not_ready.body) == (503, b"MON-STORE-01: locked\n")
        context.unavailable = None
        assert server.ask("/-/ready").status == 200


ASK_THE_STORE = ["query", "query_range", "labels", "label/a/values", "series", "metadata"]


@pytest.mark.parametrize("path", [*ASK_THE_STORE, "status/tsdb", "status/runtimeinfo"])
def test_without_a_store(path: str):
    """While the store cannot be asked, every question about it says why."""
    with ApiServer(Context(unavailable="MON-STORE-01: locked")) as server:
        assert server.get(path).error == (503, "unavailable", "MON-STORE-01: locked")
        assert server.get("targets").status == 200


def test_unknown_paths(api: ApiServer):
    """Below the API, an unknown path says in JSON that it is none."""
    for method in ("GET", "POST", "DELETE"):
        status, kind, text = api.ask("/api/v1/nothing", method=method).error
        assert (status, kind) == (404, "not_found")
        assert "/services/monitoring/api/v1/nothing" in text


FORMS = ["query", "query_range", "labels", "series", "format_query", "parse_query"]


@pytest.mark.parametrize("path", ["label/job/values", "metadata", "targets", "status/tsdb"])
def test_methods_that_are_not_there(api: ApiServer, path: str):
    """A form is refused where Prometheus takes none: 405, which makes Grafana use GET."""
    reply = api.ask(f"/api/v1/{path}", form={"a": "b"})
    assert reply.error[:2] == (405, "bad_data")
    assert reply.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", FORMS)
def test_forms(api: ApiServer, path: str):
    """The other endpoints take forms, and say so."""
    options = api.ask(f"/api/v1/{path}", method="OPTIONS")
    assert (options.status, options.body) == (204, b"")
    assert "POST" in options.headers["Allow"]
    form = {"query": "up", "match[]": "up", "start": "1", "end": "2", "step": "1"}
    assert api.ask(f"/api/v1/{path}", form=form).status == 200


def test_head(api: ApiServer):
    """HEAD is GET without the body."""
    reply = api.ask("/api/v1/labels", method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["Content-Length"]) > 0


def test_answers_are_private(api: ApiServer):
    """Nobody on the way keeps an answer, nor takes it for something else."""
    headers = api.get("labels").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Etag" not in headers
