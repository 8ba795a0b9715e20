"""Rule files that `promtool check rules` accepts and refuses, by what is special about them."""

from __future__ import annotations

RULE = "groups:\n- name: g\n  rules:\n  - {}\n"


def rule(*lines: str) -> str:
    """Return a file with one rule of these lines."""
    return RULE.format("\n    ".join(lines))


def alert(*lines: str) -> str:
    """Return a file with one alerting rule that has these lines, too."""
    return rule("alert: A", "expr: up == 0", *lines)


def recorded(*lines: str) -> str:
    """Return a file with one recording rule that has these lines, too."""
    return rule("record: a:b", "expr: sum(up)", *lines)


def group(*lines: str) -> str:
    """Return a file with one group that has these lines, too."""
    return "groups:\n- name: g\n  " + "\n  ".join(lines) + "\n"


def annotation(template: str) -> str:
    """Return a file with one annotation."""
    return alert("annotations:", f"  a: '{template}'")


ACCEPTED: dict[str, str] = {
    "empty file": "",
    "comment only": "# nothing\n",
    "null document": "~\n",
    "no groups": "groups:\n",
    "empty groups": "groups: []\n",
    "group without rules": group("interval: 30s"),
    "group with empty rules": group("rules: []"),
    "group with null rules": group("rules: ~"),
    "group null": "groups: [~]\n",
    "rule null": group("rules: [~]"),
    "alert": alert(),
    "record": recorded(),
    "for": alert("for: 1h30m"),
    "for 0": alert("for: 0"),
    "for 0s": alert("for: 0s"),
    "for null": alert("for:"),
    "keep_firing_for": alert("keep_firing_for: 5m"),
    "interval and limit": group("interval: 1m", "limit: 10", "rules: []"),
    "limit hex": group("limit: 0x10"),
    "limit octal": group("limit: 010"),
    "limit with underscore": group("limit: 1_000"),
    "limit float": group("limit: 5.0"),
    "limit float cut": group("limit: 5.5"),
    "limit exponent": group("limit: 1e2"),
    "limit negative": group("limit: -1"),
    "limit null": group("limit:"),
    "quoted duration": alert('for: "5m"'),
    "labels": alert("labels:", "  severity: critical", "  team: a"),
    "labels null": alert("labels:"),
    "label yes": alert("labels: {a: yes, b: on, c: no, d: off, y: n}"),
    "label numbers": alert("labels: {a: 1, b: 1.50, c: 0x1F, d: 0o17, e: 1e3, f: .inf, g: 1_0}"),
    "label bools": alert("labels: {a: true, b: False}"),
    "label null": alert("labels: {a: ~, b: null, c: }"),
    "label dates": alert("labels: {a: 2001-01-01, b: 12:30:45}"),
    "label empty": alert('labels: {a: ""}'),
    "label alertname": alert("labels: {alertname: x}"),
    "label key yes": alert("labels: {yes: x, on: y}"),
    "label underscores": alert("labels: {__a: x, _: y}"),
    "label unicode value": alert("labels: {a: é☃}"),
    "label tagged str": alert("labels: {a: !!str 5}"),
    "annotations": alert("annotations: {summary: 'x {{ $value }}'}"),
    "annotations empty in recording rule": recorded("annotations: {}"),
    "for 0 in recording rule": recorded("for: 0s"),
    "labels in recording rule": recorded("labels: {a: b}"),
    "templates in recording rule are text": recorded("labels: {a: '{{ nope }}'}"),
    "expr number": rule("alert: A", "expr: 1"),
    "expr block": rule("alert: A", "expr: |", "  sum(", "    up", "  ) > 1"),
    "expr folded": rule("alert: A", "expr: >-", "  up ==", "  0"),
    "expr bool word": rule("record: a", "expr: true"),
    "expr string": rule("record: a", "expr: '\"x\"'"),
    "expr range": rule("record: a", "expr: up[5m]"),
    "alert any name": rule("alert: 'My alert! é {}'", "expr: up"),
    "alert number": rule("alert: 5", "expr: up"),
    "record colons": rule("record: job:up:sum", "expr: sum by (job) (up)"),
    "record with empty alert": rule("record: a", "alert: ''", "expr: up"),
    "two groups": "groups:\n- name: a\n  rules: []\n- name: b\n  rules: []\n",
    "group names by case": "groups:\n- name: a\n- name: A\n",
    "group number name": "groups:\n- name: 1\n",
    "flow style": 'groups: [{name: g, rules: [{alert: A, expr: "up"}]}]\n',
    "json": '{"groups": [{"name": "g", "rules": [{"alert": "A", "expr": "up"}]}]}',
    "aliases in labels": "groups:\n- name: g\n  rules:\n"
    "  - {alert: A, expr: up, labels: &l {a: b}}\n"
    "  - {alert: B, expr: up, labels: *l}\n",
    "alias in for": "groups:\n- name: g\n  rules:\n"
    "  - {alert: A, expr: up, for: &f 5m}\n  - {alert: B, expr: up, for: *f}\n",
    "merge of labels": "groups:\n- name: g\n  rules:\n"
    "  - {alert: A, expr: up, labels: &l {a: b, c: d}}\n"
    "  - {alert: B, expr: up, labels: {<<: *l, a: x}}\n",
    "merge of rules": "groups:\n- name: g\n  rules:\n  - &r {alert: A, expr: up, for: 5m}\n"
    "  - {<<: *r, alert: B}\n",
    "merge of a list": "groups:\n- name: g\n  rules:\n"
    "  - {alert: A, expr: up, labels: &l {a: b}, annotations: &m {c: d}}\n"
    "  - {alert: B, expr: up, labels: {<<: [*l, *m]}}\n",
    "document marker": "---\ngroups: []\n",
    "empty second document": "groups: []\n---\n",
    "byte order mark": "\ufeffgroups: []\n",
    "windows lines": "groups:\r\n- name: g\r\n  rules: []\r\n",
    "duplicate rules are a lint": "groups:\n- name: g\n  rules:\n"
    "  - {record: a, expr: up}\n  - {record: a, expr: up}\n",
    "template if": annotation("{{ if gt $value 1.0 }}a{{ else }}b{{ end }}"),
    "template query": annotation('{{ with query "up" }}{{ . | first | value }}{{ end }}'),
    "template range": annotation('{{ range $i, $s := query "up" }}{{ .Labels.a }}{{ end }}'),
    "template variables": annotation(
        "{{ $labels.a }}{{ $externalLabels.b }}{{ $externalURL }}{{ $value }}{{ .Labels.a }}"
    ),
    "template unknown field": annotation("{{ .Nope }}"),
    "template unknown template": annotation('{{ template "x" }}'),
    "template bad query text": annotation('{{ query "sum(" }}'),
    "template in label": alert("labels: {a: '{{ $labels.b | toUpper }}'}"),
    "braces without template": annotation("{ } }} {% x %}"),
    "interval zero": group("interval: 0s"),
    "duration long": alert("for: 1y2w3d4h5m6s7ms"),
}

