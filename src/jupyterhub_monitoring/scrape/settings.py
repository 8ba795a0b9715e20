"""`c.MonitoringScrape`: what is scraped besides the Hub, how often, and how much it may be."""

from __future__ import annotations

from typing import Any

from traitlets import Float, Integer, List
from traitlets.config import LoggingConfigurable

from .target import Limits

_DEFAULTS = Limits()


class MonitoringScrape(LoggingConfigurable):
    """Settings of the service's scraping."""

    interval_seconds = Float(
        15.0,
        min=1.0,
        max=3600.0,
        help="""Seconds between scrapes of the Hub, of the service itself, and of each extra target
        that does not say otherwise. Below 5 the Hub notices the rendering cost and the store grows
        in proportion; above 60 a `rate(...[5m])` has too few samples to mean much, and above 150
        graphs show gaps.""",
    ).tag(config=True)

    timeout_seconds = Float(
        10.0,
        min=0.1,
        max=3600.0,
        help="""Seconds after which a scrape is given up: `up` is 0 then. Counted from the first
        byte sent to the last received. Never more than the interval.""",
    ).tag(config=True)

    targets: List[Any] = List(
        help="""What to scrape besides the Hub: a list of dicts, for example

            c.MonitoringScrape.targets = [
                {"url": "http://node1:9100/metrics", "job": "node"},
                {"url": "https://other-hub.example.org/hub/metrics", "job": "jupyterhub",
                 "token_file": "/etc/other-hub.token", "labels": {"hub": "other"},
                 "interval_seconds": 30},
            ]

        Needed: `url` and `job`. A target that is wrong is left out, and the service says why. All
        keys are in docs/how-to/scrape-targets.md.""",
    ).tag(config=True)

    max_targets = Integer(
        200,
        min=1,
        help="""Extra targets that are scraped; further ones are left out. Each has one thread while
        it is asked, and its answer in memory.""",
    ).tag(config=True)

    max_body_bytes = Integer(
        _DEFAULTS.body_bytes,
        min=1024,
        help="""Bytes of one answer, before and after decompression. Above it the whole scrape is
        refused and `up` is 0. An answer of 20,000 series has about 2 MB; while it is read, some
        four times its size is held in memory.""",
    ).tag(config=True)

    max_samples = Integer(
        _DEFAULTS.samples,
        min=1,
        help="""Samples of one answer. Above it the whole scrape is refused and `up` is 0. 10,000
        series every 15 s are about 45 MB a day on disk.""",
    ).tag(config=True)

    max_labels = Integer(
        _DEFAULTS.labels,
        min=3,
        help="""Labels of one series, `__name__`, `job` and `instance` included. One series above it
        refuses the whole scrape.""",
    ).tag(config=True)

    max_label_name_bytes = Integer(
        _DEFAULTS.label_name_bytes,
        min=16,
        help="Bytes of a label's name. One label above it refuses the whole scrape.",
    ).tag(config=True)

    max_label_value_bytes = Integer(
        _DEFAULTS.label_value_bytes,
        min=16,
        help="Bytes of a label's value. One label above it refuses the whole scrape.",
    ).tag(config=True)

    max_new_series_per_hour = Integer(
        _DEFAULTS.new_series_per_hour,
        min=1,
        help="""Series that one target may begin within an hour, the first scrape's included. Above
        it scrapes that bring new ones are refused until the hour is over. It stops a target whose
        labels are request ids or times from filling the store; set it to some ten times the series
        that your largest target has.""",
    ).tag(config=True)

    def limits(self) -> Limits:
        """Return how much one scrape may bring."""
        return Limits(
            body_bytes=self.max_body_bytes,
            samples=self.max_samples,
            labels=self.max_labels,
            label_name_bytes=self.max_label_name_bytes,
            label_value_bytes=self.max_label_value_bytes,
            new_series_per_hour=self.max_new_series_per_hour,
        )
