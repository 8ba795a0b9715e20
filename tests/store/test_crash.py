"""kill -9 while the store writes, seals, drops and imports."""

from pathlib import Path

from support.crash_trials import Trials


def test_nothing_that_was_acknowledged_is_lost(tmp_path: Path):
    """Whatever moment a kill -9 hits: every acknowledged round is there, whole, once."""
    trials = Trials(tmp_path)
    for seed in range(8):
        trials.run(seed)
    assert trials.problems == []
    assert len(trials.acknowledged["row"]) > 100
    assert trials.acknowledged["import"]
