"""The text form of matchers: `{severity="critical",job=~"hub.*"}`, and what people write of it.

Two grammars are tried, as Alertmanager does since 0.27: the strict one, in which names and values
may be any quoted text, and the older one, which forgives. Where both read something and disagree,
the older one wins, so that a file means what it always meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ...errors import BadData
from ...promql.quoting import is_utf8, unquote
from ...store.matcher import MatchType
from .matcher import Matcher, Matchers

_SPACES = "\t\n\f\r "  # what RE2 takes for them
_CLASSIC = re.compile(
    rf"[{_SPACES}]*([a-zA-Z_:][a-zA-Z0-9_:]*)[{_SPACES}]*(=~|=|!=|!~)[{_SPACES}]*(.*?)[{_SPACES}]*",
    re.DOTALL,
)
_ESCAPE = re.compile(r'\\([n"\\])')
_TOKEN = re.compile(
    r"""\s*(?:(?P<sign>[{},])|(?P<operator>=~|!=|!~|=)
    |(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<bare>[^\s{}!=~,\\"'`]+)|(?P<end>\Z))""",
    re.DOTALL | re.VERBOSE,
)
_Token = tuple[str, str]  # its kind, its text


def parse_matchers(text: str) -> Matchers:
    """Return the matchers of *text*, in its order. Raises `BadData`."""
    return _either(text, _strict, _classic)


def parse_matcher(text: str) -> Matcher:
    """Return the one matcher of *text*, which has no braces. Raises `BadData`."""
    if text.startswith("{") or text.endswith("}"):
        raise BadData(f"unexpected open or close brace: {text}")
    matchers = _either(text, _strict, lambda text: (_classic_matcher(text),))
    if len(matchers) != 1:
        raise BadData(f"expected 1 matcher, found {len(matchers)}: {text}")
    return matchers[0]


def _either(
    text: str, strict: Callable[[str], Matchers], classic: Callable[[str], Matchers]
) -> Matchers:
    try:
        older = classic(text)
    except BadData:
        try:
            return strict(text)
        except BadData:
            pass
        raise
    return older  # right, or what this text meant before there was the strict grammar


# --- The strict grammar --------------------------------------------------------------------------


def _strict(text: str) -> Matchers:
    tokens = _tokens(text)
    braces = tokens[0] == ("sign", "{")
    position = int(braces)
    matchers = []
    while tokens[position][0] in {"quoted", "bare"}:
        matchers.append(_strict_matcher(text, tokens[position : position + 3]))
        position += 3
        if tokens[position] != ("sign", ","):
            break
        position += 1
    if tokens[position:] != [("sign", "}")] * braces + [("end", "")]:
        raise BadData(f"bad matcher format: {text!r}")
    return tuple(matchers)


def _tokens(text: str) -> list[_Token]:
    """Return the tokens of *text*, the last of which is its end."""
    tokens: list[_Token] = []
    position = 0
    while not tokens or tokens[-1][0] != "end":
        found = _TOKEN.match(text, position)
        if found is None:
            raise BadData(f"bad matcher format: {text!r}")
        kind = str(found.lastgroup)
        tokens.append((kind, found[kind]))
        position = found.end()
    return tokens


def _strict_matcher(text: str, tokens: list[_Token]) -> Matcher:
    kinds = [kind for kind, _ in tokens]
    if len(kinds) < 3 or kinds[1] != "operator" or kinds[2] not in {"quoted", "bare"}:
        raise BadData(f"bad matcher format: {text!r}")
    (_, operator) = tokens[1]
    return Matcher(_strict_text(tokens[0]), MatchType(operator), _strict_text(tokens[2]))


def _strict_text(token: _Token) -> str:
    kind, text = token
    if kind == "bare":
        return text
    try:
        meant = unquote(text)
    except ValueError as error:
        raise BadData(f"bad matcher format: {text}: {error}") from None
    if "\n" in text or not is_utf8(meant):
        raise BadData(f"bad matcher format: {text!r}")
    return meant


# --- The older grammar ---------------------------------------------------------------------------


def _classic(text: str) -> Matchers:
    parts = _parts(text.removeprefix("{").removesuffix("}"))
    return tuple(_classic_matcher(part) for part in parts)


def _parts(text: str) -> list[str]:
    """Split *text* at commas outside of quotes; a last part of spaces is none."""
    parts, start, quoted, escaped = [], 0, False, False
    for position, character in enumerate(text):
        if character == ",":  # which leaves a backslash before it in force
            if not quoted:
                parts.append(text[start:position])
                start = position + 1
        elif character == '"':
            quoted ^= not escaped
            escaped = False
        else:
            escaped = character == "\\" and not escaped
    last = text[start:].strip()
    return [*parts, last] if last else parts


def _classic_matcher(text: str) -> Matcher:
    found = _CLASSIC.fullmatch(text)
    if found is None:
        raise BadData(f"bad matcher format: {text!r}")
    name, operator, value = found.groups()
    return Matcher(name, MatchType(operator), _classic_value(value))


def _classic_value(written: str) -> str:
    """Return what *written* means: with quotes or without, a stray backslash is a backslash."""
    value = written
    quoted = value.startswith('"')
    if quoted:
        value = value[1:]
    bare = re.sub(r"\\.", "", value, flags=re.DOTALL)  # without what is escaped
    if bare.count('"') != quoted or (quoted and not bare.endswith('"')):
        raise BadData(f"matcher value contains unescaped double quote: {written}")
    value = value[:-1] if quoted else value
    return _ESCAPE.sub(lambda escape: "\n" if escape[1] == "n" else escape[1], value)
