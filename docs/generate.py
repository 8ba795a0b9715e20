"""Writes the pages of `docs/reference/` that are made from the code. Run it with `scripts/docs`.

Nothing that it writes is edited by hand: the text stands in the code, beside what it describes.
With `--check` it writes nothing, names the pages that are out of date, and exits with 1.
"""  # noqa: INP001 -- documentation is no package

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import math
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.pop("JUPYTERHUB_METRICS_PREFIX", None)  # the pages show the default

import yaml
from traitlets.config import Configurable

import jupyterhub_monitoring
from jupyterhub_monitoring import metrics
from jupyterhub_monitoring.metrics import (
    Label,
    MetricSpec,
    alerting_catalogue,
    catalogue,
    labels,
    service_catalogue,
    usage_catalogue,
)
from jupyterhub_monitoring.metrics.instruments import Bounded

REFERENCE = Path(__file__).parent / "reference"
PACKAGE = "jupyterhub_monitoring"
MADE = "<!-- Made from the code by scripts/docs. Change the code, not this page. -->"


# --- What the code says ----------------------------------------------------------------------


def modules() -> Iterator[ModuleType]:
    """Import every module of ours; `__main__` would run."""
    yield jupyterhub_monitoring
    for found in pkgutil.walk_packages(jupyterhub_monitoring.__path__, f"{PACKAGE}."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def configurables() -> list[type[Configurable]]:
    """Return our classes that have settings of their own, by name."""
    classes = {
        value
        for module in modules()
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Configurable)
    }
    ours = [c for c in classes if c.__module__.startswith(PACKAGE) and _settings(c)]
    return sorted(ours, key=lambda c: c.__name__)


def _settings(cls: type[Configurable]) -> dict[str, Any]:
    return cls.class_own_traits(config=True)


def specs() -> dict[str, MetricSpec]:
    """Return every metric that we export or keep true, by its name without the prefix."""
    list(modules())  # whatever declares a metric has declared it now
    ours = {name: metric.spec for name, metric in metrics.CATALOGUE.items()}
    return {spec.name: spec for spec in metrics.STOCK} | ours


def service_specs() -> dict[str, MetricSpec]:
    """Return every metric of the service's own process, by its name without the prefix."""
    ours = {name: m.spec for name, m in service_catalogue.SERVICE_CATALOGUE.items()}
    return ours | usage_catalogue.USAGE_CATALOGUE


def themes(declared_in: ModuleType, known: dict[str, MetricSpec]) -> dict[str, list[MetricSpec]]:
    """Return metrics by the headings (`# --- Logins ---`) of a catalogue, in its order."""
    source = inspect.getsource(declared_in)
    headings = {
        number: match[1]
        for number, line in enumerate(source.splitlines(), 1)
        if (match := re.match(r"# --- (.+?) -+$", line))
    }
    left, found = dict(known), {title: [] for title in headings.values()}
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant):
            above = [line for line in headings if line < call.lineno]
            written = call.args[0].value
            name = written if written in left else f"monitoring_{written}"
            if above and name in left:
                found[headings[max(above)]].append(left.pop(name))
    return {title: list_ for title, list_ in found.items() if list_} | (
        {"Others": list(left.values())} if left else {}
    )


def constants() -> dict[str, str]:
    """Return the constant in `jupyterhub_monitoring.metrics` for each metric's name."""
    ours = {
        metric.spec.name: name
        for name, metric in vars(metrics).items()
        if isinstance(getattr(metric, "spec", None), MetricSpec)
    }
    return ours | {spec.name: spec.name.upper() for spec in metrics.STOCK}


def meanings() -> dict[tuple[str, ...], tuple[str, dict[str, str]]]:
    """Return the docstring and the comment beside each value, for the Enums that labels take."""
    found: dict[tuple[str, ...], tuple[str, dict[str, str]]] = {}
    catalogues = (labels, service_catalogue, usage_catalogue, alerting_catalogue)
    for value in (value for module in catalogues for value in vars(module).values()):
        if (
            isinstance(value, type)
            and issubclass(value, Enum)
            and value.__module__ in {module.__name__ for module in catalogues}
        ):
            comments = dict(
                re.findall(
                    r'^    \w+ = "(.+?)"(?:  # (.+))?$', inspect.getsource(value), re.MULTILINE
                )
            )
            key = tuple(str(member.value) for member in value)
            found[key] = (inspect.getdoc(value) or "", comments)
    return found


def verbs() -> dict[str, ModuleType]:
    """Return the modules of the commands, by verb."""
    cli = importlib.import_module(f"{PACKAGE}.cli")
    found = {
        name: importlib.import_module(f"{cli.__name__}.{name}")
        for _, name, _ in pkgutil.iter_modules(cli.__path__)
    }
    return {
        name.rstrip("_").replace("_", "-"): module
        for name, module in sorted(found.items())
        if hasattr(module, "add_arguments") and hasattr(module, "run")
    }


