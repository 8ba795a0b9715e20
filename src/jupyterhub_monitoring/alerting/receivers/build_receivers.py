"""All receivers that a configuration names, each with the ways to tell it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...errors import TemplateError, WrongRouting
from ..message import Receiver, Receivers
from ..routing.receiver_config import IntegrationConfig, ReceiverConfig
from ..routing.routing_config import RoutingConfig
from .configured import receiver
from .notify_urls import receivers_of
from .setting import setting
from .texts import Texts

TEMPLATE_FILES = 100


def build_receivers(
    config: RoutingConfig,
    base_dir: Path,
    extra: Mapping[str, Sequence[str]] | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Receivers, list[str]]:
    """Return the receivers of *config*, and a sentence on each part that cannot be used.

    *base_dir* is where relative paths of templates begin. *extra* has addresses as in
    `c.Monitoring.notify`, by the receiver's name: they are told besides what the file says. What
    is wrong is left out, and the rest works. No sentence has a secret in it.
    """
    problems: list[str] = []
    texts = _texts(config, base_dir, problems)
    built = {one.name: _built(one, texts, problems) for one in config.receivers}
    for name, urls in (extra or {}).items():
        if name not in built:
            problems.append(f"no receiver of the routing is called {name!r:.80}; nobody is told so")
            continue
        more, wrong = receivers_of(urls, environ)
        built[name] += more
        problems += [f"receiver {name!r:.80}: {text}" for text in wrong]
    return {name: tuple(ways) for name, ways in built.items()}, problems


def template_files(patterns: Sequence[str], base_dir: Path) -> list[Path]:
    """Return the files that *patterns* mean now; relative ones begin in *base_dir*."""
    files: list[Path] = []
    for pattern in patterns:
        path = Path(pattern)
        files += sorted(
            path.parent.glob(path.name) if path.is_absolute() else base_dir.glob(pattern)
        )
    return files[:TEMPLATE_FILES]


def _texts(config: RoutingConfig, base_dir: Path, problems: list[str]) -> Texts:
    try:
        return Texts(template_files(config.templates, base_dir))
    except WrongRouting as wrong:
        problems.append(f"templates: {wrong}; the default texts are used")
        return Texts()


def _built(one: ReceiverConfig, texts: Texts, problems: list[str]) -> list[Receiver]:
    ways: list[Receiver] = []
    for integration in one.integrations:
        try:
            _check_templates(integration, texts)
            ways.append(receiver(integration, texts))
        except WrongRouting as wrong:  # noqa: PERF203 -- the others still work
            problems.append(f"receiver {one.name!r:.80}: {wrong}")
    return ways


def _check_templates(integration: IntegrationConfig, texts: Texts) -> None:
    """Raise `WrongRouting` where a text of *integration* is no template."""
    for key, value in integration.settings.items():
        if isinstance(value, str) and "{{" in value:
            _check(integration.kind, key, setting(integration.settings, key), texts)


def _check(kind: str, key: str, template: str, texts: Texts) -> None:
    try:
        texts.check(template)
    except TemplateError as error:
        raise WrongRouting(f"{kind}_configs, {key}: {error}") from None
