"""`c.MonitoringQuery`: what one query may use, so that none can hurt the service."""

from __future__ import annotations

from dataclasses import fields

from traitlets import Float, Integer
from traitlets.config import LoggingConfigurable

from .budget import Limits

DEFAULTS = Limits()


class MonitoringQuery(LoggingConfigurable):
    """Bounds of PromQL queries. One that goes over is answered with an error that names it."""

    max_length = Integer(
        DEFAULTS.max_length,
        min=100,
        help="""Characters of a query. Generated ones with hundreds of users in a regular
        expression reach 10,000; parsing takes about 1 ms for 1,000 characters.""",
    ).tag(config=True)

    max_operators = Integer(
        DEFAULTS.max_operators,
        min=1,
        help="""Binary operators in a query. People write ten; each is a pass over its series.""",
    ).tag(config=True)

    max_nesting = Integer(
        DEFAULTS.max_nesting,
        min=5,
        max=100,
        help="""How deep parentheses, calls and operators may stand inside each other. Above 100
        Python's own stack would be the limit, and its end would be the service's.""",
    ).tag(config=True)

    max_points = Integer(
        DEFAULTS.max_points,
        min=1,
        help="""Steps of a range query. 11,000 is Prometheus's: more than a screen has pixels.""",
    ).tag(config=True)

    max_samples = Integer(
        DEFAULTS.max_samples,
        min=1,
        help="""Samples that one query may read. 20,000 series over six hours at 15 s are 29
        million; reading a hundred million takes a few seconds on one core.""",
    ).tag(config=True)

    max_memory_bytes = Integer(
        DEFAULTS.max_memory_bytes,
        min=16 << 20,
        help="""Bytes that one query's arrays may take at once, estimated before they are made.
        With `max_concurrent` queries at once the service may use as many times as much. Below 64
        MiB a page about thousands of users fails.""",
    ).tag(config=True)

    timeout_seconds = Float(
        DEFAULTS.timeout_seconds,
        min=0.1,
        help="""Seconds, waiting for a free place included, after which a query is ended for real
        and its place is free again. A request's own `timeout` can only shorten it.""",
    ).tag(config=True)

    max_concurrent = Integer(
        DEFAULTS.max_concurrent,
        min=1,
        help="""Queries that run at once; others wait. More than the machine has cores makes
        each slower, and all of them take more memory.""",
    ).tag(config=True)

    def limits(self) -> Limits:
        """Return these settings as the engine takes them."""
        return Limits(**{field.name: getattr(self, field.name) for field in fields(Limits)})
