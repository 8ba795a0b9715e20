"""`jupyterhub-monitoring VERB`: one thin command per verb.

A verb is a module of this package with `add_arguments(parser)` and `run(args) -> exit status`;
the first line of its docstring is its help. Exit status: 0 done, 1 cannot (the reason is on the
terminal), 2 wrong arguments; `health` has Nagios's.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from keyword import iskeyword
from typing import Protocol, cast

from .._version import __version__
from ..errors import CannotStart

PROGRAM = "jupyterhub-monitoring"
VERBS = (
    *("hub", "demo", "health", "service", "serve", "import", "export", "check", "stats", "top"),
    *("notify", "rules", "report"),
)

# The classes with settings, each with the module that it lives in.
SETTINGS = (
    ("jupyterhub_monitoring.hub.settings", "Monitoring"),
    ("jupyterhub_monitoring.health.settings", "MonitoringHealth"),
    ("jupyterhub_monitoring.scrape.settings", "MonitoringScrape"),
    ("jupyterhub_monitoring.store.settings", "MonitoringStore"),
    ("jupyterhub_monitoring.promql.settings", "MonitoringQuery"),
    ("jupyterhub_monitoring.usage.settings", "MonitoringUsage"),
    ("jupyterhub_monitoring.alerting.settings", "MonitoringAlerts"),
    ("jupyterhub_monitoring.alerting.rules.pack_settings", "MonitoringRules"),
    ("jupyterhub_monitoring.querier.settings", "MonitoringPrometheus"),
    ("jupyterhub_monitoring.capacity.settings", "MonitoringReports"),
)


class Verb(Protocol):
    """What a module of this package offers."""

    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Describe what the verb takes."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it; return the exit status."""


def load(verb: str) -> Verb:
    """Import the verb's module. They are imported when needed: `health` must start at once."""
    module = f"{verb}_" if iskeyword(verb) else verb
    return cast("Verb", import_module(f"{__name__}.{module}"))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["hub"]:  # not parsed here: `--help` and all else is for JupyterHub
        return _run("hub", argparse.Namespace(arguments=arguments[1:]))
    if arguments == ["service"]:  # comes up even where another verb cannot be imported
        return _run("service", argparse.Namespace())
    if arguments and not arguments[0].startswith("-") and arguments[0] not in VERBS:
        print(f"{PROGRAM}: {_unknown(arguments[0])}", file=sys.stderr)
        return 2
    parser = _parser(arguments[:1] if arguments[:1] and arguments[0] in VERBS else VERBS)
    args = parser.parse_args(arguments)
    if args.help_all:
        print(help_all(parser))
        return 0
    if args.verb is None:
        parser.print_help(sys.stderr)
        return 2
    return _run(args.verb, args)


def help_all(parser: argparse.ArgumentParser | None = None) -> str:
    """Return the help of the command and of every setting."""
    texts = [(parser or _parser()).format_help()]
    texts += ["Settings, for jupyterhub_config.py", "=" * 34]
    for module, name in SETTINGS:
        texts.append(getattr(import_module(module), name).class_get_help())
    return "\n".join(texts)


def _run(verb: str, args: argparse.Namespace) -> int:
    try:
        return load(verb).run(args)
    except CannotStart as why:
        print(f"{PROGRAM} {verb}: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _unknown(word: str) -> str:
    near = get_close_matches(word, VERBS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(VERBS)}"
    return f"there is no command {word!r}; {hint}"


def _parser(names: Sequence[str] = VERBS) -> argparse.ArgumentParser:
    """Return the parser of these verbs. Only they are imported: `health` must start at once."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Know what your JupyterHub is doing: metrics, health, history and alerts.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument(
        "--help-all", action="store_true", help="show this and every setting, then exit"
    )
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND")
    for name in names:
        module = load(name)
        doc = inspect.cleandoc(module.__doc__ or "")
        verb = verbs.add_parser(name, help=doc.partition("\n")[0], description=doc)
        module.add_arguments(verb)
    return parser
