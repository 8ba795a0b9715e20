"""Services that wake people: PagerDuty, Opsgenie, VictorOps (Splunk On-Call).

The group's key is the incident's: a repeat is the same incident, and what is over closes it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ..message import Message
from .http_post import Request
from .service import Fields, joined, json_request, key_of
from .text import shortened
from .webhook import payload, truncated

PAGERDUTY_SUMMARY, PAGERDUTY_ALERTS = 1_024, 50
OPSGENIE_MESSAGE, OPSGENIE_TEXT = 130, 15_000
VICTOROPS_TEXT = 20_000

PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
PAGERDUTY_1 = "https://events.pagerduty.com/generic/2010-04-15/create_event.json"
OPSGENIE = "https://api.opsgenie.com"
VICTOROPS = "https://alert.victorops.com/integrations/generic/20131114/alert"

SEVERITIES = {"critical": "critical", "error": "error", "warning": "warning", "info": "info"}
"""PagerDuty's severities by our label; what is none of them is an error."""


def pagerduty(fields: Fields, message: Message) -> Request:
    """Return an event of the Events API v2, or of version 1 where a `service_key` is given."""
    summary = shortened(fields.title("description", message), PAGERDUTY_SUMMARY)
    client = {
        "client": fields.text("client", message, "JupyterHub monitoring"),
        "client_url": fields.text("client_url", message, message.external_url),
    }
    if service_key := fields.secret("service_key"):
        event = {
            "service_key": service_key,
            "event_type": "trigger" if message.firing else "resolve",
            "incident_key": key_of(message),
            "description": summary,
            "details": _details(fields, message),
        }
        return json_request(PAGERDUTY_1, {**event, **client})
    event = {
        "routing_key": fields.secret("routing_key"),
        "event_action": "trigger" if message.firing else "resolve",
        "dedup_key": key_of(message),
        "payload": {
            "summary": summary,
            "source": fields.text("source", message, client["client"]),
            "severity": fields.text("severity", message, _severity(message)),
            "custom_details": _details(fields, message),
            **fields.given(message, "class", "component", "group"),
        },
        **_links(fields, message),
    }
    return json_request(fields.secret("url") or PAGERDUTY, {**event, **client})


def _severity(message: Message) -> str:
    """Return the worst severity of what fires."""
    found = {dict(alert.labels).get("severity") for alert in message.firing}
    return next((theirs for ours, theirs in SEVERITIES.items() if ours in found), "error")


def _details(fields: Fields, message: Message) -> dict[str, Any]:
    if given := fields.settings.get("details"):
        return {key: fields.texts.render(str(value), message) for key, value in given.items()}
    alerts = payload(truncated(message, PAGERDUTY_ALERTS))["alerts"]
    return {
        "num_firing": len(message.firing),
        "num_resolved": len(message.resolved),
        "alerts": [{k: a[k] for k in ("status", "labels", "annotations")} for a in alerts],
    }


def _links(fields: Fields, message: Message) -> dict[str, Any]:
    """Return PagerDuty's `images` and `links`, filled in."""
    found: dict[str, Any] = {}
    for key in ("images", "links"):
        rows = [
            {name: fields.texts.render(str(value), message) for name, value in row.items()}
            for row in fields.settings.get(key) or []
            if isinstance(row, dict)
        ]
        if rows:
            found[key] = rows
    return found


def opsgenie(fields: Fields, message: Message) -> Request:
    """Return a new alert of Opsgenie, or the end of it."""
    base = joined(fields.secret("api_url") or OPSGENIE, "v2/alerts")
    key = {"Authorization": f"GenieKey {fields.secret('api_key')}"}
    source = fields.text("source", message, message.external_url)
    if not message.firing:
        url = f"{base}/{quote(key_of(message))}/close?identifierType=alias"
        return json_request(url, {"source": source}, key)
    body: dict[str, Any] = {
        "alias": key_of(message),
        "message": shortened(fields.title("message", message), OPSGENIE_MESSAGE),
        "description": shortened(fields.body("description", message), OPSGENIE_TEXT),
        "details": {**dict(message.common_labels), **_opsgenie_details(fields, message)},
        "source": source,
        "tags": [tag.strip() for tag in fields.text("tags", message).split(",") if tag.strip()],
        "responders": [
            {name: fields.texts.render(str(value), message) for name, value in row.items()}
            for row in fields.settings.get("responders") or []
        ],
        **fields.given(message, "note", "priority", "entity"),
    }
    if actions := fields.text("actions", message):
        body["actions"] = [action.strip() for action in actions.split(",") if action.strip()]
    return json_request(base, body, key)


def _opsgenie_details(fields: Fields, message: Message) -> dict[str, str]:
    given = fields.settings.get("details") or {}
    return {name: fields.texts.render(str(value), message) for name, value in given.items()}


def victorops(fields: Fields, message: Message) -> Request:
    """Return an event of VictorOps's generic endpoint."""
    base = fields.secret("api_url") or VICTOROPS
    routing = quote(fields.text("routing_key", message), safe="")
    firing = fields.text("message_type", message, "CRITICAL")
    body = {
        "message_type": firing if message.firing else "RECOVERY",
        "entity_id": key_of(message),
        "entity_display_name": fields.title("entity_display_name", message),
        "state_message": shortened(fields.body("state_message", message), VICTOROPS_TEXT),
        "monitoring_tool": fields.text("monitoring_tool", message, "JupyterHub monitoring"),
    }
    given = fields.settings.get("custom_fields") or {}
    own = {name: fields.texts.render(str(value), message) for name, value in given.items()}
    return json_request(joined(base, f"{fields.secret('api_key')}/{routing}"), {**own, **body})
