"""Real programs beside Python's packages that tests need: found, or the test fails.

A pytest plugin (see `pytest_plugins` in tests/conftest.py). A test that needs a program says so,
`@pytest.mark.peer("prometheus")`, and fails where it is missing: a suite that skips in silence
proves nothing. `--no-peers` leaves all such tests out and ends with a count of them.
"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

# The programs of each peer, the one that `find` returns first.
PROGRAMS = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "alertmanager": ("prometheus-alertmanager", "amtool"),
    "amtool": ("amtool",),
    "victoria-metrics": ("victoria-metrics",),
    "postgresql": ("postgres", "initdb", "pg_ctl", "psql"),
    "chromium": ("chromium",),
    "axe": ("axe.min.js",),
}

# Beside PATH: what scripts/test unpacked here from packages of Debian and npm, and where Debian
# keeps its PostgreSQL servers.
FOLDERS = (
    (ROOT / ".peers", "*/usr/bin"),
    (ROOT / ".peers", "*/package"),
    (Path("/usr/lib/postgresql"), "*/bin"),
)

left_out: pytest.StashKey[Counter[str]] = pytest.StashKey()


def find(name: str) -> Path:
    """Return the path of the peer or program *name*; FileNotFoundError says what to do."""
    for program in PROGRAMS.get(name, (name,)):
        if not _which(program):
            raise FileNotFoundError(
                f"{program} is missing: run scripts/test, which provides it,"
                " or leave such tests out with --no-peers"
            )
    found = _which(PROGRAMS.get(name, (name,))[0])
    assert found is not None
    return found


def _which(program: str) -> Path | None:
    for root, pattern in FOLDERS:
        for folder in sorted(root.glob(pattern), reverse=True):
            if (folder / program).is_file():
                return folder / program
    found = shutil.which(program)
    return Path(found) if found else None


def _peers(item: pytest.Item) -> list[str]:
    return [name for mark in item.iter_markers("peer") for name in mark.args]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-peers",
        action="store_true",
        help="leave out the tests that need Prometheus, PostgreSQL or Chromium, and count them",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[left_out] = Counter()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--no-peers"):
        return
    without = [item for item in items if not _peers(item)]
    dropped = [item for item in items if _peers(item)]
    config.stash[left_out].update(name for item in dropped for name in _peers(item))
    config.hook.pytest_deselected(items=dropped)
    items[:] = without


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that shows the end, where this one is a worker of pytest-xdist's."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(session.config.stash[left_out])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take a worker's count; each of them has collected, and left out, the same tests."""
    counts = getattr(node, "workeroutput", {}).get("left_out", {})
    node.config.stash[left_out] = Counter(counts) | node.config.stash[left_out]


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in _peers(item):
        if name not in PROGRAMS:
            pytest.fail(f"no peer is called {name!r}; known: {', '.join(PROGRAMS)}", pytrace=False)
        try:
            find(name)
        except FileNotFoundError as missing:
            pytest.fail(str(missing), pytrace=False)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    counts = config.stash[left_out]
    if counts:
        terminalreporter.section("left out (--no-peers)")
        for name, number in sorted(counts.items()):
            terminalreporter.write_line(f"{number} tests that need {name}")
