"""YAML read against tables of the keys that may be there: what is not there is an error, by line.

A table maps a key to the function that reads its value, as `record` shows. A key without a value
(`key:`) counts as absent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ...errors import WrongRouting
from ...promql.numbers import parse_duration
from ..alert import Millis
from ..yaml_mistake import mistake
from .secret import HIDDEN, Secret

MOST_BYTES = 1 << 20
"""A file may have."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_MOST_NODES = 100_000  # counted where they are used: aliases of aliases get large fast
_DEEPEST = 60
_MOST_PROBLEMS = 100  # of one file are told
_TRUE = {"y", "yes", "true", "on"}
_FALSE = {"n", "no", "false", "off"}
_GO_PART = r"([0-9]*\.?[0-9]+|[0-9]+\.)(ns|us|µs|ms|s|m|h)"
_GO_DURATION = re.compile(rf"[-+]?(?:0|(?:{_GO_PART})+)")
_GO_UNITS_MS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}


class TooMuch(WrongRouting):
    """The file is not worth reading any further."""


@dataclass
class Reading:
    """One file while it is read."""

    name: str
    folder: Path | None  # that relative paths are of
    plain: set[int] = field(default_factory=set)  # ids of the nodes that may be shown
    secret: set[int] = field(default_factory=set)  # ... that may not, though they are plain, too
    _used: int = 0
    _depth: int = 0

    def wrong(self, node: Node, reason: str) -> WrongRouting:
        """Return the error that something is wrong at *node*."""
        return WrongRouting(f"{self.name}:{node.start_mark.line + 1}: {reason}")

    def read(self, node: Node, reader: Reader) -> Any:
        """Return what *reader* makes of *node*, within the bounds of what a file may hold."""
        self._used, self._depth = self._used + 1, self._depth + 1
        if self._used > _MOST_NODES or self._depth > _DEEPEST:
            reason = "the file is too large, too deep or repeats itself too often"
            raise TooMuch(str(self.wrong(node, reason)))
        try:
            return reader(node, self)
        finally:
            self._depth -= 1


Reader = Callable[[Node, Reading], Any]
"""Reads one value. Raises `WrongRouting`, whose text never holds the value of a secret."""
Check = Callable[[Mapping[str, Any]], str | None]
"""Says what is wrong with a record as a whole, or None."""


