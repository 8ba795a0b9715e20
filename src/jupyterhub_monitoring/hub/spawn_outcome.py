"""What became of a spawn: a pure decision from where it was and what was raised."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum

from jupyterhub import spawner as jupyterhub_spawner
from jupyterhub.utils import AnyTimeoutError
from sqlalchemy.exc import SQLAlchemyError
from tornado.web import HTTPError

from ..metrics.labels import ErrorType, RefusalReason, SpawnPhase

# JupyterHub 6 has it; on 5 nothing can raise it.
SpawnException: type[Exception] = getattr(jupyterhub_spawner, "SpawnException", HTTPError)


class Verdict(str, Enum):
    """The three ways in which a spawn ends."""

    SUCCESS = "success"
    FAILURE = "failure"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict and its reason: an error type, a reason of refusal, or '' for success."""

    verdict: Verdict
    reason: str = ""


SUCCESS = Outcome(Verdict.SUCCESS)


def outcome_of(  # noqa: PLR0911 -- a table, a row a line
    error: BaseException | None,
    phase: SpawnPhase,
    *,
    had_exited: bool = False,
    route_failed: bool = False,
) -> Outcome:
    """Decide what *error*, raised in *phase*, means; None is success.

    *had_exited*: the server's process was gone when the Hub gave up on it. *route_failed*: the
    proxy refused the route, which the Hub itself does not count as a failure.
    """
    if isinstance(error, asyncio.CancelledError):
        return _failure(ErrorType.CANCELLED)
    if route_failed:
        return _failure(ErrorType.PROXY)
    if error is None:
        return SUCCESS
    if is_refusal(error):
        return Outcome(Verdict.REFUSED, RefusalReason.POLICY.value)
    if phase is SpawnPhase.PREPARE and not isinstance(error, SQLAlchemyError):
        return _failure(ErrorType.HOOK)
    if phase is SpawnPhase.CONNECT and had_exited:
        return _failure(ErrorType.EXITED)
    if isinstance(error, AnyTimeoutError):
        late = phase is SpawnPhase.CONNECT
        return _failure(ErrorType.HTTP_TIMEOUT if late else ErrorType.TIMEOUT)
    return Outcome(Verdict.FAILURE, type(error).__name__)


def is_refusal(error: BaseException) -> bool:
    """Tell whether *error* says no on purpose: a SpawnException, or any other 4xx."""
    if isinstance(error, SpawnException) and SpawnException is not HTTPError:
        return True
    return isinstance(error, HTTPError) and 400 <= error.status_code < 500


def refusal_of(error: BaseException) -> RefusalReason | None:
    """Say why the Hub did not even begin a spawn; None when *error* is no refusal.

    JupyterHub gives both of its limits the status 429, and only the one that tells when to come
    back has headers.
    """
    if isinstance(error, HTTPError) and error.status_code == 429:
        throttled = "Retry-After" in (getattr(error, "headers", None) or {})
        return RefusalReason.THROTTLED if throttled else RefusalReason.TOO_MANY_USERS
    if isinstance(error, RuntimeError) and " pending " in str(error):
        return RefusalReason.ALREADY_PENDING
    return RefusalReason.POLICY if is_refusal(error) else None


def _failure(kind: ErrorType) -> Outcome:
    return Outcome(Verdict.FAILURE, kind.value)
