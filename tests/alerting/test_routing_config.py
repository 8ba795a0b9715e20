"""An Alertmanager's configuration file: we take what it takes, and refuse what it refuses."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from jupyterhub_monitoring.alerting.routing.routing_config import (
    NOBODY,
    ONE_SERIES,
    RoutingConfig,
    shown,
    simple_config,
)
from jupyterhub_monitoring.alerting.routing.routing_file import load_routing
from jupyterhub_monitoring.alerting.routing.secret import HIDDEN, Secret
from jupyterhub_monitoring.alerting.rules.pack import RULES, alert_names
from jupyterhub_monitoring.errors import WrongRouting
from support.peers import find

END = "\nreceivers: [{name: a}, {name: b}]\n"


def root(settings: str = "") -> str:
    return f"route: {{receiver: a, {settings}}}{END}"


def child(settings: str) -> str:
    return f"route: {{receiver: a, routes: [{{{settings}}}]}}{END}"


def matcher(text: str) -> str:
    return f"route: {{receiver: a, routes: [{{matchers: [{yaml_text(text)}]}}]}}{END}"


def yaml_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def receiver(kind: str, settings: str, of_global: str = "") -> str:
    lines = [
        f"global: {{{of_global}}}" if of_global else "",
        "route: {receiver: a}",
        f"receivers: [{{name: a, {kind}_configs: [{{{settings}}}]}}]",
    ]
    return "\n".join(lines) + "\n"


def webhook_http(settings: str) -> str:
    return receiver("webhook", f"url: 'http://x/', http_config: {{{settings}}}")


def intervals(settings: str, key: str = "time_intervals") -> str:
    named = f"{key}: [{{name: night, time_intervals: [{{{settings}}}]}}]"
    return f"{child('mute_time_intervals: [night]')}{named}\n"


def inhibit(settings: str) -> str:
    return f"{root()}inhibit_rules: [{{{settings}}}]\n"


MAIL = "smtp_smarthost: 'mail:25', smtp_from: a@b"
SLACK = "slack_api_url: 'https://hooks.example/x'"

SAME: dict[str, str] = {
    # The file as a whole.
    "smallest": root(),
    "empty": "",
    "comments only": "# nothing\n",
    "no mapping": "- a\n",
    "broken YAML": "route: [\n",
    "no route": "receivers: [{name: a}]\n",
    "empty route": "route:\nreceivers: [{name: a}]\n",
    "unknown key at the top": f"{root()}colour: red\n",
    "the same key twice": f"{root()}route: {{receiver: a}}\n",
    "a second document": f"{root()}---\nrubbish: 1\n",
    "templates": f"{root()}templates: ['*.none']\n",
    "templates, not a list": f"{root()}templates: x\n",
    "everything empty": f"{root()}global:\ntemplates:\ninhibit_rules:\ntime_intervals:\n",
    "anchors and merges": (
        f"route: {{receiver: a, routes: [&r {{match: {{a: b}}}}, {{<<: *r, receiver: b}}]}}{END}"
    ),
    # Receivers.
    "a receiver twice": "route: {receiver: a}\nreceivers: [{name: a}, {name: a}]\n",
    "a receiver without a name": "route: {receiver: a}\nreceivers: [{name: a}, {}]\n",
    "an unknown kind": "route: {receiver: a}\nreceivers: [{name: a, fax_configs: []}]\n",
    "empty kinds": (
        "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [], slack_configs: }]\n"
    ),
    # The root.
    "root without receiver": f"route: {{group_by: [a]}}{END}",
    "root with an empty receiver": f"route: {{receiver: ''}}{END}",
    "undefined receiver": f"route: {{receiver: c}}{END}",
    "undefined receiver below": child("receiver: c"),
    "root with matchers": root("matchers: ['a=b']"),
    "root with empty matchers": root("matchers: []"),
    "root with match": root("match: {a: b}"),
    "root with match_re": root("match_re: {a: b}"),
    "root that continues": root("continue: true"),
    "root that does not continue": root("continue: false"),
    "root with mute intervals": intervals("").replace("receiver: a,", "receiver: a, x: y,"),
    "unknown key in a route": root("group_byy: [a]"),
    # Settings of routes.
    "intervals": root("group_wait: 0s, group_interval: 1h30m, repeat_interval: 2d"),
    "a number without unit": root("group_wait: 30"),
    "zero without unit": root("group_wait: 0"),
    "zero group_interval": root("group_interval: 0s"),
    "zero repeat_interval": root("repeat_interval: 0m"),
    "negative": root("group_wait: -1s"),
    "units out of order": root("group_wait: 1s1m"),
    "a fraction": root("group_wait: 1.5m"),
    "no duration": root("group_wait: soon"),
    "empty duration": root("group_wait: ''"),
    "absent duration": root("group_wait:"),
    "a duration out of range": root("group_wait: 300y"),
    "group_by": root("group_by: [a, b]"),
    "group_by all": root("group_by: ['...']"),
    "group_by all, twice": root("group_by: ['...', '...']"),
    "group_by all and a label": root("group_by: ['...', a]"),
    "group_by a label twice": root("group_by: [a, b, a]"),
    "group_by the empty label": root("group_by: ['']"),
    "group_by, not a list": root("group_by: a"),
    "group_by nothing": root("group_by: []"),
    "continue": child("continue: yes"),
    "continue, no boolean": child("continue: maybe"),
    "continue, quoted": child("continue: 'true'"),
    # Matchers.
    **{
        f"matcher {text}": matcher(text)
        for text in (
            *('a="b"', "a=b", "a =~ b.*", "a!=b", "a!~b", '{a="b"}', "{a=b,c=d,}", "a=b, c!=d"),
            *("a=", 'a=""', "{}", "", "a:b=c", "_a=b", "a==b", "a=b=c", "a='b'", "a=b c"),
            *("a", "=b", "a>b", "a~b", 'a="b', 'a=b"', 'a="b"c', 'a="b\\"'),
            *("a=~(", 'a=~"[a"', "a=~a)(b", 'a=~"\\d+"', "a=~*", 'a="x,y",b=z', 'a="x\\"y"'),
            *("a=b,,c=d", ",a=b", "{a=b", "a=b}", "a=b,", 'a="\\z"', "a=~a{2}", "a=~.{1001}"),
            *("a=~(?i)b", "a=~(?P<x>b)", "a=~(?=b)", "a=~\\pL", "a=ü", "a=~\\Q.\\E"),
        )
    },
    "matchers, not a list": child("matchers: a=b"),
    "match": child("match: {a: b, c: 1, d: true}"),
    "match, no label name": child("match: {a-b: c}"),
    "match, a list": child("match: {a: [b]}"),
    "match without value": child("match: {a: }"),
    "match_re": child("match_re: {a: b|c}"),
    "match_re, wrong": child("match_re: {a: '('}"),
    "match_re without value": child("match_re: {a: }"),
    "match_re, empty": child("match_re: {a: ''}"),
    "match_re, no label name": child("match_re: {'1': c}"),
    # Inhibition.
    "inhibit": inhibit("source_matchers: [a=b], target_matchers: [c=d, e=~f], equal: [g, h]"),
    "inhibit, old": inhibit("source_match: {a: b}, target_match_re: {c: d}"),
    "inhibit, mixed": inhibit("source_match: {a: b}, source_match_re: {c: d}, equal: []"),
    "inhibit all": inhibit(""),
    "inhibit, unknown key": inhibit("source: [a=b]"),
    "inhibit, wrong source": inhibit("source_matchers: ['a=~(']"),
    "inhibit, wrong label": inhibit("source_match: {a-b: c}"),
    "inhibit, wrong old expression": inhibit("target_match_re: {a: '('}"),
    "inhibit, empty equal": inhibit("equal: ['']"),
    # Time intervals.
    "interval, always": intervals(""),
    "interval, deprecated key": intervals("months: [may]", "mute_time_intervals"),
    "interval, in both keys": (
        intervals("") + "mute_time_intervals: [{name: night, time_intervals: []}]\n"
    ),
    "interval twice": intervals("") + "mute_time_intervals: [{name: x}, {name: x}]\n",
    "interval without a name": f"{root()}time_intervals: [{{time_intervals: []}}]\n",
    "undefined mute interval": child("mute_time_intervals: [night]"),
    "undefined active interval": child("active_time_intervals: [night]"),
    "active interval": intervals("").replace("mute_time_intervals", "active_time_intervals", 1),
    **{
        f"interval {text}": intervals(text)
        for text in (
            "times: [{start_time: '09:00', end_time: '17:00'}]",
            "times: [{start_time: '00:00', end_time: '24:00'}]",
            "times: [{start_time: '9:00', end_time: '17:00'}]",
            "times: [{start_time: '22:00', end_time: '06:00'}]",
            "times: [{start_time: '09:00', end_time: '09:00'}]",
            "times: [{start_time: '09:00', end_time: '24:01'}]",
            "times: [{start_time: '09:60', end_time: '10:00'}]",
            "times: [{start_time: '09:00'}]",
            "times: [{start_time: '09:00', end_time: '10:00', days: 1}]",
            "times: []",
            "weekdays: ['monday:friday', Saturday]",
            "weekdays: ['friday:monday']",
            "weekdays: [mon]",
            "weekdays: ['1:3']",
            "weekdays: ['monday:tuesday:friday']",
            "weekdays: monday",
            "days_of_month: ['1:5', '-3:-1', 15]",
            "days_of_month: ['0']",
            "days_of_month: ['32']",
            "days_of_month: ['-32:-1']",
            "days_of_month: ['-5:5']",
            "days_of_month: ['-31:5']",
            "days_of_month: ['5:-5']",
            "days_of_month: ['29:-1']",
            "days_of_month: ['25:-10']",
            "days_of_month: ['5:1']",
            "days_of_month: [first]",
            "months: ['january:march', 12, May]",
            "months: ['march:january']",
            "months: ['13']",
            "months: [maybe]",
            "years: ['2020:2030', 2040]",
            "years: ['2030:2020']",
            "years: [soon]",
            "location: Europe/Berlin",
            "location: Local",
            "location: UTC",
            "location: ''",
            "location: Mars/Olympus",
            "location: ../etc/passwd",
            "holidays: [x]",
        )
    },
    # global.
    "global": f"global: {{resolve_timeout: 1m, {MAIL}, {SLACK}, smtp_require_tls: no}}\n{root()}",
    "global, unknown key": f"global: {{smtp_port: 25}}\n{root()}",
    "global, no address": f"global: {{slack_api_url: hooks}}\n{root()}",
    "global, no host": f"global: {{pagerduty_url: 'https://'}}\n{root()}",
    "global, wrong scheme": f"global: {{pagerduty_url: 'ftp://x'}}\n{root()}",
    "global, wrong port": f"global: {{pagerduty_url: 'http://x:y'}}\n{root()}",
    "global, wrong escape": f"global: {{pagerduty_url: 'http://x/%zz'}}\n{root()}",
    "global, no smarthost": f"global: {{smtp_smarthost: mail}}\n{root()}",
    "global, empty port": f"global: {{smtp_smarthost: 'mail:'}}\n{root()}",
    "global, IPv6": f"global: {{smtp_smarthost: '[::1]:25'}}\n{root()}",
    "global, no resolve_timeout": f"global: {{resolve_timeout: x}}\n{root()}",
    "slack address twice": f"global: {{{SLACK}, slack_api_url_file: /x}}\n{root()}",
    "opsgenie key twice": (f"global: {{opsgenie_api_key: x, opsgenie_api_key_file: /x}}\n{root()}"),
    # Receivers, by kind.
    "webhook": receiver("webhook", "url: 'http://x/', max_alerts: 3, send_resolved: false"),
    "webhook without url": receiver("webhook", "max_alerts: 3"),
    "webhook with a wrong url": receiver("webhook", "url: x"),
    "webhook with an empty url": receiver("webhook", "url: ''"),
    "webhook, negative max_alerts": receiver("webhook", "url: 'http://x/', max_alerts: -3"),
    "webhook, no number": receiver("webhook", "url: 'http://x/', max_alerts: many"),
    "webhook, unknown key": receiver("webhook", "url: 'http://x/', uri: x"),
    "webhook, a list as url": receiver("webhook", "url: [a]"),
    "email": receiver("email", "to: x@y, headers: {Subject: hi}, require_tls: true", MAIL),
    "email, all its own": receiver("email", "to: x@y, from: a@b, smarthost: 'mail:25'"),
    "email to nobody": receiver("email", "from: a@b", MAIL),
    "email without smarthost": receiver("email", "to: x@y", "smtp_from: a@b"),
    "email without from": receiver("email", "to: x@y", "smtp_smarthost: 'mail:25'"),
    "email, header twice": receiver("email", "to: x@y, headers: {subject: a, Subject: b}", MAIL),
    "email, unknown key": receiver("email", "to: x@y, cc: z", MAIL),
    "email with tls": receiver("email", "to: x@y, tls_config: {insecure_skip_verify: true}", MAIL),
    "email with http": receiver("email", "to: x@y, http_config: {}", MAIL),
    "slack": receiver("slack", "channel: '#x'", SLACK),
    "slack, its own": receiver("slack", "api_url: 'https://x/y', channel: '#x'"),
    "slack, a file": receiver("slack", "api_url_file: /x, channel: '#x'"),
    "slack, both": receiver("slack", "api_url: 'https://x/y', api_url_file: /x"),
    "slack, neither": receiver("slack", "channel: '#x'"),
    "slack, fields": receiver("slack", "fields: [{title: a, value: b, short: true}]", SLACK),
    "slack, half a field": receiver("slack", "fields: [{title: a}]", SLACK),
    "slack, action": receiver("slack", "actions: [{type: button, text: t, url: u}]", SLACK),
    "slack, action to nowhere": receiver("slack", "actions: [{type: button, text: t}]", SLACK),
    "slack, action without text": receiver("slack", "actions: [{type: button, url: u}]", SLACK),
    "slack, confirmation": receiver(
        "slack", "actions: [{type: b, text: t, name: n, confirm: {text: sure}}]", SLACK
    ),
    "slack, silent confirmation": receiver(
        "slack", "actions: [{type: b, text: t, name: n, confirm: {title: sure}}]", SLACK
    ),
    "slack, mrkdwn_in": receiver("slack", "mrkdwn_in: [text], link_names: true", SLACK),
    "pagerduty": receiver("pagerduty", "routing_key: x, details: {a: b}, images: [{src: y}]"),
    "pagerduty, old key": receiver("pagerduty", "service_key: x, links: [{href: a, text: b}]"),
    "pagerduty, file": receiver("pagerduty", "routing_key_file: /x"),
    "pagerduty, no key": receiver("pagerduty", "client: x"),
    "pagerduty, key twice": receiver("pagerduty", "routing_key: x, routing_key_file: /x"),
    "opsgenie": receiver("opsgenie", "api_key: x, responders: [{name: n, type: Team}]"),
    "opsgenie, global key": receiver("opsgenie", "tags: x", "opsgenie_api_key: y"),
    "opsgenie, no key": receiver("opsgenie", "tags: x"),
    "opsgenie, key twice": receiver("opsgenie", "api_key: x, api_key_file: /x"),
    "opsgenie, responder nobody": receiver("opsgenie", "api_key: x, responders: [{type: team}]"),
    "opsgenie, odd responder": receiver(
        "opsgenie", "api_key: x, responders: [{name: n, type: cat}]"
    ),
    "opsgenie, template": receiver(
        "opsgenie", "api_key: x, responders: [{name: n, type: '{{ .x }}'}]"
    ),
    "opsgenie, typeless": receiver("opsgenie", "api_key: x, responders: [{name: n}]"),
    "discord": receiver("discord", "webhook_url: 'https://x/y', title: t, message: m"),
    "discord, nothing": receiver("discord", "title: t"),
    "telegram": receiver("telegram", "bot_token: x, chat_id: -100, parse_mode: MarkdownV2"),
    "telegram, no token": receiver("telegram", "chat_id: 1"),
    "telegram, no chat": receiver("telegram", "bot_token: x"),
    "telegram, zero chat": receiver("telegram", "bot_token: x, chat_id: 0"),
    "telegram, chat by name": receiver("telegram", "bot_token: x, chat_id: '@me'"),
    "telegram, odd mode": receiver("telegram", "bot_token: x, chat_id: 1, parse_mode: md"),
    "pushover": receiver("pushover", "user_key: x, token: y, retry: 1m30s, expire: 1h"),
    "pushover, no user": receiver("pushover", "token: y"),
    "pushover, no token": receiver("pushover", "user_key: x"),
    "pushover, days": receiver("pushover", "user_key: x, token: y, retry: 1d"),
    "pushover, fraction": receiver("pushover", "user_key: x, token: y, retry: 1.5m"),
    "victorops": receiver("victorops", "api_key: x, routing_key: y, custom_fields: {a: b}"),
    "victorops, no key": receiver("victorops", "routing_key: y"),
    "victorops, no routing": receiver("victorops", "api_key: x"),
    "victorops, key twice": receiver("victorops", "api_key: x, api_key_file: /x, routing_key: y"),
    "victorops, taken field": receiver(
        "victorops", "api_key: x, routing_key: y, custom_fields: {entity_id: b}"
    ),
    "webex": receiver("webex", "room_id: x, http_config: {authorization: {credentials: y}}"),
    "webex, no room": receiver("webex", "http_config: {authorization: {credentials: y}}"),
    "webex, no token": receiver("webex", "room_id: x"),
    "webex, bearer": receiver("webex", "room_id: x, http_config: {bearer_token: y}"),
    "sns": receiver("sns", "topic_arn: x, sigv4: {region: r}, attributes: {a: b}"),
    "sns, no target": receiver("sns", "sigv4: {region: r}"),
    "sns, two targets": receiver("sns", "topic_arn: x, phone_number: y, sigv4: {}"),
    "sns, half a key": receiver("sns", "topic_arn: x, sigv4: {access_key: y}"),
    "wechat": receiver("wechat", "api_secret: x, corp_id: y, message_type: markdown"),
    "wechat, no secret": receiver("wechat", "corp_id: y"),
    "wechat, no corp": receiver("wechat", "api_secret: x"),
    "wechat, odd type": receiver("wechat", "api_secret: x, corp_id: y, message_type: html"),
    # http_config.
    "http, basic": webhook_http("basic_auth: {username: x, password: y}"),
    "http, basic twice": webhook_http("basic_auth: {username: x, password: y, password_file: z}"),
    "http, bearer": webhook_http("bearer_token: x"),
    "http, bearer twice": webhook_http("bearer_token: x, bearer_token_file: y"),
    "http, bearer and basic": webhook_http("bearer_token: x, basic_auth: {username: y}"),
    "http, authorization": webhook_http("authorization: {type: Token, credentials_file: y}"),
    "http, authorization basic": webhook_http("authorization: {type: Basic, credentials: y}"),
    "http, authorization twice": webhook_http(
        "authorization: {credentials: x, credentials_file: y}"
    ),
    "http, authorization and basic": webhook_http(
        "authorization: {credentials: x}, basic_auth: {username: y}"
    ),
    "http, oauth2": webhook_http(
        "oauth2: {client_id: a, client_secret: b, token_url: 'http://c', scopes: [d]}"
    ),
    "http, oauth2 nobody": webhook_http("oauth2: {client_secret: b, token_url: 'http://c'}"),
    "http, oauth2 nowhere": webhook_http("oauth2: {client_id: a, client_secret: b}"),
    "http, tls": webhook_http("tls_config: {ca_file: x, server_name: y, min_version: TLS12}"),
    "http, odd tls": webhook_http("tls_config: {min_version: SSL3}"),
    "http, proxy": webhook_http("proxy_url: 'http://x:3128', follow_redirects: false"),
    "http, wrong proxy": webhook_http("proxy_url: 'http://x:y'"),
    "http, unknown key": webhook_http("timeout: 3s"),
}
"""What Alertmanager 0.25 takes and what it refuses."""

NEWER: dict[str, str] = {
    "0.27 label names": root("group_by: ['a b', ü]"),
    "0.27 matchers": matcher('"a b"="c"'),
    "0.27 a name with a dash": matcher("a-b=c"),
    "0.27 a name with a digit": matcher("1a=b"),
    "0.27 names in braces": matcher('{ü=~"x.*", "y z"!="1"}'),
    "0.27 equal": inhibit("equal: ['a b']"),
    "0.26 url_file": receiver("webhook", "url_file: /x"),
    "0.28 timeout": receiver("webhook", "url: 'http://x/', timeout: 5s"),
    "0.26 msteams": receiver("msteams", "webhook_url: 'https://x/', summary: s"),
    "0.28 msteamsv2": receiver("msteamsv2", "webhook_url_file: /x"),
    "0.28 jira": receiver(
        "jira", "api_url: 'http://x', project: p, issue_type: t, fields: {a: [b, {c: d}]}"
    ),
    "0.28 rocketchat": receiver("rocketchat", "token: x, token_id: y, channel: z"),
    "0.26 files of pushover": receiver("pushover", "user_key_file: /x, token_file: /y, ttl: 1h"),
    "0.26 file of telegram": receiver("telegram", "bot_token_file: /x, chat_id: 1"),
    "0.28 discord": receiver("discord", "webhook_url_file: /x, content: c, username: u"),
    "0.26 proxies": webhook_http("proxy_from_environment: true"),
    "0.27 headers": webhook_http("http_headers: {X-Team: {values: [a], secrets: [b]}}"),
    "0.26 inline certificates": webhook_http("tls_config: {ca: 'x', cert: y, key: z}"),
    "0.26 oauth2 without a secret": webhook_http("oauth2: {client_id: a, token_url: 'http://c'}"),
    "0.28 tls of mail": f"global: {{smtp_tls_config: {{server_name: x}}}}\n{root()}",
}
"""What came after 0.25, up to 0.28, and we take."""

NEWER_REFUSED: dict[str, str] = {
    "msteams without an address": receiver("msteams", "title: t"),
    "both addresses": receiver("discord", "webhook_url: 'https://x/', webhook_url_file: /x"),
    "jira without a project": receiver("jira", "api_url: 'http://x', issue_type: t"),
    "jira without an address": receiver("jira", "project: p, issue_type: t"),
    "rocketchat without a token": receiver("rocketchat", "token_id: y"),
    "a reserved header": webhook_http("http_headers: {Host: {values: [a]}}"),
    "no_proxy alone": webhook_http("no_proxy: x"),
    "proxies twice": webhook_http("proxy_from_environment: true, proxy_url: 'http://x'"),
    "a header for no proxy": webhook_http("proxy_connect_header: {a: [b]}"),
    "a certificate without its key": webhook_http("tls_config: {cert_file: x}"),
}
"""What is wrong in a key that came after 0.25."""


def accepted(text: str) -> bool:
    try:
        load_routing(text)
    except WrongRouting:
        return False
    return True


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bool]:
    """What amtool says of each file of `SAME`: one process for all of them."""
    folder = tmp_path_factory.mktemp("configs")
    paths = {}
    for number, (name, text) in enumerate(SAME.items()):
        paths[name] = folder / f"{number}.yml"
        paths[name].write_text(text)
    done = subprocess.run(
        [find("amtool"), "check-config", *paths.values()],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    said = dict(re.findall(r"Checking '([^']*)'  (SUCCESS|FAILED)", done.stdout))
    return {name: said[str(path)] == "SUCCESS" for name, path in paths.items()}


@pytest.mark.peer("amtool")
@pytest.mark.parametrize("name", SAME)
def test_takes_what_amtool_takes(name: str, verdicts: dict[str, bool]):
    """A file means the same to an operator's Alertmanager and to us: right, or wrong."""
    assert accepted(SAME[name]) is verdicts[name]


