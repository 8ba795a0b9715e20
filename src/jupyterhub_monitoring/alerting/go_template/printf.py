"""Go's `fmt.Sprintf`, with its ways to say that a verb and a value do not fit."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...promql.go_format import format_general
from ...promql.quoting import quote
from .calls import bounded
from .formatting import format_value
from .values import GoObject, as_bytes, is_slice, is_struct, type_name

_VERB = re.compile(
    r"%(?P<flags>[+\-# 0]*)"
    r"(?:\[(?P<width_index>[^\]]{0,9})\](?=\*))?(?P<width>\*|\d*)"
    r"(?:(?P<dot>\.)(?:\[(?P<precision_index>[^\]]{0,9})\](?=\*))?(?P<precision>\*|\d*))?"
    r"(?:\[(?P<index>[^\]]{0,9})\])?(?P<verb>.?)",
    re.DOTALL,
)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_LARGEST = 9_999_999
"""Go takes hardly a larger width or precision."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One `%...` of a format."""

    verb: str
    flags: str = ""
    width: int = 0
    precision: int | None = None

    def has(self, flag: str) -> bool:
        """Say whether *flag* is there."""
        return flag in self.flags


def sprintf(template: str, *args: Any) -> str:
    """Return *template* with each `%...` replaced by one of *args*, as Go writes it."""
    return _Printer(template, args).text()


class _Printer:
    def __init__(self, template: str, args: tuple[Any, ...]) -> None:
        self.template, self.args = template, args
        self.next = self.length = 0
        self.reordered = False
        self.parts: list[str] = []

    def text(self) -> str:
        position = 0
        while (percent := self.template.find("%", position)) >= 0:
            self._add(self.template[position:percent])
            match = _VERB.match(self.template, percent)
            assert match is not None  # noqa: S101 -- a % alone matches
            self._add(self._verb(match))
            position = match.end()
        self._add(self.template[position:])
        if not self.reordered and self.next < len(self.args):
            extra = (_typed(value) for value in self.args[self.next :])
            self._add(f"%!(EXTRA {', '.join(extra)})")
        return "".join(self.parts)

    def _add(self, text: str) -> None:
        self.length += len(text)
        bounded(self.length)
        self.parts.append(text)

    def _verb(self, match: re.Match[str]) -> str:
        width, bad_width = self._number(match["width"], match["width_index"], "WIDTH")
        precision, bad_precision = self._number(
            match["precision"], match["precision_index"], "PREC"
        )
        if match["dot"] and precision is None and not bad_precision:
            precision = 0
        flags = match["flags"]
        if width is not None and width < 0:
            flags, width = flags + "-", -width
        if precision is not None and precision < 0:  # from `*`: as if it were not there
            precision = None
        spec = Spec(match["verb"], flags, width or 0, precision)
        return bad_width + bad_precision + self._value(spec, match["index"])

    def _number(self, text: str | None, index: str | None, name: str) -> tuple[int | None, str]:
        """Return a width or precision, and what to write where it cannot be used."""
        if text == "*":
            found, value = self._argument(index)
            if not found or type(value) is not int or abs(value) > _LARGEST:
                return None, f"%!(BAD{name})"
            return value, ""
        if not text:
            return None, ""
        if len(text) > 8 or int(text) > _LARGEST:
            return None, f"%!(BAD{name})"
        return int(text), ""

    def _argument(self, index: str | None) -> tuple[bool, Any]:
        """Take the next argument, or that of the number *index*."""
        if index is not None:
            number = int(index) if index.isdecimal() and len(index) < 9 else 0
            if not 1 <= number <= len(self.args):
                return False, None
            self.next = number - 1
        if self.next >= len(self.args):
            return False, None
        self.next += 1
        return True, self.args[self.next - 1]

    def _value(self, spec: Spec, index: str | None) -> str:
        self.reordered = self.reordered or index is not None
        if not spec.verb:
            return "%!(NOVERB)"
        if spec.verb == "%":
            return "%"
        found, value = self._argument(index)
        if not found:
            return f"%!{spec.verb}({'BADINDEX' if index is not None else 'MISSING'})"
        bounded(spec.width + (spec.precision or 0))
        return formatted(value, spec)


def _typed(value: Any) -> str:
    return "<nil>" if value is None else f"{type_name(value)}={format_value(value)}"


def formatted(value: Any, spec: Spec) -> str:
    """Return *value* as *spec* wants it, or Go's `%!d(string=x)` where that cannot be."""
    if spec.verb == "T":
        return _padded(type_name(value), replace(spec, precision=None))
    if isinstance(value, GoObject) and spec.verb in "vsxXq":
        text = value.go_string()
        value = value if text is None else text
    form = next((form for kind, form in _FORMS if isinstance(value, kind)), _composite)
    return form(value, spec)


def _nil(_value: None, spec: Spec) -> str:
    return _padded("<nil>", spec) if spec.verb == "v" else f"%!{spec.verb}(<nil>)"


def _bool(value: bool, spec: Spec) -> str:
    return _padded(format_value(value), spec) if spec.verb in "tv" else _bad(value, spec)


def _bad(value: Any, spec: Spec) -> str:
    return f"%!{spec.verb}({type_name(value)}={formatted(value, replace(spec, verb='v'))})"


