"""Import and export: what goes in comes out, whatever happens meanwhile."""

from __future__ import annotations

import errno
import math
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from pyarrow import parquet

from jupyterhub_monitoring.cli import data_folder
from jupyterhub_monitoring.store.lock import FolderLock
from jupyterhub_monitoring.store.store import Store
from jupyterhub_monitoring.transfer import importer, openmetrics_lines
from jupyterhub_monitoring.transfer.spill import Spill

T0 = 1_700_000_000


def sample(series, value, at):
    return f"{series} {value} {at:.3f}"


LINES = [
    "# TYPE requests counter",
    "# HELP requests How many; a \\\\ and a \\n in it.",
    *(sample('requests_total{job="a"}', 7 * k, T0 + 15 * k) for k in range(1200)),
    *(
        sample('requests_total{job="a b",user="x\\"\\\\y\\n"}', k / 100, T0 + k)
        for k in range(1, 31)
    ),
    "# TYPE temperature gauge",
    sample("temperature", "NaN", T0),
    sample("temperature", "+Inf", T0 + 1),
    sample("temperature", "-Inf", T0 + 2),
    sample("temperature", "StaleNaN", T0 + 3),
    sample("temperature", "1e-300", T0 + 4),
    sample("temperature", "-0", T0 + 5),
    sample("temperature", "0.1234567890123", T0 + 0.123 + 6),
    sample("temperature", "3", T0 + 3 * 86_400),
    "# EOF",
]
TEXT = "\n".join(LINES) + "\n"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.om"
    path.write_text(TEXT)
    return path


def test_what_is_imported_is_exported(commands, source, tmp_path):
    """Export writes the very lines that import read: special values, escapes, descriptions."""
    assert commands("import", "--data-dir", tmp_path / "data", source) == 0
    assert "1,238 samples imported" in commands.printed.out
    assert commands.export(tmp_path / "data") == TEXT


def test_importing_twice_changes_nothing(commands, source, tmp_path):
    """The same file again: every sample is there already; another value never wins."""
    folder = tmp_path / "data"
    commands("import", "--data-dir", folder, source)
    assert commands("import", "--data-dir", folder, source) == 0
    assert commands.printed.out == "0 samples imported; 1,238 were there already\n"
    source.write_text(f"temperature 99 {T0}\nother 1 {T0}\n# EOF\n")
    assert commands("import", "--data-dir", folder, source) == 0
    assert "1 sample imported; 1 has another value" in commands.printed.out
    assert commands.export(folder, "--selector", "temperature", "--end", T0).splitlines()[1:] == [
        f"temperature NaN {T0}.000",
        "# EOF",
    ]


def test_selector_and_range(commands, source, tmp_path):
    """Only the series and the times that are asked for are written, both ends included."""
    commands("import", "--data-dir", tmp_path / "data", source)
    text = commands.export(
        tmp_path / "data", "--selector", '{job="a"}', "--start", T0 + 15, "--end", T0 + 30
    )
    assert [line for line in text.splitlines() if line[0] != "#"] == [
        f'requests_total{{job="a"}} 7 {T0 + 15}.000',
        f'requests_total{{job="a"}} 14 {T0 + 30}.000',
    ]


def test_parquet(commands, source, tmp_path):
    """Parquet has one row a sample, and tells a staleness marker from a NaN."""
    commands("import", "--data-dir", tmp_path / "data", source)
    to = tmp_path / "out.parquet"
    commands("export", "--data-dir", tmp_path / "data", "--format", "parquet", "--output", to)
    rows = parquet.read_table(to).to_pylist()
    assert len(rows) == 1238
    assert [row["stale"] for row in rows if row["metric"] == "temperature"][:5] == [
        False, False, False, True, False,
    ]  # fmt: skip
    users = {dict(row["labels"]).get("user") for row in rows}
    assert users == {None, 'x"\\y\n'}


def test_many_parts_in_any_order(commands, tmp_path, monkeypatch):
    """Series are put together from lines that come mixed, and from many pieces of a large file."""
    monkeypatch.setattr(importer, "BATCH", 7)
    monkeypatch.setattr(importer, "PIECE_BYTES", 100)
    lines = [f'm{{i="{i}"}} {k} {T0 + k * 1800}' for k in range(20) for i in range(5)]
    source = tmp_path / "in.om"
    source.write_text("\n".join([*reversed(lines), "# EOF\n"]))
    assert commands("import", "--data-dir", tmp_path / "data", source) == 0
    text = commands.export(tmp_path / "data").splitlines()
    expected = [f'm{{i="{i}"}} {k} {T0 + k * 1800}.000' for i in (4, 3, 2, 1, 0) for k in range(20)]
    assert text == [*expected, "# EOF"]


