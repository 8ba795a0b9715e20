"""check and stats: what is in a store, and what of it is damaged."""

from __future__ import annotations

import sqlite3

import pytest

T0 = 1_700_006_400  # 2023-11-15 00:00:00, where a block begins


@pytest.fixture
def folder(commands, tmp_path):
    source = tmp_path / "in.om"
    lines = [
        f'm{name}{{i="{i}"}} {k} {T0 + k * 60}'
        for name in "ab"
        for i in range(10)
        for k in range(240)
    ]
    source.write_text("\n".join([*lines, "# EOF\n"]))
    assert commands("import", "--data-dir", tmp_path / "data", source) == 0
    return tmp_path / "data"


def test_a_sound_store(commands, folder):
    """A store without damage is said to be sound, with exit status 0."""
    assert commands("check", "--data-dir", folder) == 0
    assert "all sound" in commands.printed.out


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE bodies SET body = substr(body, 1, length(body) - 1)", "checksum of a page"),
        ("DELETE FROM bodies WHERE id = 1", "its bytes are not there"),
        ("UPDATE timelines SET body = x'00'", "a timeline of 1 bytes is too short"),
        (
            "UPDATE timelines SET body = (SELECT max(body) FROM timelines WHERE 1) || x'00'",
            "timeline",
        ),
    ],
)
def test_damage_is_named(commands, folder, statement, message):
    """Each thing that cannot be read is named with the reason, and the exit status is 1."""
    connection = sqlite3.connect(folder / "series.sqlite")
    connection.execute(statement)
    connection.commit()
    connection.close()
    assert commands("check", "--data-dir", folder) == 1
    assert "damaged: " in commands.printed.out
    assert message in commands.printed.out


def test_a_file_of_another_program(commands, tmp_path):
    """A file that is no store is said to be none."""
    (tmp_path / "series.sqlite").write_bytes(b"SQLite format 3\0" + bytes(5000))
    assert commands("check", "--data-dir", tmp_path) == 1
    assert "series.sqlite" in commands.printed.err


def test_stats(commands, folder):
    """Series, samples, bytes a sample, and the largest metrics and labels are shown."""
    assert commands("stats", "--data-dir", folder, "--top", "1") == 0
    text = commands.printed.out
    assert "series            20\n" in text
    assert "samples           4,800 in pages\n" in text
    assert "from              2023-11-15 00:00:00+00:00\n" in text
    assert "until             2023-11-15 03:59:00+00:00\n" in text
    assert text.split("metric ")[1].split() == ["series", "ma", "10", "label", "values", "i", "10"]
