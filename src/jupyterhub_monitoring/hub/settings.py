"""`c.Monitoring`: what the operator can set about the half that lives in the Hub's process."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from traitlets import Bool, Dict, Enum, Float, Integer, List, Unicode
from traitlets.config import LoggingConfigurable

from ..metrics.instruments import DEFAULT_MAX_SERIES
from ..metrics.usernames import UsernameMode

MOST_URL_CHARACTERS = 2000


class EngineUrl(Unicode[str, Any]):
    """The address of an engine, or nothing, or all of it elsewhere: `${NAME}`."""

    info_text = "an address such as 'https://prometheus.example.org/', or '${NAME}'"

    def validate(self, obj: Any, value: Any) -> Any:
        """Return *value*. Raises `TraitError` for what is no address."""
        text = super().validate(obj, value)
        if not text or (text.startswith("${") and text.endswith("}")):
            return text
        try:
            parts = urlsplit(text)
            well = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            well = False
        if not well or len(text) > MOST_URL_CHARACTERS or not text.isprintable() or " " in text:
            self.error(obj, value)
        return text


class Monitoring(LoggingConfigurable):
    """Settings of the metrics that the Hub exposes, and of the service beside it."""

    usernames = Enum(
        [mode.value for mode in UsernameMode],
        default_value=None,
        allow_none=True,
        help="""How usernames appear in labels and events: "name" as they are; "hash" as a keyed
        hash that stays the same over restarts (the key is kept beside the cookie secret);
        "none" not at all, so that per-user numbers become totals. Default: "name"; but "none",
        with a warning, when `c.JupyterHub.authenticate_prometheus` is False, because then anybody
        who reaches the Hub can read /hub/metrics.""",
    ).tag(config=True)

    max_series = Integer(
        DEFAULT_MAX_SERIES,
        min=1,
        help="""Label sets that one metric may hold. Above it, recordings go to one `(other)`
        series (for gauges: nowhere) and `monitoring_series_dropped_total` counts them. Each label
        set costs about 1 kB of the Hub's memory (a histogram 4 kB) and one to eighteen lines at
        every scrape. With more users than this, raise it or set `usernames = "none"`.""",
    ).tag(config=True)

    collect_interval_seconds = Float(
        60.0,
        min=1.0,
        help="""Seconds between collections of what must be counted in the database and the
        machine (total and active users, memory, CPU). Below 10 a large database notices; above
        300 the numbers lag behind what you see on the admin page.""",
    ).tag(config=True)

    collect_timeout_seconds = Float(
        30.0,
        min=0.1,
        help="""Seconds after which a collection is given up and counted as an error. The numbers
        then stay as they were. Where the database can end a statement (PostgreSQL, MySQL), it is
        told the same limit.""",
    ).tag(config=True)

    max_error_types = Integer(
        30,
        min=0,
        help="""Exception class names that `spawn_failure_total{error_type}` may show besides the
        known reasons. Further ones count as `other`.""",
    ).tag(config=True)

    service = Bool(
        True,
        help="""Whether the Hub runs the monitoring service: scraping, history, queries and its
        page at /services/monitoring/. It takes about 150 MB of memory and the disk that
        `c.MonitoringStore` allows. False where a Prometheus of yours does all that.""",
    ).tag(config=True)

    my_usage = Bool(
        True,
        help="""Whether every user may log in to the service's pages and see the own servers and
        usage there; nobody sees others by it. For this the Hub's role `user` gets the scope
        `access:services!service=monitoring` in addition, and the Hub's menu Services shows the
        service to all. False: only who has that scope by a role of yours, or as an admin, gets in;
        `/services/monitoring/api/usage` still answers every user about the own.""",
    ).tag(config=True)

    prometheus_url = EngineUrl(
        help="""The address of a Prometheus, VictoriaMetrics, Mimir or Thanos of yours which
        scrapes this Hub and its monitoring service: what `/api/v1/query` is appended to, with its
        path (of a Mimir that is `/prometheus`). The pages then show its numbers, and the alerts of
        its rules; the service keeps no series, scrapes nothing and evaluates no rules. How it is
        asked is `c.MonitoringPrometheus`; see docs/how-to/external-engine.md. Empty: the service
        does all that itself, which is right for one Hub of up to some thousand servers.""",
    ).tag(config=True, secret=True)

    data_dir = Unicode(
        help="""The folder in which the service keeps all that it knows, on a local disk; it is
        made if need be, for its user only. One service per folder: a second one is refused.
        Default: `jupyterhub-monitoring` beside the Hub's SQLite database, or in the Hub's working
        directory where the database is a server.""",
    ).tag(config=True)

    notify = List(
        Unicode(),
        help="""Whom alerts reach, one address each: `mailto://…`, `slack://…`, `ntfys://…`,
        `https://…` (a webhook), `script:///path`; see docs/how-to/alerts.md for more. Secrets may
        stand elsewhere: `${NAME}` is a variable of the Hub's environment, `${file:/path}` a file.
        Empty: alerts are only shown. `jupyterhub-monitoring notify test` tries one.""",
    ).tag(config=True, secret=True)

    alertmanagers = List(
        Unicode(),
        help="""Addresses of Alertmanagers of yours (`http://alertmanager:9093`), all of which get
        every alert. They group, silence and tell instead of the service; `notify` is not used
        then.""",
    ).tag(config=True, secret=True)

    remote_write = List(
        Dict(key_trait=Unicode()),
        help="""Where samples are sent as well, as soon as they are taken in: a Prometheus (with
        `--web.enable-remote-write-receiver`), VictoriaMetrics, Mimir or Thanos, for the small Hubs
        of a fleet. One dict each, with the keys of Prometheus's `remote_write`: {"url":
        "https://prometheus.example.org/api/v1/write", "basic_auth": {"username": "physics",
        "password": "${WRITE_PASSWORD}"}}; see docs/how-to/remote-write.md. A receiver that is down
        gets later what it missed, as far back as samples are kept. Set `external_labels`, too.""",
    ).tag(config=True, secret=True)

    external_labels = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="""Labels on everything that leaves the service, such as {"hub": "physics"}, so that
        whoever gets alerts of several Hubs can tell them apart. A label that a series or rule has
        itself stays as it is.""",
    ).tag(config=True)
