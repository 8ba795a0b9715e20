"""The keys of each way to tell a receiver, as Alertmanager 0.28 has them.

`INTEGRATIONS` maps the kind to its table; the key in the file is the kind and `_configs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..addresses import host_port, secret_url, url
from ..rules.checks import at_most_one, needs, one_of
from .http_client_config import http_config, tls_config
from .strict_yaml import (
    Check,
    Reader,
    anything,
    duration,
    flag,
    go_duration,
    list_of,
    map_of,
    natural,
    path,
    record,
    secret,
    text,
    whole,
)

SILENT_ABOUT_ENDS = {"email", "slack", "wechat", "rocketchat"}
"""The kinds whose `send_resolved` is false unless the file says otherwise."""


def _integration(kind: str, texts: str, others: Mapping[str, Reader], *checks: Check) -> Reader:
    """Return the reader of a kind with text keys *texts* (names with spaces between), others."""
    keys: dict[str, Reader] = {"send_resolved": flag, "http_config": http_config}
    keys.update(dict.fromkeys(texts.split(), text), **others)
    return record(f"{kind}_configs", keys, *checks)


def _without_http(reader_keys: Mapping[str, Reader]) -> dict[str, Reader]:
    return {"send_resolved": flag, **reader_keys}


# --- Parts of them -------------------------------------------------------------------------------

_slack_confirm = record(
    "a Slack confirmation",
    dict.fromkeys(("text", "title", "ok_text", "dismiss_text"), text),
    needs("text"),
)
_slack_action = record(
    "a Slack action",
    {**dict.fromkeys(("type", "text", "url", "style", "name", "value"), text)}
    | {"confirm": _slack_confirm},
    needs("type", "text"),
    lambda settings: None if settings.get("url") or settings.get("name") else "missing name or url",
)
_slack_field = record(
    "a Slack field", {"title": text, "value": text, "short": flag}, needs("title", "value")
)
_pagerduty_image = record("an image", dict.fromkeys(("src", "alt", "href"), text))
_pagerduty_link = record("a link", dict.fromkeys(("href", "text"), text))
_rocketchat_field = record("a field", {"short": flag, "title": text, "value": text})
_rocketchat_action = record(
    "an action",
    {
        **dict.fromkeys(
            (
                *("type", "text", "url", "imageurl", "webviewheightratio", "msg"),
                "msgprocessingtype",
            ),
            text,
        ),
        "iswebview": flag,
        "msginchatwindow": flag,
    },
)


def _responder_type(settings: Mapping[str, Any]) -> str | None:
    kinds = ("team", "teams", "user", "escalation", "schedule")
    kind = settings.get("type", "")
    if "{{" in kind or kind.lower() in kinds:
        return None
    return f"type {kind!r} is none of {', '.join(kinds)}"


def _responder_somebody(settings: Mapping[str, Any]) -> str | None:
    if any(settings.get(key) for key in ("id", "name", "username")):
        return None
    return "needs one of id, username or name"


_responder = record(
    "a responder",
    dict.fromkeys(("id", "name", "username", "type"), text),
    _responder_somebody,
    _responder_type,
)
_sigv4 = record(
    "sigv4",
    {
        **dict.fromkeys(("region", "access_key", "profile", "role_arn"), text),
        "secret_key": secret,
        "use_fips_sts_endpoint": flag,
    },
    lambda settings: (
        "access_key needs secret_key, and the other way round"
        if bool(settings.get("access_key")) != bool(settings.get("secret_key"))
        else None
    ),
)

# --- Checks of their own -------------------------------------------------------------------------


def _headers_once(settings: Mapping[str, Any]) -> str | None:
    names = [name.title() for name in settings.get("headers", {})]
    twice = {name for name in names if names.count(name) > 1}
    return f"duplicate header {min(twice)!r}" if twice else None


def _some_key(settings: Mapping[str, Any]) -> str | None:
    keys = ("routing_key", "service_key", "routing_key_file", "service_key_file")
    return None if any(settings.get(key) for key in keys) else "missing service or routing key"


def _no_reserved_field(settings: Mapping[str, Any]) -> str | None:
    reserved = {
        *("routing_key", "message_type", "state_message", "entity_display_name"),
        *("monitoring_tool", "entity_id", "entity_state"),
    }
    taken = reserved & set(settings.get("custom_fields", {}))
    return f"custom field {min(taken)!r} is one of the fixed fields" if taken else None


def _one_target(settings: Mapping[str, Any]) -> str | None:
    """Say what Alertmanager says: it takes one of the three, and all three, but not two."""
    targets = ("target_arn", "topic_arn", "phone_number")
    if sum(bool(settings.get(target)) for target in targets) % 2 == 0:
        return f"must provide one of {', '.join(targets)}"
    return None


def _authorized(settings: Mapping[str, Any]) -> str | None:
    if "authorization" in settings.get("http_config", {}):
        return None
    return "missing http_config.authorization"


def _one_of_texts(key: str, allowed: Iterable[str]) -> Check:
    def check(settings: Mapping[str, Any]) -> str | None:
        if settings.get(key, "") in ("", *allowed):
            return None
        return f"{key} has to be one of {', '.join(allowed)}"

    return check


# --- The kinds -----------------------------------------------------------------------------------

_webhook_address = {"webhook_url": secret_url, "webhook_url_file": path}

INTEGRATIONS: dict[str, Reader] = {
    "webhook": _integration(
        "webhook",
        "",
        {"url": secret_url, "url_file": path, "max_alerts": natural, "timeout": go_duration},
        one_of("url", "url_file"),
    ),
    "email": record(
        "email_configs",
        _without_http(
            dict.fromkeys(
                ("to", "from", "hello", "auth_username", "auth_identity", "html", "text"), text
            )
            | {
                "smarthost": host_port,
                "auth_password": secret,
                "auth_password_file": path,
                "auth_secret": secret,
                "headers": map_of(text),
                "require_tls": flag,
                "tls_config": tls_config,
            }
        ),
        needs("to"),
        _headers_once,
    ),
    "slack": _integration(
        "slack",
        "channel username color title title_link pretext text footer fallback callback_id"
        " icon_emoji icon_url image_url thumb_url",
        {
            "api_url": secret_url,
            "api_url_file": path,
            "fields": list_of(_slack_field),
            "short_fields": flag,
            "link_names": flag,
            "mrkdwn_in": list_of(text),
            "actions": list_of(_slack_action),
        },
        at_most_one("api_url", "api_url_file"),
    ),
    "pagerduty": _integration(
        "pagerduty",
        "client client_url description source severity class component group",
        {
            "service_key": secret,
            "service_key_file": path,
            "routing_key": secret,
            "routing_key_file": path,
            "url": url,
            "details": map_of(text),
            "images": list_of(_pagerduty_image),
            "links": list_of(_pagerduty_link),
        },
        _some_key,
        at_most_one("routing_key", "routing_key_file"),
        at_most_one("service_key", "service_key_file"),
    ),
    "opsgenie": _integration(
        "opsgenie",
        "message description source entity actions tags note priority",
        {
            "api_key": secret,
            "api_key_file": path,
            "api_url": url,
            "details": map_of(text),
            "responders": list_of(_responder),
            "update_alerts": flag,
        },
        at_most_one("api_key", "api_key_file"),
    ),
    "msteams": _integration(
        "msteams",
        "title summary text",
        _webhook_address,
        one_of("webhook_url", "webhook_url_file"),
    ),
    "msteamsv2": _integration(
        "msteamsv2", "title text", _webhook_address, one_of("webhook_url", "webhook_url_file")
    ),
    "discord": _integration(
        "discord",
        "content title message username avatar_url",
        _webhook_address,
        one_of("webhook_url", "webhook_url_file"),
    ),
    "telegram": _integration(
        "telegram",
        "message parse_mode",
        {
            "api_url": url,
            "bot_token": secret,
            "bot_token_file": path,
            "chat_id": whole,
            "message_thread_id": whole,
            "disable_notifications": flag,
        },
        one_of("bot_token", "bot_token_file"),
        needs("chat_id"),
        _one_of_texts("parse_mode", ("Markdown", "MarkdownV2", "HTML")),
    ),
    "pushover": _integration(
        "pushover",
        "title message url url_title device sound priority",
        {
            "user_key": secret,
            "user_key_file": path,
            "token": secret,
            "token_file": path,
            "retry": go_duration,
            "expire": go_duration,
            "ttl": go_duration,
            "html": flag,
        },
        one_of("user_key", "user_key_file"),
        one_of("token", "token_file"),
    ),
    "victorops": _integration(
        "victorops",
        "routing_key message_type state_message entity_display_name monitoring_tool",
        {
            "api_key": secret,
            "api_key_file": path,
            "api_url": url,
            "custom_fields": map_of(text),
        },
        needs("routing_key"),
        at_most_one("api_key", "api_key_file"),
        _no_reserved_field,
    ),
    "webex": _integration(
        "webex", "message room_id", {"api_url": url}, needs("room_id"), _authorized
    ),
    "sns": _integration(
        "sns",
        "api_url topic_arn phone_number target_arn subject message",
        {"sigv4": _sigv4, "attributes": map_of(text)},
        _one_target,
    ),
    "wechat": _integration(
        "wechat",
        "corp_id message to_user to_party to_tag agent_id message_type",
        {"api_secret": secret, "api_url": url},
        _one_of_texts("message_type", ("text", "markdown")),
    ),
    "jira": _integration(
        "jira",
        "project summary description priority issue_type reopen_transition resolve_transition"
        " wont_fix_resolution",
        {
            "api_url": url,
            "labels": list_of(text),
            "reopen_duration": duration,
            "fields": map_of(anything),
        },
        needs("project", "issue_type"),
    ),
    "rocketchat": _integration(
        "rocketchat",
        "channel color title title_link text emoji icon_url image_url thumb_url",
        {
            "api_url": url,
            "token": secret,
            "token_file": path,
            "token_id": secret,
            "token_id_file": path,
            "fields": list_of(_rocketchat_field),
            "actions": list_of(_rocketchat_action),
            "short_fields": flag,
            "link_names": flag,
        },
        at_most_one("token", "token_file"),
        at_most_one("token_id", "token_id_file"),
    ),
}
