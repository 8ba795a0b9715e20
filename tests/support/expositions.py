"""Expositions for tests: of a real registry, and of any shape."""

from __future__ import annotations

from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Summary
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).map("m_{}".format)
LABEL_NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True).map("l_{}".format)
# Neither surrogates, which are no text, nor what `str.splitlines` takes for the end of a line:
# prometheus_client's parser reads by lines of that kind.
LABEL_VALUES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]) | st.sampled_from('\\"\n{},=# '),
    max_size=12,
)
NUMBERS = st.floats() | st.integers(0, 10**12).map(float)


@st.composite
def registries(draw: st.DrawFn) -> CollectorRegistry:
    """A registry of a few metrics of all types, with any labels and values."""
    registry = CollectorRegistry()
    names = draw(st.lists(NAMES, max_size=5, unique_by=lambda name: name.rstrip("_")))
    for index, name in enumerate(names):
        labels = draw(st.lists(LABEL_NAMES, max_size=3, unique=True))
        kind = draw(st.sampled_from([Counter, Gauge, Histogram, Summary, Info]))
        metric = kind(f"{name}_{index}", draw(LABEL_VALUES), labels, registry=registry)
        for _ in range(draw(st.integers(0, 3)) if labels else 1):
            values = [draw(LABEL_VALUES) for _ in labels]
            _observe(draw, metric.labels(*values) if labels else metric)
    return registry


def _observe(draw: st.DrawFn, child: object) -> None:
    if isinstance(child, Gauge):
        child.set(draw(NUMBERS))
    elif isinstance(child, Counter):
        child.inc(draw(st.floats(0, 1e15)))
    elif isinstance(child, Info):
        child.info({"version": draw(LABEL_VALUES)})
    else:
        child.observe(draw(st.floats(0, 1e9)))


def text(registry: CollectorRegistry) -> bytes:
    return generate_latest(registry)


def openmetrics(registry: CollectorRegistry) -> bytes:
    return generate_openmetrics(registry)
