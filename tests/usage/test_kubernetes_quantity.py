"""Quantities mean what Kubernetes means by them."""

import pytest

from jupyterhub_monitoring.usage.kubernetes_quantity import quantity

MEANS = {
    "0": 0,
    "2": 2,
    "0.5": 0.5,
    ".5": 0.5,
    "1.": 1,
    "+3": 3,
    "-1": -1,
    "250m": 0.25,
    "1500n": 1.5e-6,
    "12u": 12e-6,
    "1k": 1e3,
    "1K": None,
    "1Ki": 1024,
    "128Mi": 128 * 2**20,
    "1.5Gi": 1.5 * 2**30,
    "1G": 1e9,
    "2T": 2e12,
    "1Pi": 2**50,
    "1P": 1e15,
    "1E": 1e18,
    "1Ei": 2**60,
    "1e3": 1e3,
    "1E3": 1e3,
    "12e-1": 1.2,
    "129e6": 129e6,
    "": None,
    "m": None,
    "1 Gi": None,
    "1gi": None,
    "1Gib": None,
    "1e": None,
    "1e9999": None,
    "nan": None,
    "inf": None,
    "٣": None,
    "1\n": None,
}


@pytest.mark.parametrize(("text", "meant"), MEANS.items(), ids=map(repr, MEANS))
def test_a_quantity_is_read_exactly(text, meant):
    """Cores and bytes are what `kubectl` shows; what is no quantity is no number."""
    if meant is None:
        with pytest.raises(ValueError, match="no quantity"):
            quantity(text)
    else:
        assert quantity(text) == meant
