"""What a template is after parsing. *line* counts from 1 within its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Dot:
    """`.`, the value that the template is about at this place."""


@dataclass(frozen=True, slots=True)
class Nil:
    """`nil`, which can be an argument only."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number or truth value, with its *source* for errors."""

    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Field:
    """`.Alerts.Firing`: names looked up one in the other, from the dot on."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x.Labels`: a variable without its `$`, "" for `$` itself, and names looked up in it."""

    name: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A function's name; what stands behind it is looked up when the template is rendered."""

    name: str


@dataclass(frozen=True, slots=True)
class Chain:
    """`(query "up").Labels`: names looked up in what an operand gives."""

    operand: Operand
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """An operand and its arguments, which only functions and methods take."""

    operands: tuple[Operand, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`$x := a | b`: each command's value is the last argument of the next."""

    commands: tuple[Command, ...]
    variables: tuple[str, ...]
    assigns: bool  # `=`, not `:=`
    line: int


Operand = Dot | Nil | Literal | Field | Variable | Function | Chain | Pipeline


@dataclass(frozen=True, slots=True)
class Text:
    """What is written as it stands."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Action:
    """`{{ pipeline }}`: its value is written, unless it goes to a variable."""

    pipeline: Pipeline
    line: int


@dataclass(frozen=True, slots=True)
class If:
    """`{{ if }}`, with each `{{ else if }}` as a further branch."""

    branches: tuple[tuple[Pipeline, Block], ...]
    otherwise: Block
    line: int


@dataclass(frozen=True, slots=True)
class With:
    """`{{ with }}`: the body is about the pipeline's value."""

    pipeline: Pipeline
    body: Block
    otherwise: Block
    line: int


@dataclass(frozen=True, slots=True)
class Range:
    """`{{ range }}`: the body is about each element."""

    pipeline: Pipeline
    body: Block
    otherwise: Block
    line: int


@dataclass(frozen=True, slots=True)
class Call:
    """`{{ template "name" pipeline }}`."""

    name: str
    pipeline: Pipeline | None
    line: int


@dataclass(frozen=True, slots=True)
class Break:
    """`{{ break }}`."""

    line: int


@dataclass(frozen=True, slots=True)
class Continue:
    """`{{ continue }}`."""

    line: int


Node = Text | Action | If | With | Range | Call | Break | Continue
Block = tuple[Node, ...]


def is_empty(block: Block) -> bool:
    """Say whether *block* is nothing but white space: such a definition yields to another."""
    return all(isinstance(node, Text) and not node.text.strip(" \t\r\n") for node in block)
