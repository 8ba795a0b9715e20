"""Reading our sections of `jupyterhub_config.py` so that a mistake in them never stops the Hub.

traitlets raises at a wrong value and is silent about a wrong name. For the Hub's own settings that
is the Hub's affair; for ours both become a sentence that says what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, TypeVar

from traitlets import TraitError
from traitlets.config import LoggingConfigurable
from traitlets.config.loader import DeferredConfig, LazyConfigValue

S = TypeVar("S", bound=LoggingConfigurable)


def load(cls: type[S], app: Any) -> tuple[S, list[str]]:
    """Return settings of *cls* from the Hub's configuration, and what is wrong with it.

    A wrong setting keeps its default, so that a typing error in monitoring never keeps a Hub
    from starting; each problem is one sentence that says what to do.
    """
    settings, problems = cls(), []
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
