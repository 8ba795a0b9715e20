"""For Grafana: the dashboards, made of the panels that the pages draw; for version 11 and later.

Plain JSON, checked in our tests against the types of Grafana's own SDK: see
docs/decisions/0029-grafana.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

from ..dashboards import DASHBOARDS, Dashboard, Panel
from ..promql.numbers import format_duration
from .artefact import MADE, Artefacts, as_yaml, stamped
from .deployment import Deployment
from .grafana_panel import Json, Setting, grafana_panel
from .grafana_variables import marks, variables

TAG = "jupyterhub-monitoring"
FOLDER_OF_FILES = "/var/lib/grafana/dashboards/jupyterhub"
SCHEMA = 39
"""The version of the JSON: Grafana 11.0's, which later ones bring up to date when they read it."""

LONGEST_UID = 40
_COLUMNS, _HEIGHT = 24, 8


def grafana(deployment: Deployment) -> Artefacts:
    """Return the dashboards, and a file that has Grafana read them from a folder."""
    provider = stamped(
        as_yaml(_provider(deployment)),
        deployment.command,
        f"Put it into /etc/grafana/provisioning/dashboards/, the dashboards into {FOLDER_OF_FILES}",
    )
    found = {f"dashboards/{name}": text for name, text in dashboards(deployment).items()}
    return {**found, "provisioning.yaml": provider}


def dashboards(deployment: Deployment) -> dict[str, str]:
    """Return the dashboards, JSON by file name."""
    return {
        f"{one.id}.json": json.dumps(dashboard_json(one, deployment), indent=2, ensure_ascii=False)
        + "\n"
        for one in DASHBOARDS
    }


def dashboard_json(dashboard: Dashboard, deployment: Deployment) -> Json:
    """Return *dashboard* as Grafana has it."""
    setting = Setting(
        deployment.pack, format_duration(deployment.scrape_interval_ms), dashboard.foreign
    )
    return {
        "uid": uid_of(dashboard, deployment.pack.prefix),
        "title": f"JupyterHub: {dashboard.title}",
        "description": f"{dashboard.about} {MADE} To make it again: {deployment.command}",
        "tags": ["jupyterhub", TAG],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "timezone": "browser",
        "graphTooltip": 1,  # a cross-hair in all plots
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "1m",
        "links": [_other_dashboards()],
        "templating": {"list": variables(dashboard, deployment)},
        "annotations": {"list": marks(dashboard, deployment.pack)},
        "panels": list(_panels(dashboard, setting)),
    }


def uid_of(dashboard: Dashboard, prefix: str) -> str:
    """Return what addresses of *dashboard* have: another one where metrics are named otherwise."""
    uid = f"{prefix}-monitoring-{dashboard.id}"
    if len(uid) <= LONGEST_UID:
        return uid
    return f"{uid[:31]}-{hashlib.sha256(uid.encode()).hexdigest()[:8]}"


def _other_dashboards() -> Json:
    return {
        "type": "dashboards",
        "title": "JupyterHub",
        "tags": [TAG],
        "asDropdown": True,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }


def _panels(dashboard: Dashboard, setting: Setting) -> Iterator[Json]:
    """Yield each section's heading and its panels, numbered, from top to bottom."""
    number, top = 0, 0
    for section in dashboard.sections:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": section.title,
            "collapsed": False,
            "gridPos": {"h": 1, "w": _COLUMNS, "x": 0, "y": top},
            "panels": [],
        }
        top += 1
        for line in _lines(section.panels):
            width = _COLUMNS // len(line)
            for index, panel in enumerate(line):
                number += 1
                place = {"h": _HEIGHT, "w": width, "x": index * width, "y": top}
                yield grafana_panel(panel, number, place, setting)
            top += _HEIGHT


def _lines(panels: Sequence[Panel]) -> Iterator[Sequence[Panel]]:
    """Yield *panels* two beside each other, the first three where their number is odd."""
    first = 3 if len(panels) % 2 else 2
    yield panels[:first]
    for index in range(first, len(panels), 2):
        yield panels[index : index + 2]


def _provider(deployment: Deployment) -> Json:
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": TAG,
                "folder": deployment.grafana.folder,
                "type": "file",
                "allowUiUpdates": False,
                "options": {"path": FOLDER_OF_FILES},
            }
        ],
    }
