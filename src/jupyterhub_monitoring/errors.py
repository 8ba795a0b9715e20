"""Every exception that this package raises.

    MonitoringError
    ├── MetricConflict   a metric is declared twice with different shapes
    ├── UnknownCheck     a health check that nobody registered
    └── CannotStart      a command cannot begin; its text says what to do

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