def _padded(text: str, spec: Spec) -> str:
    """Fill *text* up to the width, on the left unless `-` is there."""
    if spec.has("-"):
        return text.ljust(spec.width)
    return text.rjust(spec.width, "0" if spec.has("0") else " ")


def _string(text: str, spec: Spec) -> str:
    if spec.precision is not None and spec.verb not in "xX":
        text = text[: spec.precision]
    match spec.verb:
        case "s" | "v":
            return _padded(quote(text) if spec.verb == "v" and spec.has("#") else text, spec)
        case "q":
            return _padded(_quoted(text, spec), spec)
        case "x" | "X":
            return _padded(_hexadecimal(text, spec), spec)
        case _:
            return _bad(text, spec)


def _quoted(text: str, spec: Spec) -> str:
    if spec.has("#") and "`" not in text and text.isprintable():
        return f"`{text}`"
    quoted = quote(text)
    return _NOT_ASCII.sub(_escaped, quoted) if spec.has("+") else quoted


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _hexadecimal(text: str, spec: Spec) -> str:
    data = as_bytes(text)[: spec.precision]
    prefix = "0x" if spec.has("#") and data else ""
    digits = f" {prefix}".join(f"{byte:02x}" for byte in data) if spec.has(" ") else data.hex()
    return (prefix + digits).upper() if spec.verb == "X" else prefix + digits


_BASES = {"b": "b", "o": "o", "O": "o", "d": "d", "v": "d", "x": "x", "X": "X"}
_PREFIXES = {"b": "0b", "o": "0", "x": "0x", "X": "0X"}


def _integer(value: int, spec: Spec) -> str:
    if spec.verb in "cqU":
        return _character(value, spec)
    if spec.verb not in _BASES:
        return _bad(value, spec)
    digits = format(abs(value), _BASES[spec.verb])
    if spec.precision is not None:
        digits = "" if not value and not spec.precision else digits.rjust(spec.precision, "0")
    prefix = _PREFIXES.get(spec.verb, "") if spec.has("#") else ""
    prefix = "0o" if spec.verb == "O" else prefix
    return _signed(value < 0, prefix, digits, spec, zeros=spec.precision is None)


def _character(value: int, spec: Spec) -> str:
    valid = 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000
    shown = chr(value) if valid else "\ufffd"
    if spec.verb == "U":
        return _padded(f"U+{value:04X}" + (f" '{shown}'" if spec.has("#") else ""), spec)
    if spec.verb == "c":
        return _padded(shown, spec)
    inner = quote(shown)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return _padded(f"'{inner}'", spec)


def _signed(negative: bool, prefix: str, digits: str, spec: Spec, *, zeros: bool) -> str:
    """Put sign, base and padding before *digits*; zeros go between, spaces before."""
    sign = "-" if negative else "+" if spec.has("+") else " " if spec.has(" ") else ""
    if spec.has("0") and not spec.has("-") and zeros:
        digits = digits.rjust(spec.width - len(sign + prefix), "0")
    return _padded(sign + prefix + digits, replace(spec, flags=spec.flags.replace("0", "")))


def _float(value: float, spec: Spec) -> str:
    if spec.verb not in "vgGeEfF":
        return _bad(value, spec)
    if math.isnan(value):
        return _signed(False, "", "NaN", spec, zeros=False)
    if math.isinf(value):
        shown = spec if value < 0 or spec.has(" ") else replace(spec, flags=spec.flags + "+")
        return _signed(value < 0, "", "Inf", shown, zeros=False)
    negative = math.copysign(1.0, value) < 0
    return _signed(negative, "", _digits(abs(value), spec), spec, zeros=True)


def _digits(value: float, spec: Spec) -> str:
    verb, precision = spec.verb.lower().replace("v", "g"), spec.precision
    if verb == "g" and precision is None:
        text = format_general(value)
        if spec.has("#") and spec.verb != "v":
            text = f"{value:#.6g}"
    elif verb == "g":
        text = f"{value:{'#' if spec.has('#') else ''}.{precision}g}"
    else:
        text = f"{value:.{6 if precision is None else precision}{verb}}"
        if spec.has("#") and "." not in text:
            mantissa, e, exponent = text.partition("e")
            text = f"{mantissa}.{e}{exponent}"
    return text.upper() if spec.verb in "GE" else text


def _composite(value: Any, spec: Spec) -> str:
    """Return a slice, map or struct, each part of it as *spec* wants it."""
    if spec.verb == "v" and not (spec.width or spec.flags):
        return format_value(value)
    if isinstance(value, Mapping):
        parts = [f"{formatted(key, spec)}:{formatted(value[key], spec)}" for key in sorted(value)]
        return _all(f"map[{' '.join(parts)}]")
    if is_slice(value):
        return _all(f"[{' '.join(formatted(element, spec) for element in value)}]")
    if not is_struct(value):
        return f"%!{spec.verb}({type(value).__name__})"
    named = spec.has("+") and spec.verb == "v"
    parts = [
        f"{name}:{formatted(field, spec)}" if named else formatted(field, spec)
        for name, field in value.go_fields().items()
    ]
    return _all(f"{{{' '.join(parts)}}}")


_FORMS: tuple[tuple[type, Callable[[Any, Spec], str]], ...] = (
    (type(None), _nil),
    (bool, _bool),
    (int, _integer),
    (float, _float),
    (str, _string),
)


def _all(text: str) -> str:
    bounded(len(text))
    return text
