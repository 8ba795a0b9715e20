"""Names are private: who sees whose name and whose numbers, on every route, in every mode."""

from __future__ import annotations

import base64
import hashlib
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest

from jupyterhub_monitoring import spool
from jupyterhub_monitoring.activity import Activity
from jupyterhub_monitoring.activity.database import FILE, ActivityDatabase
from jupyterhub_monitoring.cli import main
from jupyterhub_monitoring.dashboards import PANELS
from jupyterhub_monitoring.metrics.usernames import UsernameMode, Usernames
from jupyterhub_monitoring.service.visitor import Needs
from support.real_hub import Answer
from support.route_paths import path_of, route_table
from support.service_hub import PAGE, ServiceHub, eventually

OWNER, OTHER, OUTSIDER = "zaphod", "trillian", "slartibartfast"
TEACHER = "arthur"  # the admin of a group in which the other one is
NAMED = "heartofgold"
NAMES = (OWNER, OTHER, NAMED)

CONFIG = """
c.Monitoring.usernames = {mode!r}
c.JupyterHub.allow_named_servers = True
c.JupyterHub.load_roles.append(dict(name='tokens', services=['test'], scopes=['tokens']))
c.JupyterHub.load_groups = dict(crew=dict(users=['trillian']))
c.JupyterHub.load_roles.append(
    dict(name='teacher', users=['arthur'], scopes=['admin:users!group=crew'])
)
c.MonitoringUsage.interval_seconds = 1
"""


@dataclass
class Setting:
    """A Hub in one mode, where two users' servers run, and tokens of all kinds."""

    hub: ServiceHub
    mode: UsernameMode
    tokens: dict[str, str]

    @property
    def key_file(self) -> Path:
        return self.hub.folder / "jupyterhub_monitoring_key"

    @property
    def names(self) -> Usernames:
        """The policy as the Hub has it."""
        key = self.key_file.read_bytes() if self.mode is UsernameMode.HASH else b""
        return Usernames(self.mode, key)

    def usage(self, who: str | None = None, query: str = "") -> Any:
        """Return `/api/usage` as *who*; None is the service token that may see everything."""
        token = self.tokens[who] if who else ""
        answer = self.hub.ask(f"api/usage{query}", token=token)
        assert answer.status == 200, answer.text
        return answer.json


@pytest.fixture(scope="module", params=list(UsernameMode), ids=lambda mode: mode.value)
def setting(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Setting]:
    mode = request.param
    hub = ServiceHub(tmp_path_factory.mktemp("hub"), config=CONFIG.format(mode=mode.value))
    try:
        hub.start()
        tokens = {}
        for name in (OWNER, OTHER, OUTSIDER, TEACHER):
            if name in (OWNER, OUTSIDER):  # the others are in the configuration
                assert hub.post(f"hub/api/users/{name}").status == 201
            tokens[name] = hub.post(f"hub/api/users/{name}/tokens", data={}).json["token"]
        for path in (f"{OWNER}/server", f"{OWNER}/servers/{NAMED}", f"{OTHER}/server"):
            assert hub.post(f"hub/api/users/{path}").status in (201, 202)
        for name, server in ((OWNER, ""), (OWNER, NAMED), (OTHER, "")):
            hub.wait_ready(name, server)
        hub.wait_until_open()
        made = Setting(hub, mode, tokens)
        # Twice looked at, and scraped since: every series that there will be is there.
        eventually(lambda: made.usage()["totals"]["servers"] == 3)
        eventually(lambda: made.usage()["totals"]["cpu_cores"] is not None)
        at = made.usage()["time"]
        eventually(lambda: made.usage()["time"] > at + 2)
        yield made
    finally:
        hub.kill()


# --- One's own, and everybody's -----------------------------------------------------------------


def test_the_full_view(setting: Setting):
    """An admin sees names as the mode has them, and the same totals in each."""
    found = setting.usage()
    assert found["full"] is True
    assert (found["totals"]["servers"], found["totals"]["users"]) == (3, 2)
    label = setting.names.label
    wanted = {(label(OWNER), ""), (label(OWNER), label(NAMED)), (label(OTHER), "")}
    if setting.mode is UsernameMode.NONE:
        wanted = set()
    assert {(row["username"], row["server_name"]) for row in found["servers"]} == wanted
    assert {row["username"] for row in found["users"]} == {name for name, _ in wanted}


