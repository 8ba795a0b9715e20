"""`# HELP`, `# TYPE` and `# UNIT`: what an exposition says about its metric families."""

from __future__ import annotations

import re

from .numbers import float_label
from .sample_line import Pairs, unescape
from .state import Metadata

_COMMENT = re.compile(
    r'#[ \t]+(HELP|TYPE|UNIT)[ \t]+(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([a-zA-Z_:][a-zA-Z0-9_:]*))'
    r"(?:[ \t]+(.*)|[ \t]*)"
)
_OURS = re.compile(r"#[ \t]+(?:HELP|TYPE)[ \t]")
_TEXT_TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}
_OPENMETRICS_TYPES = {
    *_TEXT_TYPES - {"untyped"},
    *("gaugehistogram", "info", "stateset", "unknown"),
}
_HELP_ESCAPE = re.compile(r"\\([\\n])")
_NUMBER_LABEL = {"histogram": "le", "summary": "quantile"}

_PLACES = {"TYPE": 0, "HELP": 1, "UNIT": 2}

LONGEST_HELP = 1000
"""Characters of a help text that are kept."""


class Families:
    """The metric families of one exposition, as its comments describe them, top to bottom."""

    def __init__(self, *, openmetrics: bool) -> None:
        self.metadata: Metadata = {}
        self._openmetrics = openmetrics
        self._type = ""

    def note(self, line: str) -> None:
        """Take a comment. `ValueError` where it is one of ours and cannot be read."""
        found = _COMMENT.fullmatch(line)
        if found is None:
            if self._openmetrics:
                raise ValueError("OpenMetrics has no comments but HELP, TYPE, UNIT and EOF")
            if _OURS.match(line):
                raise ValueError("HELP and TYPE are followed by the name of a metric")
            return
        keyword, quoted, bare, text = found.groups()
        family = bare or unescape(quoted or "")
        content = self._content(keyword, family, text or "")
        known = list(self.metadata.get(family, ("unknown", "", "")))
        known[_PLACES[keyword]] = content
        self.metadata[family] = (known[0], known[1], known[2])

    def _content(self, keyword: str, family: str, text: str) -> str:
        if keyword == "HELP":
            return (unescape(text) if self._openmetrics else _unescape_help(text))[:LONGEST_HELP]
        if keyword == "UNIT":
            return self._unit(family, text)
        kind = text.strip(" \t")
        if kind not in (_OPENMETRICS_TYPES if self._openmetrics else _TEXT_TYPES):
            raise ValueError(f"{kind[:40]!r} is no type of a metric")
        self._type = kind
        return "unknown" if kind == "untyped" else kind

    def _unit(self, family: str, unit: str) -> str:
        if self._openmetrics and unit and not family.endswith(f"_{unit}"):
            raise ValueError(f"the unit {unit[:40]!r} is not the end of the name {family!r}")
        return unit

    def normalise(self, labels: Pairs) -> Pairs:
        """Return *labels* of a sample here, `le` and `quantile` as Prometheus 3 has them."""
        wanted = _NUMBER_LABEL.get(self._type)
        return tuple((n, float_label(v)) if n == wanted else (n, v) for n, v in labels)


def _unescape_help(text: str) -> str:
    r"""Undo `\\` and `\n`: in the text format's help, quotes are as they are."""
    return _HELP_ESCAPE.sub(lambda found: "\n" if found[1] == "n" else "\\", text)