# --- The pages -------------------------------------------------------------------------------


def metrics_page() -> str:
    """Every metric, by theme."""
    by_theme, constant = themes(catalogue, specs()), constants()
    of_usage = {n: s for n, s in service_specs().items() if not n.startswith("monitoring_")}
    of_itself = {n: s for n, s in service_specs().items() if n not in of_usage}
    of_alerting = {n: s for n, s in of_itself.items() if s in _declared_in(alerting_catalogue)}
    of_service = (
        themes(service_catalogue, {n: s for n, s in of_itself.items() if n not in of_alerting})
        | themes(alerting_catalogue, of_alerting)
        | themes(usage_catalogue, of_usage)
    )
    lines = [
        "# Metrics",
        "",
        MADE,
        "",
        "What `/hub/metrics` shows besides the Hub's other metrics. All names begin with",
        "`jupyterhub_`, or with what `JUPYTERHUB_METRICS_PREFIX` says. A label value that is known",
        "in advance is there from the first scrape, with 0. A gauge whose value is unknown is left",
        "out: a gap, never 0.",
        "",
        "*Private* labels hold usernames, as",
        "[`c.Monitoring.usernames`](settings.md#monitoringusernames) says: as they are, as a keyed",
        "hash, or empty. A metric that holds as many label sets as",
        "[`c.Monitoring.max_series`](settings.md#monitoringmax_series) allows puts the rest in one",
        "series whose labels are all `(other)`; a gauge leaves the rest out.",
        "",
    ]
    for title, found in by_theme.items():
        names = ", ".join(f"[`{s.name}`](#jupyterhub_{s.name})" for s in found)
        lines += [f"* {title}: {names}"]
    names = ", ".join(
        f"[{title}](#service-{title.lower().replace(' ', '-')})" for title in of_service
    )
    lines += [f"* the service's own, at `/services/monitoring/metrics`: {names}"]
    for title, found in by_theme.items():
        lines += ["", f"## {title}"]
        for spec in found:
            lines += ["", *_metric(spec, constant.get(spec.name))]
    for title, found in of_service.items():
        lines += ["", f"## Service: {title.lower()}"]
        for spec in found:
            lines += ["", *_metric(spec, None)]
    return _page([*lines, "", *_label_values()])


def _declared_in(module: ModuleType) -> list[MetricSpec]:
    return [m.spec for m in vars(module).values() if isinstance(m, Bounded)]


def _metric(spec: MetricSpec, constant: str | None) -> Iterator[str]:
    yield f"### `jupyterhub_{spec.name}`"
    yield ""
    yield spec.help
    yield ""
    unit = f", in {spec.unit}" if spec.unit else ""
    whose = ", JupyterHub's own" if spec.from_hub else ""
    yield f"* {spec.kind.value}{unit}{whose}"
    for label in spec.labels:
        yield f"* label `{label.name}`{_label(label)}"
    if spec.buckets:
        yield f"* buckets: {', '.join(f'{bound:g}' for bound in spec.buckets)}"
    if constant:
        yield f"* in Python: `jupyterhub_monitoring.metrics.{constant}`"


def _label(label: Label) -> str:
    if label.private:
        return ": a username (private)"
    if label.chosen:
        return ": a name that a user chose (hashed where usernames are)"
    if not label.values:
        return ""
    return f": {', '.join(f'`{value}`' for value in label.values)}"


def _label_values() -> Iterator[str]:
    known, told = meanings(), set()
    yield "## What the label values mean"
    for spec in [*specs().values(), *service_specs().values()]:
        for label in spec.labels:
            if label.values not in known or label.values in told:
                continue
            told.add(label.values)
            text, comments = known[label.values]
            if any(comments.values()):
                yield ""
                yield f"**`{label.name}`**: {text}"
                yield ""
                yield from (
                    f"* `{value}`{': ' + comments[value] if comments.get(value) else ''}"
                    for value in label.values
                )


def settings_page() -> str:
    """Every setting of ours, by section."""
    lines = [
        "# Settings",
        "",
        MADE,
        "",
        "They go into `jupyterhub_config.py`, before or after `jupyterhub_monitoring.setup(c)`. A",
        "setting that does not exist, or has a value that it cannot have, never keeps the Hub from",
        "starting: it is an error in the Hub's log that names the nearest known one, and the",
        "default is used. See [why](../decisions/0004-configuration-errors-never-stop-the-hub.md).",
    ]
    for cls in configurables():
        lines += ["", f"## `c.{cls.__name__}`", "", inspect.getdoc(cls) or ""]
        for name, trait in sorted(_settings(cls).items()):
            lines += ["", f"### `{cls.__name__}.{name}`", "", inspect.cleandoc(trait.help), ""]
            lines += [f"* takes: {_takes(trait)}", f"* default: `{_default(cls, trait)}`"]
    return _page(lines)


