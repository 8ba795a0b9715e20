"""The words of messages: ours, the operator's, and ours again where the operator's fail."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import timezone
from pathlib import Path

import pytest

from jupyterhub_monitoring.alerting.receivers import text
from jupyterhub_monitoring.alerting.receivers.texts import Texts
from jupyterhub_monitoring.errors import DeliveryFailed, TemplateError, WrongRouting
from support.messages import MINUTE, NOW, RESOLVED, alert, message
from support.peers import find

UTC = timezone.utc


def test_a_title_for_a_lock_screen():
    """State, number, and what is wrong, in this order."""
    two = message(alert(hub="physics"), alert(hub="maths"))
    mixed = message(alert(hub="physics"), alert(hub="maths", over=True))
    both = message(alert(), replace(alert("HubDown"), annotations=()))
    assert text.title(message()) == "[FIRING 1] Servers fail to start"
    assert text.title(two) == "[FIRING 2] Servers fail to start"
    assert text.title(replace(two, truncated_alerts=98)) == "[FIRING 100] Servers fail to start"
    assert text.title(mixed) == "[FIRING 1, resolved 1] Servers fail to start"
    assert text.title(RESOLVED) == "[RESOLVED] Servers fail to start"
    assert text.title(both) == "[FIRING 2] Servers fail to start, and 1 other alert"
    assert text.title(message(replace(alert(), annotations=()))) == "[FIRING 1] SpawnsFail"
    assert text.title(message(replace(alert(), labels=(), annotations=()))) == "[FIRING 1] alert"


def test_a_text_for_one_alert():
    """What is wrong, with the number; since when; where; what to do; where all the rest is."""
    assert text.body(message(), UTC) == (
        "3 of 5 spawns failed in 30 minutes (60 %).\n"
        "Critical since 15:48 UTC, for 12 min.\n"
        "hub=physics\n"
        "What to do: https://docs.example.org/SpawnsFail\n\n"
        "All alerts: https://hub.example.org/services/monitoring/"
    )


def test_a_text_for_an_end():
    """How long it lasted; not the number that is no longer so."""
    assert text.body(replace(RESOLVED, external_url=""), UTC) == (
        "It lasted 10 min, from 15:48 UTC to 15:58 UTC.\nhub=physics"
    )


def test_a_text_for_many():
    """Each with its summary, what fires first; the rest is counted."""
    many = message(alert(hub="maths", over=True), *(alert(hub=f"hub{i}") for i in range(40)))
    said = text.body(replace(many, truncated_alerts=9), UTC)
    assert said.startswith("Servers fail to start\n3 of 5")
    assert "Over:" not in said  # those that fire come first, and fill the text
    assert "... and 30 more." in said
    assert "Over: Servers fail to start" in text.body(
        message(alert(), alert(hub="maths", over=True)), UTC
    )


def test_texts_are_bounded():
    """A description of a megabyte is not sent to a phone."""
    long = replace(alert(), annotations=(("description", "x" * 10**6), ("summary", "y" * 10**6)))
    assert len(text.body(message(*[long] * 100), UTC)) < 50_000
    assert len(text.title(message(long))) == text.TITLE_CHARACTERS


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (0, "0 s"),
        (0.7, "42 s"),
        (12, "12 min"),
        (60, "1 h"),
        (200, "3 h 20 min"),
        (1500, "1 day 1 h"),
    ],
)
def test_durations(minutes: float, said: str):
    """As people say them."""
    assert text.duration(round(minutes * MINUTE)) == said


def test_another_day_is_named():
    """An alert of yesterday says so."""
    assert text.clock(NOW - 24 * 60 * MINUTE, NOW, UTC) == "2025-11-23 16:00 UTC"


TEMPLATES = {
    "{{ .Status }} {{ .Receiver }} {{ .ExternalURL }}": (
        "firing teachers https://hub.example.org/services/monitoring/"
    ),
    "{{ .Alerts.Firing | len }}{{ .Alerts.Resolved | len }}{{ len .Alerts }}": "112",
    "{{ range .Alerts }}{{ .Labels.hub }}:{{ .Status }};{{ end }}": (
        "physics:firing;maths:resolved;"
    ),
    "{{ .CommonLabels.alertname }}/{{ .GroupLabels.alertname }}": "SpawnsFail/SpawnsFail",
    "{{ .CommonAnnotations.summary | toUpper }}": "SERVERS FAIL TO START",
    "{{ .CommonLabels.nope }}": "",
    "{{ range .CommonLabels.SortedPairs }}{{ .Name }}={{ .Value }};{{ end }}": (
        "alertname=SpawnsFail;severity=critical;"
    ),
    "{{ .CommonLabels.Names | join `,` }}": "alertname,severity",
    "{{ .CommonLabels.Values | join `,` }}": "SpawnsFail,critical",
    "{{ (.CommonLabels.Remove .GroupLabels.Names).Values | join ` ` }}": "critical",
    '{{ (.CommonLabels.Remove (stringSlice "severity")) }}': "alertname=SpawnsFail",
    "{{ .CommonLabels.SortedPairs }}": "alertname=SpawnsFail, severity=critical",
    '{{ (index .Alerts 0).StartsAt.Format "2006-01-02T15:04:05Z07:00" }}': "2025-11-24T15:48:00Z",
    '{{ (index .Alerts 0).StartsAt.Format "Mon, 2 Jan 2006 3:04PM MST" }}': (
        "Mon, 24 Nov 2025 3:48PM UTC"
    ),
    '{{ date "15:04 MST" (tz "Europe/Berlin" (index .Alerts 0).StartsAt) }}': "16:48 CET",
    "{{ (index .Alerts 0).StartsAt }}": "2025-11-24 15:48:00 +0000 UTC",
    "{{ (index .Alerts 0).EndsAt.IsZero }} {{ (index .Alerts 1).EndsAt.Unix }}": "true 1763999880",
    "{{ (index .Alerts 1).EndsAt.Sub (index .Alerts 1).StartsAt }}": "10m0s",
    "{{ humanizeDuration ((index .Alerts 1).EndsAt.Sub (index .Alerts 1).StartsAt) }}": "10m 0s",
    '{{ reReplaceAll "(.)pawns(Fail)" "$2-${1}x$$" .GroupLabels.alertname }}': "Fail-Sx$",
    '{{ if match "^Spawns" .GroupLabels.alertname }}yes{{ end }}': "yes",
    '{{ title "spawns fail" }} {{ toLower "ABC" }} {{ trimSpace "  x " }}': "Spawns Fail abc x",
    '{{ urlUnescape "a%20b" }} {{ safeHtml "<b>" }}': "a b <b>",
    '{{ template "slack.default.title" . }}': "[FIRING 1, resolved 1] Servers fail to start",
    '{{ template "__subject" . }}': "[FIRING 1, resolved 1] Servers fail to start",
    '{{ template "__text_alert_list" .Alerts.Resolved }}': (
        "Servers fail to start alertname=SpawnsFail hub=maths severity=critical\n"
    ),
    "{{ .CommonLabels | toJson }}": '{"alertname":"SpawnsFail","severity":"critical"}',
    '{{ date "2006-01-02" (tz "America/New_York" (index .Alerts 0).EndsAt) }}': "0001-01-01",
    "{{ humanizeDuration 0.0015 }} {{ humanizeDuration `90` }}": "1.5ms 1m 30s",
}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda text: text[:50])
def test_templates_see_what_alertmanager_shows(template: str):
    """The data and functions that Alertmanager documents for notifications."""
    told = message(alert(hub="physics"), alert(hub="maths", over=True))
    assert Texts().render(template, told) == TEMPLATES[template]


def test_a_whole_message_is_json():
    """`toJson` writes what a webhook gets, times included."""
    told = message(alert(hub="physics"), alert(hub="maths", over=True))
    shown = json.loads(Texts().render("{{ . | toJson }}", told))
    assert shown["commonLabels"] == {"alertname": "SpawnsFail", "severity": "critical"}
    firing, over = shown["alerts"]
    assert (firing["startsAt"], firing["endsAt"]) == (
        "2025-11-24T15:48:00Z",
        "0001-01-01T00:00:00Z",
    )
    assert (over["status"], over["labels"]["hub"]) == ("resolved", "maths")
    assert Texts().render("{{ .GroupLabels.SortedPairs | toJson }}", told) == (
        '[{"Name":"alertname","Value":"SpawnsFail"}]'
    )


ON_TEXT = {
    "{{ title `hello WORLD` }}": "Hello World",
    "{{ title `foo_bar o'neil 3rd a-b jupyterhub.io a1.b2` }}": (
        "Foo_bar O'neil 3Rd A-B Jupyterhub.io A1.b2"
    ),
    "{{ title `ünï straße` }}": "Ünï Straße",
    "{{ toUpper `straße` }} {{ toLower `ÀB` }}": "STRAßE àb",
    "{{ reReplaceAll `a*` `x` `baac` }}": "xbxcx",
    '{{ reReplaceAll `a.b` `x` "a\\nb" }}': "a\nb",
    "{{ reReplaceAll `(?P<n>b)` `<${n}$1$2>` `abc` }}": "a<bb>c",
    '{{ match `a.b` "a\\nb" }}': "false",
    "{{ join `,` (stringSlice `a` `b`) }}": "a,b",
}


@pytest.mark.parametrize("template", ON_TEXT)
def test_functions_on_text(template: str):
    """What they make of a text."""
    assert Texts().render(template, message()) == ON_TEXT[template]


@pytest.mark.peer("amtool")
def test_functions_on_text_are_those_of_alertmanager(tmp_path: Path):
    """A real amtool makes the same of the same templates."""
    (tmp_path / "none.tmpl").write_text("")
    flags = (f"--template.glob={tmp_path}/*.tmpl", f"--template.text={'|'.join(ON_TEXT)}")
    command = [str(find("amtool")), "template", "render", *flags]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert said == "|".join(ON_TEXT.values())


def test_template_files_go_before_ours(tmp_path: Path):
    """A file may define templates of its own, and say ours anew."""
    file = tmp_path / "own.tmpl"
    file.write_text(
        '{{ define "hub" }}Hub {{ .CommonLabels.hub }}{{ end }}'
        '{{ define "slack.default.title" }}{{ template "hub" . }}!{{ end }}'
    )
    texts = Texts([file])
    assert texts.render('{{ template "slack.default.title" . }}', message()) == "Hub physics!"
    assert texts.redefined("slack.default.title")
    assert not texts.redefined("slack.default.text")


def test_a_wrong_template_file_says_where(tmp_path: Path):
    """File and line, as an editor wants them."""
    file = tmp_path / "own.tmpl"
    file.write_text('{{ define "a" }}\n{{ .Status | nope }}{{ end }}')
    with pytest.raises(WrongRouting, match=r"own\.tmpl:2: .*nope"):
        Texts([file])
    with pytest.raises(WrongRouting, match="cannot be read: No such file"):
        Texts([tmp_path / "none.tmpl"])


def test_a_template_that_fails_costs_no_message():
    """Our words go out, with the reason under them."""
    texts, broken = Texts(), "{{ index .Alerts 7 }}"
    said = texts.say(broken, message(), text.body)
    assert said.startswith("3 of 5 spawns failed")
    assert "the receiver's template fails: line 1:" in said
    assert texts.say(broken, message(), text.title, explain=False) == text.title(message())
    html = texts.render_html(broken, message(alert(hub="<b>")))
    assert "hub=&lt;b&gt;" in html
    assert "template fails" in html
    with pytest.raises(DeliveryFailed) as failed:  # there is no other channel to send it to
        texts.render(broken, message())
    assert not failed.value.retry


def test_a_template_is_checked_before_it_is_used():
    """A typing error is found when the configuration is read."""
    with pytest.raises(TemplateError, match="nope"):
        Texts().check("{{ nope }}")
