"""One address of `c.Monitoring.notify` in an Alertmanager's terms, where it has such.

No secret of an address comes out: what an Alertmanager of 2022 (0.25) reads from a file stands in
a file, for the rest there is a placeholder. What has to be put where is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from ..alerting.receivers.apprise import apprise
from ..alerting.receivers.redact import secrets_of
from ..errors import WrongRouting

SECRETS = "/etc/alertmanager/secrets"
"""Where the files with secrets are expected."""

_PLACEHOLDER = re.compile(r"\$\{[^}]*\}")
_STAND_IN = "placeholder"

NOT_THERE = {
    "script": "no Alertmanager runs programs",
    "announcement": "no Alertmanager writes on the Hub's pages",
    "announcements": "no Alertmanager writes on the Hub's pages",
    "workflows": "an Alertmanager has Teams from 0.28 on: msteamsv2_configs",
    "ntfy": "an Alertmanager has no ntfy",
    "ntfys": "an Alertmanager has no ntfy",
}


@dataclass(frozen=True)
class Said:
    """An entry of `…_configs` of *kind*, and sentences on what has to be put where."""

    kind: str
    entry: Mapping[str, Any]
    to_do: tuple[str, ...] = ()


def said(address: str, number: int) -> Said:
    """Return what the *number*th address is in an Alertmanager. `WrongRouting` says why nothing."""
    if _PLACEHOLDER.fullmatch(address.strip()):
        raise WrongRouting("all of it stands elsewhere, and is not read here")
    plain = _PLACEHOLDER.sub(_STAND_IN, address.strip())
    scheme = plain.partition("://")[0].lower()
    make = KINDS.get(scheme)
    if make is None:
        raise WrongRouting(NOT_THERE.get(scheme, "an Alertmanager has nothing of that kind"))
    try:
        return make(urlsplit(plain), f"{SECRETS}/notify-{number}", number)
    except WrongRouting:  # is a ValueError, too
        raise
    except ValueError:
        raise WrongRouting("it is wrong; try it: jupyterhub-monitoring notify test") from None


def scheme_of(address: str) -> str:
    """Return the scheme of *address*, the one part that may be shown; "" where there is none."""
    scheme, found, _ = address.strip().partition("://")
    return scheme.lower() if found and scheme.isidentifier() else ""


def _webhook(parts: SplitResult, file: str, number: int) -> Said:
    _ = parts.port  # raises where there is none
    host = parts.netloc.rpartition("@")[2]
    bare = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
    to_do: list[str] = []
    if secrets_of(bare) or _STAND_IN in bare:
        bare = f"{parts.scheme}://{host}/{_blank(number)}"
        to_do.append(f"In url, put the rest of the address for {_blank(number)}.")
    entry: dict[str, Any] = {"url": bare, "send_resolved": True}
    if parts.username:
        entry["http_config"] = {
            "basic_auth": {
                "username": unquote(parts.username),
                "password_file": f"{file}-password",
            }
        }
        to_do.append(f"Put its password into {file}-password.")
    return Said("webhook", entry, tuple(to_do))


def _mail(parts: SplitResult, file: str, number: int) -> Said:
    del number
    if _STAND_IN in (parts.netloc.rpartition("@")[2] + parts.path + parts.query):
        raise WrongRouting("its host or a recipient stands elsewhere, and is not read here")
    plugin = apprise(urlunsplit(parts)).plugin
    people = [*plugin.targets, *((False, who) for who in sorted([*plugin.cc, *plugin.bcc]))]
    entry: dict[str, Any] = {
        "to": ", ".join(address for _, address in people),
        "from": plugin.from_addr[1],
        "smarthost": f"{plugin.smtp_host}:{plugin.port}",
        "require_tls": plugin.secure_mode == "starttls",  # port 465 is TLS from the start
        "send_resolved": True,
    }
    if plugin.secure_mode == "ssl" and plugin.port != 465:
        raise WrongRouting("an Alertmanager speaks TLS from the start on port 465 alone")
    if not plugin.password:
        return Said("email", entry)
    entry |= {"auth_username": plugin.user, "auth_password_file": f"{file}-password"}
    return Said("email", entry, (f"Put its password into {file}-password.",))


def _slack(parts: SplitResult, file: str, number: int) -> Said:
    del number
    entry: dict[str, Any] = {}
    if parts.netloc.rpartition("@")[2].startswith("xox"):
        token = {"credentials_file": f"{file}-token"}
        entry = {
            "api_url": "https://slack.com/api/chat.postMessage",
            "http_config": {"authorization": token},
        }
        to_do = f"Put the bot's token into {file}-token."
    else:
        entry["api_url_file"] = f"{file}-url"
        to_do = f"Put the address of the incoming webhook into {file}-url."
    if channel := _channel(parts):
        entry["channel"] = channel
    return Said("slack", {**entry, "send_resolved": True}, (to_do,))


def _channel(parts: SplitResult) -> str:
    """Return the channel of a `slack://…` with its mark; Apprise takes it at the end."""
    if parts.fragment:
        return f"#{unquote(parts.fragment).strip('/')}"
    last = unquote(parts.path).rstrip("/").rpartition("/")[2]
    return last if last[:1] in {"#", "@"} else ""


def _pagerduty(parts: SplitResult, file: str, number: int) -> Said:
    del number
    entry = {"routing_key_file": f"{file}-key", "send_resolved": True}
    if "region=eu" in parts.query:
        entry["url"] = "https://events.eu.pagerduty.com/v2/enqueue"
    return Said("pagerduty", entry, (f"Put the integration key into {file}-key.",))


def _opsgenie(parts: SplitResult, file: str, number: int) -> Said:
    del number
    entry = {"api_key_file": f"{file}-key", "send_resolved": True}
    if "region=eu" in parts.query:
        entry["api_url"] = "https://api.eu.opsgenie.com/"
    return Said("opsgenie", entry, (f"Put the API key into {file}-key.",))


def _discord(parts: SplitResult, file: str, number: int) -> Said:
    del parts, file
    blank = _blank(number)
    url = f"https://discord.com/api/webhooks/{blank}"
    to_do = f"In webhook_url, put the webhook's id, a slash and its token for {blank}."
    return Said("discord", {"webhook_url": url, "send_resolved": True}, (to_do,))


def _telegram(parts: SplitResult, file: str, number: int) -> Said:
    del file
    chats = [int(part) for part in parts.path.split("/") if re.fullmatch(r"-?\d+", part)]
    if not chats:
        raise WrongRouting("an Alertmanager needs the number of the chat")
    blank = _blank(number)
    entry = {"bot_token": blank, "chat_id": chats[0], "parse_mode": "HTML", "send_resolved": True}
    return Said("telegram", entry, (f"Put the bot's token for {blank}.",))


def _pushover(parts: SplitResult, file: str, number: int) -> Said:
    del parts, file
    user, token = f"USER-{_blank(number)}", f"TOKEN-{_blank(number)}"
    entry = {"user_key": user, "token": token, "send_resolved": True}
    return Said("pushover", entry, (f"Put the user's key for {user}, the token for {token}.",))


def _blank(number: int) -> str:
    """Return what stands for a secret that has to be in the file itself."""
    return f"SECRET-OF-ADDRESS-{number}"


KINDS: Mapping[str, Callable[[SplitResult, str, int], Said]] = {
    "http": _webhook,
    "https": _webhook,
    "mailto": _mail,
    "mailtos": _mail,
    "slack": _slack,
    "pagerduty": _pagerduty,
    "opsgenie": _opsgenie,
    "discord": _discord,
    "tgram": _telegram,
    "pover": _pushover,
}
"""Schemes that an Alertmanager has a receiver for."""
