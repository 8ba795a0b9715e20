"""Every login attempt, by its outcome: who got in, who did not, and whose login broke."""

from __future__ import annotations

from typing import Any

from tornado.web import Finish, HTTPError

from ..metrics import catalogue as m
from ..metrics.custom import record_custom_event
from ..metrics.labels import LoginOutcome, Point
from .events import EventLog
from .guard import guarded
from .original import original_name


class Logins:
    """Counts what `BaseHandler.login_user` came to. MultiAuthenticator's parts count as such."""

    def __init__(self, events: EventLog) -> None:
        self._events = events

    @guarded(Point.ATTACH)
    def expect(self, authenticator: Any) -> None:
        """Make the series of *authenticator* exist from 0; MultiAuthenticator stands for parts."""
        for part in getattr(authenticator, "_authenticators", None) or [authenticator]:
            m.LOGIN_ATTEMPTS.touch(authenticator=original_name(part))

    @guarded(Point.LOGIN)
    def returned(self, handler: Any, user: Any, data: Any) -> None:
        """`login_user` gave a user, or None for a login that was denied."""
        authenticator = original_name(handler.authenticator)
        if user is None:
            self._count(LoginOutcome.DENIED, authenticator, _typed_name(data))
            return
        self._count(LoginOutcome.SUCCESS, authenticator, user.name)
        m.USER_LOGIN_COUNTER.labels(user.name, authenticator).inc()
        record_custom_event("user_login", user.name)

    @guarded(Point.LOGIN)
    def raised(self, handler: Any, error: Exception, data: Any) -> None:
        """`login_user` raised. A 4xx says no on purpose; anything else is a fault."""
        if isinstance(error, Finish):
            return  # the authenticator answered by itself, with a redirect: nobody tried yet
        said_no = isinstance(error, HTTPError) and error.status_code < 500
        outcome = LoginOutcome.DENIED if said_no else LoginOutcome.ERROR
        self._count(outcome, original_name(handler.authenticator), _typed_name(data))

    def _count(self, outcome: LoginOutcome, authenticator: str, username: str) -> None:
        (m.LOGIN_SUCCESS if outcome is LoginOutcome.SUCCESS else m.LOGIN_FAILURE).inc()
        m.LOGIN_ATTEMPTS.labels(authenticator, outcome.value).inc()
        self._events.emit("login", username, outcome=outcome.value, authenticator=authenticator)

    @guarded(Point.LOGOUT)
    def logged_out(self, name: str) -> None:
        """A user logged out."""
        self._events.emit("logout", name)


def _typed_name(data: Any) -> str:
    """Return the name that was typed: it may be a password in the wrong field, so cut it short."""
    name = data.get("username") if isinstance(data, dict) else None
    return name[:32] if isinstance(name, str) else ""
