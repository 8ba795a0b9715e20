"""Reading our sections of `jupyterhub_config.py` so that a mistake in them never stops the Hub.

traitlets raises at a wrong value and is silent about a wrong name. For the Hub's own settings that
is the Hub's affair; for ours both become a sentence that says what to do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any, TypeVar

from traitlets import TraitError
from traitlets.config import Config, LoggingConfigurable
from traitlets.config.loader import (
    DeferredConfig,
    DeferredConfigList,
    DeferredConfigString,
    LazyConfigValue,
)

S = TypeVar("S", bound=LoggingConfigurable)

_ONLY_READ: ContextVar[bool] = ContextVar("only_read", default=False)


@contextmanager
def only_reading() -> Iterator[None]:
    """Within it a configuration file is run for what it says: its `setup(c)` monitors no Hub."""
    token = _ONLY_READ.set(True)
    try:
        yield
    finally:
        _ONLY_READ.reset(token)


def is_only_read() -> bool:
    """Whether no Hub starts with the configuration file that runs now."""
    return _ONLY_READ.get()


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
            # The error shows the value, which must not be where that may be a secret.
            why = f"takes {known[name].info()}." if known[name].metadata.get("secret") else error
            problems.append(
                f"c.{cls.__name__}.{name}: {why} Its default {known[name].default()!r} is used."
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


# --- From the Hub to the service -------------------------------------------------------------
#
# The service's settings stand in the Hub's configuration file, and only the service knows their
# classes. So the Hub hands the sections over as they were written, as JSON; what a command line or
# an `.append()` gave is marked, and becomes a value in the service.

_APPENDED, _WORD, _WORDS = "$appended", "$word", "$words"


def dump_sections(config: Any, names: Iterable[str]) -> tuple[str, list[str]]:
    """Return the sections *names* of *config* as JSON, and what of them cannot be written so."""
    sections: dict[str, dict[str, Any]] = {}
    problems = []
    for name in names:
        for key, value in config.get(name, {}).items():
            try:
                written = json.loads(json.dumps(value, default=_written))
            except (TypeError, ValueError) as error:
                problems.append(
                    f"c.{name}.{key} cannot be handed to the service ({error}); its default is"
                    " used. Write numbers, strings, lists and dicts."
                )
                continue
            sections.setdefault(name, {})[key] = _marked(value, written)
    return json.dumps(sections), problems


def load_sections(text: str) -> Config:
    """Return what `dump_sections` wrote, as a configuration. Raises ValueError for other text."""
    sections = json.loads(text)
    if not isinstance(sections, dict) or not all(isinstance(s, dict) for s in sections.values()):
        raise ValueError("not an object of sections")
    return Config(
        {
            name: Config({key: _unmarked(value) for key, value in section.items()})
            for name, section in sections.items()
        }
    )


def named_variables(text: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return those variables of *environ* that *text* names as `${NAME}`.

    The Hub starts services without its own environment; what an address refers to goes with it.
    """
    names = re.findall(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", text)
    return {name: environ[name] for name in names if name in environ}


def _written(value: Any) -> Any:
    """Return what JSON has for *value*, which it does not know itself."""
    if isinstance(value, LazyConfigValue):  # its `to_dict` leaves parts out
        parts = ("inserts", "prepend", "extend", "update")
        return {part: added for part in parts if (added := getattr(value, f"_{part}"))}
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"a {type(value).__name__}")


def _marked(value: Any, written: Any) -> Any:
    if isinstance(value, LazyConfigValue):
        return {_APPENDED: written}
    if isinstance(value, DeferredConfigString):
        return {_WORD: written}
    if isinstance(value, DeferredConfigList):
        return {_WORDS: written}
    return written


def _unmarked(value: Any) -> Any:
    if not isinstance(value, dict) or len(value) != 1:
        return value
    (mark, written), *_ = value.items()
    if mark == _WORD:
        return DeferredConfigString(written)
    if mark == _WORDS:
        return DeferredConfigList(written)
    return _appended(written) if mark == _APPENDED else value


def _appended(written: dict[str, Any]) -> LazyConfigValue:
    value = LazyConfigValue()
    if "update" in written:
        value.update(written["update"])
    for index, inserted in written.get("inserts", ()):
        value.insert(index, inserted)
    value.prepend(written.get("prepend", []))
    value.extend(written.get("extend", []))
    return value