KILLED_CODE = """
import os, signal, sys
from jupyterhub_monitoring.cli import main
from jupyterhub_monitoring.store.store import Store
from jupyterhub_monitoring.transfer import importer
from jupyterhub_monitoring.transfer.spill import Spill

importer.BATCH, importer.PIECE_BYTES = 5000, 50_000
kind, name, calls, *arguments = sys.argv[1:]
kind, calls = {"Spill": Spill, "Store": Store}[kind], int(calls)
method = getattr(kind, name)

def killing(*given):
    global calls
    calls -= 1
    if calls == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return method(*given)

setattr(kind, name, killing)
main(arguments)
"""


@pytest.mark.parametrize(
    "moment",
    [("Spill", "_append", 5), ("Spill", "write_journal", 4), ("Store", "import_samples", 3)],
    ids=lambda moment: moment[1],
)
def test_killed_it_goes_on(commands, tmp_path, moment):
    """An import that was killed at any moment is completed by the same command."""
    source, folder = tmp_path / "in.om", tmp_path / "data"
    count = 50_000
    source.write_text(
        "".join(f'm{{i="{k % 10}"}} {k} {T0 + k // 10 * 15}\n' for k in range(count)) + "# EOF\n"
    )
    arguments = [*map(str, moment), "import", "--data-dir", str(folder), str(source)]
    process = subprocess.run([sys.executable, "-c", KILLED_CODE, *arguments], check=False)
    assert process.returncode == -signal.SIGKILL
    assert (folder / "import" / "series").exists()
    assert commands("import", "--data-dir", folder, source) == 0
    lines = commands.export(folder).splitlines()
    assert len(lines) == count + 1
    assert len(set(lines)) == count + 1
    assert not (folder / "import").exists()
    assert commands("check", "--data-dir", folder) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1 1\nb{x=} 2 3\n# EOF\n", "line 2: label 'x' has no value in quotes"),
        ("a 1 1\na 2\n# EOF\n", "line 2: the sample has no timestamp"),
        ("a 1 1\n", "line 1: the file ends without # EOF"),
        ("", "line 0: the file ends without # EOF"),
        ("a 1 1\n# EOF\na 1 2\n", "line 3: there is something after # EOF"),
        ("a 1 1\na 1_0 2\n# EOF\n", "line 2: '1_0' is no number"),
        ("a 1 1\na 1 x\n# EOF\n", "line 2: 'x' is no number"),
        ("a 1 1\n\n# EOF\n", "line 2: the line is empty"),
        ("a 1 1e300\n# EOF\n", "line 1: the timestamp '1e300' is out of range"),
        ("a 1 1 7\n# EOF\n", "line 1: '7' follows the timestamp"),
        ("\xff 1 1\n# EOF\n", "line 1: "),
        ("a 1 1\na 2 2\na x 3\n# EOF\n", "line 3: 'x' is no number"),
        ("a 1 1\na 2 2\na 3 y\n# EOF\n", "line 3: 'y' is no number"),
        ("a 1 1\na 2 2\n# EOF\na 3 3\n", "line 4: there is something after # EOF"),
        (f"a 1 1\n{'b' * 2_000_000} 1 1\n# EOF\n", "line 2: the line is longer than 1,048,576"),
    ],
)
def test_a_wrong_line_is_named(commands, tmp_path, text, message):
    """A file with a wrong line is refused whole, and the message says which line and why."""
    source, folder = tmp_path / "in.om", tmp_path / "data"
    source.write_bytes(text.encode("latin-1"))
    assert commands("import", "--data-dir", folder, source) == 1
    assert message in commands.printed.err
    assert "Nothing of it was imported" in commands.printed.err
    assert commands.export(folder) == "# EOF\n"
    assert not (folder / "import").exists()


def test_wrong_arguments_are_named(commands, source, tmp_path):
    """What is missing or wrong is said by name, with what to do."""
    folder = tmp_path / "data"
    folder.mkdir()
    assert commands("import", "--data-dir", folder, tmp_path / "none.om") == 1
    assert "none.om cannot be read: No such file" in commands.printed.err
    assert commands("import", "--data-dir", folder, tmp_path) == 1
    assert "is no file" in commands.printed.err
    for verb in ("export", "check", "stats"):
        assert commands(verb, "--data-dir", tmp_path / "nowhere") == 1
        assert "there is no folder" in commands.printed.err
        assert commands(verb, "--data-dir", source.parent) == 1
        assert "holds no store (series.sqlite)" in commands.printed.err
    commands("import", "--data-dir", folder, source)
    assert commands("export", "--data-dir", folder, "--selector", "up{") == 1
    assert "--selector 'up{': 1:4: parse error" in commands.printed.err
    assert commands("export", "--data-dir", folder, "--format", "parquet") == 1
    assert "say where with --output" in commands.printed.err
    assert commands("export", "--data-dir", folder, "--start", 2, "--end", 1) == 1
    assert "--start is after --end" in commands.printed.err
    assert commands("import", "--data-dir", folder, "--start", 1, source) == 1
    assert "--start is for the import from a Prometheus" in commands.printed.err


