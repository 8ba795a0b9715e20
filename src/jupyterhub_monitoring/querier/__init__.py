"""One way to ask PromQL, for pages and reports.

    answer = await querier.range("sum(rate(requests_total[5m]))", Span(start, end, step=60))

`EmbeddedQuerier` asks the service's own store, `HttpQuerier` an engine that speaks Prometheus's
HTTP API.
"""

from .answer import (
    Instant,
    Line,
    Matrix,
    Metadata,
    Names,
    Sample,
    Shape,
    Span,
    Stored,
)
from .confined import ConfinedQuerier
from .embedded import EmbeddedQuerier
from .endpoint import Endpoint
from .http import HttpQuerier
from .kind import Kind, kind_of
from .querier import Querier
from .turns import asking_as

__all__ = [
    "ConfinedQuerier",
    "EmbeddedQuerier",
    "Endpoint",
    "HttpQuerier",
    "Instant",
    "Kind",
    "Line",
    "Matrix",
    "Metadata",
    "Names",
    "Querier",
    "Sample",
    "Shape",
    "Span",
    "Stored",
    "asking_as",
    "kind_of",
]
