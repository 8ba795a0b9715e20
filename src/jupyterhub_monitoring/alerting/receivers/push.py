"""To a phone: Telegram and Pushover; ntfy and many more go by Apprise."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from ..message import Message
from .announcement import FORM
from .http_post import Request
from .service import Fields, joined, json_request
from .text import shortened

TELEGRAM, TELEGRAM_TEXT = "https://api.telegram.org", 4_096
PUSHOVER = "https://api.pushover.net/1/messages.json"
PUSHOVER_TITLE, PUSHOVER_TEXT, PUSHOVER_URL = 250, 1_024, 512

EMERGENCY = "2"
"""Pushover's priority that rings until somebody answers; it needs `retry` and `expire`."""


def telegram(fields: Fields, message: Message) -> Request:
    """Return a message to a chat. Without a template it is plain text, with no markup."""
    own = "message" in fields
    title = "" if own else f"{fields.title('', message)}\n\n"
    chat = fields.secret("chat_id")
    body: dict[str, Any] = {
        "chat_id": int(chat) if chat.lstrip("-").isdigit() else chat,
        "text": shortened(title + fields.body("message", message), TELEGRAM_TEXT),
        "disable_web_page_preview": True,
        "disable_notification": bool(fields.settings.get("disable_notifications")),
    }
    mode = fields.settings.get("parse_mode", "HTML")
    if own and mode:
        body["parse_mode"] = mode
    if thread := fields.settings.get("message_thread_id"):
        body["message_thread_id"] = thread
    base = fields.secret("api_url") or TELEGRAM
    return json_request(joined(base, f"bot{fields.secret('bot_token')}/sendMessage"), body)


def pushover(fields: Fields, message: Message) -> Request:
    """Return a form. While something fires it rings until somebody answers, as Alertmanager's."""
    priority = fields.text("priority", message, EMERGENCY if message.firing else "0")
    form = {
        "token": fields.secret("token"),
        "user": fields.secret("user_key"),
        "title": shortened(fields.title("title", message), PUSHOVER_TITLE),
        "message": shortened(fields.body("message", message), PUSHOVER_TEXT),
        "url": fields.text("url", message, message.external_url)[:PUSHOVER_URL],
        "priority": priority,
        **fields.given(message, "url_title", "device", "sound"),
    }
    if priority == EMERGENCY:
        form["retry"] = _seconds(fields.settings.get("retry", 60_000), at_least=30)
        form["expire"] = _seconds(fields.settings.get("expire", 3_600_000), at_least=30)
    if ttl := fields.settings.get("ttl"):
        form["ttl"] = _seconds(ttl, at_least=1)
    if fields.settings.get("html"):
        form["html"] = "1"
    url = fields.secret("api_url") or PUSHOVER
    return Request(url, urlencode(form).encode(), FORM)


def _seconds(millis: int, at_least: int) -> str:
    return str(max(at_least, int(millis) // 1000))
