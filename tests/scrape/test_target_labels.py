"""Which labels a target's series are kept under."""

from __future__ import annotations

import pytest

from jupyterhub_monitoring.scrape.target import Target
from jupyterhub_monitoring.scrape.target_labels import TargetLabels

CASES = {
    "no conflict": (False, {"a": "1"}, {"a": "1", "job": "j", "instance": "i", "env": "e"}),
    "ours win": (
        False,
        {"instance": "x"},
        {"exported_instance": "x", "job": "j", "instance": "i", "env": "e"},
    ),
    "twice exported": (
        False,
        {"job": "x", "exported_job": "y"},
        {
            "exported_exported_job": "x",
            "exported_job": "y",
            "job": "j",
            "instance": "i",
            "env": "e",
        },
    ),
    "an empty one gives way": (False, {"job": ""}, {"job": "j", "instance": "i", "env": "e"}),
    "theirs win": (True, {"instance": "x"}, {"instance": "x", "job": "j", "env": "e"}),
    "theirs empty": (True, {"instance": ""}, {"job": "j", "env": "e"}),
    "empty is absent": (False, {"a": ""}, {"job": "j", "instance": "i", "env": "e"}),
}


@pytest.mark.parametrize(("honor", "written", "kept"), CASES.values(), ids=CASES)
def test_conflicts(honor, written, kept):
    """A target's own labels and those that it writes come together as in Prometheus."""
    target = Target("http://x/", "j", "i", {"env": "e"}, honor_labels=honor)
    labels = TargetLabels(target).of("m", tuple(written.items()))
    assert dict(labels) == kept | {"__name__": "m"}
    assert list(labels) == sorted(labels)


def test_instance_is_the_address():
    """A target that is not told otherwise has its host and port as instance."""
    assert (
        Target("https://hub.example.org:8443/hub/metrics", "j").instance == "hub.example.org:8443"
    )
