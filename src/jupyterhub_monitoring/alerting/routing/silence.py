"""Silences: which alerts somebody does not want to be told of, from when to when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol
from uuid import uuid4

from ...errors import BadData, UnknownSilence
from ..alert import Alert, Millis
from .matcher import Matchers
from .silence_index import SilenceIndex

RETENTION_MS = 120 * 3600 * 1000
"""How long a silence is shown after its end."""


class SilenceState(str, Enum):
    """Life of a silence; the values are those of Alertmanager's API."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Silence:
    """Alerts that satisfy all *matchers* are not told of from *starts_at* until *ends_at*."""

    matchers: Matchers
    starts_at: Millis  # 0 in a wish: now
    ends_at: Millis
    created_by: str = ""
    comment: str = ""
    id: str = ""  # empty in a wish for a new one
    updated_at: Millis = 0

    def state(self, now: Millis) -> SilenceState:
        """Return where in its life it is at *now*."""
        if now < self.starts_at:
            return SilenceState.PENDING
        return SilenceState.ACTIVE if now < self.ends_at else SilenceState.EXPIRED

    @property
    def size_bytes(self) -> int:
        """About how much it takes, in memory and on disk."""
        texts = [self.created_by, self.comment, *map(str, self.matchers)]
        return 64 + sum(len(text.encode()) for text in texts)


class SilenceKeeper(Protocol):
    """Where silences outlive the process."""

    def keep(self, silences: Sequence[Silence], forget: Sequence[str] = ()) -> None:
        """Write *silences* by their ids, drop those with the ids *forget*: all or nothing.

        Durable when it returns; raises where it is not, and then nothing has changed.
        """


class _Forgetful:
    """Keeps nothing: for silences that need not outlive the process."""

    def keep(self, silences: Sequence[Silence], forget: Sequence[str] = ()) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """How many silences there may be, and how large."""

    count: int = 10_000  # those that are over but still shown included
    size_bytes: int = 32 * 1024
    remembered_alerts: int = 50_000  # alerts for which is known which silences match


class Silences:
    """All silences: the rules of changing them, and which of them match an alert.

    A change is kept by the keeper before it is in force.
    """

    def __init__(
        self,
        kept: Iterable[Silence] = (),
        keeper: SilenceKeeper | None = None,
        limits: SilenceLimits | None = None,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._silences = {silence.id: silence for silence in kept}
        self._keeper: SilenceKeeper = keeper or _Forgetful()
        self._limits = limits or SilenceLimits()
        self._new_id = new_id
        self._index = SilenceIndex(self._limits.remembered_alerts)
        self._rebuild_index()

    def all(self) -> list[Silence]:
        """Return every silence, over or not, as they came."""
        return list(self._silences.values())

    def get(self, id_: str) -> Silence:
        """Return one silence. Raises `UnknownSilence`."""
        try:
            return self._silences[id_]
        except KeyError:
            raise UnknownSilence(id_) from None

    def put(self, wish: Silence, now: Millis) -> Silence:
        """Make the silence that *wish* describes, or change the one with its id; return it.

        A change that would rewrite history (other matchers, another start of an active one)
        ends the old silence and makes a new one with another id; so does a change of one that
        is over. Raises `BadData` for a wish that cannot be, `UnknownSilence` for an id that is
        not there; then nothing has changed.
        """
        wish = replace(wish, starts_at=wish.starts_at or now, updated_at=now)
        _check(wish, now, self._limits)
        old = self.get(wish.id) if wish.id else None
        if old is not None and _may_change(old, wish, now):
            self._keep(wish)
            return wish
        if len(self._silences) >= self._limits.count:
            raise BadData(f"there are {self._limits.count:,} silences; no more are kept")
        new = replace(wish, id=self._new_id(), starts_at=max(wish.starts_at, now))
        self._keep(*([] if old is None else _ended(old, now)), new)
        return new

    def expire(self, id_: str, now: Millis) -> Silence:
        """End a silence now, one that is over stays as it was. Raises `UnknownSilence`."""
        silence = self.get(id_)
        for ended in _ended(silence, now):
            self._keep(ended)
        return self.get(id_)

    def forget(self, now: Millis, retention_ms: Millis = RETENTION_MS) -> int:
        """Drop those that ended longer than *retention_ms* ago; return how many."""
        over = [s.id for s in self._silences.values() if s.ends_at + retention_ms <= now]
        if over:
            self._keeper.keep((), forget=over)
            for id_ in over:
                del self._silences[id_]
            self._rebuild_index()
        return len(over)

    def matching(self, alert: Alert, now: Millis) -> list[Silence]:
        """Return the silences for *alert* that are active or will be."""
        matching = (self._silences[id_] for id_ in self._index.ids(alert))
        return [silence for silence in matching if now < silence.ends_at]

    def silenced_by(self, alert: Alert, now: Millis) -> tuple[str, ...]:
        """Return the ids of the silences that are active for *alert*, sorted."""
        return tuple(sorted(s.id for s in self.matching(alert, now) if s.starts_at <= now))

    def _rebuild_index(self) -> None:
        self._index.rebuild((s.id, s.matchers) for s in self._silences.values())

    def _keep(self, *silences: Silence) -> None:
        self._keeper.keep(silences)
        for silence in silences:
            if silence.id not in self._silences:
                self._index.add(silence.id, silence.matchers)
            self._silences[silence.id] = silence


def _check(wish: Silence, now: Millis, limits: SilenceLimits) -> None:
    if not wish.matchers:
        raise BadData("invalid silence: at least one matcher required")
    if not all(matcher.name for matcher in wish.matchers):
        raise BadData('invalid silence: invalid label name ""')
    if all(matcher.matches_empty for matcher in wish.matchers):
        raise BadData("invalid silence: at least one matcher must not match the empty string")
    if wish.ends_at <= now:
        raise BadData("invalid silence: end time can't be in the past")
    if wish.ends_at <= wish.starts_at:
        raise BadData("invalid silence: start time must be before end time")
    if wish.size_bytes > limits.size_bytes:
        raise BadData(
            f"silence exceeded maximum size: {wish.size_bytes:,} bytes"
            f" (limit: {limits.size_bytes:,} bytes)"
        )


def _may_change(old: Silence, wish: Silence, now: Millis) -> bool:
    """Say whether *old* may become *wish* without a change of what was silenced until now."""
    if old.matchers != wish.matchers:
        return False
    state = old.state(now)
    if state is SilenceState.ACTIVE:  # clients send whole seconds back
        return old.starts_at // 1000 == wish.starts_at // 1000
    return state is SilenceState.PENDING and wish.starts_at >= now


def _ended(silence: Silence, now: Millis) -> list[Silence]:
    """Return *silence* as it is once it was ended at *now*; nothing where it was over."""
    if silence.state(now) is SilenceState.EXPIRED:
        return []
    starts_at = min(silence.starts_at, now)
    return [replace(silence, starts_at=starts_at, ends_at=now, updated_at=now)]
