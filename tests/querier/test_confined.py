"""One Hub's series, where an engine has those of several."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jupyterhub_monitoring.dashboards import PANELS
from jupyterhub_monitoring.errors import ParseError
from jupyterhub_monitoring.promql.parser import parse
from jupyterhub_monitoring.querier import ConfinedQuerier, Span
from jupyterhub_monitoring.querier.confined import confined
from jupyterhub_monitoring.store.matcher import Matcher, MatchType

OWN = (Matcher("hub", MatchType.EQUAL, 'o"brien'),)
HUB = r'hub="o\"brien"'


@pytest.mark.parametrize(
    ("expr", "asked"),
    [
        ("up", "up{%s}"),
        ("rate(a_total[5m])", "rate(a_total{%s}[5m])"),
        ('sum by (x) (a{x="1"}) / on (x) b', 'sum by (x) (a{%s,x="1"}) / on (x) b{%s}'),
        ("topk(scalar(k), -a)", "topk(scalar(k{%s}), -a{%s})"),
        ("max_over_time((a > 1)[1h:5m])", "max_over_time((a{%s} > 1)[1h:5m])"),
        ("a - b - c offset 5m", "a{%s} - b{%s} - c{%s} offset 5m"),
        ('{__name__=~"a.*"}', '{__name__=~"a.*",%s}'),
        ('a{hub="a"}', 'a{hub="a",%s}'),
        ("1 + 2", "1 + 2"),
        ('"text"', '"text"'),
    ],
)
def test_each_selector_names_the_hub(expr: str, asked: str):
    """Wherever it stands; nothing else is changed."""
    assert confined(expr, OWN) == asked.replace("%s", HUB)


def test_every_panel_is_asked_of_the_hub():
    """None of ours is written so that it cannot be confined."""
    places = dict.fromkeys(("username", "server_name", "group", "window", "events"), "5m")
    for panel in PANELS.values():
        for curve in panel.curves:
            query = curve.query({**places, "scale": "1"})
            made = confined(query, OWN)
            assert made.count(HUB) >= 1, query
            parse(made)


def test_what_we_cannot_read_is_not_asked():
    """An engine's own language might ask for another Hub."""
    with pytest.raises(ParseError):
        confined("a default 2", OWN)


def test_names_are_of_the_hub():
    """So that completion offers what there is."""
    asked: list[Any] = []

    class Engine:
        def __getattr__(self, name: str) -> Any:
            async def ask(*args: Any, **_more: Any) -> None:
                asked.append((name, *args))

            return ask

    engine: Any = Engine()
    querier = ConfinedQuerier(engine, {"hub": "x"})

    async def ask() -> None:
        await querier.label_names()
        await querier.label_values("job", 'up{a="b"}')
        await querier.metric_names("ju")
        await querier.range("up", Span(0, 60, 15))

    asyncio.run(ask())
    assert [call[0] for call in asked] == ["label_names", "label_values", "label_values", "range"]
    assert asked[0][1] == '{hub="x"}'
    assert asked[1][2] == '{__name__="up",a="b",hub="x"}'
    assert asked[2][1:3] == ("__name__", '{__name__=~"ju.+",hub="x"}')
    assert asked[3][1] == 'up{hub="x"}'