def _takes(trait: Any) -> str:
    bounds = [
        f"{word} {value:g}"
        for word, value in (
            ("at least", getattr(trait, "min", None)),
            ("at most", getattr(trait, "max", None)),
        )
        if isinstance(value, int | float) and math.isfinite(value)
    ]
    text = re.sub(r"<(?:function|class) '?([\w.]+)'?.*?>", r"\1", trait.info())
    return ", ".join([text, *bounds])


def _default(cls: type[Configurable], trait: Any) -> str:
    value = trait.default()
    if type(value).__name__ == "Sentinel":  # made when it is asked for
        value = getattr(cls(), trait.name)
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def commands_page() -> str:
    """Every command, with its options."""
    lines = [
        "# Commands",
        "",
        MADE,
        "",
        "`jupyterhub-monitoring --version` says the version, `--help` lists the commands, and",
        "`--help-all` every setting. The settings are also on [a page of their own](settings.md).",
        "",
        "Exit status: 0 done, 1 cannot (the reason is on the terminal), 2 wrong arguments;",
        "`health` has Nagios's.",
    ]
    for verb, module in verbs().items():
        parser = argparse.ArgumentParser(prog=f"jupyterhub-monitoring {verb}")
        module.add_arguments(parser)
        summary, _, more = inspect.cleandoc(module.__doc__ or "").partition("\n")
        lines += ["", f"## `{parser.prog}`", "", summary]
        lines += ["", more.strip()] if more.strip() else []
        lines += _options(parser)
        for name, told, action in _sub_commands(parser):
            lines += ["", f"### `{parser.prog} {name}`", "", f"{told[:1].upper()}{told[1:]}."]
            lines += _options(action)
    return _page(lines)


def _options(parser: argparse.ArgumentParser) -> list[str]:
    rows = [_option(action) for action in parser._actions if _is_shown(action)]
    heading = ["", "| option | what it does | default |", "| --- | --- | --- |"]
    return [*heading, *rows] if rows else []


