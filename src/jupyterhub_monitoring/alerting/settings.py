"""`c.MonitoringAlerts`: rules, and how messages about them are made up and sent."""

from __future__ import annotations

from traitlets import Bool, Dict, Float, Integer, List, Unicode
from traitlets.config import LoggingConfigurable


class MonitoringAlerts(LoggingConfigurable):
    """Settings of the service's alerting. Whom it tells is `c.Monitoring.notify`."""

    enabled = Bool(
        True,
        help="""Whether the service evaluates rules, shows alerts and sends messages. False where a
        Prometheus and an Alertmanager of yours do all that: they take the same files.""",
    ).tag(config=True)

    rule_files = List(
        Unicode(),
        help="""Files with rules of your own, in Prometheus's format, besides those that come with
        the service: paths in which `*` stands for anything, relative ones in the Hub's working
        directory. They are read again when they change; a broken one leaves the old rules in
        force, and the service says which line is wrong. One that is broken when the service starts
        is left out, for there are no old rules then. `promtool check rules` takes the same
        files.""",
    ).tag(config=True)

    routing_file = Unicode(
        help="""An Alertmanager configuration (`alertmanager.yml`): who is told of what, grouped
        how, at which hours. Without one, everything goes to `c.Monitoring.notify`. With one,
        `notify` is told too only where the file has a receiver called `notify`. It and its
        templates are read again when they change; a broken one leaves the old routing in force,
        with our own texts where a template is broken. `amtool check-config` and
        `jupyterhub-monitoring notify check` take the same file.""",
    ).tag(config=True)

    receivers = Dict(
        key_trait=Unicode(),
        value_trait=List(Unicode()),
        help="""More ways to tell the receivers of `routing_file`, which knows neither ntfy nor
        Matrix nor scripts: a dict from a receiver's name there to addresses as in
        `c.Monitoring.notify`, for example

            c.MonitoringAlerts.receivers = {"teachers": ["ntfys://ntfy.example.org/hub"]}

        A name that the file does not have is told nothing, and the service says so.""",
    ).tag(config=True, secret=True)

    evaluation_interval_seconds = Float(
        15.0,
        min=1.0,
        max=600.0,
        help="""Seconds between evaluations of a group of rules that names no `interval`. The first
        message comes after at most: one scrape, this, the rule's `for`, and
        `group_wait_seconds`. Below 5 the rules take a noticeable part of a core; above 60 a
        message comes later than two minutes after the event.""",
    ).tag(config=True)

    group_wait_seconds = Float(
        30.0,
        min=0.0,
        max=3600.0,
        help="""Seconds for which the first message of a group waits for more alerts, where there is
        no `routing_file`. 0 sends one message for each of the alerts that one cause raises; above
        60 the first message is later than two minutes after the event.""",
    ).tag(config=True)

    group_interval_seconds = Float(
        300.0,
        min=1.0,
        max=86400.0,
        help="""Seconds between messages about a group that changes: another alert, or one that is
        over; where there is no `routing_file`. Below 60 a flapping alert fills a phone; above 900
        the word that all is well comes late.""",
    ).tag(config=True)

    repeat_interval_seconds = Float(
        14400.0,
        min=60.0,
        max=604800.0,
        help="""Seconds after which a message is sent again although nothing has changed, where
        there is no `routing_file`. Below an hour people learn to ignore it; above a day what
        nobody took care of is forgotten.""",
    ).tag(config=True)

    give_up_hours = Float(
        24.0,
        min=0.1,
        max=720.0,
        help="""Hours for which a message that a receiver does not take is tried again, with growing
        pauses, over restarts of the service too. Then it is given up, counted and shown. Below 1 a
        short outage of the mail server loses messages; above 48 people read of what was over long
        ago.""",
    ).tag(config=True)

    max_alerts_per_name = Integer(
        10000,
        min=1,
        max=100000,
        help="""Alerts of one rule's name that are handed on at once; further ones are dropped and
        counted (`monitoring_alerts_dropped_total`). It stops a rule that fires for each of ten
        thousand users. One alert takes about 2 kB.""",
    ).tag(config=True)
