"""Who is told by a configuration: every part that can be used works, every other one is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyterhub_monitoring.alerting.message import Receivers
from jupyterhub_monitoring.alerting.receivers.build_receivers import build_receivers
from jupyterhub_monitoring.alerting.settings import MonitoringAlerts
from jupyterhub_monitoring.alerting.who_is_told import NOTIFY, read_routing, routing_of
from jupyterhub_monitoring.errors import WrongRouting
from support.hook import Hook
from support.messages import message

SECRET = "s3cretT0kenABCDEF"

ALL = f"""
global:
  smtp_smarthost: mail.example.org:587
  smtp_from: hub@example.org
  slack_api_url: https://hooks.slack.com/services/{SECRET}
  http_config: {{authorization: {{credentials: {SECRET}}}}}
templates: ["*.tmpl"]
route: {{receiver: all}}
receivers:
  - name: nobody
  - name: all
    webhook_configs: [{{url: "https://hook.example.org/{SECRET}", send_resolved: false}}]
    email_configs: [{{to: ana@example.org}}]
    slack_configs: [{{channel: "#hub", title: '{{{{ template "own" . }}}}'}}]
    pagerduty_configs: [{{routing_key: {SECRET}}}]
    opsgenie_configs: [{{api_key: {SECRET}}}]
    msteams_configs: [{{webhook_url: "https://a.example.org/{SECRET}"}}]
    msteamsv2_configs: [{{webhook_url: "https://a.example.org/{SECRET}"}}]
    discord_configs: [{{webhook_url: "https://a.example.org/{SECRET}"}}]
    telegram_configs: [{{bot_token: {SECRET}, chat_id: -1}}]
    pushover_configs: [{{user_key: {SECRET}, token: {SECRET}}}]
    victorops_configs: [{{api_key: {SECRET}, routing_key: team}}]
    rocketchat_configs: [{{token: {SECRET}, token_id: {SECRET}, channel: hub}}]
    webex_configs: [{{room_id: r, http_config: {{authorization: {{credentials: {SECRET}}}}}}}]
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "alertmanager.yml"
    file.write_text(text)
    return file


def kinds(receivers: Receivers) -> dict[str, list[str]]:
    return {name: [one.kind for one in ways] for name, ways in receivers.items()}


def test_every_kind_is_there(tmp_path: Path):
    """One file with all that we can do: each entry is a way to tell, and no secret is shown."""
    (tmp_path / "own.tmpl").write_text('{{ define "own" }}!{{ end }}')
    receivers, problems = build_receivers(read_routing(written(tmp_path, ALL)), tmp_path)
    assert problems == []
    assert kinds(receivers) == {
        "nobody": [],
        "all": [
            *("webhook", "email", "slack", "pagerduty", "opsgenie", "msteams", "msteamsv2"),
            *("discord", "telegram", "pushover", "victorops", "rocketchat", "webex"),
        ],
    }
    assert [one.sends_resolved for one in receivers["all"]][:4] == [False, False, False, True]
    assert SECRET not in repr(receivers)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("sns_configs: [{topic_arn: x}]", r"sns_configs is not supported here; .*sns://"),
        ("wechat_configs: [{api_secret: x, corp_id: y}]", "wechat_configs is not supported"),
        (
            "webhook_configs: [{url: 'http://h/', http_config: {oauth2: {client_id: a,"  # noqa: ISC004
            " client_secret: b, token_url: 'http://t/'}}}]",
            "oauth2 of http_config is not supported; use",
        ),
        (
            "webhook_configs: [{url: 'http://h/', http_config: {tls_config: {server_name: x}}}]",
            "server_name is not supported",
        ),
        (
            "discord_configs: [{webhook_url: 'http://h/', title: '{{ nope }}'}]",
            'discord_configs, title: line 1: .*"nope" not defined',
        ),
    ],
)
def test_what_we_cannot_do_is_said(tmp_path: Path, entry: str, said: str):
    """With the receiver's name and what to do instead; its other ways work."""
    text = f"""
route: {{receiver: team}}
receivers:
  - name: team
    telegram_configs: [{{bot_token: x, chat_id: -1}}]
    {entry}
"""
    receivers, problems = build_receivers(read_routing(written(tmp_path, text)), tmp_path)
    assert kinds(receivers) == {"team": ["telegram"]}
    (problem,) = problems
    assert problem.startswith("receiver 'team': ")
    with pytest.raises(WrongRouting, match=said):
        raise WrongRouting(problem)