@pytest.mark.parametrize("who", [OWNER, OTHER, OUTSIDER])
def test_ones_own(setting: Setting, who: str):
    """Everybody sees the own servers by their names and numbers in every mode, and nobody else."""
    found = setting.usage(who)
    mine = {OWNER: {"", NAMED}, OTHER: {""}, OUTSIDER: set()}[who]
    assert found["full"] is False
    assert {(row["username"], row["server_name"]) for row in found["servers"]} == {
        (who, server) for server in mine
    }
    assert found["totals"]["servers"] == len(mine)
    assert found["totals"]["users"] == len(found["users"]) == bool(mine)
    known = [row["memory_bytes"] for row in found["servers"]]
    assert all(known)
    assert found["totals"]["memory_bytes"] == (sum(known) if known else None)


def test_a_groups_admin(setting: Setting):
    """A group's admin sees its members as the mode shows them, and counts them in each."""
    found = setting.usage(TEACHER, "?sort=user")
    label = setting.names.label(OTHER)
    assert (found["full"], found["others"]) == (False, True)
    assert (found["totals"]["servers"], found["totals"]["users"]) == (1, 1)
    assert found["totals"]["memory_bytes"]
    assert [row["username"] for row in found["servers"]] == ([label] if label else [])
    assert found["problem"] is None


def test_an_owner_with_the_full_view_reads_the_own_name(setting: Setting):
    """Also who may see all finds the own servers, however others are shown."""
    setting.hub.post("hub/api/users/admin")
    token = setting.hub.post("hub/api/users/admin/tokens", data={}).json["token"]
    setting.hub.post("hub/api/users/admin/server")
    setting.hub.wait_ready("admin")

    def own() -> Any:
        found = setting.hub.ask("api/usage?sort=user", token=token).json
        return found["full"] and "admin" in {row["username"] for row in found["servers"]} and found

    try:
        found = eventually(own)
        others = {row["username"] for row in found["servers"]} - {"admin"}
        named = {OWNER, OTHER} if setting.mode is UsernameMode.NAME else set()
        assert others & set(NAMES) == named
    finally:
        setting.hub.delete("hub/api/users/admin/server")
        eventually(lambda: setting.usage()["totals"]["servers"] == 3)


def test_a_users_own_server_may_ask(setting: Setting):
    """A page in the user's JupyterLab can show what it uses, with the token that it has anyway."""
    environ = server_environments(setting)[0]
    user, token = environ["JUPYTERHUB_USER"], environ["JUPYTERHUB_API_TOKEN"]
    found = setting.hub.ask("api/usage", token=token).json
    assert {row["username"] for row in found["servers"]} == {user}
    assert found["full"] is False


@pytest.mark.parametrize("who", [None, OWNER], ids=["admin", "owner"])
def test_top(setting: Setting, who: str | None, capsys: Any):
    """The command shows what its token may see, given the Hub's address or the service's."""
    token = setting.tokens[who] if who else setting.hub.token
    for url in (setting.hub.url, f"{setting.hub.url}hub/home", setting.hub.url + PAGE):
        assert main(["top", "--url", url, "--token", token, "--sort", "user"]) == 0
        out = capsys.readouterr().out
        seen = {name for name in NAMES if name in out}
        every = set(NAMES) if setting.mode is UsernameMode.NAME else set()
        assert seen == ({OWNER, NAMED} if who else every)
        assert ("yours only" in out) == (who is not None)
        assert f"{2 if who else 3} servers of {1 if who else 2} user" in out


@pytest.mark.parametrize(
    ("token", "status"),
    [(None, 401), ("unknown-token", 403), ("plain-0123456789", 403)],
    ids=["none", "unknown", "service without the scope"],
)
def test_who_is_nobody_here(setting: Setting, token: str | None, status: int):
    """Who is neither a user nor let in learns no more than that."""
    answer = setting.hub.ask("api/usage", token=token)
    assert answer.status == status
    assert set(answer.json) == {"status", "errorType", "error"}


def test_pages_of_the_answer(setting: Setting):
    """Rows come in pages, in the order asked for; a wish that makes no sense is refused."""
    everything = setting.usage(OWNER, "?sort=user")["servers"]
    pages = [setting.usage(OWNER, f"?sort=user&limit=1&offset={n}")["servers"] for n in range(3)]
    assert pages == [everything[:1], everything[1:], []]
    for wrong in ("limit=-1", "limit=10001", "limit=x", "offset=-1", "sort=name"):
        assert setting.hub.ask(f"api/usage?{wrong}").status == 400


