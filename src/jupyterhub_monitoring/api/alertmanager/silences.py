"""`/api/v2/silences` and `/api/v2/silence/ID`: what nobody wants to be told of."""

from __future__ import annotations

from typing import Any

from ...alerting.routing.matcher import Matchers
from ...alerting.routing.matcher_parser import parse_matcher
from ...alerting.routing.silence import Silence, SilenceState
from .documents import silence_document, silence_of
from .handler import GET_AND_DELETE, GET_AND_POST, AlertmanagerHandler

_STATES = (SilenceState.ACTIVE, SilenceState.PENDING, SilenceState.EXPIRED)


class SilenceList(AlertmanagerHandler):
    """`/api/v2/silences`."""

    endpoint = "/alertmanager/api/v2/silences"
    SUPPORTED_METHODS = GET_AND_POST

    async def show(self, *_args: str) -> None:
        """Answer with silences: active, pending, expired; those that end or begin next first."""
        filters = tuple(parse_matcher(text) for text in self.parameters.all("filter"))
        states = {state for state in SilenceState if self.flag(state.value)}
        notifier = self.notifier

        def documents() -> list[object]:
            now = notifier.now()
            shown = [
                silence
                for silence in notifier.silences()
                if silence.state(now) in states and _has_all(silence.matchers, filters)
            ]
            return [silence_document(s, now) for s in sorted(shown, key=lambda s: _order(s, now))]

        await self.give(documents)

    async def take(self, body: Any) -> None:
        """Make a silence, or change the one whose id is in *body*."""
        wish, notifier = silence_of(body), self.notifier
        await self.give(lambda: {"silenceID": notifier.put_silence(wish).id})


class OneSilence(AlertmanagerHandler):
    """`/api/v2/silence/ID`."""

    endpoint = "/alertmanager/api/v2/silence/:id"
    SUPPORTED_METHODS = GET_AND_DELETE

    async def show(self, *args: str) -> None:
        """Answer with one silence."""
        notifier = self.notifier
        await self.give(lambda: silence_document(notifier.silence(args[0]), notifier.now()))

    async def drop(self, *args: str) -> None:
        """End a silence; it is shown for some days more."""
        notifier = self.notifier
        await notifier.in_thread(lambda: notifier.expire_silence(args[0]))
        self.finish()


def _has_all(matchers: Matchers, filters: Matchers) -> bool:
    """Say whether a silence has each of these conditions, word by word."""
    return set(filters) <= set(matchers)


def _order(silence: Silence, now: int) -> tuple[int, int]:
    state = silence.state(now)
    at = silence.starts_at if state is SilenceState.PENDING else silence.ends_at
    return _STATES.index(state), -at if state is SilenceState.EXPIRED else at
