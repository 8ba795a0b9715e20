"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from support.real_hub import RealHub

pytest_plugins = ["support.peers"]

# The same examples each time, however long they take on a busy machine; to look for new ones,
# `--hypothesis-profile=explore`.
_PATIENT: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("suite", derandomize=True, database=None, **_PATIENT)
settings.register_profile("explore", print_blob=True, **_PATIENT)
settings.load_profile("suite")


STARTERS = {"RealHub", "ServiceHub", "Demo", "WarmCommands"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put modules that start programs first: where several run at once, none is left for last."""
    items.sort(key=lambda item: STARTERS.isdisjoint(vars(getattr(item, "module", item))))


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Give one Chromium for the module's tests, none of which may be async (support/browser.py)."""
    from support.browser import Chromium  # noqa: PLC0415 -- Playwright is slow to import

    with Chromium() as opened:
        yield opened
