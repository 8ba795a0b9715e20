"""The routing tree: whom an alert goes to. The same table is asked of amtool."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jupyterhub_monitoring.alerting.alert import Alert, labels_of
from jupyterhub_monitoring.alerting.routing.route import Route, group_key, group_labels
from jupyterhub_monitoring.alerting.routing.routing_file import load_routing
from support.peers import find

TREES = {
    "by severity": """
route:
  receiver: ops
  group_by: [alertname]
  routes:
    - matchers: [severity="critical"]
      receiver: pager
      routes:
        - matchers: [team=db]
          receiver: db-pager
    - matchers: [severity=~"warning|info", 'hub!=""']
      receiver: chat
      group_by: [alertname, hub]
    - matchers: ['severity=""']
      receiver: untold
receivers: [{name: ops}, {name: pager}, {name: db-pager}, {name: chat}, {name: untold}]
""",
    "continue": """
route:
  receiver: all
  routes:
    - {match: {team: a}, receiver: a, continue: true}
    - matchers: [team=~"a|b"]
      receiver: ab
      continue: true
      routes:
        - {matchers: [page=yes], receiver: page, continue: true}
        - {matchers: [mail=yes], receiver: mail}
    - {match_re: {team: '.*'}, receiver: last}
    - {match: {team: a}, receiver: never}
receivers: [{name: all}, {name: a}, {name: ab}, {name: page}, {name: mail}, {name: last},
            {name: never}]
""",
    "negative": """
route:
  receiver: x
  group_by: ['...']
  routes:
    - {matchers: ['env!~"prod|stage"', env!=""], receiver: dev}
    - {matchers: ['env!="prod"'], receiver: other, routes: [{matchers: ['env=""'], receiver: none}]}
receivers: [{name: x}, {name: dev}, {name: other}, {name: none}]
""",
}

ROUTED = [
    ("by severity", "", "untold"),
    ("by severity", "severity=critical", "pager"),
    ("by severity", "severity=critical team=db", "db-pager"),
    ("by severity", "severity=critical team=web", "pager"),
    ("by severity", "severity=warning hub=a", "chat"),
    ("by severity", "severity=warning", "ops"),
    ("by severity", "severity=info hub=b", "chat"),
    ("by severity", "severity=critical2", "ops"),
    ("by severity", "team=db", "untold"),
    ("continue", "team=a", "a,ab,last"),
    ("continue", "team=b", "ab,last"),
    ("continue", "team=c", "last"),
    ("continue", "team=a page=yes", "a,page,last"),
    ("continue", "team=a page=yes mail=yes", "a,page,mail,last"),
    ("continue", "team=b mail=yes", "mail,last"),
    ("continue", "x=y", "last"),
    ("negative", "env=prod", "x"),
    ("negative", "env=stage", "other"),
    ("negative", "env=dev", "dev"),
    ("negative", "x=y", "none"),
]
IDS = [f"{tree}: {labels}" for tree, labels, _ in ROUTED]


def labels_from(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


@pytest.mark.parametrize(("tree", "labels", "wanted"), ROUTED, ids=IDS)
def test_routes(tree: str, labels: str, wanted: str):
    """The first route that matches takes an alert, and the next ones too where it continues."""
    route = load_routing(TREES[tree]).route
    assert ",".join(r.receiver for r in route.matching(labels_from(labels))) == wanted


@pytest.mark.peer("amtool")
def test_amtool_routes_alike(tmp_path: Path):
    """What an operator tries with `amtool config routes test` is what happens here."""
    for name, text in TREES.items():
        (tmp_path / f"{name}.yml").write_text(text)

    def asked(case: tuple[str, str, str]) -> str:
        path = tmp_path / f"{case[0]}.yml"
        command = [find("amtool"), "config", "routes", "test", f"--config.file={path}"]
        done = subprocess.run(
            [*command, *case[1].split()], capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.strip()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(asked, ROUTED))
    assert dict(zip(IDS, answers, strict=True)) == {
        name: wanted for name, (_, _, wanted) in zip(IDS, ROUTED, strict=True)
    }


@pytest.mark.peer("amtool")
def test_the_tree_is_as_amtool_shows_it(tmp_path: Path):
    """Matchers, inheritance and order of the whole tree are those of amtool."""
    path = tmp_path / "am.yml"
    path.write_text(TREES["continue"])
    command = [find("amtool"), "config", "routes", "show", f"--config.file={path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    shown = [line.strip(" \u00a0│├└─") for line in done.stdout.splitlines() if "receiver:" in line]
    assert shown == [_shown(r) for r in load_routing(TREES["continue"]).route.walk()]


def _shown(route: Route) -> str:
    """Return a node as amtool 0.25 prints it."""
    matchers = route.key.rpartition("/{")[2] if route.matchers else ""
    own = f"{{{matchers.removesuffix('}')}}}" if route.matchers else "default-route"
    continues = "  continue: true" if route.continues else ""
    return f"{own}{continues}  receiver: {route.receiver}"


def alert(**labels: str) -> Alert:
    return Alert(labels_of(labels), (), starts_at=0, ends_at=1)


def test_the_group_key_is_alertmanagers():
    """Who acts on the group key of a webhook or of PagerDuty sees the one that he knows."""
    route = load_routing(TREES["by severity"]).route
    (found,) = route.matching({"severity": "critical", "team": "db"})
    labels = group_labels(found, alert(alertname='X "1"', severity="critical", team="db"))
    wanted = r'{}/{severity="critical"}/{team="db"}:{alertname="X \"1\""}'
    assert group_key(found, labels) == wanted
    assert group_key(route, ()) == "{}:{}"
    assert group_key(route, (("a", "1"), ("b", "2"))) == '{}:{a="1", b="2"}'


def test_old_expressions_have_alertmanagers_key():
    """`match_re` is kept with the anchors that Alertmanager writes around it."""
    keys = [route.key for route in load_routing(TREES["continue"]).route.walk()]
    assert '{}/{team=~"^(?:.*)$"}' in keys


def test_ids_are_unique():
    """Two routes with the same matchers have the same key, but are told apart."""
    nodes = list(load_routing(TREES["continue"]).route.walk())
    assert len({node.key for node in nodes}) < len({node.id for node in nodes}) == len(nodes)


def test_group_labels():
    """A group is made by the labels that the route names, those that an alert has not left out."""
    one = alert(alertname="A", hub="h", user="u")
    by = Route("r", group_by=frozenset({"hub", "alertname", "zone"}))
    assert group_labels(by, one) == (("alertname", "A"), ("hub", "h"))
    assert group_labels(Route("r"), one) == ()
    assert group_labels(Route("r", group_by_all=True), one) == one.labels
