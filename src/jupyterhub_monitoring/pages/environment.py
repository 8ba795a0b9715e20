"""The templates and the filters that they use: numbers and times as people read them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ..dashboards import Unit
from ..dashboards.unit import UNKNOWN, seconds_text
from .sparkline import HEIGHT, WIDTH, sparkline

TEMPLATES = Path(__file__).parent / "templates"


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the templates; what they show is escaped."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        unit=unit_text,
        bytes=Unit.BYTES.text,
        cores=Unit.CORES.text,
        seconds=Unit.SECONDS.text,
        ratio=Unit.RATIO.text,
        count=Unit.COUNT.text,
        ago=ago,
        moment=moment,
        utc=utc,
        sparkline=sparkline,
        query=urlencode,
    )
    made.globals.update(spark_width=WIDTH, spark_height=HEIGHT, UNKNOWN=UNKNOWN)
    return made


def unit_text(value: float | None, unit: Unit) -> str:
    """Return *value* for people."""
    return unit.text(value)


def ago(at: float | None, now: Callable[[], float] = time.time) -> Markup:
    """Return "3 min ago" of Unix seconds, with the moment for the browser; a dash for None."""
    if at is None:
        return escape(UNKNOWN)
    since = now() - at
    text = (
        f"{seconds_text(round(since))} ago" if since >= 0 else f"in {seconds_text(round(-since))}"
    )
    return _time(at, text, "ago")


def moment(at: float | None) -> Markup:
    """Return the time of Unix seconds, in UTC; the browser shows it in its own zone."""
    if at is None:
        return escape(UNKNOWN)
    return _time(at, utc(at), "moment")


def utc(at: float) -> str:
    """Return the time of Unix seconds, in UTC, where no element may stand."""
    return f"{_utc(at):%Y-%m-%d %H:%M} UTC"


def _time(at: float, text: str, kind: str) -> Markup:
    exact = _utc(at)
    return Markup('<time datetime="{}" data-shown="{}" title="{}">{}</time>').format(
        exact.isoformat(), kind, f"{exact:%Y-%m-%d %H:%M:%S} UTC", text
    )


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, timezone.utc)
