"""A configuration for an Alertmanager: it takes it, and nobody's secret is in it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.exported import HUBS, Hub, export
from support.peers import find

MAIL = (
    "mailto://hub:S3cretSauce@example.org?smtp=mail.example.org&from=hub@example.org"
    "&to=ana@example.org"
)

# Each address, the kind that it becomes, and of what it becomes the parts that matter.
ADDRESSES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "webhook": (
        "https://hook.example.org/jhub",
        "webhook",
        {"url": "https://hook.example.org/jhub"},
    ),
    "webhook with a password": (
        "https://ana:S3cretSauce@hook.example.org/jhub",
        "webhook",
        {
            "url": "https://hook.example.org/jhub",
            "http_config": {
                "basic_auth": {
                    "username": "ana",
                    "password_file": "/etc/alertmanager/secrets/notify-1-password",
                }
            },
        },
    ),
    "webhook with a token in it": (
        "https://hook.example.org/S3cretSauce?t=S3cretSauce",
        "webhook",
        {"url": "https://hook.example.org/SECRET-OF-ADDRESS-1"},
    ),
    "webhook with a file in it": (
        "https://hook.example.org/${file:/etc/S3cretSauce}",
        "webhook",
        {"url": "https://hook.example.org/SECRET-OF-ADDRESS-1"},
    ),
    "mail": (
        MAIL,
        "email",
        {
            "to": "ana@example.org",
            "from": "hub@example.org",
            "smarthost": "mail.example.org:25",
            "require_tls": False,
            "auth_username": "hub",
            "auth_password_file": "/etc/alertmanager/secrets/notify-1-password",
        },
    ),
    "mail with TLS, to a variable's password": (
        "mailtos://hub:${S3cretSauce}@example.org?smtp=mail.example.org&to=ana@example.org",
        "email",
        {"smarthost": "mail.example.org:587", "require_tls": True},
    ),
    "mail without a password": (
        "mailto://mail.example.org?from=hub@example.org&to=ana@example.org",
        "email",
        {"to": "ana@example.org", "smarthost": "mail.example.org:25"},
    ),
    "Slack": (
        "slack://T12345678/B12345678/S3cretSauce12345678abcde/#general",
        "slack",
        {"api_url_file": "/etc/alertmanager/secrets/notify-1-url", "channel": "#general"},
    ),
    "Slack by a bot": (
        "slack://xoxb-S3cretSauce-1234/#general",
        "slack",
        {"api_url": "https://slack.com/api/chat.postMessage", "channel": "#general"},
    ),
    "PagerDuty": (
        "pagerduty://S3cretSauce00000000000000000000?region=eu",
        "pagerduty",
        {
            "routing_key_file": "/etc/alertmanager/secrets/notify-1-key",
            "url": "https://events.eu.pagerduty.com/v2/enqueue",
        },
    ),
    "Opsgenie": (
        "opsgenie://S3cretSauce",
        "opsgenie",
        {"api_key_file": "/etc/alertmanager/secrets/notify-1-key"},
    ),
    "Discord": (
        "discord://1234567890/S3cretSauce",
        "discord",
        {"webhook_url": "https://discord.com/api/webhooks/SECRET-OF-ADDRESS-1"},
    ),
    "Telegram": (
        "tgram://123456789:S3cretSauce/-10042",
        "telegram",
        {"bot_token": "SECRET-OF-ADDRESS-1", "chat_id": -10042},
    ),
    "Pushover": (
        "pover://S3cretSauce@S3cretSauceToken",
        "pushover",
        {"user_key": "USER-SECRET-OF-ADDRESS-1", "token": "TOKEN-SECRET-OF-ADDRESS-1"},
    ),
}

LEFT_OUT = {
    "ntfy": ("ntfys://ntfy.sh/S3cretSauce", "an Alertmanager has no ntfy"),
    "Teams": ("workflows://h/S3cretSauce/x", "msteamsv2_configs"),
    "a script": ("script:///usr/local/bin/tell?arg=S3cretSauce", "no Alertmanager runs programs"),
    "Matrix": ("matrixs://u:S3cretSauce@example.org/#room", "nothing of that kind"),
    "all elsewhere": ("${file:/etc/S3cretSauce}", "all of it stands elsewhere"),
    "a recipient elsewhere": ("mailto://a:S3cretSauce@b.org?to=${WHO}", "stands elsewhere"),
    "a chat by name": ("tgram://123456789:S3cretSauce/ana", "the number of the chat"),
    "no address": ("S3cretSauce", "nothing of that kind"),
    "a port that is none": ("https://h:S3cretSauce/", "notify test"),
}


def exported(folder: Path, config: str) -> Path:
    return export(folder, "alertmanager", Hub(config)) / "alertmanager.yml"


def check(file: Path) -> None:
    done = subprocess.run(
        [find("amtool"), "check-config", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.peer("amtool")
@pytest.mark.parametrize("hub", HUBS.values(), ids=HUBS)
def test_alertmanager_takes_it(tmp_path: Path, hub: Hub):
    """`amtool check-config` accepts what is written for any Hub, also where nobody is told."""
    file = export(tmp_path, "alertmanager", hub) / "alertmanager.yml"
    check(file)
    assert ("notify is empty" in file.read_text()) == ("c.Monitoring.notify" not in hub.config)


@pytest.mark.peer("amtool")
@pytest.mark.parametrize(("address", "kind", "entry"), ADDRESSES.values(), ids=ADDRESSES)
def test_an_address_that_it_has(tmp_path: Path, address: str, kind: str, entry: dict[str, Any]):
    """An address of `notify` is a receiver's entry; its secret is a file or a blank to fill in."""
    file = exported(tmp_path, f"c.Monitoring.notify = [{address!r}]")
    text = file.read_text()
    receivers = {one["name"]: one for one in yaml.safe_load(text)["receivers"]}
    (made,) = receivers["notify"][f"{kind}_configs"]
    assert {key: made.get(key) for key in entry} == entry
    assert "S3cretSauce" not in text
    for value in _leaves(made):
        if str(value).startswith("/etc/") or "SECRET-OF" in str(value):
            what = str(value).rpartition("/")[2]
            assert what in "".join(line for line in text.splitlines() if line.startswith("#"))
    check(file)


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    return [value]


