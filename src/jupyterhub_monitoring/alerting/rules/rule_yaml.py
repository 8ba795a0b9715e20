"""The YAML of rule files as Go's yaml.v3 reads it into texts, durations and maps of texts.

It differs from what PyYAML makes of YAML: a text is what is written, `yes`, `0x10` and `1.50` too,
and a key that comes twice is an error. All that is wrong is collected, each with its line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ...errors import WrongRules
from ...promql.numbers import parse_duration
from ...promql.quoting import is_utf8
from ..alert import Millis
from ..go_template.literals import parse_number
from ..yaml_mistake import mistake

MOST_BYTES = 8 << 20
"""A rule file may have."""

MOST_PROBLEMS = 100
"""Problems of one file that are told; after them it is not read any further."""

MOST_VALUES = 200_000
"""Values of one file, those that stand in several places by an alias counted at each."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"
_NOT_TAKEN = {f"{_STANDARD}{name}" for name in ("binary", "set", "omap", "pairs")}
_NULLS = {"", "~", "null", "Null", "NULL"}
_MERGE = "<<"
_KINDS = {ScalarNode: "a text or number", SequenceNode: "a list", MappingNode: "a mapping"}


class TooMuch(Exception):  # noqa: N818 -- ends the reading of a file, never leaves these modules
    """The file is not worth reading any further; the reason is among its problems."""


@dataclass
class Reading:
    """One rule file while it is read."""

    file: str
    problems: list[WrongRules] = field(default_factory=list)
    _values: int = 0

    def wrong(self, line: int, reason: str) -> None:
        """Note a problem. Raises TooMuch where there are too many."""
        self.problems.append(WrongRules(self.file, line, reason))
        if len(self.problems) >= MOST_PROBLEMS:
            raise TooMuch

    def count(self, node: Node) -> None:
        """Count a value that is used. Raises TooMuch where there are too many."""
        self._values += 1
        if self._values > MOST_VALUES:
            self.wrong(line_of(node), f"the file has more than {MOST_VALUES:,} values")
            raise TooMuch


def line_of(node: Node) -> int:
    """Return where *node* begins, from 1."""
    return int(node.start_mark.line) + 1


def first_line(node: Node) -> int:
    """Return where the first line of the text of *node* stands: of a block below its `|`."""
    return line_of(node) + (isinstance(node, ScalarNode) and node.style in {"|", ">"})


def is_null(node: Node | None) -> bool:
    """Say whether there is nothing: no node, `key:`, `~` or `null`."""
    if node is None:
        return True
    return isinstance(node, ScalarNode) and not node.style and node.value in _NULLS


