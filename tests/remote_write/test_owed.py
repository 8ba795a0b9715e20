"""What a receiver is owed: nothing is left out, nothing is there twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterhub_monitoring.remote_write import owed as module
from jupyterhub_monitoring.remote_write.owed import Owed, Slice, StreamOwed
from jupyterhub_monitoring.remote_write.owed_file import WrongFile, load, save

A = ("hub", "a")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["row", "row", "row", "send"]), st.integers(0, 40))))
def test_each_row_goes_out_once(steps: list[tuple[str, int]]):
    """In whichever order rows come and go out, each is sent once; none that was sent is owed."""
    owed, there, sent = Owed(0), [], []
    for step, at in steps:
        if step == "row":
            owed.stream(A).note(at, at)
            there.append(at)
        else:
            rows = [r for s in owed.send(at) for r in set(there) if s.start_ms <= r <= s.end_ms]
            assert len(rows) == len(set(rows))
            sent += rows
            # what is read is all that is there at these times, so a late row was sent with it
            assert set(rows) <= set(there)
            owed.sending = []
    rest = [r for s in owed.within(0, 100) for r in set(there) if s.start_ms <= r <= s.end_ms]
    assert set(sent) | set(rest) == set(there)
    late = len(there) - len(set(there))
    assert len(sent) + len(rest) - len(set(there)) <= late


def test_rows_of_an_outage_are_one_span():
    """A receiver that is down for a month is owed one pair of numbers."""
    stream = StreamOwed()
    for at in range(1000, 90_000, 15):
        stream.note(at, at)
    assert stream.spans == [(1000, 89_995)]


def test_what_is_owed_is_bounded(monkeypatch: pytest.MonkeyPatch):
    """A clock that went back makes many spans; the nearest become one, and all stay covered."""
    monkeypatch.setattr(module, "MOST_SPANS", 10)
    stream = StreamOwed()
    stream.note(10_000, 10_000)
    stream.take(10_000)
    rows = [n * n for n in range(1, 50)]
    for row in rows:
        stream.note(row, row)
    assert len(stream.spans) == 10
    assert all(any(start <= row <= end for start, end in stream.spans) for row in rows)


def test_the_file_comes_back(tmp_path: Path):
    """What is written is read as it was, for its user only; a file that is cut off is told."""
    owed = Owed(5, 17, {A: StreamOwed(90, [(1, 2), (80, 90)])}, [Slice(A, 3, 4)])
    path = tmp_path / "remote-write" / "x.json"
    assert load(path) is None
    save(owed, path)
    assert load(path) == owed
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(WrongFile, match="damaged"):
        load(path)
