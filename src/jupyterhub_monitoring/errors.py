"""Every exception that this package raises.

    MonitoringError
    ├── MetricConflict   a metric is declared twice with different shapes
    ├── UnknownCheck     a health check that nobody registered
    ├── CannotStart      a command cannot begin; its text says what to do
    ├── WrongTarget      an entry of `c.MonitoringScrape.targets` cannot be used
    ├── BadData          the HTTP API's "bad_data": the asker has to change something
    │   ├── BadMatcher       a regular expression that RE2 does not take
    │   ├── ParseError       a query that cannot be parsed, with the place
    │   └── TooManyPoints    a range query with more steps than may be
    │       └── QueryTooComplex  ... because it is longer or deeper than a limit allows
    ├── QueryError       the HTTP API's "execution": a query that cannot be answered
    │   ├── QueryTooLarge    ... because it would use more than a limit allows
    │   └── QueryRefused     ... because a limit of another engine does not allow it
    ├── QueryTimedOut    the HTTP API's "timeout"
    ├── QueryCancelled   the HTTP API's "canceled"
    ├── TooManyQueries   the HTTP API's "unavailable": as many wait already as may
    ├── EngineError      what PromQL is asked of gives no answer; its text says what to do
    │   ├── StoreNotOpen         our own store is being opened, or cannot be
    │   ├── EngineUnreachable    nobody answers there, or not now
    │   ├── EngineBusy           it answers fewer questions at once
    │   ├── EngineUnauthorised   it does not let us ask
    │   └── NotPrometheus        something else answers there
    ├── ListingError     the Hub does not say which servers run
    ├── WrongRules       a rule file that cannot be used, with file and line
    ├── WrongRouting     an Alertmanager configuration that cannot be used, with the place
    ├── UnknownSilence   no silence has that id
    ├── TemplateError    a Go template that cannot be parsed or run
    ├── DeliveryFailed   a receiver did not take a message; says whether to try again
    ├── ScrapeError      a scrape failed; its text is shown beside the target
    │   ├── BadExposition    ... a line is no sample
    │   └── ScrapeOverLimit  ... the answer is larger than the target may be
    └── StoreError       the store cannot do what was asked; its text says what to do
        ├── StoreLocked      another process uses the data folder
        ├── UnknownSeries    samples with an id that retention took back
        └── StoreDamaged     a file is no store of ours, or cannot be read

Nothing here reaches the Hub's own code: what goes wrong while we observe it is counted in
`monitoring_instrumentation_errors_total` and logged (see `hub/guard.py`).
"""


class MonitoringError(Exception):
    """The root of the tree."""


class MetricConflict(MonitoringError, ValueError):  # noqa: N818 -- named for what happened
    """A metric called *name* exists already with another type or other labels.

    The first declaration stays in force and keeps counting.
    """

    def __init__(self, name: str, existing: str, wanted: str) -> None:
        super().__init__(
            f"metric {name!r} is already declared as {existing}, not as {wanted}; "
            "choose another name or declare it the same way"
        )
        self.name = name


class UnknownCheck(MonitoringError, KeyError):  # noqa: N818 -- named for what happened
    """No health check is registered under *name*; *known* are those that are."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name)
        self.name, self.known = name, known

    def __str__(self) -> str:
        return f"no health check {self.name!r}; registered: {', '.join(self.known) or 'none'}"


class CannotStart(MonitoringError):  # noqa: N818 -- named for what happened
    """A command cannot begin. The text says why and what to do; nothing was started."""


class WrongTarget(MonitoringError, ValueError):  # noqa: N818 -- named for what happened
    """An entry of `c.MonitoringScrape.targets` cannot be used; the text says what to change."""


class BadData(MonitoringError, ValueError):  # noqa: N818 -- the HTTP API's error type
    """The asker has to change something; the text says what."""


class BadMatcher(BadData):
    """*pattern* is no regular expression; *reason* is RE2's."""

    def __init__(self, pattern: str, reason: str) -> None:
        super().__init__(f"invalid regular expression {pattern!r}: {reason}")


class ParseError(BadData):
    """A query cannot be parsed. *start* and *end* are characters of its text, from 0."""

    def __init__(self, reason: str, query: str, start: int, end: int | None = None) -> None:
        self.reason, self.start, self.end = reason, start, max(start + 1, end or 0)
        line = query.count("\n", 0, start) + 1
        column = start - (query.rfind("\n", 0, start) + 1) + 1
        super().__init__(f"{line}:{column}: parse error: {reason}")


class QueryTooComplex(ParseError):  # noqa: N818 -- named for what happened
    """A query's text is beyond a limit. *what* is length, operators or nesting.

    `c.MonitoringQuery.max_<what>` is the setting.
    """

    def __init__(self, what: str, limit: int, query: str, start: int) -> None:
        units = {"length": "characters", "nesting": "levels of nesting"}
        reason = (
            f"query has more than {limit:,} {units.get(what, what)}; "
            f"the setting c.MonitoringQuery.max_{what} allows no more"
        )
        super().__init__(reason, query, start)
        self.what, self.limit = what, limit