def test_what_happened_is_kept_as_names_are_shown(setting: Setting):
    """In the files that outlive everything, too: each server is a session, whose is a label."""
    folder = setting.hub.data_dir
    files = [*folder.glob(f"{FILE}*"), *(folder / spool.FOLDER).iterdir()]
    kept = b"".join(path.read_bytes() for path in files)
    seen = {name for name in NAMES if name.encode() in kept}
    assert seen == (set(NAMES) if setting.mode is UsernameMode.NAME else set())
    database = ActivityDatabase(folder)
    running = [s for s in Activity(database).sessions(0, 1e12) if s.end is None]
    database.close()
    label, chosen = setting.names.label, setting.names.chosen
    wanted = [(label(OWNER), ""), (label(OWNER), chosen(NAMED)), (label(OTHER), "")]
    assert sorted((s.username, s.server_name) for s in running) == sorted(wanted)


# --- Every route --------------------------------------------------------------------------------

ALL_SERIES = quote('{__name__=~".+"}')
QUERY = f"query={ALL_SERIES}&match[]={ALL_SERIES}&start=0&end=4000000000&step=100000000&sort=user"

OPEN = ("health", "static/x", "oauth_callback")
"""What answers without a token, and says nothing about anybody."""


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bool]:
    """A path below the prefix for each route, by the service's own table; True: users get in."""
    users = (Needs.LOGIN, Needs.NAME)
    with route_table(tmp_path_factory.mktemp("table"), f"/{PAGE}") as table:
        return {
            path_of(pattern).removeprefix(f"/{PAGE}"): getattr(handler, "needs", None) in users
            for pattern, handler, *_ in table
        }


def ask(setting: Setting, method: str, path: str, token: str | None) -> Answer:
    """Ask without following redirects to the Hub's login page for their content's sake."""
    return setting.hub.request(method, f"{PAGE}{path}?{QUERY}", token=token)


def others_of(who: str | None, setting: Setting) -> list[str]:
    """What must not stand in an answer to *who*: other people's names, and their hashes."""
    mine = {OWNER: (OWNER, NAMED), OTHER: (OTHER,)}.get(who or "", ())
    group = (OTHER,) if who == TEACHER else ()
    shown = {*mine, *map(setting.names.label, group)}
    foreign = [name for name in NAMES if name not in mine]
    hashes = [setting.names.label(name) for name in foreign]
    return [text for text in (*foreign, *hashes) if text and text not in shown]


@pytest.mark.parametrize(
    ("method", "who"),
    [
        *(("GET", who) for who in (None, "unknown", "service", OUTSIDER, OTHER, OWNER, TEACHER)),
        ("POST", None),
        ("POST", OTHER),
        ("POST", TEACHER),
    ],
)
def test_every_route(setting: Setting, paths: dict[str, bool], method: str, who: str | None):
    """No route tells anybody but admins of others; some tell users of themselves."""
    assert len(paths) > 20
    token = {**setting.tokens, "unknown": "x" * 32, "service": "plain-0123456789"}.get(who or "")
    for path, for_users in paths.items():
        answer = ask(setting, method, path, token)
        told = answer.text + str(answer.headers)
        assert [name for name in others_of(who, setting) if name in told] == [], path
        if answer.status != 200 or path in OPEN:
            continue
        is_login_form = 'name="password"' in answer.text
        is_own = for_users and who in setting.tokens
        assert is_login_form or is_own, f"{who} gets {path}"


def test_the_walk_finds_names_where_they_are(setting: Setting, paths: dict[str, bool]):
    """The walk above would see a leak: with the scope, it meets what the mode shows."""
    told = "".join(ask(setting, "GET", path, "").text for path in paths)
    shown = {UsernameMode.NAME: set(NAMES), UsernameMode.HASH: set(), UsernameMode.NONE: set()}
    assert {name for name in NAMES if name in told} == shown[setting.mode]
    assert setting.names.label(OTHER) in told  # '' where names are left out
    assert "jupyterhub_usage_servers" in told


ABOUT = ("user", "server", *(f"panels/{name}" for name, panel in PANELS.items() if panel.places))


@pytest.mark.parametrize("who", [OWNER, OTHER, OUTSIDER, TEACHER])
def test_pages_about_somebody(setting: Setting, who: str):
    """Only the own, and those of one's group by what is shown; nobody is not everybody."""
    label = setting.names.label
    may = {who, *([label(OTHER)] if who == TEACHER else [])} - {""}
    asked = {OWNER, OTHER, who, "", *map(label, (OWNER, OTHER, who))}
    assert len(ABOUT) > 5
    for path in ABOUT:
        for user in asked:
            query = f"{path}?user={quote(user)}"
            answer = setting.hub.ask_directly(query, token=setting.tokens[who])
            nameless = setting.mode is UsernameMode.NONE and path.startswith("panels/")
            allowed = user in may and not nameless  # without names no series is anybody's
            assert answer.status in ({200} if allowed else {403, 404}), query
            assert [name for name in others_of(who, setting) if name in answer.text] == [], query


