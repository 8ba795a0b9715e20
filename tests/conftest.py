"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.real_hub import RealHub

pytest_plugins = ["support.peers"]


@pytest.fixture
def make_hub(tmp_path: Path) -> Iterator[Callable[..., RealHub]]:
    """Make Hubs that end with the test: `make_hub(config="…").start()`."""
    made: list[RealHub] = []

    def make(**kwargs: Any) -> RealHub:
        hub = RealHub(tmp_path / f"hub{len(made)}", **kwargs)
        made.append(hub)
        return hub

    yield make
    for hub in made:
        hub.kill()


@pytest.fixture(scope="module")
def module_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RealHub]]:
    """Make Hubs that end with the module."""
    made: list[RealHub] = []

    def make(**kwargs: Any) -> RealHub:
        hub = RealHub(tmp_path_factory.mktemp("hub"), **kwargs)
        made.append(hub)
        return hub

    yield make
    for hub in made:
        hub.kill()