def _sub_commands(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Give name, help and parser of what a command is followed by, as in `rules check`."""
    for group in parser._actions:
        if isinstance(group, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in group._choices_actions}
            for name, action in group.choices.items():
                yield name, helps.get(name, ""), action


def _is_shown(action: argparse.Action) -> bool:
    is_group = isinstance(action, argparse._SubParsersAction)
    return action.dest != "help" and action.help != argparse.SUPPRESS and not is_group


def _option(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else action.metavar or action.dest.upper()
    if action.choices and action.metavar is None:
        value = "{" + ",".join(str(choice) for choice in action.choices) + "}"
    value = " ".join(value) if isinstance(value, tuple) else value
    names = ", ".join(f"{name} {value}".strip() for name in action.option_strings) or value
    told = action.default not in (None, False, argparse.SUPPRESS, "", [])
    needed = action.required and action.nargs not in ("*", "?", argparse.REMAINDER)
    default = f"`{action.default}`" if told else "required" if needed else ""
    told_help = (action.help or "").replace("%(default)s", str(action.default)).replace("%%", "%")
    return f"| `{_cell(names)}` | {_cell(told_help)} | {_cell(default)} |"


def health_codes_page() -> str:
    """Every health code, by check."""
    codes = importlib.import_module(f"{PACKAGE}.health.codes").CODES
    settings = importlib.import_module(f"{PACKAGE}.health.settings")
    lines = [
        "# Health codes",
        "",
        MADE,
        "",
        "What `/hub/health/ready` and `jupyterhub-monitoring health` (`HUB-…`), and the page and",
        "`/health` of [the service](../how-to/service.md) (`MON-…`) name when something is wrong.",
        "A code never changes its meaning. Each has a page that says what it means, how to see it",
        "and what to do. A *critical* check that fails makes `/hub/health/ready` answer 503;",
        "[`c.MonitoringHealth.critical`](settings.md#monitoringhealthcritical) says which.",
        "",
        "| check | runs every | gives up after | critical by default |",
        "| --- | --- | --- | --- |",
    ]
    for name, interval in settings.INTERVALS.items():
        critical = "yes" if name in settings.CRITICAL else "no"
        lines += [f"| `{name}` | {interval:g} s | {settings.TIMEOUTS[name]:g} s | {critical} |"]
    for check in dict.fromkeys(code.check for code in codes.values()):
        lines += ["", f"## {'Any check' if check == 'any' else f'`{check}`'}"]
        for code in codes.values():
            if code.check == check:
                link = f"[what to do](../runbooks/{code.code}.md)"
                lines += ["", f"### `{code.code}`", "", f"{code.title}: {link}."]
    return _page(lines)


def events_page() -> str:
    """Every event schema, field by field."""
    lines = [
        "# Events",
        "",
        MADE,
        "",
        "What the Hub writes to its own event log, besides JupyterHub's `server-action`. Where it",
        "goes is `c.EventLogger.handlers`; without a handler nothing is written. See",
        "[how to write them to a file](../how-to/event-log.md).",
    ]
    for path in sorted((Path(jupyterhub_monitoring.__file__).parent).rglob("schemas/*.yaml")):
        schema = yaml.safe_load(path.read_text())
        required = schema.get("required", [])
        lines += ["", f"## {schema['title']}, version {schema['version']}", ""]
        lines += [f"Schema: `{schema['$id']}`", "", schema.get("description", "").strip(), ""]
        lines += ["| field | holds | always there | what it says |", "| --- | --- | --- | --- |"]
        for name, field in schema["properties"].items():
            holds = ", ".join(f"`{value}`" for value in field.get("enum", ())) or field["type"]
            always = "yes" if name in required else "no"
            says = _cell(field.get("description", ""))
            lines += [f"| `{name}` | {holds} | {always} | {says} |"]
    return _page(lines)


def alerts_page() -> str:
    """Every built-in alert: its steps, its thresholds, its condition."""
    pack = importlib.import_module(f"{PACKAGE}.alerting.rules.pack")
    settings = importlib.import_module(f"{PACKAGE}.alerting.rules.pack_settings").MonitoringRules
    optional = pack.alert_names(optional=True)
    rendered = pack.render_pack(settings(enabled_extra=optional).parameters()[0])
    lines = [
        "# Alerts",
        "",
        MADE,
        "",
        f"The {len(pack.alert_names())} alerts that are built in. Each threshold is a setting of",
        "[`c.MonitoringRules`](settings.md#cmonitoringrules): `disabled` takes an alert away,",
        "`for_seconds` changes how long its condition has to hold, `enabled_extra` adds those that",
        f"are off by default ({', '.join(f'`{name}`' for name in optional)}). An alert with",
        "several rows is a ladder: the same name, with another `severity` on each step. The label",
        "`component` says what an alert is about, for [routing](../how-to/alert-routing.md).",
    ]
    for file, text in rendered.items():
        rules = list(pack.rules(text))
        alerts = dict.fromkeys(rule["alert"] for rule in rules if "alert" in rule)
        head = (pack.RULES / file).read_text().partition("\n")[0].removeprefix("# ")
        lines += ["", f"## {file.removesuffix('.yaml').capitalize()}", "", head] if alerts else []
        for name in alerts:
            lines += _alert(name, [rule for rule in rules if rule.get("alert") == name], pack)
        recorded = [f"`{rule['record']}`" for rule in rules if "record" in rule]
        lines += (
            ["", f"Recorded beside them: {', '.join(recorded)}."] if alerts and recorded else []
        )
    return _page(lines)


def _alert(name: str, steps: list[dict[str, Any]], pack: ModuleType) -> Iterator[str]:
    yield from ("", f"### `{name}`", "", f"[What to do](../runbooks/{name}.md)", "")
    yield from ("| severity | holds for | thresholds | summary |", "| --- | --- | --- | --- |")
    for step in steps:
        numbers = {match[3]: match[1] for match in pack.THRESHOLD.finditer(step["expr"])}
        links = [
            f"[`{setting}`](settings.md#monitoringrules{setting}) = {number}"
            for setting, number in numbers.items()
        ]
        window = f", window {step['labels']['window']}" if "window" in step["labels"] else ""
        cells = (
            step["labels"]["severity"] + window,
            step.get("for", "at once"),
            ", ".join(links) or "none",
            step["annotations"]["summary"],
        )
        yield f"| {' | '.join(map(_cell, cells))} |"
    for step in steps:
        yield from ("", "```promql", step["expr"].rstrip(), "```")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _page(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "metrics.md": metrics_page,
    "settings.md": settings_page,
    "commands.md": commands_page,
    "health-codes.md": health_codes_page,
    "events.md": events_page,
    "alerts.md": alerts_page,
}


def main() -> int:
    """Write the pages, or with `--check` say which are out of date."""
    only_check = "--check" in sys.argv[1:]
    stale = []
    for name, make in PAGES.items():
        path, text = REFERENCE / name, make()
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if not only_check:
                path.write_text(text)
    for name in stale:
        verb = "is out of date: run scripts/docs" if only_check else "written"
        sys.stdout.write(f"docs/reference/{name} {verb}\n")
    return int(only_check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