@pytest.mark.parametrize("who", [OWNER, TEACHER])
def test_panels_about_everybody(setting: Setting, who: str):
    """Sums over all are not for who may not see all, whatever is asked for beside them."""
    for name, panel in PANELS.items():
        if not panel.places:
            for path in (f"panels/{name}", f"panels/{name}.csv?user={who}"):
                answer = setting.hub.ask_directly(path, token=setting.tokens[who])
                assert answer.status == 403, path


# --- Everything that is written down ------------------------------------------------------------

# The Hub, its proxy and the service write to one file; the first two name users, as ever.
SERVICE_LINE = re.compile(r"\[[A-Z] [\d-]{10} [\d:]{8},\d{3} (?!configurable_http_proxy)")


def server_environments(setting: Setting) -> list[dict[str, str]]:
    """The environments of the users' servers that run."""
    assert setting.hub.process is not None
    children = psutil.Process(setting.hub.process.pid).children()
    found = [child.environ() for child in children]
    return [environ for environ in found if environ.get("JUPYTERHUB_USER") in NAMES]


def written(setting: Setting) -> dict[str, str]:
    """All that the service shows, stores and logs, by where it stands."""
    places = {
        path: setting.hub.ask(path).text
        for path in (
            "metrics",
            "api/usage",
            f"api/v1/series?{QUERY}",
            f"api/v1/query?{QUERY}",
            f"federate?{QUERY}",
            "api/v1/label/username/values",
            "api/v1/status/flags",
            "api/v1/targets",
            "health",
            "",
        )
    }
    for file in setting.hub.data_dir.rglob("*"):
        if file.is_file():
            places[file.name] = file.read_bytes().decode("latin-1")
    lines = setting.hub.log.splitlines()
    places["log"] = "\n".join(line for line in lines if SERVICE_LINE.match(line))
    places["Hub's metrics"] = setting.hub.get("hub/metrics").text
    return places


def test_no_name_is_written(setting: Setting):
    """`hash`, `none`: in no series, answer, line of the service's log or file of the store."""
    for who in setting.tokens:
        setting.usage(who)
    places = written(setting)
    assert "Listening on" in places["log"]
    found = {(name, place) for name in NAMES for place, text in places.items() if name in text}
    if setting.mode is UsernameMode.NAME:
        assert {(name, "metrics") for name in NAMES} <= found
        found = {(name, place) for name, place in found if place == "log"}
    assert found == set()


def test_no_series_of_anybody(setting: Setting):
    """`none`: there is no series per user or server, only totals and distributions."""
    exposed = setting.hub.ask("metrics").text
    per_user = re.findall(r'^(\w+)\{[^}]*(?:username|server_name)="[^}]*\}', exposed, re.MULTILINE)
    assert bool(per_user) == (setting.mode is not UsernameMode.NONE)
    assert re.search(r"^jupyterhub_usage_servers\{", exposed, re.MULTILINE)


def plain_hashes(name: str) -> set[str]:
    """What somebody who knows a name, and not the key, can make of it."""
    found = set()
    for algorithm in sorted(hashlib.algorithms_guaranteed - {"shake_128", "shake_256"}):
        for text in (name, name + "\n", f'"{name}"'):
            digest = hashlib.new(algorithm, text.encode()).digest()
            found |= {digest.hex()[:12], base64.b64encode(digest).decode()[:12]}
    return found


def test_a_hash_tells_nothing_without_the_key(setting: Setting):
    """A known name cannot be looked for without the key, which the Hub alone can read."""
    if setting.mode is not UsernameMode.HASH:
        assert not setting.key_file.exists()
        return
    key = setting.key_file.read_bytes()
    assert stat.S_IMODE(setting.key_file.stat().st_mode) == 0o600
    assert len(key) >= 16
    everywhere = "\n".join(written(setting).values())
    assert setting.names.label(OTHER) in everywhere
    assert [name for name in NAMES if any(h in everywhere for h in plain_hashes(name))] == []
    secret = {key.hex(), base64.b64encode(key).decode(), key.decode("latin-1")}
    environments = [f"{k}={v}" for e in server_environments(setting) for k, v in e.items()]
    assert len(environments) > 20
    for text in (everywhere, setting.hub.log, "\n".join(environments)):
        assert [form for form in secret if form in text] == []
    database = (setting.hub.folder / "hub.db").read_bytes()
    assert key not in database
    assert key.hex().encode() not in database
    assert not any("MONITORING" in line for line in environments)
