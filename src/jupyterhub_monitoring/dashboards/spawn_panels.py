"""Panels of spawns, beside the Overview's: how many go well, how long, what holds them up."""

from __future__ import annotations

from .panel import Curve, Kind, Panel, Threshold, Tone
from .unit import Unit

_NONE = "No server was started in this time."
_SUM = "sum(rate(jupyterhub_spawn_duration_seconds_sum[$window]))"
_COUNT = "sum(rate(jupyterhub_spawn_duration_seconds_count[$window]))"
_WELL = "sum(rate(jupyterhub_spawn_success_total[$window]))"
_FAILED = "sum(rate(jupyterhub_spawn_failure_total[$window]))"

SPAWN_TIME = Panel(
    "spawn-time",
    "How long a start takes",
    "People give up after a minute or two. When the average climbs, all starts are slower; when"
    " only the upper line does, look for one spawner, image or node.",
    Unit.SECONDS,
    (
        Curve(f"{_SUM} / ({_COUNT} > 0)", "on average"),
        Curve(
            "histogram_quantile(0.95,"
            " sum by (le) (rate(jupyterhub_spawn_duration_seconds_bucket[$window])))",
            "19 of 20 are faster",
        ),
    ),
    empty=_NONE,
    thresholds=(Threshold("spawn_slow_warning_seconds"),),
)
SPAWN_SUCCESS = Panel(
    "spawn-success",
    "What share of starts goes well",
    "Of starts that went well or failed; refusals by a limit are not counted. Below the dashed"
    " lines the alerts tell.",
    Unit.RATIO,
    (
        # Where no start failed there may be no series of failures, and none of successes in an
        # outage: each is 0 then, as long as the Hub is scraped.
        Curve(
            f"({_WELL} or sum(jupyterhub_running_servers) * 0)"
            f" / ((({_WELL} or sum(jupyterhub_running_servers) * 0)"
            f" + ({_FAILED} or sum(jupyterhub_running_servers) * 0)) > 0)",
            "went well",
        ),
    ),
    empty=_NONE,
    thresholds=(
        Threshold("spawn_failure_warning_ratio", left=True),
        Threshold("spawn_failure_critical_ratio", left=True),
    ),
)
FAILURES_IN_A_ROW = Panel(
    "failures-in-a-row",
    "How many starts failed in a row",
    "At the dashed line, where there is one, the Hub exits (consecutive_failure_limit): the"
    " platform starts it anew, and what made the starts fail is still there.",
    Unit.COUNT,
    (
        Curve("max(jupyterhub_spawn_consecutive_failures)", "in a row"),
        Curve("min(jupyterhub_spawn_consecutive_failure_limit > 0)", "the Hub exits", Tone.LIMIT),
    ),
)
PENDING = Panel(
    "pending",
    "How many servers are starting or stopping",
    "Above the dashed line, where there is one, people are asked to try again later"
    " (concurrent_spawn_limit). Servers that are stuck count, too.",
    Unit.COUNT,
    (
        Curve("sum(jupyterhub_pending_servers)", "starting or stopping"),
        Curve("sum(jupyterhub_stuck_servers)", "stuck", Tone.BAD),
        Curve("sum(jupyterhub_spawn_limit > 0)", "limit of starts", Tone.LIMIT),
    ),
)
REFUSALS = Panel(
    "refusals",
    "Why starts were refused",
    "A refusal is a limit or a policy that did its work. Many are people who cannot work: raise"
    " the limit, or stop servers that idle.",
    Unit.COUNT,
    (
        Curve(
            "sum by (reason) (increase(jupyterhub_spawn_refused_total[$events])) * $scale > 0",
            "{{reason}}",
        ),
    ),
    Kind.BARS,
    empty="No start was refused in this time.",
)
FAILURES_BY_SPAWNER = Panel(
    "failures-by-spawner",
    "Which spawners fail",
    "One spawner that fails alone is its own backend; all of them are the Hub, its proxy or the"
    " network.",
    Unit.COUNT,
    (
        Curve(
            "sum by (spawner_class)"
            " (increase(jupyterhub_spawn_failure_total[$events])) * $scale > 0",
            "{{spawner_class}}",
        ),
    ),
    Kind.BARS,
    empty="No start failed in this time.",
)
SERVER_STATES = Panel(
    "server-states",
    "What the servers are doing",
    "Servers by their state. Many that spawn or stop at once are a class that begins or ends; for"
    " long, they are stuck.",
    Unit.COUNT,
    (Curve("sum by (state) (jupyterhub_servers)", "{{state}}"),),
)
