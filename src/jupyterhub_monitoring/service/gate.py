"""Who gets in: people by OAuth through the Hub, machines by a token of the Hub.

Both need the scope `access:services!service=monitoring`, which admins have. Programs that can only
send a name and a password (HTTP's Basic authentication) give the token as the password; the name
is not looked at. The Hub is asked without holding up the loop, and its answer holds for five
minutes, as JupyterHub's library does it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Mapping
from typing import Any

from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated, UserNotAllowed
from tornado.web import Application, HTTPError, RequestHandler

from .pages import Route
from .request_log import DiscreetApplication


class Gated(HubOAuthenticated):
    """Put before a handler class, it lets in only those whom the Hub lets in.

    Who has no login is sent to get one from a *page*, and gets an error elsewhere.
    """

    page = False

    async def prepare(self) -> None:
        """Ask the Hub who this is, and raise for who may not go on."""
        handler: Any = self
        try:
            allowed = await self.visitor()
        except UserNotAllowed as error:
            who = error.model["name"]
            raise HTTPError(403, f"{who} lacks the scope access:services!service=NAME") from None
        except HTTPError as error:
            reason = f"the Hub does not say who asks: {error.log_message}"
            raise HTTPError(503, reason) from None
        if allowed is None:
            self._send_to_login()
            return
        handler.current_user = allowed
        prepared: Awaitable[None] | None = super().prepare()
        if prepared is not None:
            await prepared

    async def visitor(self) -> dict[str, Any] | None:
        """Return the Hub's model of who asks, None of nobody.

        Raises `UserNotAllowed`, or `HTTPError` when the Hub does not answer.
        """
        headers = self.request.headers
        if self.hub_auth.get_token(self) is None and (token := password(headers)):
            headers["Authorization"] = f"token {token}"
        model: dict[str, Any] | None = await self.hub_auth.get_user(self, sync=False)
        return self.check_hub_user(model) if model else None

    def _send_to_login(self) -> None:
        handler: Any = self
        if self.page and handler.request.method in ("GET", "HEAD"):
            handler.redirect(self.get_login_url())
        else:
            handler.set_header("WWW-Authenticate", "Bearer")
            raise HTTPError(401, "no token, or one that the Hub does not know")


def password(headers: Mapping[str, str]) -> str | None:
    """Return the password of HTTP's Basic authentication, None where there is none."""
    scheme, _, encoded = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(encoded, validate=True).decode("ascii")
    except ValueError:
        return None
    found = pair.partition(":")[2]
    return found if re.fullmatch(r"\S+", found) else None


def gated(routes: list[Route], *, page: bool = False) -> list[Route]:
    """Return *routes* with the gate before each handler."""
    return [
        (pattern, _behind_gate(handler, page=page), *more) for pattern, handler, *more in routes
    ]


def _behind_gate(handler: type[RequestHandler], *, page: bool) -> type[RequestHandler]:
    return type(handler.__name__, (Gated, handler), {"page": page})


def callback_route(prefix: str) -> Route:
    """Return where the Hub sends people back to after their login."""
    return (f"{prefix}oauth_callback", HubOAuthCallbackHandler)


def cookie_secret(token: str) -> bytes:
    """Return what signs our cookies: the same after our restarts, another one with each token."""
    return hashlib.sha256(b"jupyterhub-monitoring cookies:" + token.encode()).digest()


def application(routes: list[Route], token: str, **settings: Any) -> Application:
    """Return the application of a service whose Hub gave it *token*."""
    return DiscreetApplication(routes, cookie_secret=cookie_secret(token), **settings)