@pytest.mark.peer("amtool")
def test_the_table_has_both_kinds(verdicts: dict[str, bool]):
    """The table above is not one in which everything is right, or wrong."""
    assert 60 < sum(verdicts.values()) < len(verdicts) - 60


@pytest.mark.parametrize("name", NEWER)
def test_takes_what_newer_alertmanagers_take(name: str):
    """A file written for an Alertmanager of today works."""
    load_routing(NEWER[name])


@pytest.mark.parametrize("name", NEWER_REFUSED)
def test_refuses_what_newer_alertmanagers_refuse(name: str):
    """What is wrong in keys of today is refused as well."""
    assert not accepted(NEWER_REFUSED[name])


LONG = """\
global:
  smtp_smarthost: mail.example.org:587
  smtp_from: hub@example.org
  smtp_auth_password: hunter2
  slack_api_url: https://hooks.example.org/T0/verysecret
route:
  receiver: ops
  group_by: [alertname, hub]
  group_wait: 10s
  routes:
    - matchers: [severity="critical", 'job=~"hub.*"']
      receiver: pager
      repeat_interval: 1h
      continue: true
      routes:
        - match: {team: db}
          group_by: ['...']
          group_interval: 7m
    - match_re: {severity: warning|info}
      mute_time_intervals: [night]
      active_time_intervals: [term]
receivers:
  - name: ops
    email_configs:
      - to: ops@example.org
    webhook_configs:
      - url: https://user:pw@hook.example.org/?token=t0ken
        url_is: &x wrong
  - name: pager
    pagerduty_configs:
      - routing_key: r0uting
        http_config: {authorization: {credentials: cr3d}, proxy_url: 'http://me:pr0xy@p:1'}
    slack_configs:
      - channel: '#pager'
        send_resolved: true
inhibit_rules:
  - source_matchers: [alertname=HubDown]
    target_match_re: {severity: warning|info}
    equal: [hub]
time_intervals:
  - name: night
    time_intervals:
      - times: [{start_time: '22:00', end_time: '24:00'}]
mute_time_intervals:
  - name: term
    time_intervals: [{months: ['april:july']}]
templates: ['my/*.tmpl', /etc/other.tmpl]
""".replace("        url_is: &x wrong\n", "")
SECRETS = ("hunter2", "verysecret", "t0ken", "pw@", "r0uting", "cr3d", "pr0xy")


