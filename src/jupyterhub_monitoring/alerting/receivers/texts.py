"""The words of messages: the operator's templates, or ours where there are none.

A template file may say anew what a service's title or text is by Alertmanager's names, such as
`slack.default.title`. A template that fails costs nobody the message: ours goes out, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from ...errors import DeliveryFailed, TemplateError, WrongRouting
from ..go_template import Template, TemplateSet
from ..message import Message
from ..text_file import read_text
from .template_data import MessageView, escaped, plain
from .template_functions import FUNCTIONS, IN_HTML

MOST_BYTES = 1 << 20
"""A template file may have."""

DEFAULT_TITLE = '{{ template "__subject" . }}'
DEFAULT_BODY = "{{ jupyterhubText . }}"

_SAYS: dict[str, tuple[str, ...]] = {
    DEFAULT_TITLE: (
        *("slack.default.title", "slack.default.fallback", "pagerduty.default.description"),
        *("opsgenie.default.message", "victorops.default.entity_display_name"),
        *("pushover.default.title", "discord.default.title", "email.default.subject"),
        *("msteams.default.title", "msteams.default.summary", "msteamsv2.default.title"),
        *("sns.default.subject", "rocketchat.default.title"),
    ),
    DEFAULT_BODY: (
        *("slack.default.text", "opsgenie.default.description", "victorops.default.state_message"),
        *("pushover.default.message", "telegram.default.message", "discord.default.message"),
        *("webex.default.message", "msteams.default.text", "msteamsv2.default.text"),
        *("sns.default.message", "rocketchat.default.text", "wechat.default.message"),
    ),
    "{{ .ExternalURL }}": (
        *("slack.default.titlelink", "pagerduty.default.clientURL", "opsgenie.default.source"),
        *("pushover.default.url", "rocketchat.default.titlelink", "__alertmanagerURL"),
    ),
    "JupyterHub": ("slack.default.username", "pagerduty.default.client", "__alertmanager"),
    "": (
        *("slack.default.pretext", "slack.default.callbackid", "slack.default.iconemoji"),
        *("slack.default.iconurl", "slack.default.footer", "slack.default.color"),
        *("pagerduty.default.instances", "victorops.default.monitoring_tool", "__description"),
    ),
}
"""What Alertmanager's own templates say here, by what it calls them."""


def _defined(names: Iterable[str], content: str) -> str:
    return "".join(f'{{{{ define "{name}" }}}}{content}{{{{ end }}}}\n' for name in names)


DEFAULTS = (
    '{{ define "__subject" }}{{ jupyterhubTitle . }}{{ end }}\n'
    '{{ define "email.default.html" }}{{ jupyterhubHtml . }}{{ end }}\n'
    '{{ define "__text_alert_list" }}{{ range . }}{{ .Annotations.summary }}'
    "{{ range .Labels.SortedPairs }} {{ .Name }}={{ .Value }}{{ end }}\n{{ end }}{{ end }}\n"
    + "".join(_defined(names, content) for content, names in _SAYS.items())
)
"""Templates that the operator's may call, or say anew."""

Words = Callable[[Message], str]


class Texts:
    """Fills templates in; *files* define more of them, later ones go before.

    Raises `WrongRouting`, with file and line, where one cannot be read.
    """

    def __init__(self, files: Sequence[Path] = ()) -> None:
        self._set = TemplateSet(FUNCTIONS)
        self._set.add(DEFAULTS)
        theirs = TemplateSet(FUNCTIONS)
        for file in files:
            text = _read(file)
            try:
                theirs.add(text)
                self._set.add(text)
            except TemplateError as error:
                raise WrongRouting(f"{file}:{error.line}: {error.reason}") from None
        self._theirs = theirs.names
        self._parsed = lru_cache(maxsize=1_000)(self._set.template)

    def check(self, template: str) -> None:
        """Raise `TemplateError` where *template* cannot be parsed."""
        self._parsed(template)

    def redefined(self, name: str) -> str:
        """Return a template that is the one called *name*, where the operator's files define it."""
        return f'{{{{ template "{name}" . }}}}' if name in self._theirs else ""

    def render(self, template: str, message: Message) -> str:
        """Return *template* filled in. Raises `DeliveryFailed`: there is no other address."""
        try:
            return self._filled(template, message)
        except TemplateError as error:
            raise DeliveryFailed(f"a template of the receiver: {error}", retry=False) from None

    def render_html(self, template: str, message: Message) -> str:
        """Return *template* filled in with escaped values; where it fails, our text."""
        try:
            return self._parsed(template).render(MessageView(message, escaped), None, IN_HTML)
        except TemplateError as error:
            ours: Template = self._parsed('{{ template "email.default.html" . }}')
            return ours.render(MessageView(message)) + escaped(_failed(error))

    def say(self, template: str, message: Message, ours: Words, *, explain: bool = True) -> str:
        """Return *template* filled in, or *ours* where it is empty or fails (and why, if so)."""
        if not template:
            return ours(message)
        try:
            return self._filled(template, message)
        except TemplateError as error:
            return ours(message) + (_failed(error) if explain else "")

    def _filled(self, template: str, message: Message) -> str:
        return self._parsed(template).render(MessageView(message, plain))


def _failed(error: TemplateError) -> str:
    return f"\n\n(This is the default text, for the receiver's template fails: {error})"


def _read(file: Path) -> str:
    try:
        return read_text(file, MOST_BYTES)
    except OSError as error:
        reason = f"the template file {file} cannot be read: {error.strerror}"
        raise WrongRouting(reason) from None
