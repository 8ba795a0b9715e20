"""A service that is told by one HTTP request: what differs is only what the request says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from ...errors import DeliveryFailed
from ..message import Message
from ..text_file import read_secret
from . import text
from .http_post import HttpPost, Reply, Request
from .redact import shown
from .setting import setting
from .texts import Texts
from .webhook import JSON


@dataclass(frozen=True)
class Fields:
    """The settings of one integration: templates, filled in for a message, and secrets."""

    kind: str
    settings: Mapping[str, Any] = field(repr=False)
    texts: Texts = field(repr=False)

    def __contains__(self, key: str) -> bool:
        return bool(self.template(key))

    def template(self, key: str) -> str:
        """Return the operator's template for *key*: the setting's, or that of a template file."""
        given = setting(self.settings, key)
        return given or self.texts.redefined(f"{self.kind}.default.{key}")

    def text(self, key: str, message: Message, default: str = "") -> str:
        """Return the template of setting *key* filled in; the plain text *default* without one."""
        template = self.template(key)
        return self.texts.render(template, message) if template else default

    def title(self, key: str, message: Message) -> str:
        """Return the operator's title, else ours."""
        return self.texts.say(self.template(key), message, text.title, explain=False)

    def body(self, key: str, message: Message) -> str:
        """Return the operator's text, else ours."""
        return self.texts.say(self.template(key), message, text.body)

    def secret(self, key: str) -> str:
        """Return a secret, from the configuration or from the file that `<key>_file` names."""
        if (file := setting(self.settings, f"{key}_file")) and not self.settings.get(key):
            try:
                return read_secret(file)
            except OSError as error:
                why = error.strerror
                raise DeliveryFailed(f"{key}_file {file} cannot be read: {why}") from None
        return setting(self.settings, key)

    def given(self, message: Message, *keys: str) -> dict[str, str]:
        """Return those of *keys* that are set and not empty, filled in."""
        found = {key: self.text(key, message) for key in keys}
        return {key: value for key, value in found.items() if value}


Build = Callable[[Fields, Message], Request]


@dataclass
class Service:
    """Tells a service of each message by the request that *build* makes of it."""

    kind: str
    fields: Fields = field(repr=False)
    build: Build = field(repr=False)
    http: HttpPost = field(default_factory=HttpPost, repr=False)
    sends_resolved: bool = True

    async def send(self, message: Message) -> None:
        """Send the request. Raises `DeliveryFailed`."""
        request = self.build(self.fields, message)
        if not request.url:
            raise DeliveryFailed(f"{self.kind} has no address to send to", retry=False)
        reply = await self.http.send(request)
        if why := said_no(reply):
            raise DeliveryFailed(f"{shown(request.url)} answered: {why}", retry=False)


def json_request(url: str, body: Any, headers: Mapping[str, str] | None = None) -> Request:
    """Return a POST of *body* as JSON."""
    return Request(url, orjson.dumps(body), {**JSON, **(headers or {})})


def said_no(reply: Reply) -> str:
    """Return why, where an answer with 200 says in its JSON that the message was not taken."""
    try:
        body = orjson.loads(reply.text)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(body, dict) or body.get("ok", body.get("success", True)) is not False:
        return ""
    return str(body.get("error") or body.get("description") or "not ok")[:160]


def key_of(message: Message) -> str:
    """Return what stands for a group where a service wants a short key, as Alertmanager does."""
    return sha256(message.group_key.encode()).hexdigest()


def joined(base: str, path: str) -> str:
    """Return *path* below *base*, which may end with a slash or not."""
    return f"{base.rstrip('/')}/{path}"
