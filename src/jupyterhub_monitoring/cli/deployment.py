"""From options and a `jupyterhub_config.py` to what `export` makes files for."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar
from urllib.parse import urlsplit

import yaml
from traitlets.config import Config, LoggingConfigurable

from ..alerting.routing.strict_yaml import MOST_BYTES
from ..alerting.rules.pack import PackParameters
from ..alerting.rules.pack_settings import MonitoringRules
from ..alerting.settings import MonitoringAlerts
from ..alerting.text_file import read_secret, read_text
from ..alerting.who_is_told import read_routing
from ..configuration import load, unknown_sections
from ..errors import CannotStart, WrongRouting
from ..export.deployment import Cluster, Deployment, Grafana, Telling
from ..hub.settings import Monitoring
from ..scrape.settings import MonitoringScrape
from . import SETTINGS
from .hub_config import read_config
from .setting_lines import setting_lines

S = TypeVar("S", bound=LoggingConfigurable)

_EVERYWHERE = (None, "", "0.0.0.0", "::", "*")  # noqa: S104 -- nothing is bound to it
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_KUBERNETES_LABEL = re.compile(r"([A-Za-z0-9./_-]{1,316})=([A-Za-z0-9._-]{0,63})")


def deployment_of(args: argparse.Namespace) -> Deployment:
    """Return what *args* describe. Raises `CannotStart`, which says what is wrong."""
    config = read_config(args.config) if args.config else Config()
    read = _Sections(config)
    monitoring, alerts = read(Monitoring), read(MonitoringAlerts)
    scrape, pack = read(MonitoringScrape), _pack(read(MonitoringRules), args, read.problems)
    if read.problems:
        raise CannotStart("\n  ".join([f"{args.config} has wrong settings:", *read.problems]))
    return Deployment(
        pack=pack,
        command=command_of(args),
        hub_url=_url(args.hub_url) if args.hub_url else _url(hub_url(config)),
        service=monitoring.service,
        labels=_labels(monitoring.external_labels),
        scrape_interval_ms=round(scrape.interval_seconds * 1000),
        scrape_timeout_ms=round(scrape.timeout_seconds * 1000),
        evaluation_interval_ms=round(alerts.evaluation_interval_seconds * 1000),
        telling=_telling(monitoring, alerts, args.config),
        cluster=_cluster(args),
        grafana=_grafana(args),
        settings=tuple(setting_lines(config)),
        **_given(credentials_file=getattr(args, "credentials_file", None)),
    )


class _Sections:
    """Reads sections of the configuration; keeps a sentence on each thing that is wrong."""

    def __init__(self, config: Config) -> None:
        self._app = SimpleNamespace(config=config)
        self.problems = unknown_sections(self._app, [name for _, name in SETTINGS])

    def __call__(self, cls: type[S]) -> S:
        settings, problems = load(cls, self._app)
        self.problems += problems
        return settings


def command_of(args: argparse.Namespace) -> str:
    """Return the command that makes the same again; the folder is whoever's."""
    words = ["jupyterhub-monitoring", "export", args.tool, "--output", "DIR"]
    for name, value in sorted(vars(args).items()):
        if name in _NOT_TYPED or value in (None, False, []):
            continue
        option = f"--{name.replace('_', '-')}"
        for one in value if isinstance(value, list) else [value]:
            words += [option] if one is True else [option, str(one)]
    return shlex.join(words)


_NOT_TYPED = {
    *("verb", "tool", "output", "refuse", "help_all"),
    *("push", "push_token_file", "ca_file"),
    *("data_dir", "selector", "start", "end", "format"),  # those of samples
}


def hub_url(config: Config) -> str:
    """Return where the Hub is reached by what its configuration says."""
    hub = config.get("JupyterHub", {})
    said = {name: str(hub[name]) for name in _PLACES if hub.get(name)}
    if public := said.get("public_url"):
        return public
    bound = urlsplit(said.get("bind_url", ""))
    host = said.get("ip", bound.hostname)
    host = "127.0.0.1" if host in _EVERYWHERE else f"[{host}]" if ":" in host else host
    scheme = "https" if "ssl_key" in said else bound.scheme or "http"
    base = said.get("base_url", bound.path)
    return f"{scheme}://{host}:{said.get('port', bound.port or 8000)}/{base.lstrip('/')}"


