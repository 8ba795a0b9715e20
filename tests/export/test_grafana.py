"""Dashboards for Grafana: its own types take them, and they show what the pages show."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_monitoring import DASHBOARD_METRICS, generate_grafana_queries
from jupyterhub_monitoring.alerting.rules.pack_settings import default_parameters
from jupyterhub_monitoring.cli import main
from jupyterhub_monitoring.dashboards import DASHBOARDS, Kind
from jupyterhub_monitoring.export import Deployment
from jupyterhub_monitoring.export.grafana import dashboards, uid_of
from jupyterhub_monitoring.promql.budget import Limits
from jupyterhub_monitoring.promql.parser import parse
from support.exported import HUBS, Hub, export, texts
from support.grafana_types import complaints
from support.rule_pack import selectors

MACROS = {
    "$__interval_ms": "60000",
    "$__rate_interval_ms": "75000",
    "$__rate_interval": "75s",
}
NOT_IN_THE_SDK = re.compile(
    # Grafana's annotation queries of a Prometheus have these, its SDK leaves them out.
    r"\.annotations\.list\[1\]\.(useValueForTime|titleFormat|textFormat|tagKeys|step) is not known"
)
each_hub = pytest.mark.parametrize("hub", HUBS.values(), ids=list(HUBS))
each_dashboard = pytest.mark.parametrize("name", [f"{one.id}.json" for one in DASHBOARDS])


def made(folder: Path, hub: Hub = HUBS["default"], *options: str) -> dict[str, dict[str, Any]]:
    """Run the command; return each dashboard by its file's name."""
    files = texts(export(folder, "grafana", hub, *options) / "dashboards")
    return {name: json.loads(text) for name, text in files.items()}


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard: dict[str, Any]) -> list[str]:
    """Return every query that Grafana sends, its macros filled in, variables as they are."""
    found = [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]
    found += [mark["expr"] for mark in dashboard["annotations"]["list"] if "expr" in mark]
    return [filled(query) for query in found]


def filled(query: str) -> str:
    for macro in sorted(MACROS, key=len, reverse=True):
        query = query.replace(macro, MACROS[macro])
    return query


@each_hub
def test_grafanas_own_types_take_them(tmp_path: Path, hub: Hub):
    """The SDK of Grafana 11.6 knows each key and each value, for Hubs as usual and for odd ones."""
    pytest.importorskip("grafana_foundation_sdk")
    for name, dashboard in made(tmp_path, hub).items():
        wrong = [line for line in complaints(dashboard) if not NOT_IN_THE_SDK.fullmatch(line)]
        assert wrong == [], name


def test_the_types_find_mistakes(tmp_path: Path):
    """A key that is misspelt, and a word that Grafana does not know, are found."""
    pytest.importorskip("grafana_foundation_sdk")
    dashboard = made(tmp_path)["hub.json"]
    panel = panels(dashboard)[0]
    panel["fieldConfig"]["defaults"]["custom"]["drawStile"] = "line"
    panel["fieldConfig"]["defaults"]["custom"]["drawStyle"] = "crayon"
    found = "\n".join(complaints(dashboard))
    assert "drawStile is not known" in found
    assert "crayon" in found


@each_hub
def test_each_query_is_promql(tmp_path: Path, hub: Hub):
    """With macros filled in each query parses; each asks for the Hub that is chosen."""
    for name, dashboard in made(tmp_path, hub).items():
        for query in queries(dashboard):
            found = selectors(parse(query, Limits()))
            assert found
            variables = {matcher.value for one in found for matcher in one.matchers}
            assert ("$namespace" if name == "kubernetes.json" else "$hub") in variables or (
                "kube_node" in query
            )


@each_dashboard
def test_variables_are_all_there(tmp_path: Path, name: str):
    """What a query or a panel takes from a variable can be chosen; what can be chosen is taken."""
    dashboard = made(tmp_path)[name]
    text = json.dumps([dashboard["panels"], dashboard["annotations"], dashboard["templating"]])
    used = set(re.findall(r"\$\{?([a-z]\w*)", text))
    declared = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert used == declared