REFUSED: dict[str, str] = {
    "not yaml": "groups: [\n",
    "tab": "groups:\n\t- name: g\n",
    "text": "hello\n",
    "list": "- groups\n",
    "number": "5\n",
    "unknown top key": "groups: []\nrules: []\n",
    "unknown group key": group("intervall: 5s"),
    "unknown rule key": alert("severity: page"),
    "key in other case": alert("For: 5m"),
    "duplicate top key": "groups: []\ngroups: []\n",
    "duplicate group key": group("limit: 1", "limit: 1"),
    "duplicate rule key": alert("for: 1m", "for: 2m"),
    "duplicate label": alert("labels: {a: b, a: c}"),
    "duplicate annotation": alert("annotations:", "  a: b", "  a: b"),
    "groups a mapping": "groups: {name: g}\n",
    "groups a text": "groups: g\n",
    "group a text": "groups: [g]\n",
    "group without name": "groups:\n- rules: []\n",
    "group empty name": "groups:\n- name: ''\n",
    "group null name": "groups:\n- name:\n",
    "group name a list": "groups:\n- name: [a]\n",
    "groups of one name": "groups:\n- name: g\n- name: g\n",
    "rules a mapping": group("rules: {alert: A}"),
    "rule a text": group("rules: [A]"),
    "rule empty": group("rules: [{}]"),
    "record and alert": rule("record: a", "alert: A", "expr: up"),
    "neither record nor alert": rule("expr: up"),
    "no expr": rule("alert: A"),
    "expr empty": rule("alert: A", "expr: ''"),
    "expr null": rule("alert: A", "expr:"),
    "expr a list": rule("alert: A", "expr: [up]"),
    "expr wrong": rule("alert: A", "expr: sum(up"),
    "expr unknown function": rule("alert: A", "expr: nope(up)"),
    "expr wrong type": rule("alert: A", "expr: rate(up)"),
    "expr two": rule("alert: A", "expr: up up"),
    "expr braces": rule("alert: A", "expr: '{}'"),
    "alert a mapping": rule("alert: {a: b}", "expr: up"),
    "record with space": rule("record: a b", "expr: up"),
    "record with dash": rule("record: a-b", "expr: up"),
    "record digit": rule("record: 1a", "expr: up"),
    "record with braces": rule('record: a{b="c"}', "expr: up"),
    "annotations in recording rule": recorded("annotations: {a: b}"),
    "for in recording rule": recorded("for: 1m"),
    "keep_firing_for in recording rule": recorded("keep_firing_for: 1m"),
    "for number": alert("for: 5"),
    "for without unit": alert('for: "5"'),
    "for empty": alert('for: ""'),
    "for fraction": alert("for: 1.5h"),
    "for negative": alert("for: -5m"),
    "for unit order": alert("for: 5s1m"),
    "for unit unknown": alert("for: 5 minutes"),
    "for a list": alert("for: [5m]"),
    "for true": alert("for: true"),
    "for too long": alert("for: 300y"),
    "interval wrong": group("interval: often"),
    "limit text": group("limit: many"),
    "limit quoted": group('limit: "5"'),
    "limit bool": group("limit: true"),
    "limit list": group("limit: [5]"),
    "label name dash": alert("labels: {a-b: c}"),
    "label name digit": alert("labels: {1: c}"),
    "label name empty": alert('labels: {"": c}'),
    "label __name__": alert("labels: {__name__: c}"),
    "label value a list": alert("labels: {a: [b]}"),
    "label value a mapping": alert("labels: {a: {b: c}}"),
    "labels a list": alert("labels: [a]"),
    "labels a text": alert("labels: a"),
    "label name dash in recording rule": recorded("labels: {a-b: c}"),
    "annotation name dash": alert("annotations: {a-b: c}"),
    "annotations a list": alert("annotations: [a]"),
    "undefined alias": alert("labels: *nope"),
    "template unclosed": annotation("{{ $value"),
    "template unknown function": annotation("{{ $value | nope }}"),
    "template unknown variable": annotation("{{ $nope }}"),
    "template no end": annotation("{{ if $value }}"),
    "template bad end": annotation("{{ end }}"),
    "template empty": annotation("{{ }}"),
    "template bad number": annotation("{{ 1x }}"),
    "template in label wrong": alert("labels: {a: '{{ nope }}'}"),
    "template alertmanager function": annotation("{{ .Labels | join }}"),
    "template sprig function": annotation('{{ default "x" $value }}'),
}

OURS_ONLY: dict[str, str] = {
    "query_offset": group("query_offset: 1m"),
    "group labels": group("labels: {team: a}"),
    "group label in rules": group("labels: {team: a}", "rules: [{record: a, expr: up}]"),
}
"""What Prometheus 3 takes, and the promtool of Debian 12 does not know yet."""

PROMTOOL_ONLY: dict[str, str] = {
    "second document": "groups: []\n---\ngroups: []\n",  # it is not looked at
    "assigned before declared": annotation("{{ $x = 1 }}"),  # fails whenever it is expanded
    "complex number": annotation("{{ 1+2i }}"),
}