@pytest.mark.peer("amtool")
@pytest.mark.parametrize(("address", "why"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_an_address_that_it_has_not(tmp_path: Path, address: str, why: str):
    """What an Alertmanager cannot say is told in the file, with the reason; the rest is there."""
    urls = ["https://hook.example.org/jhub", address]
    file = exported(tmp_path, f"c.Monitoring.notify = {urls!r}")
    text = file.read_text()
    (line,) = [line for line in text.splitlines() if "is left out" in line]
    assert line.startswith("# notify, address 2 (")
    assert why in line
    assert "S3cretSauce" not in text
    assert len(yaml.safe_load(text)["receivers"][0]["webhook_configs"]) == 1
    check(file)


def test_the_pace_is_that_of_the_settings(tmp_path: Path):
    """Groups wait and are told again as the monitoring service does it; Hubs are told apart."""
    config = (
        'c.MonitoringAlerts.repeat_interval_seconds = 3600\nc.MonitoringRules.hub_label = "hub"'
    )
    said = yaml.safe_load(exported(tmp_path, config).read_text())
    assert said["route"]["repeat_interval"] == "1h"
    assert said["inhibit_rules"][0]["equal"] == ["job", "hub"]


ROUTING = """# ours
route: {receiver: team}
receivers:
- name: team
  webhook_configs:
  - url_file: /etc/hook
"""


def test_a_routing_file_as_it_is(tmp_path: Path):
    """The operator's own configuration comes out as it stands, below a head that names it."""
    (tmp_path / "alertmanager.yml").write_text(ROUTING)
    config = 'c.MonitoringAlerts.routing_file = "alertmanager.yml"\n'
    config += 'c.MonitoringAlerts.receivers = {"team": ["ntfys://ntfy.sh/S3cretSauce"]}'
    text = exported(tmp_path, config).read_text()
    assert text.endswith(ROUTING)
    assert "It is alertmanager.yml" in text
    assert "'team' by more ways (ntfys)" in text
    assert "S3cretSauce" not in text


@pytest.mark.peer("amtool")
def test_a_routing_file_with_secrets(tmp_path: Path):
    """Secrets of the operator's own configuration do not come out, and the file says so."""
    written = ROUTING.replace("url_file: /etc/hook", "url: https://h/S3cretSauce")
    (tmp_path / "alertmanager.yml").write_text(written)
    config = f'c.MonitoringAlerts.routing_file = "{tmp_path}/alertmanager.yml"'
    file = exported(tmp_path, config)
    assert "S3cretSauce" not in file.read_text()
    assert "stands for a secret" in file.read_text()
    check(file)


def test_a_routing_file_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A broken one is not exported: the command says where it is wrong."""
    (tmp_path / "alertmanager.yml").write_text("route: {receiver: nobody}\n")
    with pytest.raises(AssertionError):
        exported(tmp_path, 'c.MonitoringAlerts.routing_file = "alertmanager.yml"')
    said = capsys.readouterr().err
    assert "c.MonitoringAlerts.routing_file:" in said
    assert "nobody" in said
    assert not (tmp_path / "out").exists()
