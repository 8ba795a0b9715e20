"""`export TOOL`: files for Prometheus, Alertmanager, Kubernetes and so on, made of the settings."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .counted import counted
from .written_files import write_files

if TYPE_CHECKING:  # imported when needed, as `cli.load` says
    from collections.abc import Callable

TOOLS = {
    "grafana": "dashboards, as files or (--push) into a folder of a Grafana",
    "prometheus": "its configuration with what to scrape, and rule files",
    "alertmanager": "its configuration: who is told of alerts",
    "kubernetes": "monitors, rules, dashboards and policies beside the Helm chart's Hub",
    "helm": "values for the chart zero-to-jupyterhub-k8s",
    "all": "all of these, each in a folder of its name",
}
"""Each tool, and what is written for it."""


def add_tools(tools: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare a word for each tool, with its options."""
    for name, what in TOOLS.items():
        parser = tools.add_parser(name, help=what, description=f"For {name}: {what}.")
        for add in (_add_common, *_OWN.get(name, ())):
            add(parser)


def run(args: argparse.Namespace) -> int:
    """Make the files and write them; return the exit status."""
    from ..export.targets import files_of  # noqa: PLC0415 -- see `cli.load`
    from .deployment import deployment_of  # noqa: PLC0415

    pushes = getattr(args, "push", None) is not None
    if args.output is None and not pushes:
        args.refuse("the following arguments are required: --output")
    made = deployment_of(args)
    if pushes:
        from .grafana_upload import upload  # noqa: PLC0415

        upload(args, made)
    if args.output is None:
        return 0
    files = files_of(args.tool, made)
    write_files(args.output, files)
    print(f"{counted(len(files), 'file')} in {args.output}", file=sys.stderr)
    return 0


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, metavar="DIR", help="the folder for the files")
    parser.set_defaults(refuse=parser.error)
    parser.add_argument(
        *("-f", "--config"),
        type=Path,
        metavar="FILE",
        help="the Hub's jupyterhub_config.py, which is run; without it, the defaults",
    )
    parser.add_argument(
        "--hub-url",
        metavar="URL",
        help="where the Hub is reached, with its base path (default: as the configuration says)",
    )
    parser.add_argument(
        "--prefix",
        metavar="WORD",
        help="what metrics begin with (default: JUPYTERHUB_METRICS_PREFIX here, or jupyterhub)",
    )
    parser.add_argument(
        "--hub-label",
        metavar="LABEL",
        help="the label that tells Hubs apart (default: c.MonitoringRules.hub_label; in Kubernetes"
        " namespace in place of instance)",
    )
    parser.add_argument(
        "--job", metavar="NAME", help="the label `job` of the Hub's series (default: jupyterhub)"
    )


def _add_prometheus(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--credentials-file",
        metavar="PATH",
        help="where Prometheus finds the token (default: /etc/prometheus/jupyterhub.token)",
    )


def _add_kubernetes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--namespace", metavar="NAME", help="where the Hub runs (default: jhub)")
    parser.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a label that Prometheus's operator looks for, such as release=kube-prometheus-stack;"
        " may be repeated",
    )
    parser.add_argument(
        "--no-operator",
        action="store_true",
        help="for a Prometheus without the operator: ConfigMaps and a scrape configuration",
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="put the token in FILE into a Secret of its own (default: use the chart's, of"
        " hub.services.prometheus)",
    )


def _add_grafana(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--datasource",
        metavar="UID",
        help="the data source that is chosen at first (default: Grafana's default Prometheus)",
    )
    parser.add_argument(
        "--folder", metavar="NAME", help="Grafana's folder for them (default: JupyterHub)"
    )


def _add_push(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--push",
        metavar="URL",
        help="put them into the Grafana there, in place of older ones; --output is not needed then",
    )
    parser.add_argument(
        "--token-file",
        dest="push_token_file",
        type=Path,
        metavar="FILE",
        help="with --push: holds the token of a service account that may write dashboards (Editor)",
    )
    parser.add_argument(
        "--ca-file",
        type=Path,
        metavar="FILE",
        help="with --push: trust the certificates in FILE (PEM), in place of the system's",
    )


_OWN: dict[str, tuple[Callable[[argparse.ArgumentParser], None], ...]] = {
    "grafana": (_add_grafana, _add_push),
    "prometheus": (_add_prometheus,),
    "kubernetes": (_add_kubernetes,),
    "all": (_add_grafana, _add_prometheus, _add_kubernetes),
}
