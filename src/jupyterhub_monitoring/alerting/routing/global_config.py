"""The `global` part of the file, and what receivers take from it where they say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yaml.nodes import Node

from ..addresses import host_port, secret_url, url, with_slash
from ..rules.checks import at_most_one
from .http_client_config import default_http_config, http_config, tls_config
from .receiver_config import IntegrationConfig
from .strict_yaml import Reading, duration, flag, path, record, secret, text

_DEFAULTS: Mapping[str, Any] = {
    "resolve_timeout": 300_000,
    "smtp_hello": "localhost",
    "smtp_require_tls": True,
    "pagerduty_url": "https://events.pagerduty.com/v2/enqueue",
    "opsgenie_api_url": "https://api.opsgenie.com/",
    "wechat_api_url": "https://qyapi.weixin.qq.com/cgi-bin/",
    "victorops_api_url": "https://alert.victorops.com/integrations/generic/20131114/alert/",
    "telegram_api_url": "https://api.telegram.org",
    "webex_api_url": "https://webexapis.com/v1/messages",
    "rocketchat_api_url": "https://open.rocket.chat/",
}

_written = record(
    "global",
    {
        "resolve_timeout": duration,
        "http_config": http_config,
        "smtp_from": text,
        "smtp_hello": text,
        "smtp_smarthost": host_port,
        "smtp_auth_username": text,
        "smtp_auth_password": secret,
        "smtp_auth_password_file": path,
        "smtp_auth_secret": secret,
        "smtp_auth_identity": text,
        "smtp_require_tls": flag,
        "smtp_tls_config": tls_config,
        "slack_api_url": secret_url,
        "slack_api_url_file": path,
        "pagerduty_url": url,
        "opsgenie_api_url": url,
        "opsgenie_api_key": secret,
        "opsgenie_api_key_file": path,
        "wechat_api_url": url,
        "wechat_api_secret": secret,
        "wechat_api_corp_id": text,
        "victorops_api_url": url,
        "victorops_api_key": secret,
        "victorops_api_key_file": path,
        "telegram_api_url": url,
        "webex_api_url": url,
        "jira_api_url": url,
        "rocketchat_api_url": url,
        "rocketchat_token": secret,
        "rocketchat_token_file": path,
        "rocketchat_token_id": secret,
        "rocketchat_token_id_file": path,
    },
    at_most_one("smtp_auth_password", "smtp_auth_password_file"),
    at_most_one("slack_api_url", "slack_api_url_file"),
    at_most_one("opsgenie_api_key", "opsgenie_api_key_file"),
    at_most_one("victorops_api_key", "victorops_api_key_file"),
    at_most_one("rocketchat_token", "rocketchat_token_file"),
    at_most_one("rocketchat_token_id", "rocketchat_token_id_file"),
)


def global_config(node: Node | None, reading: Reading) -> dict[str, Any]:
    """Read `global`; None gives the defaults."""
    settings = {**_DEFAULTS, "http_config": default_http_config()}
    return settings if node is None else {**settings, **_written(node, reading)}


# Of each kind: its keys, one of which suffices, and those of `global` that stand in for them.
_OPTIONAL: Mapping[str, Mapping[tuple[str, ...], tuple[str, ...]]] = {
    "email": {
        ("hello",): ("smtp_hello",),
        ("auth_username",): ("smtp_auth_username",),
        ("auth_password", "auth_password_file"): (
            *("smtp_auth_password", "smtp_auth_password_file"),
        ),
        ("auth_secret",): ("smtp_auth_secret",),
        ("auth_identity",): ("smtp_auth_identity",),
        ("require_tls",): ("smtp_require_tls",),
        ("tls_config",): ("smtp_tls_config",),
    },
}
_NEEDED: Mapping[str, Mapping[tuple[str, ...], tuple[str, ...]]] = {
    "email": {("smarthost",): ("smtp_smarthost",), ("from",): ("smtp_from",)},
    "slack": {("api_url", "api_url_file"): ("slack_api_url", "slack_api_url_file")},
    "pagerduty": {("url",): ("pagerduty_url",)},
    "opsgenie": {
        ("api_url",): ("opsgenie_api_url",),
        ("api_key", "api_key_file"): ("opsgenie_api_key", "opsgenie_api_key_file"),
    },
    "wechat": {
        ("api_url",): ("wechat_api_url",),
        ("api_secret",): ("wechat_api_secret",),
        ("corp_id",): ("wechat_api_corp_id",),
    },
    "victorops": {
        ("api_url",): ("victorops_api_url",),
        ("api_key", "api_key_file"): ("victorops_api_key", "victorops_api_key_file"),
    },
    "telegram": {("api_url",): ("telegram_api_url",)},
    "webex": {("api_url",): ("webex_api_url",)},
    "jira": {("api_url",): ("jira_api_url",)},
    "rocketchat": {
        ("api_url",): ("rocketchat_api_url",),
        ("token", "token_file"): ("rocketchat_token", "rocketchat_token_file"),
        ("token_id", "token_id_file"): ("rocketchat_token_id", "rocketchat_token_id_file"),
    },
}
_WITH_SLASH = {"opsgenie", "wechat", "victorops"}


def completed(
    integration: IntegrationConfig, of_global: Mapping[str, Any]
) -> tuple[IntegrationConfig, str]:
    """Return *integration* with what `global` adds, and what is still missing, if anything is."""
    kind, settings = integration.kind, dict(integration.settings)
    if kind != "email":
        settings.setdefault("http_config", of_global["http_config"])
    needed = _NEEDED.get(kind, {})
    for own, others in (*_OPTIONAL.get(kind, {}).items(), *needed.items()):
        if not any(settings.get(key) or settings.get(key) is False for key in own):
            found = zip(own, (of_global.get(other) for other in others), strict=True)
            settings.update({key: value for key, value in found if value or value is False})
        if own in needed and not any(settings.get(key) for key in own):
            return integration, f"no {own[0]}, and no {' or '.join(others)} in global"
    if kind in _WITH_SLASH:
        settings["api_url"] = with_slash(settings["api_url"])
    return IntegrationConfig(kind, settings), ""