@contextmanager
def collecting() -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Read all parts, then raise one `WrongRouting` with the problems of those that are wrong.

    with collecting() as part:
        for node in nodes:
            with part():
                ...  # may raise `WrongRouting`; the next node is read all the same
    """
    problems: dict[str, None] = {}

    @contextmanager
    def part() -> Iterator[None]:
        try:
            yield
        except TooMuch:
            raise
        except WrongRouting as wrong:
            problems.update(dict.fromkeys(wrong.problems))
            if len(problems) >= _MOST_PROBLEMS:
                raise TooMuch(*problems) from None

    with part():
        yield part
    if problems:
        raise WrongRouting(*problems)


def document(text: str, reading: Reading) -> Node | None:
    """Return the nodes of *text*, None where it has none. Raises `WrongRouting`."""
    if len(text) > MOST_BYTES:
        raise WrongRouting(f"{reading.name}: larger than {MOST_BYTES:,} bytes")
    try:
        return next(iter(yaml.compose_all(text, Loader=_LOADER)), None)
    except yaml.MarkedYAMLError as error:
        line, reason = mistake(error, text)
        place = f"{reading.name}:{line}" if line else reading.name
        raise WrongRouting(f"{place}: {reason}") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise WrongRouting(f"{reading.name}: no YAML, or too deep") from None


def without_secrets(node: Node, reading: Reading) -> str:
    """Return the YAML of *node*, once it was read: without comments, each secret hidden.

    So is what was not read at all (a value that another one overrides): it may be a secret.
    """
    _hide(node, reading, set())
    return str(yaml.serialize(node, Dumper=yaml.SafeDumper))


def _hide(node: Node, reading: Reading, seen: set[int]) -> None:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, ScalarNode):
        shown = (id(node) in reading.plain and id(node) not in reading.secret) or is_null(node)
        if not shown and node.value:
            node.value, node.style = _hidden(node.value), None
    elif isinstance(node, MappingNode):
        for _, value in node.value:
            _hide(value, reading, seen)
    else:
        for value in node.value:
            _hide(value, reading, seen)


def _hidden(value: str) -> str:
    """Return what stands for the secret *value*; for an address one that reads as an address.

    amtool before 0.26 takes the address of a webhook for no secret, and reads what we show.
    """
    scheme = value.partition("://")[0]
    return f"{scheme}://{HIDDEN}" if scheme in {"http", "https"} else HIDDEN


# --- Tables --------------------------------------------------------------------------------------


def record(what: str, keys: Mapping[str, Reader], *checks: Check) -> Reader:
    """Return the reader of a mapping with some of *keys*, in which all *checks* find nothing."""

    def read(node: Node, reading: Reading) -> dict[str, Any]:
        values = {}
        with collecting() as part:
            for name, key, value in pairs(node, reading):
                with part():
                    if name not in keys:
                        nearest = _nearest(name, keys)
                        raise reading.wrong(key, f"{name!r} is no key of {what}{nearest}")
                    if not is_null(value):
                        values[name] = reading.read(value, keys[name])
        for check in checks:
            if problem := check(values):
                raise reading.wrong(node, f"{what}: {problem}")
        return values

    return read


def _nearest(name: str, keys: Mapping[str, Reader]) -> str:
    nearest = get_close_matches(name, keys, n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""


def pairs(node: Node, reading: Reading) -> Iterator[tuple[str, Node, Node]]:
    """Yield the name, the key and the value of each entry; first those of `<<`, then the own."""
    if not isinstance(node, MappingNode):
        raise reading.wrong(node, f"expected a mapping, found {_kind(node)}")
    own = [(key, value) for key, value in node.value if key.tag != f"{_TAG}merge"]
    names = [key.value if isinstance(key, ScalarNode) else "?" for key, _ in own]
    for position, name in enumerate(names):
        if name in names[:position]:
            raise reading.wrong(own[position][0], f"{name!r} is there twice")
    for key, value in node.value:
        if key.tag == f"{_TAG}merge":
            merged = value.value if isinstance(value, SequenceNode) else [value]
            for one in merged:
                yield from (pair for pair in pairs(one, reading) if pair[0] not in names)
    yield from ((name, key, value) for name, (key, value) in zip(names, own, strict=True))


def list_of(reader: Reader) -> Reader:
    """Return the reader of a list whose entries *reader* reads."""

    def read(node: Node, reading: Reading) -> list[Any]:
        if not isinstance(node, SequenceNode):
            raise reading.wrong(node, f"expected a list, found {_kind(node)}")
        values = []
        with collecting() as part:
            for child in node.value:
                with part():
                    values.append(reading.read(child, reader))
        return values

    return read


def map_of(reader: Reader) -> Reader:
    """Return the reader of a mapping with any keys, whose values *reader* reads."""

    def read(node: Node, reading: Reading) -> dict[str, Any]:
        values = {}
        with collecting() as part:
            for name, _, value in pairs(node, reading):
                with part():
                    values[name] = reading.read(value, reader)
        return values

    return read


def anything(node: Node, reading: Reading) -> Any:
    """Read whatever it is: texts, lists and mappings of them."""
    if isinstance(node, MappingNode):
        return map_of(anything)(node, reading)
    if isinstance(node, SequenceNode):
        return list_of(anything)(node, reading)
    return text(node, reading)


# --- Values --------------------------------------------------------------------------------------


def is_null(node: Node) -> bool:
    """Say whether *node* is no value."""
    return isinstance(node, ScalarNode) and node.tag == f"{_TAG}null"


def _kind(node: Node) -> str:
    if isinstance(node, ScalarNode):
        return "nothing" if is_null(node) else "one value"
    return "a list" if isinstance(node, SequenceNode) else "a mapping"


def text(node: Node, reading: Reading) -> str:
    """Read any single value as it is written; no value is the empty string."""
    if not isinstance(node, ScalarNode):
        raise reading.wrong(node, f"expected text, found {_kind(node)}")
    reading.plain.add(id(node))
    return "" if is_null(node) else str(node.value)


def secret(node: Node, reading: Reading) -> Secret:
    """Read a text that is not to be shown."""
    reading.secret.add(id(node))
    return Secret(text(node, reading))


def path(node: Node, reading: Reading) -> str:
    """Read a path; a relative one is of the file's folder."""
    value = text(node, reading)
    return str(reading.folder / value) if value and reading.folder else value


def flag(node: Node, reading: Reading) -> bool:
    """Read a yes or no, unquoted."""
    word = text(node, reading)
    plain = isinstance(node, ScalarNode) and not node.style
    if plain and word in {word.lower(), word.upper(), word.capitalize()}:
        if word.lower() in _TRUE:
            return True
        if word.lower() in _FALSE:
            return False
    raise reading.wrong(node, "expected true or false")


def whole(node: Node, reading: Reading) -> int:
    """Read a whole number of 64 bits."""
    word = text(node, reading).replace("_", "")
    try:
        number = int(word, 0)
    except ValueError:
        raise reading.wrong(node, "expected a whole number") from None
    if not -(2**63) <= number < 2**63:
        raise reading.wrong(node, "the number is too large")
    return number


def natural(node: Node, reading: Reading) -> int:
    """Read a whole number from 0."""
    number = whole(node, reading)
    if number < 0:
        raise reading.wrong(node, "expected a number from 0")
    return number


def duration(node: Node, reading: Reading) -> Millis:
    """Read `1h30m` as Prometheus writes it."""
    written = text(node, reading)
    try:
        return 0 if written == "0" else parse_duration(written)
    except ValueError as error:
        raise reading.wrong(node, f"{error}; write 30s, 5m, 1h30m ...") from None


def go_duration(node: Node, reading: Reading) -> Millis:
    """Read `1h30m` as Go writes it: fractions, too, but no days."""
    written = text(node, reading)
    if not _GO_DURATION.fullmatch(written):
        raise reading.wrong(node, f"not a valid duration: {written!r}; write 30s, 5m, 1h30m ...")
    parts = re.findall(_GO_PART, written)
    total = round(sum(float(number) * _GO_UNITS_MS[unit] for number, unit in parts))
    return -total if written.startswith("-") else total