class TooManyPoints(BadData):
    """A range query would give more than *limit* points of each series."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"exceeded maximum resolution of {limit:,} points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        )


class QueryError(MonitoringError):
    """A query cannot be answered; the text is what the asker gets."""


class QueryTooLarge(QueryError):  # noqa: N818 -- named for what happened
    """A query would use more than a limit allows."""

    def __init__(self, what: str, limit: float, wanted: float | None = None) -> None:
        self.what, self.limit = what, limit
        needed = f" (needs at least {wanted:,.0f})" if wanted is not None else ""
        super().__init__(
            f"query processing would use more than {limit:,.0f} {what}{needed}; "
            "ask for fewer series, a shorter range or a longer step"
        )


class QueryRefused(QueryError):  # noqa: N818 -- named for what happened
    """A limit of an engine beside us does not allow a query; *reason* is in its words."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}; ask for fewer series, a shorter range or a longer step")


class QueryTimedOut(MonitoringError):  # noqa: N818 -- named for what happened
    """A query took longer than the *seconds* it may; *where* is what it was about then."""

    def __init__(self, seconds: float, where: str = "expression evaluation") -> None:
        super().__init__(f"query timed out after {seconds:g} s in {where}")


class QueryCancelled(MonitoringError):  # noqa: N818 -- named for what happened
    """A query was ended: its client went away, or the service stops."""

    def __init__(self) -> None:
        super().__init__("query was canceled in expression evaluation")


class TooManyQueries(MonitoringError):  # noqa: N818 -- named for what happened
    """As many queries run and wait as may; one more later is welcome."""

    def __init__(self, running: int, waiting: int) -> None:
        super().__init__(
            f"{running} queries are running and {waiting} are waiting for their turn; "
            "ask again in a few seconds"
        )


class EngineError(MonitoringError):
    """What PromQL is asked of gives no answer; the text says what to do, and has no secret."""


class StoreNotOpen(EngineError):  # noqa: N818 -- named for what happened
    """The store is being opened, or cannot be."""


class EngineUnreachable(EngineError):  # noqa: N818 -- named for what happened
    """Nobody answers at the engine's address, or not now."""


class EngineBusy(EngineError):  # noqa: N818 -- named for what happened
    """The engine answers fewer questions at once; one later is welcome."""


class EngineUnauthorised(EngineError):  # noqa: N818 -- named for what happened
    """The engine does not let us ask."""


class NotPrometheus(EngineError):  # noqa: N818 -- named for what happened
    """What answers at the engine's address does not speak Prometheus's HTTP API."""


class ListingError(MonitoringError):
    """The Hub does not say which servers run; *reason* is a `GapReason`'s value.

    The text holds no username.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class WrongRules(MonitoringError, ValueError):  # noqa: N818 -- named for what happened
    """A rule file cannot be used. *line* counts from 1, 0 where none is to blame."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}" if line else f"{file}: {reason}")
        self.file, self.line, self.reason = file, line, reason


class WrongRouting(MonitoringError, ValueError):  # noqa: N818 -- named for what happened
    """An Alertmanager configuration or a way to notify cannot be used; the text has no secret.

    *problems* are all that was found, of which the text has one in each line.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UnknownSilence(MonitoringError, KeyError):  # noqa: N818 -- named for what happened
    """No silence has the id *id*; it may have been dropped some days after its end."""

    def __init__(self, id_: str) -> None:
        super().__init__(id_)
        self.id = id_

    def __str__(self) -> str:
        return "silence not found"


class TemplateError(MonitoringError, ValueError):
    """A Go template cannot be parsed or run. *line* counts from 1 within the template."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


class DeliveryFailed(MonitoringError):  # noqa: N818 -- named for what happened
    """A receiver did not take a message. *retry*: whether another attempt may go well.

    The text is shown on pages and in the log, so it holds no secret. *wait_seconds* is what the
    receiver asks for (`Retry-After`), 0 where it does not. *status* is HTTP's, 0 without an answer.
    """

    def __init__(
        self, reason: str, *, retry: bool = True, wait_seconds: float = 0.0, status: int = 0
    ) -> None:
        super().__init__(reason)
        self.retry, self.wait_seconds, self.status = retry, wait_seconds, status


class ScrapeError(MonitoringError):
    """A scrape failed; the text says why."""


class BadExposition(ScrapeError):  # noqa: N818 -- named for what happened
    """Line *number* (from 1) of an exposition cannot be read; nothing of it is kept."""

    def __init__(self, number: int, line: str, reason: str) -> None:
        self.number, self.reason = number, reason
        shown = line if len(line) <= 120 else line[:117] + "..."
        super().__init__(f"line {number}: {reason}: {shown!r}")


class ScrapeOverLimit(ScrapeError):  # noqa: N818 -- named for what happened
    """A target gave more than it may; nothing of it is kept. *wanted* is None where unknown."""

    def __init__(self, what: str, limit: int, wanted: int | None = None) -> None:
        self.what, self.limit, self.wanted = what, limit, wanted
        found = "" if wanted is None else f", found {wanted:,}"
        super().__init__(f"more than {limit:,} {what}{found}: the whole scrape is refused")


class StoreError(MonitoringError):
    """The store cannot do what was asked; the text says what to do."""


class StoreLocked(StoreError):  # noqa: N818 -- named for what happened
    """Another process uses the data folder."""


class UnknownSeries(StoreError):  # noqa: N818 -- named for what happened
    """Samples of a series that was never there or that retention dropped: ask for its id again."""


class StoreDamaged(StoreError):  # noqa: N818 -- named for what happened
    """A file is no store of ours, or cannot be read."""
