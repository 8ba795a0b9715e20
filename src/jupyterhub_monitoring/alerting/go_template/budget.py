"""What a template may use up: no template can hang the service or eat its memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import TemplateError

SIZE_PER_STEP = 16
"""What a function gets or gives counts as work: so many characters or elements are one step."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one rendering may use.

    *depth* is of lists and parentheses within each other, over all templates that call each other;
    Python's own stack allows no more than a few hundred.
    """

    output: int = 1 << 18  # characters
    steps: int = 200_000  # values looked up, functions called, pieces of text written
    depth: int = 60


@dataclass(slots=True)
class Budget:
    """What is left of the limits in one rendering."""

    limits: Limits
    steps: int = 0
    output: int = 0
    depth: int = 0

    def step(self, line: int, cost: int = 1) -> None:
        """Count work. Raises TemplateError at the limit."""
        self.steps += cost
        if self.steps > self.limits.steps:
            raise TemplateError(line, f"the template takes more than {self.limits.steps:,} steps")

    def value(self, line: int, value: Any, *, costly: bool = False) -> None:
        """Count what a function gave or got. Raises TemplateError at the limit."""
        if isinstance(value, (str, list, tuple, Mapping)):
            self.step(line, len(value) if costly else len(value) // SIZE_PER_STEP)

    def write(self, line: int, text: str) -> None:
        """Count text that is written out. Raises TemplateError at the limit."""
        self.output += len(text)
        if self.output > self.limits.output:
            raise TemplateError(
                line, f"the template writes more than {self.limits.output:,} characters"
            )

    def deeper(self, line: int) -> None:
        """Go one level down; the caller comes up again with `depth -= 1`."""
        self.depth += 1
        if self.depth > self.limits.depth:
            raise TemplateError(line, f"the template nests deeper than {self.limits.depth} levels")