@each_dashboard
def test_each_panel_says_what_it_is(tmp_path: Path, name: str):
    """Title, why it matters, a unit, names of its lines, and a sentence where it is empty."""
    for panel in panels(made(tmp_path)[name]):
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert defaults["noValue"].endswith(".")
        assert defaults["unit"]
        assert all(target["legendFormat"] for target in panel["targets"])
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == list(string.ascii_uppercase[: len(letters)])


@each_dashboard
def test_panels_do_not_overlap(tmp_path: Path, name: str):
    """Every place of the grid is taken at most once, and each line is full."""
    taken: set[tuple[int, int]] = set()
    dashboard = made(tmp_path)[name]
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken
        taken |= cells
    assert len(taken) == 24 * (1 + max(y for _, y in taken))
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))


def test_they_are_the_panels_of_the_pages(tmp_path: Path):
    """Each panel of each dashboard's definition is drawn, and nothing else."""
    found = made(tmp_path)
    for one in DASHBOARDS:
        drawn = [panel["title"] for panel in panels(found[f"{one.id}.json"])]
        assert drawn == [panel.title for panel in one.panels]


def test_events_are_counted_in_each_step():
    """`increase` over the range of a rate, times the step's share of it: of events in each step."""
    hub = json.loads(dashboards(Deployment(default_parameters()))["hub.json"])
    (panel,) = [panel for panel in panels(hub) if panel["title"] == "How spawns ended"]
    assert panel["interval"] == "$interval"
    assert panel["targets"][0]["expr"] == (
        'sum(increase(jupyterhub_spawn_success_total{job=~"$job",instance=~"$hub"}'
        "[$__rate_interval])) * $__interval_ms / $__rate_interval_ms"
    )


@pytest.mark.parametrize(
    ("scrape_ms", "steps"),
    [(15_000, "1m,5m,15m,1h,6h,1d"), (60_000, "4m,5m,15m,1h,6h,1d"), (1000, "1m,5m,15m,1h,6h,1d")],
)
def test_a_step_has_four_scrapes(scrape_ms: int, steps: str):
    """However seldom the Hub is scraped, a step of events is no shorter than four scrapes."""
    hub = dashboards(Deployment(default_parameters(), scrape_interval_ms=scrape_ms))["hub.json"]
    (interval,) = [v for v in json.loads(hub)["templating"]["list"] if v["name"] == "interval"]
    assert interval["query"] == steps
    assert interval["current"]["value"] == steps.partition(",")[0]


def test_limits_are_dashed(tmp_path: Path):
    """What must not be crossed is a dashed red line, and thresholds are those of the rules."""
    hub = Hub("c.MonitoringRules.disk_warning_ratio = 0.2\n")
    capacity = {panel["title"]: panel for panel in panels(made(tmp_path, hub)["capacity.json"])}
    memory = capacity["How much memory is in use"]
    (override,) = memory["fieldConfig"]["overrides"]
    assert override["matcher"] == {"id": "byFrameRefID", "options": "C"}
    assert {one["id"] for one in override["properties"]} >= {"color", "custom.lineStyle"}
    disk = capacity["How full the disks are"]["fieldConfig"]["defaults"]
    assert [step["value"] for step in disk["thresholds"]["steps"]] == [None, 0.8, 0.97]
    assert disk["custom"]["thresholdsStyle"] == {"mode": "dashed"}


def test_another_prefix_label_and_job(tmp_path: Path):
    """Names of metrics, labels and jobs are those of the options, everywhere in a dashboard."""
    options = ("--prefix", "jhub_prod", "--hub-label", "cluster", "--job", "hubs")
    for name, dashboard in made(tmp_path, Hub(options=options)).items():
        text = "\n".join([*queries(dashboard), json.dumps(dashboard["templating"])])
        assert not re.search(r'\bjupyterhub_\w|\binstance\b|job="jupyterhub"', text), name
        assert len(dashboard["uid"]) <= 40
        assert dashboard["uid"].startswith("jhub_prod")


