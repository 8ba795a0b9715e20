"""Out to the real promtool and Prometheus, and in from a real Prometheus: the same samples."""

from __future__ import annotations

import math
import subprocess
from contextlib import contextmanager

import pytest

from support.peers import find
from support.prometheus import RealPrometheus

BLOCK = 7200
NOW = 1_700_006_400 + 20 * BLOCK
"""Where a block of both ends."""


def text() -> str:
    """Return series with odd values and names, through several blocks, off any grid."""
    values = ["NaN", "+Inf", "-Inf", "1e-300", "-0", "0.1", "12345678.9", "3"]
    lines = [
        "# TYPE requests counter",
        "# HELP requests How many; a \\\\ and a \\n in it.",
        *(
            f'requests_total{{handler="/a b",job="j{job}"}} {7 * k} {NOW - 1500 + 15 * k}.{job}23'
            for job in range(3)
            for k in range(1000)
        ),
        "# TYPE temperature gauge",
        *(
            f'temperature{{at="x\\"\\\\y\\nü"}} {v} {NOW + 60 * k}.000'
            for k, v in enumerate(values)
        ),
        "# EOF",
    ]
    return "\n".join(lines) + "\n"


def samples(exposition: str) -> set[tuple[str, str, str]]:
    """Return (series, value, time) of each sample."""
    lines = (line for line in exposition.splitlines() if not line.startswith("#"))
    return {tuple(line.rsplit(" ", 2)) for line in lines}  # type: ignore[misc]


@contextmanager
def holding(folder, exposition: str):
    """Let promtool make a Prometheus's blocks of *exposition*, and run it."""
    file = folder / "samples.om"
    file.write_text(exposition)
    made = subprocess.run(
        [find("promtool"), "tsdb", "create-blocks-from", "openmetrics", file, folder / "p/data"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    with RealPrometheus(str(find("prometheus")), folder / "p", {}, "") as prometheus:
        yield prometheus


@pytest.mark.peer("prometheus", "promtool")
def test_there_and_back(commands, tmp_path):
    """Ours is exported, goes through promtool into a Prometheus, and is imported over its API."""
    source, here, back = tmp_path / "in.om", tmp_path / "here", tmp_path / "back"
    source.write_text(text())
    assert commands("import", "--data-dir", here, source) == 0
    exported = commands.export(here)
    with holding(tmp_path, exported) as prometheus:
        there = prometheus.api("query", query="requests_total[1d]", time=str(NOW + BLOCK * 3))
        url = f"http://127.0.0.1:{prometheus.port}"
        span = ("--start", NOW - 2 * BLOCK, "--end", NOW + 4 * BLOCK)
        assert commands("import", "--data-dir", back, url, *span) == 0, commands.printed.err
    assert commands.printed.out == "3,008 samples imported\n"
    assert samples(commands.export(back)) == samples(text())
    found = {
        (series["metric"]["job"], round(at * 1000), float(value))
        for series in there["result"]
        for at, value in series["values"]
    }
    assert found == {
        (f"j{job}", (NOW - 1500 + 15 * k) * 1000 + 100 * job + 23, 7.0 * k)
        for job in range(3)
        for k in range(1000)
    }


@pytest.mark.peer("prometheus", "promtool")
def test_a_part_of_a_prometheus(commands, tmp_path):
    """A selector and a range are asked of it; its values are ours to the last bit."""
    values = [0.1, 1 / 3, math.pi * 1e300, 5e-324, -1.5]
    lines = [f'v{{i="{i}"}} {v!r} {NOW + i}' for i, v in enumerate(values)]
    with holding(tmp_path, "\n".join([*lines, f"other 1 {NOW}", "# EOF\n"])) as prometheus:
        url = f"http://127.0.0.1:{prometheus.port}"
        asked = ("--selector", 'v{i!="4"}', "--start", NOW + 1, "--end", NOW + 4)
        assert commands("import", "--data-dir", tmp_path / "data", url, *asked) == 0
    assert commands.printed.out == "3 samples imported\n"
    expected = {(f'v{{i="{i}"}}', repr(values[i]), f"{NOW + i}.000") for i in (1, 2, 3)}
    assert samples(commands.export(tmp_path / "data")) == expected
