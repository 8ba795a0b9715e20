"""An API that has too much to do is left alone, for longer each time, and not for ever."""

from jupyterhub_monitoring.usage.kubernetes_api import ApiFailure
from jupyterhub_monitoring.usage.kubernetes_backoff import FIRST_SECONDS, BackOff
from jupyterhub_monitoring.usage.model import GapReason


def test_waiting_doubles_and_ends_with_success():
    """Ten seconds, twenty … five minutes; an answer forgets it."""
    back_off, now, waits = BackOff(), 0.0, []
    for _ in range(7):
        back_off.failed(ApiFailure(GapReason.UNREACHABLE, "HTTP status 500", 500), now)
        begun = now
        while back_off.gap(now) is not None:
            now += 5.0
        waits.append(now - begun)
    assert waits == [10, 20, 40, 80, 160, 300, 300]
    back_off.succeeded()
    back_off.failed(ApiFailure(GapReason.UNREACHABLE, "HTTP status 500", 500), now)
    assert back_off.gap(now + FIRST_SECONDS) is None


def test_a_time_to_wait_has_a_limit():
    """An API that asks for a day is asked again after five minutes."""
    back_off = BackOff()
    back_off.failed(ApiFailure(GapReason.UNREACHABLE, "", 429, retry_after=86400), 0.0)
    assert back_off.gap(299) is not None
    assert back_off.gap(300) is None