def test_addresses_besides_the_file(tmp_path: Path):
    """What the file cannot say is said in the Hub's configuration, by the receiver's name."""
    config = read_routing(written(tmp_path, "route: {receiver: a}\nreceivers: [{name: a}]"))
    extra = {"a": ["ntfy://ntfy.example.org/hub", f"slak://{SECRET}"], "b": ["http://h/"]}
    receivers, problems = build_receivers(config, tmp_path, extra, {})
    assert kinds(receivers) == {"a": ["ntfy"]}
    assert problems == [
        "receiver 'a': address 2 of 2: slak:// is no way to notify; did you mean slack://?",
        "no receiver of the routing is called 'b'; nobody is told so",
    ]


async def test_a_broken_template_file_leaves_the_message(tmp_path: Path):
    """The default words go out, and the file is named."""
    (tmp_path / "own.tmpl").write_text("{{ nope }}")
    async with Hook() as hook:
        text = (
            "route: {receiver: a}\ntemplates: ['*.tmpl']\nreceivers:\n"
            f"  - {{name: a, discord_configs: [{{webhook_url: '{hook.url}'}}]}}\n"
        )
        receivers, problems = build_receivers(read_routing(written(tmp_path, text)), tmp_path)
        await receivers["a"][0].send(message())
        assert hook.json["embeds"][0]["title"] == "[FIRING 1] Servers fail to start"
    assert len(problems) == 1
    assert "own.tmpl:1" in problems[0]


def test_three_settings_are_enough(tmp_path: Path):
    """Without a file all goes to `c.Monitoring.notify`, at the pace of the settings."""
    settings = MonitoringAlerts(group_wait_seconds=5, group_interval_seconds=60)
    routing = routing_of(settings, ["http://127.0.0.1/hook"], tmp_path, {})
    assert kinds(routing.receivers)[NOTIFY] == ["webhook"]
    route = routing.config.route
    assert (route.receiver, route.group_wait, route.group_interval) == (NOTIFY, 5_000, 60_000)
    assert route.repeat_interval == 4 * 3_600_000


@pytest.mark.parametrize("text", [None, "route: {receiver: b}\nreceivers: [{name: a}]"])
def test_a_wrong_file_leaves_somebody_told(tmp_path: Path, text: str | None):
    """A file that is missing or wrong: all goes to `notify`, and the reason is said."""
    if text:
        written(tmp_path, text)
    settings = MonitoringAlerts(routing_file="alertmanager.yml", receivers={"a": ["http://h/"]})
    routing = routing_of(settings, ["http://127.0.0.1/hook"], tmp_path, {})
    assert kinds(routing.receivers)[NOTIFY] == ["webhook"]
    problem, meanwhile = routing.problems
    assert "alertmanager.yml" in problem
    assert meanwhile.endswith("is mended, all goes to the addresses of c.Monitoring.notify.")


def test_notify_in_a_file(tmp_path: Path):
    """A file may send some alerts to the addresses of `c.Monitoring.notify`, by this name."""
    written(tmp_path, "route: {receiver: notify}\nreceivers: [{name: notify}]")
    settings = MonitoringAlerts(routing_file="alertmanager.yml")
    routing = routing_of(settings, ["http://127.0.0.1/hook"], tmp_path, {})
    assert kinds(routing.receivers)[NOTIFY] == ["webhook"]
    assert routing.problems == ()