@pytest.fixture(scope="module")
def config() -> RoutingConfig:
    return load_routing(LONG, Path("/etc/alertmanager"))


def test_settings_are_inherited(config: RoutingConfig):
    """A route has what it says, and else what the one above it has; time intervals are its own."""
    pager, quiet = config.route.routes
    (db,) = pager.routes
    assert (config.route.receiver, config.route.group_by) == ("ops", {"alertname", "hub"})
    assert (pager.receiver, pager.group_wait, pager.repeat_interval) == ("pager", 10_000, 3_600_000)
    assert pager.continues
    assert not quiet.continues
    assert (db.receiver, db.group_by_all, db.group_interval) == ("pager", True, 420_000)
    assert (db.group_wait, db.repeat_interval) == (10_000, 3_600_000)
    assert not db.continues
    assert quiet.mute_time_intervals == ("night",)
    assert quiet.active_time_intervals == ("term",)
    assert quiet.group_interval == 300_000  # Alertmanager's default
    assert set(config.time_intervals) == {"night", "term"}


def test_a_child_groups_by_labels_again():
    """Below a route that groups by all labels, one may group by some."""
    text = child("group_by: [a]").replace("receiver: a,", "receiver: a, group_by: ['...'],")
    route = load_routing(text).route
    assert route.group_by_all
    assert (route.routes[0].group_by_all, route.routes[0].group_by) == (False, {"a"})


