"""A test that needs a real program is never skipped in silence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

SUITE = """
import pytest
from support import peers

peers.PROGRAMS["abacus"] = ("abacus-that-nobody-has",)
peers.PROGRAMS["python"] = ("python3",)

@pytest.mark.peer("abacus")
def test_missing(): pass

@pytest.mark.peer("python")
def test_there(): peers.find("python")

def test_without(): pass
"""


def suite(folder: Path, *arguments: str) -> tuple[int, str]:
    (folder / "conftest.py").write_text('pytest_plugins = ["support.peers"]\n')
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = peer(name): x\n")
    (folder / "test_it.py").write_text(SUITE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_missing_program_is_a_failure(tmp_path: Path):
    """The test fails and says what to do; one whose program is there runs."""
    status, said = suite(tmp_path)
    assert status == 1
    assert "2 passed, 1 error" in said
    assert "abacus-that-nobody-has is missing: run scripts/test" in said


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["one process", "two workers"])
def test_left_out_tests_are_counted(tmp_path: Path, workers: list[str]):
    """With --no-peers the rest passes, and the end says how many were left out."""
    status, said = suite(tmp_path, "--no-peers", *workers)
    assert status == 0
    assert "1 passed" in said
    assert "1 tests that need abacus" in said


@pytest.mark.parametrize("name", ["prometheus", "promtool", "postgresql", "chromium", "axe"])
def test_known_peers(name: str):
    """The names that tests may use are these."""
    from support import peers  # noqa: PLC0415

    assert name in peers.PROGRAMS
