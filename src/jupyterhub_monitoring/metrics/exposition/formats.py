"""The formats of the page: which one a client asked for, and how one family of it is written.

prometheus_client writes the formats; this module only cuts what it writes into pieces, so that a
family with very many samples can be written in several steps.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST, Metric
from prometheus_client.exposition import choose_encoder

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

SAMPLES_PER_PIECE = 256
EOF = b"# EOF\n"

# The text format has no place for these in the family; it lists them after it, as gauges.
LATE_SUFFIXES = ("_created", "_gcount", "_gsum")


class _Families:
    """Some families, as prometheus_client's encoders want them."""

    def __init__(self, *families: Metric) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


@dataclass(frozen=True)
class Format:
    """One way to write the page. *encode* is prometheus_client's own encoder for it."""

    content_type: str
    encode: Callable[[Any], bytes]
    openmetrics: bool
    escaping: str = "underscores"

    @property
    def end(self) -> bytes:
        """What closes the page."""
        return EOF if self.openmetrics else b""

    @property
    def keeps_names(self) -> bool:
        """Whether ordinary names are written as they are, so that lines may be kept."""
        safe = {"underscores", "allow-utf-8"}
        return self.escaping in (safe if self.openmetrics else safe | {"values"})

    @property
    def cache_key(self) -> str:
        """What two formats have in common whose ordinary lines are the same."""
        return "openmetrics" if self.openmetrics else "text"

    def family(self, family: Metric) -> bytes:
        """Return the whole *family*, with its header."""
        return self.encode(_Families(family)).removesuffix(self.end)

    def header(self, family: Metric) -> bytes:
        """Return the header of *family*: `# HELP`, `# TYPE`, and `# UNIT` where there is one."""
        return self.family(_with_samples(family, []))

    def lines(self, family: Metric, samples: list[Sample]) -> bytes:
        """Return the lines of *samples* only."""
        return self.family(_with_samples(family, samples))[len(self.header(family)) :]

    def pieces(self, family: Metric) -> Iterator[bytes]:
        """Write *family* in pieces of a bounded number of lines."""
        if len(family.samples) <= SAMPLES_PER_PIECE:
            yield self.family(family)
            return
        yield self.header(family)
        for late, group in itertools.groupby(
            sorted(family.samples, key=lambda s: self._late(family, s)),
            key=lambda s: self._late(family, s),
        ):
            for i, samples in enumerate(_chunks(group)):
                lines = self.lines(family, samples)
                # Late samples bring a header of their own: HELP and TYPE, on the first piece.
                yield lines.split(b"\n", 2)[2] if late and i else lines

    def _late(self, family: Metric, sample: Sample) -> str:
        """Return the suffix for which *sample* comes after the others, or ''."""
        if self.openmetrics:
            return ""
        suffix = sample.name.removeprefix(family.name)
        return suffix if suffix in LATE_SUFFIXES and family.name + suffix == sample.name else ""


def _with_samples(family: Metric, samples: list[Sample]) -> Metric:
    other = Metric(family.name, family.documentation, family.type, family.unit)
    other.samples = samples
    return other


def _chunks(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    rest = iter(samples)
    while chunk := list(itertools.islice(rest, SAMPLES_PER_PIECE)):
        yield chunk


def choose_format(accept: str = "") -> Format:
    """Return the format for an `Accept` header, as prometheus_client chooses it.

    Without a wish it is the text format under the content type that a stock Hub sends.
    """
    encode, content_type = choose_encoder(accept)
    openmetrics = content_type.startswith("application/openmetrics-text")
    if not openmetrics and "escaping=" not in content_type:
        content_type = CONTENT_TYPE_LATEST
    escaping = getattr(encode, "keywords", {}).get("escaping", "underscores")
    return Format(content_type, encode, openmetrics, str(escaping))