def test_receivers_have_what_global_gives(config: RoutingConfig):
    """Who builds a receiver looks at one place only; secrets are secrets there."""
    ops, pager = config.receivers
    settings = {i.kind: i.settings for r in (ops, pager) for i in r.integrations}
    assert [i.kind for i in ops.integrations] == ["email", "webhook"]
    assert settings["email"]["smarthost"] == "mail.example.org:587"
    assert settings["email"]["from"] == "hub@example.org"
    assert settings["email"]["auth_password"].reveal() == "hunter2"
    assert settings["email"]["require_tls"] is True
    assert settings["email"]["send_resolved"] is False
    assert settings["webhook"]["send_resolved"] is True
    assert settings["webhook"]["http_config"] == {"follow_redirects": True, "enable_http2": True}
    assert settings["slack"]["api_url"].reveal() == "https://hooks.example.org/T0/verysecret"
    assert settings["slack"]["send_resolved"] is True
    assert settings["pagerduty"]["url"] == "https://events.pagerduty.com/v2/enqueue"
    assert settings["pagerduty"]["http_config"]["authorization"]["type"] == "Bearer"


def test_an_address_of_an_api_ends_with_a_slash():
    """What is appended to it is not appended to its last word."""
    text = receiver("opsgenie", "api_key: x, api_url: 'https://u:s3cret@ops.example/v2'")
    config = load_routing(text)
    address = config.receivers[0].integrations[0].settings["api_url"]
    assert address.reveal() == "https://u:s3cret@ops.example/v2/"
    assert "s3cret" not in repr(config) + shown(config)