def open_on_a_full_disk(folder, *, read_only):
    """Open a store whose file cannot grow, and has no room left inside."""
    store = Store.open(folder, read_only=read_only)
    execute = store._database._writer.execute
    (pages,) = execute("PRAGMA page_count").fetchone()
    execute(f"PRAGMA max_page_count = {pages}")
    return store


def test_a_full_disk(commands, source, tmp_path, monkeypatch):
    """Without room for the store, import says so; with room the same command completes it."""
    folder = tmp_path / "data"
    noise = [
        f'm{{i="{i}"}} {math.sin(i * k + k)} {T0 + k}.000' for i in range(9) for k in range(1, 900)
    ]
    source.write_text("\n".join([*noise, "# EOF\n"]))
    monkeypatch.setattr(data_folder, "Store", SimpleNamespace(open=open_on_a_full_disk))
    assert commands("import", "--data-dir", folder, source) == 1
    assert "full" in commands.printed.err
    monkeypatch.undo()
    assert commands("import", "--data-dir", folder, source) == 0
    assert commands.export(folder).splitlines() == [*noise, "# EOF"]
    assert commands("check", "--data-dir", folder) == 0


def test_no_room_for_what_is_read(commands, source, tmp_path, monkeypatch):
    """Without room beside the store, import says so; with room the same command completes it."""
    folder = tmp_path / "data"

    def refuse(*_given):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / "import"))

    monkeypatch.setattr(Spill, "_append", refuse)
    assert commands("import", "--data-dir", folder, source) == 1
    assert "import: No space left on device" in commands.printed.err
    monkeypatch.undo()
    assert commands("import", "--data-dir", folder, source) == 0
    assert commands.export(folder) == TEXT


def test_a_folder_in_use_is_refused(commands, source, tmp_path):
    """While the service runs on the folder, import says so and changes nothing; export works."""
    folder = tmp_path / "data"
    commands("import", "--data-dir", folder, source)
    lock = FolderLock(folder)
    try:
        assert commands("import", "--data-dir", folder, source) == 1
        assert f"in use by process {os.getpid()}" in commands.printed.err
        assert commands.export(folder) == TEXT
    finally:
        lock.release()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1700000000.123", 1_700_000_000_123),
        ("1", 1000),
        ("0.0009", 0),
        ("1.5e3", 1_500_000),
        ("-1.5", -1500),
        ("1700000000.1239", 1_700_000_000_123),
    ],
)
def test_timestamps_are_exact(text, expected):
    """Seconds become milliseconds without the error that a float64 would make."""
    assert openmetrics_lines.milliseconds(text) == expected


def test_what_is_read_together_is_read_right(commands, tmp_path):
    """Exemplars, markers, several spellings of a number or of a series, in between many lines."""
    source, folder = tmp_path / "in.om", tmp_path / "data"
    lines = [
        f'h_bucket{{le="1"}} 1 {T0}',
        f'h_bucket{{le="1"}} 2 {T0 + 1} # {{trace_id="x y"}} 0.5 {T0}.5',
        f'h_bucket{{le="1",job=""}} 3 {T0 + 2}',
        f'{{"h_bucket",le="1"}} 4e0 {T0 + 3}.000',
        f'h_bucket{{le="1"}} StaleNaN {T0 + 4}',
        f'h_bucket{{le="1"}} nan {T0 + 5}',
        f'h_bucket{{le="1"}} +6 {T0 + 6}.0009',
        f'h_bucket{{le="1"}} 7 {T0 + 6}',
    ]
    source.write_text("\n".join([*lines, "# EOF"]))
    assert commands("import", "--data-dir", folder, source) == 0
    assert commands.printed.out.endswith(
        "1 has another value than the one that is there, which stays\n"
    )
    said = [line.split()[1:] for line in commands.export(folder).splitlines()[:-1]]
    values = ["1", "2", "3", "4", "StaleNaN", "NaN", "6"]
    assert said == [[value, f"{T0 + k}.000"] for k, value in enumerate(values)]


@pytest.mark.parametrize(
    ("terminal", "expected"),
    [
        (True, ["\rreading [########......................]  25% ", f"[{30 * '#'}] 100% \n"]),
        (False, ["reading: 75%\n", "reading: 100%\n"]),
    ],
)  # fmt: skip
def test_progress(monkeypatch, capsys, terminal, expected):
    """On a terminal a bar grows; elsewhere a line comes every few seconds."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    now = iter([0.0, 0.1, 1.0, 1.1, 5.5, 11.0])
    monkeypatch.setattr(data_folder.time, "monotonic", lambda: next(now))
    bar = data_folder.Bar()
    for done in (0.1, 0.25, 0.26, 0.75, 1.0):
        bar("reading", done)
    shown = capsys.readouterr().err
    assert [part for part in expected if part not in shown] == []
    assert shown.count("\r" if terminal else "\n") == (3 if terminal else 2)
