"""Chats: Slack, Discord, Teams, Rocket.Chat and Webex, by their incoming webhooks."""

from __future__ import annotations

from typing import Any

from ..message import Message
from .http_post import Request
from .service import Fields, joined, json_request
from .text import shortened

RED, GREEN = 0x992D22, 0x2ECC71
SLACK_TITLE, SLACK_TEXT = 1_024, 8_000
DISCORD_TITLE, DISCORD_TEXT = 256, 4_096
TEAMS_TEXT = 20_000


def slack(fields: Fields, message: Message) -> Request:
    """Return one attachment, as Alertmanager makes it, with a colour for the state."""
    body: dict[str, Any] = {
        **fields.given(message, "channel", "username", "icon_emoji", "icon_url"),
        "attachments": [_attachment(fields, message)],
    }
    if fields.settings.get("link_names"):
        body["link_names"] = True
    return json_request(fields.secret("api_url"), body)


def _attachment(fields: Fields, message: Message) -> dict[str, Any]:
    title = shortened(fields.title("title", message), SLACK_TITLE)
    colour = "danger" if message.firing else "good"
    return {
        "title": title,
        "fallback": shortened(fields.text("fallback", message, title), SLACK_TITLE),
        "text": shortened(fields.body("text", message), SLACK_TEXT),
        "color": fields.text("color", message, colour),
        "mrkdwn_in": fields.settings.get("mrkdwn_in", ["fallback", "pretext", "text"]),
        **({"title_link": message.external_url} if message.external_url else {}),
        **fields.given(
            message, "title_link", "pretext", "callback_id", "image_url", "thumb_url", "footer"
        ),
        **_rows(fields, message, "fields"),
        **_rows(fields, message, "actions"),
    }


def _rows(fields: Fields, message: Message, key: str) -> dict[str, Any]:
    """Return Slack's `fields` or `actions`, each text in them filled in."""
    rows = [
        {
            name: fields.texts.render(value, message) if isinstance(value, str) else value
            for name, value in row.items()
            if value is not None
        }
        for row in fields.settings.get(key) or []
        if isinstance(row, dict)
    ]
    return {key: rows} if rows else {}


def discord(fields: Fields, message: Message) -> Request:
    """Return one embed."""
    embed = {
        "title": shortened(fields.title("title", message), DISCORD_TITLE),
        "description": shortened(fields.body("message", message), DISCORD_TEXT),
        "color": RED if message.firing else GREEN,
    }
    said = fields.given(message, "content", "username", "avatar_url")
    return json_request(fields.secret("webhook_url"), {"content": "", **said, "embeds": [embed]})


def msteams(fields: Fields, message: Message) -> Request:
    """Return a card of the connectors that Microsoft retires."""
    title = fields.title("title", message)
    card = {
        "@context": "http://schema.org/extensions",
        "type": "MessageCard",
        "title": title,
        "summary": fields.text("summary", message, title),
        "text": _lines_kept(shortened(fields.body("text", message), TEAMS_TEXT)),
        "themeColor": f"{RED if message.firing else GREEN:06x}",
    }
    return json_request(fields.secret("webhook_url"), card)


def msteamsv2(fields: Fields, message: Message) -> Request:
    """Return an adaptive card, for a workflow that takes a webhook."""
    title = {
        "type": "TextBlock",
        "text": fields.title("title", message),
        "weight": "Bolder",
        "size": "Medium",
        "wrap": True,
        "style": "heading",
        "color": "Attention" if message.firing else "Good",
    }
    said = _lines_kept(shortened(fields.body("text", message), TEAMS_TEXT))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": [title, {"type": "TextBlock", "text": said, "wrap": True}],
        "msteams": {"width": "Full"},
    }
    attached = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    body = {"type": "message", "attachments": [attached]}
    return json_request(fields.secret("webhook_url"), body)


def rocketchat(fields: Fields, message: Message) -> Request:
    """Return a message of Rocket.Chat's API, with one attachment."""
    attachment = {
        "title": fields.title("title", message),
        "text": shortened(fields.body("text", message), SLACK_TEXT),
        "color": fields.text("color", message, "red" if message.firing else "green"),
        **fields.given(message, "title_link", "image_url", "thumb_url"),
    }
    body = {**fields.given(message, "channel", "emoji"), "attachments": [attachment]}
    if icon := fields.text("icon_url", message):
        body["avatar"] = icon
    who = {"X-User-Id": fields.secret("token_id"), "X-Auth-Token": fields.secret("token")}
    base = fields.secret("api_url") or "https://open.rocket.chat"
    return json_request(joined(base, "api/v1/chat.postMessage"), body, who)


def webex(fields: Fields, message: Message) -> Request:
    """Return a message to a room; who we are stands in `http_config.authorization`."""
    said = f"**{fields.title('title', message)}**\n\n{fields.body('message', message)}"
    url = fields.secret("api_url") or "https://webexapis.com/v1/messages"
    room = fields.text("room_id", message)
    return json_request(url, {"markdown": shortened(said, 7_000), "roomId": room})


def _lines_kept(text: str) -> str:
    """Return *text* with its line breaks doubled: Teams reads Markdown, which joins lines."""
    return text.replace("\n\n", "\n").replace("\n", "\n\n")