def test_paths_are_of_the_files_folder(config: RoutingConfig):
    """A relative path in the file is meant from where the file is."""
    assert config.templates == ("/etc/alertmanager/my/*.tmpl", "/etc/other.tmpl")
    text = receiver("slack", "api_url_file: hook.url")
    (integration,) = load_routing(text, Path("/etc/am")).receivers[0].integrations
    assert integration.settings["api_url_file"] == "/etc/am/hook.url"


def test_a_bearer_token_is_an_authorization():
    """The old way to write a token comes to the same as the new one."""
    (old,) = load_routing(webhook_http("bearer_token: x")).receivers[0].integrations
    (new,) = load_routing(webhook_http("authorization: {credentials: x}")).receivers[0].integrations
    assert old.settings["http_config"] == new.settings["http_config"]


def test_no_secret_is_shown(config: RoutingConfig):
    """Pages and the API show the file without what must not be seen; so does a log of records."""
    for text in (shown(config), repr(config), str(config.receivers)):
        assert [secret for secret in SECRETS if secret in text] == []
    assert "ops@example.org" in shown(config)  # the rest is there


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        receiver("slack", "api_url: 'https://x/s3cret', <<: {api_url: 'https://x/s3cret2'}"),
        receiver("opsgenie", "api_key: &k s3cret, tags: *k"),
        webhook_http("http_headers: {X-A: {secrets: [s3cret], values: [plain]}}"),
        webhook_http("oauth2: {client_id: a, client_secret: s3cret, token_url: 'http://c'}"),
        f"# s3cret\n{root()}",
    ],
    ids=["long", "overridden", "an alias", "headers", "oauth2", "a comment"],
)
def test_what_is_shown_is_a_configuration(text: str):
    """What `/api/v2/status` gives, amtool and Grafana read; it means the same tree."""
    config = load_routing(text)
    again = load_routing(shown(config))
    assert "s3cret" not in shown(config)
    assert again.route == config.route
    assert again.inhibit_rules == config.inhibit_rules


