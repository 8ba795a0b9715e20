"""A template's tree walked with values: what it writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, NoReturn

from ...errors import MonitoringError, TemplateError
from .budget import Budget, Limits
from .builtin import SHORT_CIRCUIT
from .calls import GoFunction, fitting, is_costly, signature_of
from .formatting import written
from .tree import (
    Action,
    Block,
    Break,
    Call,
    Chain,
    Command,
    Continue,
    Dot,
    Field,
    Function,
    If,
    Literal,
    Nil,
    Node,
    Operand,
    Pipeline,
    Range,
    Text,
    Variable,
    With,
)
from .values import GoObject, is_slice, missing, truth, type_name


class _Absent(Enum):
    """No value at all, which nil is not: a command that is the first of its pipeline gets none."""

    ABSENT = 0


_ABSENT = _Absent.ABSENT


class _Flow(Enum):
    """How a block ended before its end."""

    BREAK = 0
    CONTINUE = 1


class Evaluator:
    """One rendering. *blocks* are what `template` can call, *functions* the functions by name."""

    def __init__(
        self, blocks: Mapping[str, Block], functions: Mapping[str, GoFunction], limits: Limits
    ) -> None:
        self.blocks, self.functions = blocks, functions
        self.budget = Budget(limits)
        self.output: list[str] = []
        self.variables: list[tuple[str, Any]] = []
        self.line = 1

    def render(self, block: Block, data: Any, variables: Mapping[str, Any]) -> str:
        """Return what *block* writes about *data*. Raises TemplateError."""
        self.variables = [("", data), *variables.items()]
        try:
            self._block(block, data)
        except RecursionError:
            self._fail("the template nests too deeply")
        return "".join(self.output)

    def _fail(self, reason: str) -> NoReturn:
        raise TemplateError(self.line, reason)

    # -- nodes ------------------------------------------------------------------------------------

    def _block(self, block: Block, dot: Any) -> _Flow | None:
        self.budget.deeper(self.line)
        flow = None
        for node in block:
            self.line = node.line
            self.budget.step(node.line)
            flow = _WALKS[type(node)](self, node, dot)
            if flow is not None:
                break
        self.budget.depth -= 1
        return flow

    def _text(self, node: Text, _dot: Any) -> None:
        self._write(node.text)

    def _write(self, text: str) -> None:
        self.budget.write(self.line, text)
        self.output.append(text)

    def _action(self, node: Action, dot: Any) -> None:
        value = self._pipeline(node.pipeline, dot)
        if node.pipeline.variables:
            return
        try:
            text = written(value)
        except ValueError as error:
            self._fail(str(error))
        self._write(text)

    def _if(self, node: If, dot: Any) -> _Flow | None:
        mark = len(self.variables)
        chosen = node.otherwise
        for pipeline, block in node.branches:
            if truth(self._pipeline(pipeline, dot)):
                chosen = block
                break
        flow = self._block(chosen, dot)
        del self.variables[mark:]
        return flow

    def _with(self, node: With, dot: Any) -> _Flow | None:
        mark = len(self.variables)
        value = self._pipeline(node.pipeline, dot)
        flow = self._block(node.body, value) if truth(value) else self._block(node.otherwise, dot)
        del self.variables[mark:]
        return flow

    def _range(self, node: Range, dot: Any) -> _Flow | None:
        start = len(self.variables)
        value = self._pipeline(node.pipeline, dot)
        mark = len(self.variables)
        flow, empty = None, True
        for index, element in self._elements(value):
            empty = False
            self.budget.step(node.line)
            self._set_range_variables(node.pipeline, index, element)
            if self._block(node.body, element) is _Flow.BREAK:
                break
            del self.variables[mark:]
        del self.variables[mark:]
        if empty:
            flow = self._block(node.otherwise, dot)
        del self.variables[start:]
        return flow

    def _elements(self, value: Any) -> Iterator[tuple[Any, Any]]:
        if value is None:
            return iter(())
        if isinstance(value, Mapping):
            return iter([(key, value[key]) for key in sorted(value)])
        if is_slice(value):
            return iter(enumerate(value))
        return self._fail(f"range can't iterate over {type_name(value)}")

    def _set_range_variables(self, pipeline: Pipeline, index: Any, element: Any) -> None:
        names = pipeline.variables
        values = (index, element) if len(names) == 2 else (element,)
        for name, value in zip(names, values, strict=False):
            if pipeline.assigns:
                self._assign(name, value)
        if names and not pipeline.assigns:
            top = len(self.variables) - len(names)
            self.variables[top:] = list(zip(names, values, strict=True))

    def _call_template(self, node: Call, dot: Any) -> None:
        if node.name not in self.blocks:
            self._fail(f'template "{node.name}" not defined')
        value = None if node.pipeline is None else self._pipeline(node.pipeline, dot)
        kept, self.variables = self.variables, [("", value)]
        self._block(self.blocks[node.name], value)
        self.variables = kept

    def _break(self, _node: Break, _dot: Any) -> _Flow:
        return _Flow.BREAK

    def _continue(self, _node: Continue, _dot: Any) -> _Flow:
        return _Flow.CONTINUE

    # -- pipelines --------------------------------------------------------------------------------

    def _pipeline(self, pipeline: Pipeline, dot: Any) -> Any:
        value: Any = _ABSENT
        for command in pipeline.commands:
            self.line = command.line
            value = self._command(command, dot, value)
        for name in pipeline.variables:
            if pipeline.assigns:
                self._assign(name, value)
            else:
                self.variables.append((name, value))
        return value

    def _assign(self, name: str, value: Any) -> None:
        for position in range(len(self.variables) - 1, -1, -1):
            if self.variables[position][0] == name:
                self.variables[position] = (name, value)
                return
        self._fail(f'undefined variable "${name}"')

    def _command(self, command: Command, dot: Any, final: Any) -> Any:
        self.budget.step(command.line)
        first, *rest = command.operands
        match first:
            case Field():
                return self._chain(dot, first.names, dot, rest, final)
            case Variable() if first.names:
                return self._chain(self._variable(first.name), first.names, dot, rest, final)
            case Chain():
                inner = self._operand(first.operand, dot)
                return self._chain(inner, first.names, dot, rest, final)
            case Function():
                return self._function(first.name, dot, rest, final)
        if rest or final is not _ABSENT:
            self._fail(f"can't give argument to non-function {_source(first)}")
        if isinstance(first, Nil):
            self._fail("nil is not a command")
        return self._operand(first, dot)

    def _operand(self, operand: Operand, dot: Any) -> Any:  # noqa: PLR0911 -- one for each kind
        """Return the value of an argument."""
        self.budget.step(self.line)
        match operand:
            case Dot():
                return dot
            case Literal():
                return operand.value
            case Nil():
                return None
            case Variable():
                value = self._variable(operand.name)
                return self._chain(value, operand.names, dot) if operand.names else value
            case Field():
                return self._chain(dot, operand.names, dot)
            case Function():
                return self._function(operand.name, dot, [], _ABSENT)
            case Chain():
                return self._chain(self._operand(operand.operand, dot), operand.names, dot)
            case _:
                self.budget.deeper(self.line)
                value = self._pipeline(operand, dot)
                self.budget.depth -= 1
                return value

    def _variable(self, name: str) -> Any:
        for known, value in reversed(self.variables):
            if known == name:
                return value
        return self._fail(f'undefined variable "${name}"')

    # -- fields, methods and functions ------------------------------------------------------------

    def _chain(
        self,
        receiver: Any,
        names: tuple[str, ...],
        dot: Any,
        rest: list[Operand] | tuple[Operand, ...] = (),
        final: Any = _ABSENT,
    ) -> Any:
        """Look up *names* one in the other; the last may be a method with arguments."""
        self.budget.step(self.line, len(names))
        for name in names[:-1]:
            receiver = self._member(receiver, name, dot, (), _ABSENT)
        return self._member(receiver, names[-1], dot, rest, final)

    def _member(
        self,
        receiver: Any,
        name: str,
        dot: Any,
        rest: list[Operand] | tuple[Operand, ...],
        final: Any,
    ) -> Any:
        if receiver is None:
            return None
        if isinstance(receiver, GoObject) and (method := receiver.go_methods().get(name)):
            return self._call(name, method, dot, rest, final)
        if rest or final is not _ABSENT:
            self._fail(f"{name} is not a method but has arguments")
        if isinstance(receiver, GoObject):
            fields = receiver.go_fields()
            if name in fields:
                return fields[name]
        if isinstance(receiver, Mapping):
            return receiver[name] if name in receiver else missing(receiver)
        return self._fail(f"can't evaluate field {name} in type {type_name(receiver)}")

    def _function(
        self, name: str, dot: Any, rest: list[Operand] | tuple[Operand, ...], final: Any
    ) -> Any:
        if name in SHORT_CIRCUIT and (rest or final is not _ABSENT):
            return self._short_circuit(name, dot, rest, final)
        return self._call(name, self.functions[name], dot, rest, final)

    def _short_circuit(
        self, name: str, dot: Any, rest: list[Operand] | tuple[Operand, ...], final: Any
    ) -> Any:
        value = None
        for operand in rest:
            value = self._operand(operand, dot)
            if truth(value) is SHORT_CIRCUIT[name]:
                return value
        return value if final is _ABSENT else final

    def _call(
        self,
        name: str,
        function: GoFunction,
        dot: Any,
        rest: list[Operand] | tuple[Operand, ...],
        final: Any,
    ) -> Any:
        line = self.line
        signature = signature_of(function)
        values = [(self._operand(one, dot), isinstance(one, Literal)) for one in rest]
        if final is not _ABSENT:
            values.append((final, False))
        self.line = line
        try:
            signature.check_count(name, len(values))
            arguments = [
                fitting(value, signature.expected(position), literal=literal)
                for position, (value, literal) in enumerate(values)
            ]
        except ValueError as error:
            self._fail(str(error))
        return self._result(name, function, arguments)

    def _result(self, name: str, function: GoFunction, arguments: list[Any]) -> Any:
        costly = is_costly(function)
        for argument in arguments:
            self.budget.value(self.line, argument, costly=costly)
        try:
            result = function(*arguments)
        except TemplateError:
            raise
        except (ValueError, ArithmeticError, MonitoringError) as error:
            self._fail(f"error calling {name}: {error}")
        self.budget.value(self.line, result)
        return result


def _source(operand: Operand) -> str:
    match operand:
        case Literal():
            return operand.source
        case Dot():
            return "."
        case Variable():
            return f"${operand.name}"
        case _:
            return "nil" if isinstance(operand, Nil) else "(...)"


_WALKS: dict[type[Node], Callable[[Evaluator, Any, Any], _Flow | None]] = {
    Text: Evaluator._text,
    Action: Evaluator._action,
    If: Evaluator._if,
    With: Evaluator._with,
    Range: Evaluator._range,
    Call: Evaluator._call_template,
    Break: Evaluator._break,
    Continue: Evaluator._continue,
}
