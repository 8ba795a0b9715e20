"""`c.Monitoring`: what the operator can set about the half that lives in the Hub's process."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, TypeVar

from traitlets import Enum, Float, Integer, TraitError
from traitlets.config import LoggingConfigurable
from traitlets.config.loader import DeferredConfig, LazyConfigValue

from ..metrics.instruments import DEFAULT_MAX_SERIES
from ..metrics.usernames import UsernameMode

S = TypeVar("S", bound=LoggingConfigurable)


class Monitoring(LoggingConfigurable):
    """Settings of the metrics that the Hub exposes."""

    usernames = Enum(
        [mode.value for mode in UsernameMode],
        default_value=None,
        allow_none=True,
        help="""How usernames appear in labels and events: "name" as they are; "hash" as a keyed
        hash that stays the same over restarts (the key is kept beside the cookie secret);
        "none" not at all, so that per-user numbers become totals. Default: "name"; but "none",
        with a warning, when `c.JupyterHub.authenticate_prometheus` is False, because then anybody
        who reaches the Hub can read /hub/metrics.""",
    ).tag(config=True)

    max_series = Integer(
        DEFAULT_MAX_SERIES,
        min=1,
        help="""Label sets that one metric may hold. Above it, recordings go to one `(other)`
        series (for gauges: nowhere) and `monitoring_series_dropped_total` counts them. Each label
        set costs about 1 kB of the Hub's memory (a histogram 4 kB) and one to eighteen lines at
        every scrape. With more users than this, raise it or set `usernames = "none"`.""",
    ).tag(config=True)

    collect_interval_seconds = Float(
        60.0,
        min=1.0,
        help="""Seconds between collections of what must be counted in the database and the
        machine (total and active users, memory, CPU). Below 10 a large database notices; above
        300 the numbers lag behind what you see on the admin page.""",
    ).tag(config=True)

    collect_timeout_seconds = Float(
        30.0,
        min=0.1,
        help="""Seconds after which a collection is given up and counted as an error. The numbers
        then stay as they were. Where the database can end a statement (PostgreSQL, MySQL), it is
        told the same limit.""",
    ).tag(config=True)

    max_error_types = Integer(
        30,
        min=0,
        help="""Exception class names that `spawn_failure_total{error_type}` may show besides the
        known reasons. Further ones count as `other`.""",
    ).tag(config=True)


def load(cls: type[S], app: Any) -> tuple[S, list[str]]:
    """Return settings of *cls* from the Hub's configuration, and what is wrong with it.

    A wrong setting keeps its default, so that a typing error in monitoring never keeps a Hub
    from starting; each problem is one sentence that says what to do.
    """
    settings, problems = cls(log=app.log), []
    known = settings.traits(config=True)
    for name, value in app.config.get(cls.__name__, {}).items():
        if name not in known:
            problems.append(_unknown(f"c.{cls.__name__}.{name}", cls.__name__, name, list(known)))
            continue
        try:
            setattr(settings, name, _plain(value, known[name]))
        except (TraitError, ValueError, TypeError) as error:
            problems.append(
                f"c.{cls.__name__}.{name}: {error} Its default {known[name].default()!r} is used."
            )
    return settings, problems


def unknown_sections(app: Any, known: Iterable[str]) -> list[str]:
    """Return a problem for each section of the configuration that looks like a misspelt one."""
    known = list(known)
    return [
        _unknown(f"c.{name}", "", name, known)
        for name in app.config
        if name not in known and get_close_matches(name, known, cutoff=0.8)
    ]


def _unknown(written: str, section: str, name: str, known: list[str]) -> str:
    nearest = get_close_matches(name, known, n=1, cutoff=0)
    where = f"c.{section}." if section else "c."
    return f"{written} is no setting; did you mean {where}{nearest[0]}? It is ignored."


def _plain(value: Any, trait: Any) -> Any:
    """Return what *value* stands for: command lines and `.append()` give deferred ones."""
    if isinstance(value, DeferredConfig):
        return value.get_value(trait)
    if isinstance(value, LazyConfigValue):
        return value.get_value(trait.default())
    return value


def configured(cls: type, name: str, config: Any) -> Any:
    """Return what trait *name* of *cls* will be by the configuration, without making one."""
    value = cls.class_traits()[name].default()  # type: ignore[attr-defined]
    for section in reversed(cls.mro()):
        if section.__name__ in config and name in config[section.__name__]:
            value = config[section.__name__][name]
    return value
