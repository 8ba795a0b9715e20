"""A panel as Grafana draws it: the JSON of its panels of the kinds that we have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from ..alerting.rules.pack import PackParameters
from ..dashboards import Kind, Mood, Panel, Tone, Unit
from .grafana_query import queries

Json = dict[str, Any]

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
EVENTS = frozenset({Kind.BARS, Kind.HEATMAP})
"""Kinds that count what happened in each step."""

UNITS = {
    Unit.COUNT: "short",
    Unit.PER_SECOND: "suffix:/s",
    Unit.BYTES: "bytes",  # binary ones
    Unit.SECONDS: "s",
    Unit.RATIO: "percentunit",
    Unit.CORES: "suffix: cores",
    Unit.NUMBER: "short",
}
MOODS = {Mood.WELL: "green", Mood.WARNING: "orange", Mood.ILL: "red"}
_STEPS = ("orange", "red")
_TYPES = {
    Kind.LINES: "timeseries",
    Kind.BARS: "timeseries",
    Kind.HEATMAP: "heatmap",
    Kind.STATES: "state-timeline",
    Kind.TABLE: "table",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """What panels have to know of their dashboard. *interval* is that between two scrapes."""

    pack: PackParameters
    interval: str
    foreign: bool = False


def grafana_panel(panel: Panel, number: int, place: Json, setting: Setting) -> Json:
    """Return *panel* with the id *number* at *place*, a grid position."""
    kept = list(_targets(panel, setting))
    return {
        "id": number,
        "type": _TYPES[panel.kind],
        "title": panel.title,
        "description": panel.why,
        "gridPos": place,
        "datasource": DATASOURCE,
        "interval": "$interval" if panel.kind in EVENTS else setting.interval,
        "targets": [target for target, _ in kept],
        "fieldConfig": {
            "defaults": _defaults(panel, setting.pack.thresholds),
            "overrides": [
                override for target, tone in kept for override in _overrides(target["refId"], tone)
            ],
        },
        "options": _OPTIONS[panel.kind](panel),
        **({"transformations": _columns(panel)} if panel.kind is Kind.TABLE else {}),
    }


def _targets(panel: Panel, setting: Setting) -> Iterator[tuple[Json, Tone]]:
    """Yield each query with the tone of its curve."""
    letters = iter(ascii_uppercase)
    answers = queries(panel, setting.pack, foreign=setting.foreign)
    for curve, asked in zip(panel.curves, answers, strict=True):
        for one in asked:
            target = {
                "refId": next(letters),
                "datasource": DATASOURCE,
                "editorMode": "code",
                "expr": one.expr,
                "legendFormat": one.legend,
                **_how(panel.kind),
            }
            yield target, curve.tone


def _how(kind: Kind) -> Json:
    if kind is Kind.TABLE:
        return {"format": "table", "instant": True, "range": False}
    return {
        "format": "heatmap" if kind is Kind.HEATMAP else "time_series",
        "instant": False,
        "range": True,
    }


def _defaults(panel: Panel, thresholds: Mapping[str, float]) -> Json:
    defaults: Json = {
        "unit": UNITS[panel.unit],
        "noValue": panel.empty,
        "thresholds": {"mode": "absolute", "steps": _steps(panel, thresholds)},
        "custom": _custom(panel),
    }
    if panel.kind is Kind.STATES:
        defaults["color"] = {"mode": "thresholds"}
        defaults["mappings"] = [
            {
                "type": "value",
                "options": {
                    f"{state.value:g}": {
                        "text": state.word,
                        "color": MOODS[state.mood],
                        "index": index,
                    }
                    for index, state in enumerate(panel.states)
                },
            }
        ]
    elif panel.kind is not Kind.HEATMAP:
        defaults["color"] = {"mode": "palette-classic"}
    if panel.kind is Kind.BARS:
        defaults["decimals"] = 0
    return defaults


def _steps(panel: Panel, thresholds: Mapping[str, float]) -> list[Json]:
    """Return the dashed lines from the lowest; Grafana wants one without a value first."""
    lines = sorted(
        {
            threshold.value(thresholds): color
            for threshold, color in zip(panel.thresholds, _STEPS, strict=False)
        }.items()
    )
    base: list[Json] = [{"value": None, "color": "transparent" if lines else "text"}]
    return base + [{"value": value, "color": color} for value, color in lines]


def _custom(panel: Panel) -> Json:
    if panel.kind is Kind.STATES:
        return {"fillOpacity": 70, "lineWidth": 0}
    if panel.kind in {Kind.TABLE, Kind.HEATMAP}:
        return {}
    bars = panel.kind is Kind.BARS
    return {
        "drawStyle": "bars" if bars else "line",
        "barAlignment": -1,  # a bar tells of the step that ends at its time
        "lineWidth": 0 if bars else 1,
        "fillOpacity": 80 if bars else 0,
        "showPoints": "never" if bars else "auto",
        "spanNulls": False,  # a gap stays one
        "stacking": {"mode": "normal" if bars else "none", "group": "A"},
        "axisSoftMin": 0,
        "thresholdsStyle": {"mode": "dashed" if panel.thresholds else "off"},
    }


def _overrides(ref_id: str, tone: Tone) -> Iterator[Json]:
    """Yield how the series of a query look that are no ordinary ones."""
    if tone is Tone.SERIES:
        return
    properties: list[Json] = [{"id": "color", "value": {"mode": "fixed", "fixedColor": "red"}}]
    if tone is Tone.LIMIT:
        properties += [
            {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 10]}},
            {"id": "custom.fillOpacity", "value": 0},
            {"id": "custom.stacking", "value": {"mode": "none", "group": "A"}},
        ]
    yield {"matcher": {"id": "byFrameRefID", "options": ref_id}, "properties": properties}


def _plot(panel: Panel) -> Json:
    calcs = ["sum"] if panel.kind is Kind.BARS else ["lastNotNull", "max"]
    return {
        "legend": {
            "displayMode": "table",
            "placement": "bottom",
            "showLegend": True,
            "calcs": calcs,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def _heatmap(panel: Panel) -> Json:
    return {
        "calculate": False,  # the series are buckets already
        "cellGap": 1,
        "cellValues": {"unit": "short", "decimals": 0},
        "color": {
            "mode": "scheme",
            "scheme": "Oranges",
            "fill": "dark-orange",
            "scale": "exponential",
            "exponent": 0.5,
            "steps": 64,
            "reverse": False,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": False},
        "yAxis": {"unit": UNITS[panel.unit], "axisPlacement": "left", "reverse": False},
    }


def _states(panel: Panel) -> Json:
    del panel
    return {
        "mergeValues": True,
        "showValue": "never",
        "alignValue": "left",
        "rowHeight": 0.8,
        "legend": {
            "displayMode": "list",
            "placement": "bottom",
            "showLegend": True,
            "calcs": [],
        },
        "tooltip": {"mode": "single", "sort": "none"},
    }


def _table(panel: Panel) -> Json:
    sort_by = [] if panel.unit is Unit.NUMBER else [{"displayName": "Value", "desc": True}]
    return {"showHeader": True, "cellHeight": "sm", "sortBy": sort_by}


_OPTIONS = {
    Kind.LINES: _plot,
    Kind.BARS: _plot,
    Kind.HEATMAP: _heatmap,
    Kind.STATES: _states,
    Kind.TABLE: _table,
}


def _columns(panel: Panel) -> list[Json]:
    """Return how answers become one table: without times, and without values that are all 1."""
    hidden = ["Time", "__name__"]
    if panel.unit is Unit.NUMBER:
        hidden += ["Value", *(f"Value #{letter}" for letter in ascii_uppercase[:3])]
    columns: Json = {"excludeByName": dict.fromkeys(hidden, True), "renameByName": {}}
    return [{"id": "merge", "options": {}}, {"id": "organize", "options": columns}]
