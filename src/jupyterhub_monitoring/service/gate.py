"""Who gets in: people by OAuth through the Hub, machines by a token of the Hub.

What it takes is said for each handler by `Needs`, and decided in `visitor.py`. Programs that can
only send a name and a password (HTTP's Basic authentication) give the token as the password; the
name is not looked at. The Hub is asked without holding up the loop, and its answer holds for five
minutes, as JupyterHub's library does it.

Who comes with a cookie and wants more than to look at a page (POST, or what a script fetches) has
to bring the page's `xsrf_token`: as `_xsrf` in a form, or in the header `X-XSRFToken`. JupyterHub's
library asks for it before it believes the cookie. A token in the header is enough by itself.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Mapping
from typing import Any, ClassVar, NoReturn

from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated
from tornado.web import Application, HTTPError, RequestHandler

from ..usage.viewer import NOBODY, Viewer
from .listed_users import ListedUsers
from .request_log import DiscreetApplication
from .route import Route
from .visitor import Needs, Visitor

LISTED_USERS = "listed_users"
"""The application's setting that holds what asks whom the Hub lists; without it, nobody."""


class Gated(HubOAuthenticated):
    """Put before a handler class, it lets in only who has what the handler *needs*.

    From its `prepare` on, the handler's `viewer` says whose numbers it may show. Who has no login
    is sent to get one from a *page_like* handler, and gets an error from others.
    """

    needs: ClassVar[Needs] = Needs.FULL
    page_like: ClassVar[bool] = False
    viewer: Viewer = NOBODY

    _forgery: str | None = None

    async def prepare(self) -> None:
        """Ask the Hub who this is. Raises HTTPError for who may not go on."""
        handler: Any = self
        visitor = await self.visitor()
        if visitor is None:
            self.turn_away()
            return
        handler.current_user = visitor.name
        if reason := visitor.why_not(self.needs):
            raise HTTPError(403, reason)
        self.viewer = await self._viewer_of(visitor)
        prepared: Awaitable[None] | None = super().prepare()
        if prepared is not None:
            await prepared

    async def visitor(self) -> Visitor | None:
        """Return who asks, None of nobody. HTTPError 503 when the Hub does not say."""
        headers = self.request.headers
        if self.hub_auth.get_token(self) is None and (token := password(headers)):
            headers["Authorization"] = f"token {token}"
        try:
            model: dict[str, Any] | None = await self.hub_auth.get_user(self, sync=False)
        except HTTPError as error:
            reason = f"the Hub does not say who asks: {error.log_message}"
            raise HTTPError(503, reason) from None
        if not model:
            return None
        return Visitor.of(model, self.hub_auth.access_scopes, by_cookie=not self._by_token)

    async def _viewer_of(self, visitor: Visitor) -> Viewer:
        name = visitor.name if visitor.is_user else None
        listed: ListedUsers | None = self.settings.get(LISTED_USERS)
        if listed is None or self.needs is Needs.FULL or not visitor.lists_others:
            return Viewer(name, visitor.full)
        # With a wrong token in the header and a good one in a cookie, it is the cookie's.
        auth = self.hub_auth
        token = auth.get_token(self) if self._by_token else auth._get_token_cookie(self)
        return Viewer(name, visitor.full, await listed.to(token) - {visitor.name})

    @property
    def _by_token(self) -> bool:
        """Whether it was the token in the header that the Hub knew, and not one in a cookie."""
        return getattr(self, "_token_authenticated", False)

    # --- Nobody ------------------------------------------------------------------------------

    def turn_away(self) -> None:
        """Send to the login, or raise HTTPError, who is nobody that the Hub knows."""
        handler: Any = self
        if self._forgery:
            raise HTTPError(403, f"{self._forgery}: load the page again, and send it from there")
        if self.page_like and handler.request.method in ("GET", "HEAD"):
            handler.redirect(self.get_login_url())
        else:
            self.refuse_nobody()

    def refuse_nobody(self) -> NoReturn:
        """Raise HTTPError 401."""
        handler: Any = self
        handler.set_header("WWW-Authenticate", "Bearer")
        raise HTTPError(401, "no token, or one that the Hub does not know")

    def check_xsrf_cookie(self) -> None:
        """Raise HTTPError 403 if a request that a cookie vouches for may be another site's."""
        try:
            super().check_xsrf_cookie()
        except HTTPError as error:
            self._forgery = error.log_message
            raise

    def get_current_user(self) -> None:
        """Return nobody: the library would hold up the loop to ask; `prepare` has asked."""


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


def gated(routes: list[Route], *, needs: Needs, page: bool = False) -> list[Route]:
    """Return *routes* with the gate before each handler; a *page* sends nobodies to the login."""
    return [
        (pattern, _behind_gate(handler, needs, page=page), *more)
        for pattern, handler, *more in routes
    ]


def _behind_gate(
    handler: type[RequestHandler], needs: Needs, *, page: bool
) -> type[RequestHandler]:
    return type(handler.__name__, (Gated, handler), {"needs": needs, "page_like": page})


def callback_route(prefix: str) -> Route:
    """Return where the Hub sends people back to after their login."""
    return (f"{prefix}oauth_callback", HubOAuthCallbackHandler)


def cookie_secret(token: str) -> bytes:
    """Return what signs our cookies: the same after our restarts, another one with each token."""
    return hashlib.sha256(b"jupyterhub-monitoring cookies:" + token.encode()).digest()


def application(routes: list[Route], token: str, **settings: Any) -> Application:
    """Return the application of a service whose Hub gave it *token*."""
    return DiscreetApplication(routes, cookie_secret=cookie_secret(token), **settings)