@pytest.mark.peer("amtool")
def test_amtool_reads_what_is_shown(tmp_path: Path, config: RoutingConfig):
    """`amtool config routes` works against our API as it does against Alertmanager's."""
    path = tmp_path / "shown.yml"
    path.write_text(shown(config))
    routes = [find("amtool"), "config", "routes", "test", f"--config.file={path}", "team=x"]
    done = subprocess.run(routes, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "ops"), done.stderr


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (LONG.replace("group_wait", "group_wiat"), "am.yml:9: 'group_wiat' is no key of a route;"),
        (LONG.replace("receiver: pager\n", "receiver: pagr\n"), "am.yml:11: undefined receiver"),
        (LONG.replace("[night]", "[nihgt]"), "undefined time interval 'nihgt'"),
        (
            LONG.replace("to: ops", "too: ops"),
            "'too' is no key of email_configs; did you mean 'to'",
        ),
        (LONG.replace("  - name: pager", "  - name: ops"), "receiver name 'ops' is not unique"),
        ("route: {receiver: a}\nroute: {}\n", "am.yml:2: 'route' is there twice"),
        ("a: b: c\n", "am.yml:1: "),
        ("", "am.yml: no route provided in config"),
        (receiver("slack", "channel: x"), "no api_url, and no slack_api_url or slack_api_url_file"),
    ],
    ids=["key", "receiver", "interval", "nested", "twice", "same key", "yaml", "empty", "global"],
)
def test_an_error_says_where_and_what(text: str, wanted: str):
    """An operator finds the place of a mistake from the error alone."""
    with pytest.raises(WrongRouting) as error:
        load_routing(text, name="am.yml")
    assert wanted in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        receiver("webhook", "url: 'ftp://user:s3cret@x'"),
        receiver("webhook", "url: 's3cret%zz'"),
        receiver("slack", "api_url: [s3cret]", SLACK),
        receiver("opsgenie", "api_key: {s3cret: s3cret}"),
        "global: {slack_api_url: 'https://x/s3cret\n" + root(),
        webhook_http("bearer_token: s3cret, bearer_token_file: x"),
    ],
    ids=["scheme", "escape", "list", "mapping", "open quote", "both"],
)
def test_an_error_tells_no_secret(text: str):
    """What is wrong with a secret is said without it: errors go to logs and pages."""
    with pytest.raises(WrongRouting) as error:
        load_routing(text)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "x: &a ["
        + ", ".join(["1"] * 10)
        + "]\n"
        + "".join(
            f"x{n}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(9)
        ),
        f"route: &r {{receiver: a, routes: [*r]}}{END}",
        "route: " + "{routes: [" * 300 + "]}" * 300,
        "[" * 5000,
        "#" * (2 << 20),
        child("match: &m {a: b}") + "templates: [" + ", ".join(["x"] * 100_001) + "]\n",
    ],
    ids=["laughs", "itself", "deep routes", "deep lists", "large", "many"],
)
def test_a_hostile_file_is_an_error(text: str):
    """Nothing in a file takes the service down with it: it is refused, in a moment."""
    with pytest.raises(WrongRouting):
        load_routing(text)


