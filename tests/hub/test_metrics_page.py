"""`/hub/metrics` of a real Hub: who may read it, in which format, and what it says."""

from __future__ import annotations

import gzip
import http.client
import threading
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as text_families

from jupyterhub_monitoring.hub.metrics_page import CHUNK_BYTES, accepts_gzip, chunks
from support.real_hub import RealHub

PATHS = ("hub/metrics", "hub/api/metrics")
OPENMETRICS = "application/openmetrics-text;version=1.0.0"

# Beside the page, what a stock Hub would have answered at that moment; and switches for faults.
CONFIG = """
import prometheus_client, tornado.web
import jupyterhub_monitoring.hub.metrics_page as page
many = prometheus_client.Gauge("test_many", "So that the page has several chunks.", ["a"])
for i in range(20_000):
    many.labels(f"name-{i}").set(i)

class Stock(tornado.web.RequestHandler):
    def get(self):
        self.write(prometheus_client.generate_latest(prometheus_client.REGISTRY))

class Break(tornado.web.RequestHandler):
    def get(self, what):
        def broken(*args, **kwargs):
            raise RuntimeError("broken by the test")
        if what == "render":
            page.EXPOSITION.render = broken
        elif what == "scrape":
            self.settings["monitoring"].before_scrape = broken
        elif what == "mend":
            vars(page.EXPOSITION).pop("render", None)
            vars(self.settings["monitoring"]).pop("before_scrape", None)

c.JupyterHub.extra_handlers = [(r"/test/stock", Stock), (r"/test/break/(.*)", Break)]
c.JupyterHub.services.append(dict(name="blind", api_token="blind-" + "0" * 32))
"""


@pytest.fixture(scope="module")
def hub(module_hub: Callable[..., RealHub]) -> RealHub:
    return module_hub(config=CONFIG).start()


@pytest.fixture
def mended(hub: RealHub) -> Iterator[RealHub]:
    yield hub
    hub.get("hub/test/break/mend", token=None)


# Every request counts in the Hub's own metrics, and these move by themselves.
MOVING = ("python_", "process_", "jupyterhub_")


def steady(page: str) -> list[object]:
    return [f for f in text_families(page) if not f.name.startswith(MOVING)]


@pytest.mark.parametrize("path", PATHS)
class TestAccess:
    def test_needs_the_scope(self, hub: RealHub, path: str) -> None:
        """Without a token, or with one without `read:metrics`, nobody reads the page."""
        assert hub.get(path, token=None).status == 403
        assert hub.get(path, token="blind-" + "0" * 32).status == 403
        assert hub.get(path, token="wrong").status == 403
        assert hub.get(path).status == 200

    def test_is_only_read(self, hub: RealHub, path: str) -> None:
        """Other methods are refused as a stock Hub refuses them."""
        assert hub.post(path, data={}).status == 405


@pytest.mark.parametrize("stock", [True, False], ids=["stock", "ours"])
def test_open_when_the_hub_says_so(make_hub: Callable[..., RealHub], stock: bool) -> None:
    """With `authenticate_prometheus = False` everybody reads it, in a stock Hub and in ours."""
    hub = make_hub(config="c.JupyterHub.authenticate_prometheus = False", setup_line=not stock)
    hub.start()
    for path in PATHS:
        answer = hub.get(path, token=None)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == CONTENT_TYPE_LATEST


def test_same_samples_as_stock(hub: RealHub) -> None:
    """The page has the families of generate_latest in its order, and the same samples."""
    ours, stock = hub.get("hub/metrics").text, hub.get("hub/test/stock", token=None).text
    assert [f.name for f in text_families(ours)] == [f.name for f in text_families(stock)]
    assert steady(ours) == steady(stock)
    assert len(ours) > 2 * CHUNK_BYTES


def test_text_as_stock(hub: RealHub) -> None:
    """Without a wish the page is text, under a stock Hub's content type, with its length."""
    answer = hub.get("hub/metrics")
    assert answer.headers["Content-Type"] == CONTENT_TYPE_LATEST
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    assert "Content-Encoding" not in answer.headers


def test_openmetrics_when_asked(hub: RealHub) -> None:
    """A client that asks for OpenMetrics gets it, and its parser takes it."""
    answer = hub.get("hub/metrics", headers={"Accept": OPENMETRICS})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")
    names = {f.name for f in openmetrics_families(answer.text)}
    assert {"test_many", "jupyterhub_login_success", "jupyterhub_running_servers"} <= names


@pytest.mark.parametrize("accept", ["", OPENMETRICS], ids=["text", "OpenMetrics"])
def test_gzip_when_asked(hub: RealHub, accept: str) -> None:
    """A client that takes gzip gets a tenth of the bytes, and the same page."""
    headers = {"Accept": accept, "Accept-Encoding": "gzip"}
    answer = hub.get("hub/metrics", headers=headers, direct=True)  # the pip proxy unpacks it
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    page = gzip.decompress(answer.body)
    assert len(answer.body) < len(page) / 5
    if not accept:
        assert steady(page.decode()) == steady(hub.get("hub/metrics").text)


def test_scrapes_at_once_are_all_right(hub: RealHub) -> None:
    """Several scrapes at the same time, some of which hang up, each get the whole page."""
    pages: list[str] = []
    threads = [
        threading.Thread(target=lambda: pages.append(hub.get("hub/metrics").text)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for _ in range(3):  # asks and goes away
        connection = http.client.HTTPConnection("127.0.0.1", hub.hub_port, timeout=10)
        connection.request("GET", "/hub/metrics", headers={"Authorization": f"token {hub.token}"})
        connection.close()
    for thread in threads:
        thread.join()
    expected = steady(hub.get("hub/test/stock", token=None).text)
    assert [steady(page) for page in pages] == [expected] * 4
    assert "Uncaught exception" not in hub.log


@pytest.mark.parametrize("fault", ["render", "scrape"])
def test_a_fault_of_ours_costs_nothing(mended: RealHub, fault: str) -> None:
    """When our code fails, the page is a stock Hub's, and the failure is counted."""
    mended.get(f"hub/test/break/{fault}", token=None)
    mended.get("hub/metrics")
    answer = mended.get("hub/metrics", headers={"Accept": OPENMETRICS if fault == "scrape" else ""})
    assert answer.status == 200
    assert "test_many{" in answer.text
    counted = 'jupyterhub_monitoring_instrumentation_errors_total{point="metrics_page"}'
    [line] = [line for line in answer.text.splitlines() if line.startswith(counted)]
    assert float(line.split()[1]) >= 2


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0, deflate", False),
        ("GZIP", True),
        ("identity", False),
        ("gzip;q=nonsense", True),
    ],
)
def test_accept_encoding(header: str, accepted: bool) -> None:
    """Gzip is used where the client allows it."""
    assert accepts_gzip(header) is accepted


def test_chunks_lose_nothing() -> None:
    """The pieces of a page are joined to chunks in their order, the last one included."""
    pieces = [bytes([i % 256]) * 9_000 for i in range(100)]
    joined = list(chunks(pieces))
    assert b"".join(joined) == b"".join(pieces)
    assert all(CHUNK_BYTES <= len(chunk) < CHUNK_BYTES + 9_000 for chunk in joined[:-1])
