"""From an entry of an Alertmanager configuration to a receiver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import WrongRouting
from ..message import Receiver
from ..routing.receiver_config import IntegrationConfig
from . import chat, on_call, push
from .http_post import HttpPost
from .http_settings import options_of, tls_options
from .mail import Letter, Mail, MailServer
from .service import Build, Fields, Service
from .setting import setting
from .texts import DEFAULT_BODY, Texts
from .webhook import Webhook

SERVICES: Mapping[str, Build] = {
    "slack": chat.slack,
    "discord": chat.discord,
    "msteams": chat.msteams,
    "msteamsv2": chat.msteamsv2,
    "rocketchat": chat.rocketchat,
    "webex": chat.webex,
    "pagerduty": on_call.pagerduty,
    "opsgenie": on_call.opsgenie,
    "victorops": on_call.victorops,
    "telegram": push.telegram,
    "pushover": push.pushover,
}

INSTEAD = {
    "sns": "use an address sns://… in c.MonitoringAlerts.receivers, or a webhook",
    "wechat": "use an address wechat://… in c.MonitoringAlerts.receivers, or a webhook",
    "jira": "use an address jira://… in c.MonitoringAlerts.receivers, or a webhook",
}
"""Kinds that Alertmanager has and we do not, and what to do then."""

DEFAULT_SUBJECT = '{{ template "email.default.subject" . }}'


def receiver(config: IntegrationConfig, texts: Texts) -> Receiver:
    """Return the receiver that *config* describes. Raises `WrongRouting` where there is none."""
    settings = config.settings
    if config.kind == "webhook":
        return _webhook(config, texts)
    if config.kind == "email":
        return _mail(config, texts)
    if (build := SERVICES.get(config.kind)) is not None:
        return Service(
            config.kind,
            Fields(config.kind, settings, texts),
            build,
            _http(settings),
            sends_resolved=config.sends_resolved,
        )
    instead = INSTEAD.get(config.kind, "use a webhook")
    raise WrongRouting(f"{config.kind}_configs is not supported here; {instead}")


def _http(settings: Mapping[str, Any], timeout_seconds: float = 10.0) -> HttpPost:
    return HttpPost(options_of(settings.get("http_config") or {}), timeout_seconds)


def _webhook(config: IntegrationConfig, texts: Texts) -> Receiver:
    settings = config.settings
    fields = Fields(config.kind, settings, texts)
    timeout = (settings.get("timeout") or 0) / 1000 or 10.0
    return Webhook(
        lambda: fields.secret("url"),
        _http(settings, timeout),
        max_alerts=int(settings.get("max_alerts") or 0),
        sends_resolved=config.sends_resolved,
    )


def _mail(config: IntegrationConfig, texts: Texts) -> Receiver:
    settings = config.settings
    host, _, port = setting(settings, "smarthost").rpartition(":")
    if not host:
        raise WrongRouting("email_configs needs smarthost: host:port, here or in global")
    headers = {str(name): str(value) for name, value in (settings.get("headers") or {}).items()}
    if "subject" not in {name.lower() for name in headers}:
        headers["Subject"] = DEFAULT_SUBJECT
    server = MailServer(
        host=host.strip("[]"),
        port=int(port) if port.isdigit() else 25,
        hello=setting(settings, "hello") or "localhost",
        username=setting(settings, "auth_username"),
        password=setting(settings, "auth_password") or setting(settings, "auth_secret"),
        password_file=setting(settings, "auth_password_file"),
        require_tls=bool(settings.get("require_tls", True)),
        tls=tls_options(settings.get("tls_config") or {}),
    )
    html = setting(settings, "html") or texts.redefined("email.default.html")
    text = setting(settings, "text") or ("" if html else DEFAULT_BODY)
    sender = setting(settings, "from")
    letter = Letter(setting(settings, "to"), sender, headers, text, html)
    return Mail(
        server, letter, texts.render, texts.render_html, sends_resolved=config.sends_resolved
    )
