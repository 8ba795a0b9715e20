"""`/federate`: the newest samples, as Prometheus writes and reads them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from jupyterhub_monitoring.store.selection import STALE, Row
from jupyterhub_monitoring.store.store import Store
from support.api_server import ApiServer, Context

LABELS = [
    (("__name__", "up"), ("instance", "b"), ("job", "hub")),
    (("__name__", "up"), ("instance", "a"), ("job", "hub")),
    (("__name__", "a_sum"), ("job", 'q"\\\n')),
    (("__name__", "ended"), ("job", "hub")),
    (("__name__", "my.metric"), ("my.label", "é"), ("job", "hub")),
    (("__name__", "old"), ("job", "hub")),
]


@pytest.fixture(scope="module")
def now_ms() -> int:
    return int(time.time() * 1000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, now_ms: int) -> Iterator[ApiServer]:
    folder: Path = tmp_path_factory.mktemp("store")
    store = Store.open(folder)
    labels = [tuple(sorted(one)) for one in LABELS]
    ids = store.series_ids(labels)
    first = np.array([1, 2, 3, 4, 5, 6.0])
    last = np.array([10, 20, 1e6, float(STALE), 0.25])
    store.append([Row(now_ms - 400_000, ids, first)])
    store.append([Row(now_ms - 20_000, ids[:5], first[:5]), Row(now_ms - 5000, ids[:5], last)])
    with ApiServer(Context(None, store)) as api:
        yield api
    store.close()


def federate(server: ApiServer, *selectors: str, accept: str = "") -> str:
    query = [("match[]", selector) for selector in selectors]
    reply = server.ask("/federate", query, headers={"Accept": accept} if accept else None)
    assert reply.status == 200, reply.body
    return reply.body.decode()


def test_all(server: ApiServer, now_ms: int):
    """Series by name, each with its newest sample and time; ended and old ones are left out."""
    at = now_ms - 5000
    assert federate(server, '{job=~".+"}', "up") == (
        "# TYPE a_sum untyped\n"
        f'a_sum{{job="q\\"\\\\\\n",instance=""}} 1e+06 {at}\n'
        "# TYPE my_metric untyped\n"
        f'my_metric{{job="hub",my_label="é",instance=""}} 0.25 {at}\n'
        "# TYPE up untyped\n"
        f'up{{instance="a",job="hub"}} 20.0 {at}\n'
        f'up{{instance="b",job="hub"}} 10.0 {at}\n'
    )


def test_names_of_any_alphabet(server: ApiServer, now_ms: int):
    """A Prometheus that takes such names gets them as they are."""
    text = federate(server, '{"my.metric"}', accept="text/plain;escaping=allow-utf-8")
    assert text == (
        '# TYPE "my.metric" untyped\n'
        f'{{"my.metric",job="hub","my.label"="é",instance=""}} 0.25 {now_ms - 5000}\n'
    )


def test_it_is_an_exposition(server: ApiServer):
    """prometheus_client reads what is written."""
    families = {f.name: f for f in text_string_to_metric_families(federate(server, "a_sum", "up"))}
    assert families["a_sum"].samples[0].labels == {"job": 'q"\\\n', "instance": ""}
    assert [sample.value for sample in families["up"].samples] == [20, 10]


def test_nothing(server: ApiServer):
    """Without a selector, or with one that matches nothing, the page is empty."""
    assert federate(server) == ""
    assert federate(server, "nothing") == ""


def test_a_wrong_selector(server: ApiServer):
    """Errors are plain text, as scrapers expect them."""
    reply = server.ask("/federate", {"match[]": "up{"})
    assert reply.status == 400
    assert reply.headers["Content-Type"].startswith("text/plain")
    assert b"parse error" in reply.body
