"""Snappy's block format, written for text of which one knows where it repeats itself.

    block   = varint(length of the text) element*
    element = literal: (length - 1) << 2 | 0, or 61 << 2 and two bytes of length - 1; the bytes
            | copy:    (length - 1) << 2 | 2, two bytes of distance; 1 to 64 bytes from there

What is compressed comes in pieces: labels that other series have too, timestamps, zeros. A piece
that was there before is a copy. So there is no search for matches, which would be slow in Python.
"""

from __future__ import annotations

from collections.abc import Iterable

FARTHEST = 65_535
SHORTEST = 4
"""A copy takes three bytes."""

_LONGEST_COPY = 64
_LONGEST_LITERAL = 65_536
_SHORT_LITERAL = 60


def varint(number: int) -> bytes:
    """Return *number*, which is not negative, seven bits to a byte, the lowest first."""
    octets = bytearray()
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)


def compress(pieces: Iterable[bytes]) -> bytes:
    """Return the block that is *pieces*, one after the other."""
    text, body, literal = bytearray(), bytearray(), bytearray()
    seen: dict[bytes, int] = {}
    distance = length = 0  # of the copy that goes on
    for piece in pieces:
        at, size = len(text), len(piece)
        if length and text[at - distance : at - distance + size] == piece:
            length += size
        else:
            _copy(body, distance, length)
            length = 0
            before = seen.get(piece, -1) if size >= SHORTEST else -1
            if before >= 0 and at - before <= FARTHEST:
                _literal(body, literal)
                distance, length = at - before, size
            else:
                literal += piece
        seen[piece] = at
        text += piece
    _copy(body, distance, length)
    _literal(body, literal)
    return varint(len(text)) + bytes(body)


def _copy(body: bytearray, distance: int, length: int) -> None:
    """Write a copy, in as many elements as it takes."""
    low, high = distance & 0xFF, distance >> 8
    while length:
        part = min(length, _LONGEST_COPY)
        body += bytes(((part - 1) << 2 | 2, low, high))
        length -= part


def _literal(body: bytearray, literal: bytearray) -> None:
    """Write *literal* and empty it."""
    for start in range(0, len(literal), _LONGEST_LITERAL):
        part = literal[start : start + _LONGEST_LITERAL]
        last = len(part) - 1
        if last < _SHORT_LITERAL:
            body.append(last << 2)
        else:
            body += bytes((61 << 2, last & 0xFF, last >> 8))
        body += part
    literal.clear()