def test_a_long_prefix_has_its_own_addresses():
    """Grafana takes 40 characters; what is longer is cut and still told apart."""
    uids = [uid_of(one, prefix) for one in DASHBOARDS for prefix in ("a" * 60, "a" * 61, "b")]
    assert len(set(uids)) == len(uids)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,40}", uid) for uid in uids)


def test_a_data_source_can_be_given(tmp_path: Path):
    """It is the one that is chosen when the dashboard opens."""
    for dashboard in made(tmp_path, Hub(), "--datasource", "prom-1").values():
        variable = dashboard["templating"]["list"][0]
        assert variable["type"] == "datasource"
        assert variable["current"]["value"] == "prom-1"


def test_the_folder_is_in_the_file_for_grafana(tmp_path: Path):
    """Grafana reads the dashboards from files into that folder."""
    out = export(tmp_path, "grafana", Hub(), "--folder", "Our Hub")
    assert "folder: Our Hub" in (out / "provisioning.yaml").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--datasource", "a b"), "--datasource"),
        (("--folder", " "), "--folder needs a name"),
    ],
)
def test_wrong_options(tmp_path: Path, capsys: Any, options: tuple[str, ...], said: str):
    """What Grafana would not take is refused with a sentence."""
    assert main(["export", "grafana", "--output", str(tmp_path), *options]) == 1
    assert said in capsys.readouterr().err


def test_where_to_is_needed(capsys: Any):
    """Without a folder and without a Grafana there is nothing to do."""
    with pytest.raises(SystemExit) as stopped:
        main(["export", "grafana"])
    assert stopped.value.code == 2
    assert "--output" in capsys.readouterr().err


PAGE = {
    "user_metrics": ["total_users", "active_users", "user_login_total"],
    "server_metrics": [
        "running_servers",
        "pending_servers",
        "spawn_duration_seconds",
        "spawn_success_total",
        "spawn_failure_total",
    ],
    "performance_metrics": [
        "request_duration_seconds",
        "api_request_duration_seconds",
        "hub_response_duration_seconds",
    ],
    "system_metrics": ["hub_memory_usage_bytes", "hub_cpu_usage_percent"],
}


def test_the_pages_metrics_are_on_the_dashboards(tmp_path: Path):
    """`DASHBOARD_METRICS` has the page's groups and metrics, and all of them are drawn."""
    text = "\n".join(query for one in made(tmp_path).values() for query in queries(one))
    assert list(DASHBOARD_METRICS) == list(PAGE)
    for group, names in PAGE.items():
        assert {f"jupyterhub_{name}" for name in names} <= set(DASHBOARD_METRICS[group])
        assert all(name in text for name in DASHBOARD_METRICS[group])


def test_the_pages_queries_are_those_of_the_dashboards():
    """Each is the first query of a panel, over five minutes, and PromQL."""
    drawn = {
        curve.query({"window": "5m", "events": "5m", "scale": "1", "namespace": ""} | PEOPLE)
        for one in DASHBOARDS
        for panel in one.panels
        for curve in panel.curves
    }
    assert list(generate_grafana_queries()) == [
        "active_users_24h",
        "average_spawn_time",
        "server_success_rate",
        "api_request_rate",
    ]
    for query in generate_grafana_queries().values():
        parse(query, Limits())
        assert query in drawn


PEOPLE = {"username": "", "server_name": ""}


def test_kubernetes_is_on_a_dashboard_of_its_own():
    """All others need nothing but the Hub and our service."""
    assert [one.id for one in DASHBOARDS if one.foreign] == ["kubernetes"]
    assert {Kind.STATES, Kind.TABLE, Kind.HEATMAP, Kind.BARS, Kind.LINES} == {
        panel.kind for one in DASHBOARDS for panel in one.panels
    }
