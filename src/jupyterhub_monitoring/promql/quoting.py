r"""Strings as PromQL writes them: "double", 'single' and `raw`, with Go's escapes.

A string may hold bytes that are no UTF-8 (`"\xff"`). They are kept as lone surrogates, as Python
keeps such bytes of file names; `is_utf8` tells, and no label can have them as its name.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"])|([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))"
)
_SIMPLE = dict(zip("abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\"", strict=True))
_SHORT = {value: f"\\{key}" for key, value in _SIMPLE.items() if key != "'"}
_UNPRINTABLE = re.compile(r"[^ !#-\[\]-~]")  # what may need an escape


def unquote(text: str) -> str:
    """Return the string that *text*, quotes included, means.

    Raises ValueError where an escape is not one of Go's.
    """
    quote, body = text[0], text[1:-1]
    if quote == "`" or "\\" not in body:
        return body
    result, position = bytearray(), 0
    while (backslash := body.find("\\", position)) >= 0:
        result += body[position:backslash].encode(errors="surrogateescape")
        match = _ESCAPE.match(body, backslash)
        if match is None or match[1] in {"'", '"'} - {quote}:
            raise ValueError(_what_is_wrong(body[backslash + 1 :]))
        result += _meaning(match)
        position = match.end()
    result += body[position:].encode(errors="surrogateescape")
    return result.decode(errors="surrogateescape")


def _meaning(match: re.Match[str]) -> bytes:
    simple, octal, byte, short, long = match.groups()
    if simple:
        return _SIMPLE[simple].encode()
    if octal or byte:
        value = int(octal, 8) if octal else int(byte, 16)
        if value <= 0xFF:
            return bytes([value])
    else:
        value = int(short or long, 16)
        if value <= 0x10FFFF and not 0xD800 <= value < 0xE000:
            return chr(value).encode()
    raise ValueError("escape sequence is an invalid Unicode code point")


def _what_is_wrong(rest: str) -> str:
    """Say why *rest*, what stands after a backslash, is no escape."""
    first = rest[0]
    if first not in "01234567xuU":
        return f"unknown escape sequence U+{ord(first):04X} {first!r}"
    digits, length = ("01234567", 3) if first in "01234567" else ("0123456789abcdefABCDEF", 0)
    start = 0 if length else 1
    end = start + (length or {"x": 2, "u": 4, "U": 8}[first])
    for character in rest[start:end]:
        if character not in digits:
            return f"illegal character U+{ord(character):04X} {character!r} in escape sequence"
    return "escape sequence not terminated"


def quote(text: str) -> str:
    """Return *text* in double quotes, as Go's `strconv.Quote` writes it."""
    return f'"{_UNPRINTABLE.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if character.isprintable():
        return character
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def as_utf8(text: str) -> str:
    """Return *text* with U+FFFD for each byte that is no UTF-8, as Go's JSON writes it."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


def is_utf8(text: str) -> bool:
    """Say whether *text* holds no bytes that are no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
