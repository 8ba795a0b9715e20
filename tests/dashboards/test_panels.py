"""Panels are declared once; what they ask for exists, and what they say helps."""

from __future__ import annotations

import re

import pytest

from jupyterhub_monitoring.alerting.rules.pack import thresholds
from jupyterhub_monitoring.dashboards import DASHBOARDS, PANELS, Dashboard, Kind, Panel, Tone, Unit
from jupyterhub_monitoring.dashboards.catalogue import BOARDS
from jupyterhub_monitoring.dashboards.panel import Curve, quoted
from jupyterhub_monitoring.dashboards.unit import UNKNOWN
from jupyterhub_monitoring.promql.budget import Limits
from jupyterhub_monitoring.promql.parser import parse
from support.known_metrics import FOREIGN_METRICS, OF_ANY_TARGET, OF_THE_TARGET, spec_of
from support.rule_pack import selectors

PLACES = {"window": "60s", "events": "75s", "scale": "0.8", "username": "a", "server_name": "b"}
PLACES["namespace"] = "jhub"
OURS = {panel.id: panel for one in DASHBOARDS if not one.foreign for panel in one.panels}
FOREIGN = {panel.id: panel for one in DASHBOARDS if one.foreign for panel in one.panels}
EVERY = {**FOREIGN, **OURS, **PANELS}
each_panel = pytest.mark.parametrize("panel", EVERY.values(), ids=lambda panel: panel.id)


@each_panel
def test_its_queries_are_promql(panel: Panel):
    """Every query parses, whatever the places hold."""
    for curve in panel.curves:
        parse(curve.query({**PLACES, "username": quoted('o"brien\\\n')}), Limits())


@each_panel
def test_it_asks_for_metrics_that_exist(panel: Panel):
    """No panel is empty because nobody makes its metric, or its label."""
    foreign = FOREIGN_METRICS if panel.id in FOREIGN else set()
    for curve in panel.curves:
        for selector in selectors(parse(curve.query(PLACES), Limits())):
            if selector.name in OF_ANY_TARGET | foreign:
                continue
            spec = spec_of(selector.name)
            assert spec is not None, selector.name
            known = {label.name for label in spec.labels} | OF_THE_TARGET | {"le"}
            assert {matcher.name for matcher in selector.matchers} - {"__name__"} <= known


@each_panel
def test_its_words_help(panel: Panel):
    """The title is a sentence without a full stop; the reason says why and what to do."""
    assert len(panel.title.split()) >= 3
    assert not panel.title.endswith(".")
    assert panel.why.count(".") >= 1
    assert len(panel.why) <= 240
    assert panel.why.endswith(".")
    assert panel.empty.endswith(".")


@each_panel
def test_a_limit_is_never_alone(panel: Panel):
    """There is something that can reach it."""
    assert any(curve.tone is not Tone.LIMIT for curve in panel.curves)


def test_bars_and_heatmaps_count_events():
    """What is counted in each step misses nothing between two of them."""
    for panel in EVERY.values():
        if panel.kind in {Kind.BARS, Kind.HEATMAP}:
            assert all("[$events]" in c.expr and "* $scale" in c.expr for c in panel.curves)


@each_panel
def test_a_threshold_is_a_setting_of_the_rules(panel: Panel):
    """A dashed line stands where an alert begins; the mildest comes first."""
    for threshold in panel.thresholds:
        assert threshold.value(thresholds()) > 0


@each_panel
def test_states_have_words(panel: Panel):
    """Where colours say how something went, a word says it, too."""
    assert bool(panel.states) == (panel.kind is Kind.STATES)
    assert all(state.word for state in panel.states)


def test_ids_are_told_apart():
    """One id is one panel, on whatever page or dashboard."""
    for place in (*BOARDS, *DASHBOARDS):
        for panel in place.panels:
            assert EVERY[panel.id] is panel
            assert re.fullmatch("[a-z-]+", panel.id)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.id)
def test_a_dashboard_shows_each_panel_once(dashboard: Dashboard):
    """It has a sentence on what it is for, and no panel twice."""
    ids = [panel.id for panel in dashboard.panels]
    assert len(ids) == len(set(ids)) > 0
    assert dashboard.about.endswith((".", "?"))
    assert all(section.title for section in dashboard.sections)


def test_the_prefix_of_a_hub_is_in_each_query():
    """A Hub with JUPYTERHUB_METRICS_PREFIX has other names; jobs and labels stay."""
    curve = Curve('sum(jupyterhub_x{job="jupyterhub-monitoring"})', "")
    assert curve.query({}, "jhub_prod") == 'sum(jhub_prod_x{job="jupyterhub-monitoring"})'


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (Unit.COUNT, 43, "43"),
        (Unit.COUNT, 20_000, "20,000"),
        (Unit.COUNT, 0.5, "0.5"),
        (Unit.COUNT, 0.034, "0.034"),
        (Unit.BYTES, 0, "0 B"),
        (Unit.BYTES, 1.4 * 2**30, "1.4 GiB"),
        (Unit.BYTES, 2**40 * 3000, "3,000.0 TiB"),
        (Unit.SECONDS, 0, "0 s"),
        (Unit.SECONDS, 0.02, "20 ms"),
        (Unit.SECONDS, 4.1, "4.1 s"),
        (Unit.SECONDS, 720, "12 min"),
        (Unit.SECONDS, 3 * 86_400, "3 days"),
        (Unit.RATIO, 0.972, "97.2 %"),
        (Unit.RATIO, 1, "100 %"),
        (Unit.RATIO, 0.00011, "0.011 %"),
        (Unit.CORES, 1, "1 core"),
        (Unit.CORES, 0.3, "0.3 cores"),
        (Unit.PER_SECOND, 2.5, "2.5/s"),
        (Unit.NUMBER, 0.5, "0.5"),
        (Unit.NUMBER, 123_456, "123,456"),
        (Unit.NUMBER, 1_764_000_000, "1.764 G"),
        (Unit.NUMBER, 0.0000042, "4.2e-6"),
        (Unit.COUNT, None, UNKNOWN),
        (Unit.BYTES, float("nan"), UNKNOWN),
        (Unit.COUNT, float("inf"), "∞"),
    ],
)
def test_numbers_read_well(unit: Unit, value: float | None, text: str):
    """Units that fit, as many digits as one reads; unknown is a dash, never 0."""
    assert unit.text(value) == text
