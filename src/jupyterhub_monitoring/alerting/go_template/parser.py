"""From tokens to a tree: Go's grammar of templates, with its words for what is wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ...errors import TemplateError
from .cursor import Cursor
from .lexer import Kind, Token
from .literals import parse_character, parse_number, parse_string
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
    is_empty,
)

LONGEST = 1 << 18
"""Characters that a template's text may have."""

DEEPEST = 40
"""Levels of blocks and parentheses within each other."""

MOST_VARIABLES = 200
"""Variables that are there at one place."""

_OPERANDS = {
    Kind.BOOL,
    Kind.RUNE,
    Kind.NUMBER,
    Kind.DOT,
    Kind.FIELD,
    Kind.WORD,
    Kind.NIL,
    Kind.RAW,
    Kind.STRING,
    Kind.VARIABLE,
    Kind.OPEN,
}
_CLOSERS = (Kind.RIGHT, Kind.CLOSE)
_EXECUTABLE = (Field, Variable, Function, Chain, Pipeline)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What stands outside of all definitions, and the definitions by name."""

    main: Block
    definitions: Mapping[str, Block]


def parse(text: str, functions: Collection[str], variables: Collection[str] = ()) -> Parsed:
    """Return what *text* says.

    *functions* are the names that it may call, *variables* those that are set when it begins.
    Raises TemplateError with the first thing that is wrong.
    """
    if len(text) > LONGEST:
        raise TemplateError(1, f"the template is longer than {LONGEST:,} characters")
    return _Parser(text, functions, variables).whole()


class _Parser(Cursor):
    """Reads one text. The methods are named after what they read."""

    def __init__(self, text: str, functions: Collection[str], variables: Collection[str]) -> None:
        super().__init__(text)
        self.functions = functions
        self.variables = ["", *variables]
        self.defined: dict[str, Block] = {}
        self.depth = self.ranges = 0

    def whole(self) -> Parsed:
        nodes: list[Node] = []
        while self.token.kind is not Kind.END:
            if self.at_keyword("define"):
                self._definition()
                continue
            node = self._node()
            if node is None:
                self.fail(f"unexpected {{{{{self._end_or_else()}}}}}")
            nodes.append(node)
        return Parsed(tuple(nodes), self.defined)

    # -- text and actions -------------------------------------------------------------------------

    def _node(self) -> Node | None:
        """Read text or an action; None, with nothing taken, at `{{ end }}` and `{{ else }}`."""
        token = self.skip_space()
        if token.kind is Kind.TEXT:
            return Text(self.next().text, token.line)
        if self.at_keyword("end") or self.at_keyword("else"):
            return None
        if token.kind is Kind.END:
            self.fail("unexpected EOF")
        self.expect(Kind.LEFT, context="input")
        first = self.skip_space()
        if first.kind is not Kind.KEYWORD:
            return Action(self._pipeline("command", Kind.RIGHT), first.line)
        if first.text == "define":
            self.unexpected(first, "command")
        return self._control(self.next())

    def _control(self, word: Token) -> Node:
        match word.text:
            case "if":
                return self._if(word.line)
            case "range" | "with":
                return self._range_or_with(word)
            case "template":
                return self._template(word.line)
            case "block":
                return self._block_action(word.line)
            case _:
                return self._break_or_continue(word)

    def _block(self) -> Block:
        """Read up to `{{ end }}` or `{{ else }}`, which is not taken."""
        self._deeper()
        nodes: list[Node] = []
        while (node := self._node()) is not None:
            nodes.append(node)
        self.depth -= 1
        return tuple(nodes)

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail(f"more than {DEEPEST} levels of blocks and parentheses")

    def _end_or_else(self) -> str:
        """Take `{{ end }}` or `{{ else`; return the word."""
        self.expect(Kind.LEFT, context="input")
        self.skip_space()
        word = self.next().text
        if word == "end":
            self.expect(Kind.RIGHT, context="end")
        return word

    def _otherwise(self) -> Block:
        """Read what may follow a body: `{{ else }}` and its block, and `{{ end }}`."""
        if self._end_or_else() == "end":
            return ()
        self.expect(Kind.RIGHT, context="else")
        block = self._block()
        if self._end_or_else() != "end":
            self.fail("expected end; found {{else}}")
        return block

    def _if(self, line: int) -> If:
        scope = len(self.variables)
        branches: list[tuple[Pipeline, Block]] = []
        while not branches or self._at_else_if():
            pipeline = self._pipeline("if", Kind.RIGHT)
            inner = len(self.variables)
            branches.append((pipeline, self._block()))
            del self.variables[inner:]
        otherwise = self._otherwise()
        del self.variables[scope:]
        return If(tuple(branches), otherwise, line)

    def _at_else_if(self) -> bool:
        """Take `{{ else if`, if it is there."""
        position = self.position
        if self.at_keyword("else"):
            self._end_or_else()
            following = self.skip_space()
            if following.kind is Kind.KEYWORD and following.text == "if":
                self.next()
                return True
        self.position = position
        return False

    def _range_or_with(self, word: Token) -> Range | With:
        scope = len(self.variables)
        pipeline = self._pipeline(word.text, Kind.RIGHT)
        inner = len(self.variables)
        is_range = word.text == "range"
        self.ranges += is_range
        body = self._block()
        self.ranges -= is_range
        del self.variables[inner:]
        otherwise = self._otherwise()
        del self.variables[scope:]
        kind = Range if is_range else With
        return kind(pipeline, body, otherwise, word.line)

    def _break_or_continue(self, word: Token) -> Node:
        if word.text not in {"break", "continue"}:
            self.unexpected(word, "command")
        self.expect(Kind.RIGHT, context=f"{{{{{word.text}}}}}")
        if not self.ranges:
            self.fail(f"{{{{{word.text}}}}} outside {{{{range}}}}")
        return Break(word.line) if word.text == "break" else Continue(word.line)

    # -- templates in templates -------------------------------------------------------------------

    def _name(self, context: str) -> str:
        token = self.expect(Kind.STRING, Kind.RAW, context=context)
        return self._constant(token)

    def _constant(self, token: Token) -> str:
        try:
            return parse_string(token.text)
        except ValueError as error:
            self.fail(str(error))

    def _template(self, line: int) -> Call:
        name = self._name("template clause")
        if self.skip_space().kind is Kind.RIGHT:
            self.next()
            return Call(name, None, line)
        return Call(name, self._pipeline("template clause", Kind.RIGHT), line)

    def _definition(self) -> None:
        self.next()
        self.skip_space()
        self.next()
        name = self._name("define clause")
        self.expect(Kind.RIGHT, context="define clause")
        self._define(name, self._body("define clause"))

    def _block_action(self, line: int) -> Call:
        name = self._name("block clause")
        pipeline = self._pipeline("block clause", Kind.RIGHT)
        self._define(name, self._body("block clause"))
        return Call(name, pipeline, line)

    def _body(self, context: str) -> Block:
        """Read a definition's block, which sees no variables from outside."""
        variables, ranges = self.variables, self.ranges
        self.variables, self.ranges = [""], 0
        block = self._block()
        if self._end_or_else() != "end":
            self.fail(f"unexpected {{{{else}}}} in {context}")
        self.variables, self.ranges = variables, ranges
        return block

    def _define(self, name: str, block: Block) -> None:
        before = self.defined.get(name)
        if before is None or is_empty(before):
            self.defined[name] = block
        elif not is_empty(block):
            self.fail(f'multiple definition of template "{name}"')

    # -- pipelines --------------------------------------------------------------------------------

    def _pipeline(self, context: str, closer: Kind) -> Pipeline:
        """Read `$x := command | command` and what closes it."""
        line = self.skip_space().line
        variables, assigns = self._declarations(context)
        commands: list[Command] = []
        while self.skip_space().kind is not closer:
            if self.token.kind not in _OPERANDS:
                self.unexpected(self.token, context)
            commands.append(self._command())
        if not commands:
            self.fail(f"missing value for {context}")
        for number, command in enumerate(commands[1:], 2):
            if not isinstance(command.operands[0], _EXECUTABLE):
                self.fail(f"non executable command in pipeline stage {number}")
        self.next()
        self._declare(variables, assigns=assigns)
        return Pipeline(tuple(commands), tuple(variables), assigns, line)

    def _declarations(self, context: str) -> tuple[list[str], bool]:
        """Read `$x :=`, or in a range also `$i, $x :=`; nothing where there is none of it."""
        variables: list[str] = []
        while self.skip_space().kind is Kind.VARIABLE:
            position = self.position
            name = self.next().text
            after = self.skip_space()
            if after.kind in {Kind.DECLARE, Kind.ASSIGN}:
                self.next()
                return [*variables, name], after.kind is Kind.ASSIGN
            if after.kind is not Kind.CHARACTER or after.text != ",":
                self.position = position
                break
            self.next()
            if context != "range" or variables:
                self.fail(f"too many declarations in {context}")
            variables.append(name)
        if variables:
            self.fail("range can only initialize variables")
        return [], False

    def _declare(self, variables: list[str], *, assigns: bool) -> None:
        if not assigns:
            self.variables += variables
        if len(self.variables) > MOST_VARIABLES:
            self.fail(f"more than {MOST_VARIABLES} variables")
        for name in variables:
            if name not in self.variables:
                self.fail(f'undefined variable "${name}"')

    def _command(self) -> Command:
        """Read operands with spaces between them, and the `|` after them."""
        line = self.skip_space().line
        operands: list[Operand] = []
        while (token := self.skip_space()).kind in _OPERANDS:
            operands.append(self._operand())
            token = self.token
            if token.kind is not Kind.SPACE:
                break
        if token.kind is Kind.PIPE:
            self.next()  # nothing need follow: Go takes `{{ .x | }}`
        elif token.kind not in _CLOSERS:
            self.unexpected(token, "operand")
        return Command(tuple(operands), line)

    def _operand(self) -> Operand:
        """Read a term, and the fields that follow it without a space."""
        source = self.token
        term = self._term(self.next())
        names: list[str] = []
        while self.token.kind is Kind.FIELD:
            names.append(self.next().text)
        if not names:
            return term
        match term:
            case Field():
                return Field((*term.names, *names))
            case Variable():
                return Variable(term.name, (*term.names, *names))
            case Literal() | Nil() | Dot():
                return self.fail(f"unexpected . after term {source}")
            case _:
                return Chain(term, tuple(names))

    def _term(self, token: Token) -> Operand:
        match token.kind:
            case Kind.WORD | Kind.VARIABLE:
                return self._known(token)
            case Kind.DOT | Kind.NIL:
                return Dot() if token.kind is Kind.DOT else Nil()
            case Kind.FIELD:
                return Field((token.text,))
            case Kind.OPEN:
                self._deeper()
                pipeline = self._pipeline("parenthesized pipeline", Kind.CLOSE)
                self.depth -= 1
                return pipeline
            case _:
                return self._literal(token)

    def _known(self, token: Token) -> Function | Variable:
        if token.kind is Kind.WORD:
            if token.text not in self.functions:
                self.fail(f'function "{token.text}" not defined')
            return Function(token.text)
        if token.text not in self.variables:
            self.fail(f'undefined variable "${token.text}"')
        return Variable(token.text)

    def _literal(self, token: Token) -> Literal:
        try:
            match token.kind:
                case Kind.BOOL:
                    return Literal(token.text == "true", token.text)
                case Kind.NUMBER:
                    return Literal(parse_number(token.text), token.text)
                case Kind.RUNE:
                    return Literal(parse_character(token.text), token.text)
                case _:
                    return Literal(parse_string(token.text), token.text)
        except ValueError as error:
            self.fail(str(error))
