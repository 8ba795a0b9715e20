"""The commands, run as an operator runs them, on folders of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyterhub_monitoring.cli import main


class Commands:
    """Runs `jupyterhub-monitoring` in this process; keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> int:
        status = main([str(argument) for argument in arguments])
        self.printed = self._capsys.readouterr()
        return status

    def export(self, folder: Path, *arguments: object) -> str:
        assert self("export", "--data-dir", folder, *arguments) == 0, self.printed.err
        return self.printed.out


@pytest.fixture
def commands(capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(capsys)