_PLACES = ("public_url", "bind_url", "ip", "port", "base_url", "ssl_key")


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        well = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        well = False
    if not well or parts.username is not None or parts.query or parts.fragment:
        raise CannotStart(
            "the Hub's address must be like https://hub.example.org/base/ (--hub-url)"
        )
    return f"{text.rstrip('/')}/"


def _pack(rules: MonitoringRules, args: argparse.Namespace, problems: list[str]) -> PackParameters:
    parameters, wrong = rules.parameters()
    problems += wrong
    for option, value, form in (
        ("--prefix", args.prefix, _PREFIX),
        ("--hub-label", args.hub_label, _LABEL),
    ):
        if value is not None and not form.fullmatch(value):
            raise CannotStart(f"{option} {value!r}: letters, digits and _, no digit first")
    given = _given(prefix=args.prefix, hub_label=args.hub_label, hub_job=_job(args.job))
    return replace(parameters, **given)


def _job(name: str | None) -> str | None:
    """Return *name*, which stands in the rules' queries between quotes."""
    if name is not None and (not name or not name.isprintable() or set(name) & set('"\\`')):
        raise CannotStart(f"--job {name!r}: no quotes, no backslash, and not nothing")
    return name


def _labels(labels: Mapping[str, str]) -> dict[str, str]:
    for name in labels:
        if not _LABEL.fullmatch(name) or name.startswith("__"):
            raise CannotStart(
                f"c.Monitoring.external_labels: {name!r} is no name of a label (letters, digits, _)"
            )
    return dict(labels)


def _telling(monitoring: Monitoring, alerts: MonitoringAlerts, config: Path | None) -> Telling:
    file, text = _routing(alerts.routing_file, config)
    return Telling(
        notify=tuple(monitoring.notify),
        receivers={name: tuple(urls) for name, urls in alerts.receivers.items()},
        alertmanagers=tuple(monitoring.alertmanagers),
        routing_file=file,
        routing_text=text,
        group_wait_ms=round(alerts.group_wait_seconds * 1000),
        group_interval_ms=round(alerts.group_interval_seconds * 1000),
        repeat_interval_ms=round(alerts.repeat_interval_seconds * 1000),
    )


def _routing(written: str, config: Path | None) -> tuple[str, str]:
    """Return the routing file as the settings name it, and its text, without secrets.

    A relative one begins in the Hub's working directory; where we are run elsewhere, it is looked
    for beside the configuration.
    """
    if not written:
        return "", ""
    path = Path(written)
    if not path.exists() and config is not None:
        path = config.absolute().parent / written
    try:
        hidden = read_routing(path).text
    except WrongRouting as wrong:
        raise CannotStart(
            "\n  ".join(["c.MonitoringAlerts.routing_file:", *wrong.problems])
        ) from None
    text = read_text(path, MOST_BYTES)
    same = yaml.safe_load(hidden) == yaml.safe_load(text)
    return written, text if same else hidden


def _cluster(args: argparse.Namespace) -> Cluster:
    if not hasattr(args, "namespace"):
        return Cluster()
    if args.namespace is not None and not _NAMESPACE.fullmatch(args.namespace):
        raise CannotStart(f"--namespace {args.namespace!r}: small letters, digits and -")
    return Cluster(
        operator=not args.no_operator,
        labels=dict(_operator_labels(args.label)),
        **_given(namespace=args.namespace, token=_token(args.token_file)),
    )


def _grafana(args: argparse.Namespace) -> Grafana:
    uid, folder = getattr(args, "datasource", None), getattr(args, "folder", None)
    if uid is not None and not _UID.fullmatch(uid):
        raise CannotStart(f"--datasource {uid!r}: letters, digits, - and _, at most 40")
    if folder is not None and not (folder.strip() and folder.isprintable()):
        raise CannotStart("--folder needs a name")
    return Grafana(**_given(datasource=uid, folder=folder))


def _operator_labels(written: Sequence[str]) -> Iterator[tuple[str, str]]:
    for text in written:
        found = _KUBERNETES_LABEL.fullmatch(text)
        if not found:
            raise CannotStart(f"--label {text!r}: write NAME=VALUE, such as release=prometheus")
        yield found[1], found[2]


def _token(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        token = read_secret(file)
    except OSError as error:
        raise CannotStart(f"--token-file {file}: {error.strerror}") from None
    if not re.fullmatch(r"[!-~]+", token):
        raise CannotStart(f"--token-file {file}: it must hold one token, and nothing else")
    return token


def _given(**options: Any) -> dict[str, Any]:
    """Return those of *options* that were given."""
    return {name: value for name, value in options.items() if value is not None}
