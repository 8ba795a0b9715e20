"""The table of `top`: rows of `/api/usage`, sorted, as lines of a given width."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .terminal_text import fit, harmless, width

UNKNOWN = "-"
BAR = 6

Row = dict[str, Any]


class Order(str, Enum):
    """What the table is sorted by; the key that chooses it is its first letter."""

    CPU = "cpu"
    MEMORY = "memory"
    AGE = "age"
    IDLE = "idle"
    USER = "user"


class Tone(Enum):
    """How a piece of a line is meant."""

    PLAIN = "plain"
    HEAD = "head"
    WARNING = "warning"
    ALARM = "alarm"


Piece = tuple[str, Tone]
Line = list[Piece]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. It may shrink to *least*; when there is no room, the one that *goes* first goes.

    0 in *goes* stays. A column of texts that all are empty is not shown.
    """

    title: str
    cell: Callable[[Row, float], str]
    least: int
    goes: int = 0
    most: int = 32
    right: bool = False
    tone: Callable[[Row], Tone] = lambda _row: Tone.PLAIN


# --- Cells --------------------------------------------------------------------------------------


def human_bytes(size: float | None) -> str:
    """Return "1.2G" of bytes, in powers of 1024; a dash of None."""
    if size is None:
        return UNKNOWN
    if abs(size) < 1024:
        return f"{size:.0f}B"
    for unit in "KMGTP":
        size /= 1024
        if abs(size) < 1023.95 or unit == "P":
            break
    return f"{size:.0f}{unit}" if abs(size) >= 99.95 else f"{size:.1f}{unit}"


def human_seconds(seconds: float | None) -> str:
    """Return "45s", "12m", "3h" or "8d"; a dash of None."""
    if seconds is None:
        return UNKNOWN
    seconds = max(0.0, seconds)
    for unit, size, below in (("s", 1, 100), ("m", 60, 100), ("h", 3600, 48)):
        if seconds < below * size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds / 86_400:.0f}d"


def cores(value: float | None) -> str:
    """Return a number of cores."""
    return UNKNOWN if value is None else f"{value:.2f}" if value < 99.995 else f"{value:.0f}"


def number(row: Row, field: str) -> float | None:
    """Return a number of *row*; None where it is not known."""
    value = row.get(field)
    return float(value) if isinstance(value, int | float) else None


def part_used(row: Row) -> float | None:
    """Return the memory in use as a part of its limit, None without one of them."""
    used, limit = number(row, "memory_bytes"), number(row, "memory_limit_bytes")
    return used / limit if used is not None and limit else None


def _text(field: str) -> Callable[[Row, float], str]:
    return lambda row, _now: harmless(row.get(field) or "")


def _memory(row: Row, _now: float) -> str:
    gap = row.get("gap")
    if gap:
        return harmless(f"({gap.get('reason', '?')})" if isinstance(gap, dict) else "(?)")
    used, limit = number(row, "memory_bytes"), number(row, "memory_limit_bytes")
    return human_bytes(used) + (f"/{human_bytes(limit)}" if limit is not None else "")


def _bar(row: Row, _now: float) -> str:
    part = part_used(row)
    if part is None:
        return ""
    full = min(BAR, max(0, round(part * BAR)))
    return "#" * full + "." * (BAR - full)


def _bar_tone(row: Row) -> Tone:
    part = part_used(row) or 0.0
    return Tone.ALARM if part >= 0.9 else Tone.WARNING if part >= 0.75 else Tone.PLAIN


def _since(field: str) -> Callable[[Row, float], str]:
    def cell(row: Row, now: float) -> str:
        at = number(row, field)
        return human_seconds(None if at is None else now - at)

    return cell


COLUMNS = (
    Column("USER", _text("username"), 8),
    Column("SERVER", _text("server_name"), 6, goes=4),
    Column("CPU", lambda row, _now: cores(number(row, "cpu_cores")), 5, right=True),
    Column("MEMORY", _memory, 11, right=True),
    Column("", _bar, BAR, goes=3, tone=_bar_tone),
    Column("AGE", _since("started"), 4, goes=6, right=True),
    Column("IDLE", _since("last_activity"), 4, goes=5, right=True),
    Column("PROFILE", _text("profile"), 7, goes=2),
    Column("NODE", _text("node"), 7, goes=1),
)


# --- Order --------------------------------------------------------------------------------------

_FIELDS = {
    Order.CPU: ("cpu_cores", -1),
    Order.MEMORY: ("memory_bytes", -1),
    Order.AGE: ("started", 1),
    Order.IDLE: ("last_activity", 1),
}


def in_order(rows: Sequence[Row], order: Order) -> list[Row]:
    """Return *rows* sorted: the largest, oldest or most idle first, unknown ones always last."""
    field, sign = _FIELDS.get(order, ("", 1))
    names = sorted(rows, key=lambda r: (str(r.get("username")), str(r.get("server_name"))))
    if not field:
        return names
    known = [row for row in names if number(row, field) is not None]
    known.sort(key=lambda row: sign * (number(row, field) or 0.0))
    return known + [row for row in names if number(row, field) is None]


# --- Lines --------------------------------------------------------------------------------------


def lines(rows: Sequence[Row], part: slice, columns: int, now: float) -> list[Line]:
    """Return a heading and a line for each of *part* of *rows*, none wider than *columns*.

    Which columns there are does not change from part to part.
    """
    if not rows:
        return []
    visible = rows[part]
    # A column without a value in any row has nothing to say.
    texts = {
        column: [column.cell(row, now) for row in visible]
        for column in COLUMNS
        if any(column.cell(row, now) for row in rows)
    }
    shown, gap = _room(texts, columns)
    titles = (fit(column.title, wide, right=column.right) for column, wide in shown)
    made: list[Line] = [[((" " * gap).join(titles), Tone.HEAD)]]
    for index, row in enumerate(visible):
        line: Line = []
        for column, wide in shown:
            line.append((" " * gap if line else "", Tone.PLAIN))
            text = fit(texts[column][index], wide, right=column.right)
            line.append((text, column.tone(row)))
        made.append(line)
    return [_cut(line, columns) for line in made]


def _room(texts: Mapping[Column, list[str]], columns: int) -> tuple[list[tuple[Column, int]], int]:
    """Return the columns that there is room for, how wide each is, and the gap between two."""
    shown = list(texts)
    wide = {c: min(c.most, max(map(width, [c.title, *texts[c]]))) for c in shown}
    least = {c: wide[c] if c.right else min(c.least, wide[c]) for c in shown}  # numbers stay whole
    gap = 2 if _needed(wide.values(), 2) <= columns else 1
    while _needed((least[c] for c in shown), gap) > columns:
        going = min((c for c in shown if c.goes), key=lambda c: c.goes, default=None)
        if going is None:
            break
        shown.remove(going)
    while _needed((wide[c] for c in shown), gap) > columns:
        widest = max(shown, key=lambda c: wide[c] - least[c])
        if wide[widest] <= least[widest]:
            break
        wide[widest] -= 1
    return [(c, wide[c]) for c in shown], gap


def _needed(widths: Iterable[int], gap: int) -> int:
    """Return the columns that cells of these *widths* take, with *gap* between two."""
    every = list(widths)
    return sum(every) + gap * (len(every) - 1)


def _cut(line: Line, columns: int) -> Line:
    """Return the begin of *line* that fits."""
    kept: Line = []
    for text, tone in line:
        room = columns - sum(width(piece) for piece, _ in kept)
        kept.append((text if width(text) <= room else fit(text, room), tone))
    return kept