def test_a_secret_prints_as_one():
    """Whoever logs a secret by mistake logs that it is one."""
    secret = Secret("hunter2")
    assert f"{secret} {secret!r} {secret!s:>10}".count("hunter2") == 0
    assert (secret.reveal(), type(secret.reveal()), str(secret)) == ("hunter2", str, HIDDEN)
    assert (secret, str(Secret(""))) == ("hunter2", "")


def test_three_settings_instead_of_a_file():
    """Who gives only addresses has a tree with the defaults, which the API shows as a file."""
    config = simple_config(receiver="me", group_by=("alertname",), repeat_interval=3_600_000)
    assert (config.route.receiver, config.route.group_wait) == ("me", 30_000)
    read = load_routing(shown(config))
    assert read == replace(config, text=read.text)


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ({"alertname": "JupyterHubDown", "severity": "critical"}, "me"),
        ({"alertname": "Mine"}, "me"),
        ({"alertname": "JupyterHubWatchdog", "severity": "info"}, NOBODY),
    ],
)
def test_the_simple_case_tells_everything_but_that_all_is_well(labels: dict[str, str], wanted: str):
    """The watchdog, which always fires, is not mailed every four hours."""
    assert [route.receiver for route in simple_config("me").route.matching(labels)] == [wanted]


def test_without_a_name_of_the_hubs_alert_less_is_hidden():
    """What follows from a Hub that is down is told then; warnings that got critical are not."""
    assert len(simple_config(hub_down="").inhibit_rules) == 1


