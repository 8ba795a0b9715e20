"""Templates as their users see them: parsed once, rendered many times."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ...errors import TemplateError
from .budget import Limits
from .builtin import BUILTINS
from .calls import GoFunction
from .evaluator import Evaluator
from .parser import parse
from .tree import Block, Text, is_empty

_LIMITS = Limits()


@dataclass(frozen=True)
class Template:
    """A parsed template. It can be rendered by several threads at once."""

    main: Block = field(repr=False)
    definitions: Mapping[str, Block] = field(repr=False)
    functions: Mapping[str, GoFunction] = field(repr=False)
    limits: Limits = _LIMITS

    @classmethod
    def parse(
        cls,
        text: str,
        functions: Mapping[str, GoFunction],
        variables: Collection[str] = (),
        limits: Limits = _LIMITS,
    ) -> Template:
        """Return the template that *text* is.

        *functions* are known besides Go's own, and go before them. *variables* are the names,
        without `$`, of those that `render` is given. Raises TemplateError where the text is wrong,
        or names a function or variable that is not known.
        """
        known = {**BUILTINS, **functions}
        parsed = parse(text, known, variables)
        return cls(parsed.main, parsed.definitions, known, limits)

    @cached_property
    def constant(self) -> str | None:
        """The text that it always writes; None where it has actions."""
        texts = [node.text for node in self.main if isinstance(node, Text)]
        return "".join(texts) if len(texts) == len(self.main) else None

    def render(
        self,
        data: Any,
        variables: Mapping[str, Any] | None = None,
        functions: Mapping[str, GoFunction] | None = None,
    ) -> str:
        """Return what it writes about *data*, its dot.

        *variables* has those that were named to `parse`. *functions* replace those of the same
        names in this rendering, such as one that queries at a certain time.
        Raises TemplateError where it cannot be, with the line, and beyond the limits.
        """
        if (text := self.constant) is not None:
            return text
        known = {**self.functions, **functions} if functions else self.functions
        evaluator = Evaluator(self.definitions, known, self.limits)
        return evaluator.render(self.main, data, variables or {})


class TemplateSet:
    """Named templates that call each other, as those of Alertmanager's template files do."""

    def __init__(self, functions: Mapping[str, GoFunction], limits: Limits = _LIMITS) -> None:
        self.functions = {**BUILTINS, **functions}
        self.limits = limits
        self._blocks: dict[str, Block] = {}

    @property
    def names(self) -> frozenset[str]:
        """The names of those that are defined."""
        return frozenset(self._blocks)

    def add(self, text: str) -> None:
        """Take in the definitions of *text*: `{{ define "name" }} ... {{ end }}`.

        One that is not empty replaces an earlier one of the same name. Raises TemplateError, and
        takes nothing in then.
        """
        self._blocks = self._with(parse(text, self.functions).definitions)

    def _with(self, blocks: Mapping[str, Block]) -> dict[str, Block]:
        kept = dict(self._blocks)
        for name, block in blocks.items():
            if name not in kept or not is_empty(block):
                kept[name] = block
        return kept

    def template(self, text: str) -> Template:
        """Return *text* as a template that may call those of this set, as it is now.

        Raises TemplateError.
        """
        parsed = parse(text, self.functions)
        known = self._with(parsed.definitions)
        return Template(parsed.main, known, self.functions, self.limits)

    def render(self, name: str, data: Any) -> str:
        """Return what the template *name* writes about *data*. Raises TemplateError."""
        if name not in self._blocks:
            raise TemplateError(1, f'template "{name}" not defined')
        evaluator = Evaluator(self._blocks, self.functions, self.limits)
        return evaluator.render(self._blocks[name], data, {})
