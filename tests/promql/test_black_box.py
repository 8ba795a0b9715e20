"""The cases from outside: `import` a script's samples, start `serve`, ask over HTTP.

Ours by default; Prometheus's, all core cases, where `PROMQLTEST` names their folder.
"""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import pytest

from support.promql_answers import http_answers
from support.promqltest import Eval, Refused, check
from support.promqltest_exposition import Samples, exposition
from support.warm_commands import WarmCommands

from .test_promqltest import (
    ALL_THEIRS,
    CORE,
    OURS,
    WITHOUT_THE_METRICS_NAME,
    Case,
    cases,
    episodes,
    without_the_metrics_name,
)

ASKED = [*cases(OURS), *(case for case in ALL_THEIRS if case.place in CORE)]


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmCommands]:
    with WarmCommands() as warm:
        yield warm


@contextmanager
def served(warm: WarmCommands, folder: Path, samples: Samples) -> Iterator[str]:
    """Import *samples* into *folder* and serve it; the URL."""
    file, log, data = folder / "samples.om", folder / "log", folder / "data"
    file.write_text(exposition(samples))
    imports = ["import", "--data-dir", data, file]
    serves = ["serve", "--data-dir", data, "--port", 0]
    with warm.run(imports, serves, log=log):
        yield listening(log)


def listening(log: Path) -> str:
    """Wait until the process that writes *log* says where it listens, and is ready; the URL."""
    give_up = time.monotonic() + 30
    while True:
        said = log.read_text() if log.exists() else ""
        found = re.search(r"Listening on (http://\S+)", said)
        if found and is_ready(found[1]):
            return found[1]
        assert time.monotonic() < give_up, f"serve does not get ready: {said}"
        assert "Traceback" not in said, said
        time.sleep(0.005)


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=5):
            return True
    except urllib.error.HTTPError:
        return False


def failures(case: Eval, url: str) -> str:
    """Say what is wrong with the answer to *case*; "" if nothing."""
    try:
        check(case, http_answers(url))
    except (AssertionError, Refused) as error:
        return f"{case.line}: {error}\n"
    return ""


def worded(case: Case) -> Eval:
    """Return what is asked, with warnings in the words of a default server."""
    changed = case.place in WITHOUT_THE_METRICS_NAME
    return without_the_metrics_name(case).eval if changed else case.eval


@pytest.mark.parametrize(
    ("script", "among"),
    [(script, list(among)) for script, among in groupby(ASKED, lambda case: case.script)],
    ids=lambda value: value.stem if isinstance(value, Path) else f"{len(value)}",
)
def test_from_outside(warm: WarmCommands, tmp_path: Path, script: Path, among: list[Case]):
    """What was imported is answered over HTTP as by Prometheus."""
    wrong = ""
    for number, asked in groupby(among, lambda case: case.episode):
        folder = tmp_path / str(number)
        folder.mkdir()
        with served(warm, folder, episodes(script)[number].samples) as url:
            wrong += "".join(failures(worded(case), url) for case in asked)
    assert wrong == ""
