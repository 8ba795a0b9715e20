"""What becomes of a request that was not taken."""

from __future__ import annotations

import pytest

from jupyterhub_monitoring.errors import DeliveryFailed
from jupyterhub_monitoring.remote_write.verdict import Fate, verdict

OUT_OF_ORDER = DeliveryFailed("answered 400: out of order sample", retry=False, status=400)


@pytest.mark.parametrize("attempt", [1, 2, 3, 7, 100_000])
def test_waits_grow_to_a_minute(attempt: int):
    """A receiver that is down for days is asked once a minute."""
    judged = verdict(DeliveryFailed("refused"), attempt, again=False)
    assert judged.fate is Fate.AGAIN
    assert judged.wait_seconds == min(2.0 ** min(attempt - 1, 10), 60.0)


def test_a_receiver_says_when():
    """`Retry-After` counts where it is longer."""
    busy = DeliveryFailed("429", status=429, wait_seconds=300.0)
    assert verdict(busy, 1, again=False).wait_seconds == 300.0


@pytest.mark.parametrize(
    ("failure", "again", "fate"),
    [
        (OUT_OF_ORDER, False, Fate.DROP),
        (OUT_OF_ORDER, True, Fate.THERE),
        (DeliveryFailed("bad labels", retry=False, status=400), True, Fate.DROP),
        (DeliveryFailed("out of bounds", retry=False, status=400), True, Fate.DROP),
        (DeliveryFailed("who are you", retry=False, status=401), False, Fate.AGAIN),
        (DeliveryFailed("moved", retry=False, status=301), False, Fate.AGAIN),
        (DeliveryFailed("too large", retry=False, status=413), False, Fate.DROP),
        (DeliveryFailed("the address is wrong", retry=False), False, Fate.AGAIN),
        (DeliveryFailed("later", status=503), False, Fate.AGAIN),
    ],
    ids=str,
)
def test_fates(failure: DeliveryFailed, again: bool, fate: Fate):
    """Only what speaks of the samples themselves gives them up."""
    assert verdict(failure, 1, again=again).fate is fate
