"""`c.MonitoringRules`: the thresholds of the rules that we ship, and which of them are off."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from difflib import get_close_matches

from traitlets import Dict, Float, Integer, List, Unicode
from traitlets.config import LoggingConfigurable

from .pack import (
    HUB_JOB,
    HUB_LABEL,
    RUNBOOK_BASE,
    SERVICE_JOB,
    PackParameters,
    alert_names,
    thresholds,
)

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class MonitoringRules(LoggingConfigurable):
    """Settings of the built-in alerts; docs/reference/alerts.md has each with its thresholds."""

    disabled: List[str] = List(
        Unicode(),
        help="""Alerts that shall not be: `["JupyterHubServersIdle"]`. All steps of a ladder go
        together; to take away one step, set its threshold where it is never reached.""",
    ).tag(config=True)

    enabled_extra: List[str] = List(
        Unicode(),
        help="""Alerts that are off by default and shall be on: `["JupyterHubNoRunningServers"]`,
        which is true every night on a small Hub.""",
    ).tag(config=True)

    for_seconds = Dict(
        key_trait=Unicode(),
        value_trait=Float(min=0),
        help="""Seconds for which an alert's condition has to hold before anybody is told, by the
        alert's name: `{"JupyterHubDown": 60}`; for all steps of a ladder. What is not named keeps
        its own. 0 tells at once, of each hiccup too; above 3600 your users tell you first.""",
    ).tag(config=True)

    hub_label = Unicode(
        HUB_LABEL,
        help="""The label that tells one Hub's series from another's, and stays the same when the
        Hub restarts. In a Prometheus that finds Hubs in Kubernetes `instance` is a pod's address,
        which does not: take `namespace`.""",
    ).tag(config=True)

    hub_job = Unicode(
        HUB_JOB,
        help="""The label `job` of the Hub's series, as the service, or your Prometheus, scrapes
        them (`job_name`), and as the rules expect them.""",
    ).tag(config=True)

    service_job = Unicode(
        SERVICE_JOB, help="As `hub_job`, of the monitoring service's own series."
    ).tag(config=True)

    runbook_base = Unicode(
        RUNBOOK_BASE,
        help="""Where the pages about alerts are, as a URL: `runbook_url` of an alert is this, a
        slash, the alert's name and `.md`. For a copy of them that your colleagues can reach, with
        what they need to know about your Hub.""",
    ).tag(config=True)

    # --- The Hub ---------------------------------------------------------------------------------

    restarts_warning = Integer(
        2,
        min=1,
        help="""Starts of the Hub within 30 minutes from which there is a warning. At 1 each upgrade
        gives one.""",
    ).tag(config=True)

    restarts_critical = Integer(
        4, min=1, help="As `restarts_warning`, from which the alert is critical."
    ).tag(config=True)

    memory_warning_ratio = Float(
        0.8,
        min=0,
        help="""Share of the memory in use, of the Hub's container or else its machine, above which
        there is a warning after ten minutes. Where users' servers run on the same machine it is
        their memory too. 1 never.""",
    ).tag(config=True)

    memory_critical_ratio = Float(
        0.9,
        min=0,
        help="""As `memory_warning_ratio`, above which the alert is critical after two minutes.
        Above 0.95 the kernel may have chosen what to kill before you read it.""",
    ).tag(config=True)

    loop_stalls_warning = Integer(
        3,
        min=1,
        help="""Times within ten minutes that the Hub's event loop was blocked for a second or
        more, from which there is a warning. A Hub with thousands of users reaches 1 at its
        start.""",
    ).tag(config=True)

    loop_stalls_critical = Integer(
        30,
        min=1,
        help="""As `loop_stalls_warning`, from which the alert is critical: at 30 the Hub does
        nothing for a twentieth of the time, at least.""",
    ).tag(config=True)

    # --- Starting servers ------------------------------------------------------------------------

    spawn_failures_warning = Integer(
        2,
        min=1,
        help="""Servers that failed to start within 30 minutes, from which there is a warning.
        Refusals are not counted. At 1 a single user with a broken home is enough; a Hub with
        thousands of starts a day may take 5, for the share of failures has an alert of its
        own.""",
    ).tag(config=True)

    spawn_failure_warning_ratio = Float(
        0.1,
        min=0,
        help="""Share of the starts of 15 minutes that failed, above which there is a warning after
        five. 0 warns at `spawn_failure_minimum` failures, 1 never.""",
    ).tag(config=True)

    spawn_failure_critical_ratio = Float(
        0.5,
        min=0,
        help="""As `spawn_failure_warning_ratio`, above which the alert is critical after two
        minutes. 1 never, not even when all fail.""",
    ).tag(config=True)

    spawn_failure_minimum = Integer(
        3,
        min=1,
        help="""Failed starts within 15 minutes below which their share is not judged. At 1 a single
        failure at night is 100 %.""",
    ).tag(config=True)

    spawn_slow_warning_seconds = Float(
        120.0,
        min=0,
        help="""Seconds that one start in twenty takes, above which there is a warning. Starts on
        one machine take some 5, with images to pull or nodes to add up to 600, beyond which they
        are not told apart.""",
    ).tag(config=True)

    spawn_slow_minimum = Integer(
        5,
        min=1,
        help="""Starts within 30 minutes below which their time is not judged. At 1 a single slow
        one is enough.""",
    ).tag(config=True)

    failure_limit_warning_ratio = Float(
        0.6,
        min=0,
        help="""Share of `c.Spawner.consecutive_failure_limit`, after which the Hub exits, from
        which there is a warning: 3 failures in a row of 5. Above 1 never.""",
    ).tag(config=True)

    failure_limit_critical_ratio = Float(
        0.8,
        min=0,
        help="""As `failure_limit_warning_ratio`, from which the alert is critical. Between two
        scrapes the Hub may come from nothing to its end; then the alert of failing starts
        tells.""",
    ).tag(config=True)

    # --- Service level objectives ----------------------------------------------------------------

    slo_spawns = Float(
        0.99,
        min=0,
        max=0.99999,
        help="""Share of the starts of servers in 30 days that shall go well. The rest is the error
        budget; you are told when it is being used up too fast. At 0.999 a Hub with few starts is
        told of nearly every failure; below 0.9 of hardly any.""",
    ).tag(config=True)

    slo_logins = Float(
        0.99,
        min=0,
        max=0.99999,
        help="""As `slo_spawns`, of logins that end without an error of the authenticator. A wrong
        password is no error.""",
    ).tag(config=True)

    slo_requests = Float(
        0.999,
        min=0,
        max=0.99999,
        help="""As `slo_spawns`, of requests to the Hub that it answers without an error of its own
        (status 5xx). A start that fails is one too, so that 0.9999 is hard to keep.""",
    ).tag(config=True)

    slo_minimum_failures = Integer(
        5,
        min=1,
        help="""Failures within the long window of an error budget's alert below which it does not
        fire. At 1 a Hub with ten starts a day is told of each failure.""",
    ).tag(config=True)

    # --- Logins and requests ---------------------------------------------------------------------

    login_errors_warning = Integer(
        3,
        min=1,
        help="""Logins within 15 minutes that ended in an error of the authenticator, from which
        there is a warning. Wrong passwords are not counted. At 1 one timeout of an identity
        provider is enough.""",
    ).tag(config=True)

    request_error_warning_ratio = Float(
        0.05,
        min=0,
        help="""Share of the requests of five minutes that ended with a status 5xx, above which
        there is a warning after five. 1 never.""",
    ).tag(config=True)

    request_error_critical_ratio = Float(
        0.25,
        min=0,
        help="""As `request_error_warning_ratio`, above which the alert is critical after two
        minutes. 1 never.""",
    ).tag(config=True)

    request_error_minimum = Integer(
        5,
        min=1,
        help="""Such errors within five minutes below which their share is not judged. At 1 a
        single one at night is enough.""",
    ).tag(config=True)

    # --- Limits ----------------------------------------------------------------------------------

    spawn_limit_warning_ratio = Float(
        0.8,
        min=0,
        help="""Share of `c.JupyterHub.concurrent_spawn_limit` in use from which there is a warning.
        At 1 users are refused already. Above 1 never.""",
    ).tag(config=True)

    server_limit_warning_ratio = Float(
        0.9,
        min=0,
        help="""Share of `c.JupyterHub.active_server_limit` in use from which there is a warning.
        Above 1 never.""",
    ).tag(config=True)

    server_limit_critical_ratio = Float(
        1.0,
        min=0,
        help="""As `server_limit_warning_ratio`, from which the alert is critical. At 1 users are
        refused already. Above 1 never.""",
    ).tag(config=True)

    # --- Users' servers --------------------------------------------------------------------------

    server_memory_ratio = Float(
        0.9,
        min=0,
        help="""Share of its memory limit that a user's server uses, above which you are told. Many
        users work at 0.8 all day. 1 never.""",
    ).tag(config=True)

    oom_kills_warning = Integer(
        1,
        min=1,
        help="""Processes of one server that were killed for want of memory within 15 minutes, from
        which there is a warning.""",
    ).tag(config=True)

    servers_idle_hours = Float(
        24.0,
        min=0,
        help="""Hours without activity from which a server counts as idle. Below 2 a lunch is
        enough; with an idle culler, take twice its timeout, so that it tells of a culler that does
        not work.""",
    ).tag(config=True)

    servers_idle_minimum = Integer(
        1, min=1, help="Idle servers from which you are told. At 1 of each forgotten one."
    ).tag(config=True)

    server_age_days = Float(
        14.0,
        min=0,
        help="""Days after its start from which you are told of a server. Old servers run old
        images, and hinder upgrades of their nodes. Above 365 hardly ever.""",
    ).tag(config=True)

    # --- Disks and certificates ------------------------------------------------------------------

    disk_critical_ratio = Float(
        0.03,
        min=0,
        max=1,
        help="""Share of a disk that is free, below which the alert is critical. On a disk of 10 TB
        0.03 are 300 GB: take less. 0 never.""",
    ).tag(config=True)

    disk_warning_ratio = Float(
        0.15,
        min=0,
        max=1,
        help="""Share of a disk that is free, below which there is a warning if it fills so fast
        that it is full within `disk_full_days`. 0 never.""",
    ).tag(config=True)

    disk_full_days = Float(
        4.0,
        min=0,
        help="""Days ahead that the last six hours of a disk's free space are continued to. 4 span
        a weekend. Above 14 one upload looks like the end of the disk.""",
    ).tag(config=True)

    certificate_warning_days = Float(
        14.0,
        min=0,
        help="""Days before a certificate's expiry from which there is a warning. Let's Encrypt
        renews 30 days before: at 14 the renewal has failed for two weeks.""",
    ).tag(config=True)

    certificate_critical_days = Float(
        3.0, min=0, help="As `certificate_warning_days`, from which the alert is critical."
    ).tag(config=True)

    # --- The monitoring itself -------------------------------------------------------------------

    collector_silent_minutes = Float(
        10.0,
        min=0,
        help="""Minutes without success after which a collector counts as stopped. Must be well
        above `c.Monitoring.collect_interval_seconds`.""",
    ).tag(config=True)

    store_size_ratio = Float(
        0.9,
        min=0,
        help="""Share of `c.MonitoringStore.retention_bytes` in use above which you are told, if the
        store holds less than `store_history_days`. 1 hardly ever.""",
    ).tag(config=True)

    store_history_days = Float(
        30.0,
        min=0,
        help="""Days of history below which a store that is nearly full is worth an alert. With 0
        there is none.""",
    ).tag(config=True)

    notification_wait_minutes = Float(
        5.0,
        min=0,
        help="""Minutes that a message may wait for a receiver that does not take it. Below 1 each
        hiccup of a mail server is told of, by whatever way is left.""",
    ).tag(config=True)

    alertmanager_failures_critical = Integer(
        3,
        min=1,
        help="""Requests to one Alertmanager that failed within 15 minutes, from which the alert is
        critical. It reaches you through the others.""",
    ).tag(config=True)

    def parameters(self) -> tuple[PackParameters, list[str]]:
        """Return what the pack is rendered with, and a sentence for each setting that is wrong."""
        problems = [
            *_unknown("disabled", self.disabled, alert_names()),
            *_unknown("for_seconds", self.for_seconds, alert_names()),
            *_unknown("enabled_extra", self.enabled_extra, alert_names(optional=True)),
        ]
        label = self.hub_label
        if not _LABEL_NAME.fullmatch(label):
            problems.append(
                f"c.MonitoringRules.hub_label: {label!r} is no name of a label (letters, digits and"
                f" _). {HUB_LABEL!r} is used."
            )
            label = HUB_LABEL
        made = PackParameters(
            thresholds=self._thresholds(problems),
            for_seconds=self._for_seconds(problems),
            disabled=frozenset(self.disabled),
            enabled_extra=frozenset(self.enabled_extra),
            hub_label=label,
            hub_job=self._job("hub_job", HUB_JOB, problems),
            service_job=self._job("service_job", SERVICE_JOB, problems),
            runbook_base=self.runbook_base,
        )
        return made, problems

    def _job(self, setting: str, default: str, problems: list[str]) -> str:
        """Return a job's name, which stands in the rules' queries between quotes."""
        name: str = getattr(self, setting)
        if name and name.isprintable() and not set(name) & set('"\\'):
            return name
        wrong = f"c.MonitoringRules.{setting}: {name!r} is no job: no quotes, no backslash"
        problems.append(f"{wrong}, and not nothing. {default!r} is used.")
        return default

    def _thresholds(self, problems: list[str]) -> dict[str, float]:
        found = {}
        for name, default in thresholds().items():
            found[name] = float(getattr(self, name))
            if not math.isfinite(found[name]):
                problems.append(
                    f"c.MonitoringRules.{name}: {found[name]} is no number that can be reached;"
                    f" take a large one, or name the alert in `disabled`. {default:g} is used."
                )
                found[name] = default
        return found

    def _for_seconds(self, problems: list[str]) -> dict[str, float]:
        found = {}
        for name, seconds in self.for_seconds.items():
            if math.isfinite(seconds):
                found[name] = seconds
            else:
                problems.append(
                    f"c.MonitoringRules.for_seconds[{name!r}] is no number of seconds; name the"
                    " alert in `disabled` if nobody shall be told. It is ignored."
                )
        return found


def default_parameters() -> PackParameters:
    """Return what the pack is rendered with where nothing is set."""
    return MonitoringRules().parameters()[0]


def _unknown(setting: str, written: Iterable[str], known: list[str]) -> list[str]:
    """Return a sentence for each name that no alert has, or that the setting is not about."""
    sentences = []
    for name in written:
        if name not in known:
            where = "an alert that is on anyway" if name in alert_names() else "no alert"
            nearest = get_close_matches(name, known, n=1, cutoff=0)[0]
            sentences.append(
                f"c.MonitoringRules.{setting} names {name!r}, which is {where}; did you mean"
                f" {nearest!r}? It is ignored."
            )
    return sentences