DOCS = Path(__file__).parents[2] / "docs" / "how-to" / "alert-routing.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)


def told(example: int, **labels: str) -> list[str]:
    return [r.receiver for r in load_routing(EXAMPLES[example]).route.matching(labels)]


def test_the_examples_of_the_docs_do_what_they_say():
    """An operator who copies an example from the page has what the page says."""
    for example in EXAMPLES:
        load_routing(example)
    assert told(0, severity="critical") == ["on-call", "mail"]
    assert told(0, severity="warning") == ["mail"]
    assert told(0, severity="info") == ["nobody"]
    assert told(0, severity="info", alertname="JupyterHubWatchdog") == ["dead-mans-switch"]
    assert told(1, group="physics-101") == ["physics"]
    assert told(1, username="ada", alertname="JupyterHubServerOld") == ["helpdesk"]
    assert told(1, alertname="JupyterHubDown") == ["admins"]
    quiet = load_routing(EXAMPLES[2])
    assert [bool(r.active_time_intervals) for r in quiet.route.routes] == [False, True]
    assert load_routing(EXAMPLES[3]).inhibit_rules[0] in simple_config().inhibit_rules


def test_the_simple_case_names_what_the_pack_has():
    """Who renames an alert or a component of the built-in rules hears that it is named here."""
    assert "JupyterHubDown" in alert_names()
    assert [name for name in alert_names() if name.endswith("Watchdog")] == ["JupyterHubWatchdog"]
    texts = [path.read_text() for path in RULES.glob("*.yaml")]
    components = set(re.findall(r"component: (\w+)", "\n".join(texts)))
    assert set(ONE_SERIES.split("|")) <= components
