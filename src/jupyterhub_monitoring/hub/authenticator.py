"""The page's `MetricsAuthenticator`, and the mixin that `monitored(SomeAuthenticator)` puts on."""

from __future__ import annotations

from typing import Any

from jupyterhub.auth import PAMAuthenticator

from ..metrics import catalogue as m
from ..metrics.declare import register_all
from ..metrics.labels import Point
from .guard import guarded
from .original import mark, original_name


class AuthenticatorMixin:
    """Goes before an Authenticator class and counts the logins that it lets in.

    In a Hub with `setup(c)` it does nothing: there every attempt of every authenticator is
    counted where it ends (`logins.py`).
    """

    async def get_authenticated_user(self, handler: Any, data: Any) -> Any:
        """Authenticate and authorize; see the base class."""
        authenticated = await super().get_authenticated_user(handler, data)  # type: ignore[misc]
        if authenticated and "monitoring" not in getattr(handler, "settings", {}):
            _let_in(self, authenticated)
        return authenticated


@guarded(Point.LOGIN)
def _let_in(authenticator: Any, authenticated: dict[str, Any]) -> None:
    register_all()
    m.LOGIN_SUCCESS.inc()
    m.USER_LOGIN_COUNTER.labels(authenticated["name"], original_name(authenticator)).inc()


class MetricsAuthenticator(AuthenticatorMixin, PAMAuthenticator):
    """PAMAuthenticator, watched. For any other class: `monitored(SomeAuthenticator)`."""


mark(MetricsAuthenticator, PAMAuthenticator)