def document(text: str, reading: Reading) -> Node | None:
    """Return the root of *text*; None where there is none, or a problem with it."""
    if len(text) > MOST_BYTES or len(text.encode(errors="replace")) > MOST_BYTES:
        reading.wrong(0, f"a rule file may have {MOST_BYTES >> 20} MiB at most")
        return None
    try:
        documents = list(yaml.compose_all(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        line, reason = mistake(error, text)
        reading.wrong(line, f"no YAML: {reason}")
        return None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reading.wrong(0, f"no YAML: {error}" if str(error) else "no YAML, or nested too deeply")
        return None
    for more in documents[1:]:
        if not is_null(more):
            reading.wrong(line_of(more), "a rule file is one YAML document, without `---`")
    return documents[0] if documents else None


def keys_of(node: Node | None) -> dict[str, int]:
    """Return the keys of a mapping, each with its line; none where it is something else."""
    entries = node.value if isinstance(node, MappingNode) else ()
    return {key.value: line_of(key) for key, _ in entries if isinstance(key, ScalarNode)}


def mappings(node: Node | None, what: str, element: str, reading: Reading) -> list[Node]:
    """Return the mappings in a list; none where it is absent or something else.

    An element that is null is left out, as yaml.v3 does; one that is no mapping is wrong.
    """
    if node is None or is_null(node):
        return []
    if not isinstance(node, SequenceNode):
        _not_a(node, "list", what, reading)
        return []
    reading.count(node)
    for one in node.value:
        if not isinstance(one, MappingNode) and not is_null(one):
            _not_a(one, "mapping", element, reading)
    return [one for one in node.value if isinstance(one, MappingNode)]


def record(
    node: Node | None, keys: Collection[str], what: str, reading: Reading
) -> dict[str, Node]:
    """Return the values of a mapping by their keys, of which each is one of *keys*."""
    found: dict[str, Node] = {}
    for key, value in _pairs(node, what, reading):
        if key.value in keys:
            found[key.value] = value
        else:
            near = get_close_matches(key.value, keys, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(keys)}"
            reading.wrong(line_of(key), f"field {key.value!r:.60} is unknown in {what}; {hint}")
    return found


def texts(node: Node | None, what: str, reading: Reading) -> dict[str, tuple[str, Node]]:
    """Return a mapping of texts: each with its node, for the line."""
    found: dict[str, tuple[str, Node]] = {}
    for key, value in _pairs(node, what, reading):
        found[key.value] = (text(value, f"{key.value} in {what}", reading), value)
    return found


def _pairs(node: Node | None, what: str, reading: Reading) -> Iterator[tuple[ScalarNode, Node]]:
    """Give keys and values of a mapping, what it merges (`<<: *other`) last; none where absent."""
    if node is None or is_null(node):
        return
    if not isinstance(node, MappingNode):
        _not_a(node, "mapping", what, reading)
        return
    known: dict[str, int] = {}
    merged: list[Node] = []
    for key, value in node.value:
        reading.count(value)
        if not isinstance(key, ScalarNode) or not _taken(key, reading):
            reading.wrong(line_of(key), f"a key of {what} is no text")
        elif key.value == _MERGE and not key.style:
            merged.append(value)
        elif key.value in known:
            earlier = known[key.value]
            reading.wrong(line_of(key), f"key {key.value!r:.60} is in line {earlier} already")
        else:
            known[key.value] = line_of(key)
            yield key, value
    for key, value in _merged(merged, what, reading):
        if key.value not in known:
            known[key.value] = line_of(key)
            yield key, value


def _merged(nodes: list[Node], what: str, reading: Reading) -> Iterator[tuple[ScalarNode, Node]]:
    """Give what the mappings that are merged have; a mapping in them that merges is refused."""
    for node in nodes:
        for one in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(one, MappingNode):
                reading.wrong(line_of(one), "map merge requires map or sequence of maps as value")
                continue
            for key, value in one.value:
                reading.count(value)
                if not isinstance(key, ScalarNode) or key.value == _MERGE:
                    reading.wrong(line_of(key), f"this key cannot be merged into {what}")
                else:
                    yield key, value


def _not_a(node: Node, wanted: str, what: str, reading: Reading) -> None:
    reading.wrong(line_of(node), f"{what} is a {wanted}, not {_KINDS[type(node)]}")


def _taken(node: ScalarNode, reading: Reading) -> bool:
    if node.tag.startswith(_STANDARD) and node.tag not in _NOT_TAKEN:
        return True
    reading.wrong(line_of(node), f"the tag {node.tag!r:.60} has no meaning here")
    return False


def text(node: Node | None, what: str, reading: Reading) -> str:
    """Return a text as it is written; empty where it is absent or something else."""
    if node is None or is_null(node):
        return ""
    if not isinstance(node, ScalarNode):
        _not_a(node, "text", what, reading)
        return ""
    reading.count(node)
    if not _taken(node, reading):
        return ""
    if not is_utf8(node.value):
        reading.wrong(line_of(node), f"{what} is no UTF-8")
        return ""
    return str(node.value)


def duration(node: Node | None, what: str, reading: Reading) -> Millis | None:
    """Return a duration such as `1h30m` in milliseconds; None where it is absent or wrong."""
    if node is None or is_null(node):
        return None
    before = len(reading.problems)
    written = text(node, what, reading)
    if len(reading.problems) > before or written == "0":
        return 0 if written == "0" else None
    if not written:
        reading.wrong(line_of(node), f"{what}: empty duration string")
        return None
    try:
        return parse_duration(written)
    except ValueError as error:
        reading.wrong(line_of(node), f"{what}: {error}")
        return None


def integer(node: Node | None, what: str, reading: Reading) -> int:
    """Return a whole number; 0 where it is absent or something else."""
    if node is None or is_null(node):
        return 0
    written = text(node, what, reading)
    if not isinstance(node, ScalarNode):
        return 0
    try:
        return int(parse_number("" if node.style else written))
    except ValueError:
        reading.wrong(line_of(node), f"{what} is a whole number, not {written!r:.60}")
        return 0
