"""`export grafana --push`: into a folder, again without a change, and with words when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_monitoring.cli import main
from jupyterhub_monitoring.dashboards import DASHBOARDS
from support.certificates import certificate, server_context
from support.grafana_stand_in import EDITOR, VIEWER, GrafanaStandIn
from support.odd_server import OddServer, answer


@pytest.fixture
def grafana() -> Iterator[GrafanaStandIn]:
    with GrafanaStandIn(path="/grafana") as running:
        yield running


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{EDITOR}\n")
    return file


def push(url: str, token: Path, *options: str) -> int:
    return main(["export", "grafana", "--push", url, "--token-file", str(token), *options])


def test_all_are_in_the_folder(grafana: GrafanaStandIn, token: Path, capsys: Any):
    """The folder is made, each dashboard is in it, and the version says what wrote it."""
    assert push(grafana.url, token, "--folder", "Our Hub") == 0
    assert [folder["title"] for folder in grafana.folders] == ["Our Hub"]
    assert len(grafana.stored) == len(DASHBOARDS)
    assert {one["meta"]["folderUid"] for one in grafana.stored.values()} == {"f1"}
    assert all("jupyterhub-monitoring" in one["message"] for one in grafana.writes)
    said = capsys.readouterr().err
    assert f"{len(DASHBOARDS)} dashboards written to the folder 'Our Hub'" in said


def test_again_changes_nothing(grafana: GrafanaStandIn, token: Path, capsys: Any):
    """The same once more writes nothing: no new versions in Grafana's history, no second folder."""
    assert push(grafana.url, token) == push(f"{grafana.url}/", token) == 0
    assert len(grafana.writes) == len(DASHBOARDS)
    assert len(grafana.folders) == 1
    assert f"{len(DASHBOARDS)} were there already" in capsys.readouterr().err


def test_what_changed_is_written_over(grafana: GrafanaStandIn, token: Path):
    """What somebody changed in Grafana is put back; the other dashboards stay as they are."""
    assert push(grafana.url, token) == 0
    hub = grafana.stored["jupyterhub-monitoring-hub"]["dashboard"]
    hub["title"] = "Something else"
    assert push(grafana.url, token) == 0
    assert len(grafana.writes) == len(DASHBOARDS) + 1
    again = grafana.stored["jupyterhub-monitoring-hub"]["dashboard"]
    assert (again["title"], again["version"]) == ("JupyterHub: Hub", 2)


def test_another_folder_moves_them(grafana: GrafanaStandIn, token: Path):
    """They are in the folder that was named last, once."""
    assert push(grafana.url, token, "--folder", "a") == 0
    assert push(grafana.url, token, "--folder", "b") == 0
    assert len(grafana.stored) == len(DASHBOARDS)
    assert {one["meta"]["folderUid"] for one in grafana.stored.values()} == {"f2"}


def test_files_and_upload_together(grafana: GrafanaStandIn, token: Path, tmp_path: Path):
    """With --output there are files as well."""
    assert push(grafana.url, token, "--output", str(tmp_path / "out")) == 0
    assert (tmp_path / "out" / "dashboards" / "hub.json").exists()
    assert grafana.stored


def test_a_wrong_token(grafana: GrafanaStandIn, token: Path, capsys: Any):
    """401 says that Grafana does not know the token, and shows nothing of it."""
    token.write_text("glsa_wrong")
    assert push(grafana.url, token) == 1
    said = capsys.readouterr().err
    assert "does not know the token" in said
    assert "glsa_wrong" not in said


def test_a_token_without_the_right(grafana: GrafanaStandIn, token: Path, capsys: Any):
    """403 says which role is needed."""
    token.write_text(VIEWER)
    assert push(grafana.url, token) == 1
    assert "needs the role Editor" in capsys.readouterr().err
    assert grafana.stored == {}


def test_something_is_in_the_way(grafana: GrafanaStandIn, token: Path, capsys: Any):
    """412 says which dashboard, and what is in the way; those before it are in place."""
    grafana.folders.append({"id": 1, "uid": "f1", "title": "JupyterHub"})
    grafana.stored["other"] = {
        "dashboard": {"title": "JupyterHub: Spawns", "uid": "other", "id": 9, "version": 1},
        "meta": {"folderUid": "f1"},
    }
    assert push(grafana.url, token) == 1
    said = capsys.readouterr().err
    assert "the dashboard 'JupyterHub: Spawns' (412: A dashboard with the same name" in said
    assert "(in place: 1)" in said


def test_grafana_has_them_from_files(grafana: GrafanaStandIn, token: Path, capsys: Any):
    """What Grafana reads from files it does not take from us, and it says so."""
    grafana.provisioned.add("jupyterhub-monitoring-hub")
    assert push(grafana.url, token) == 1
    assert "Cannot save provisioned dashboard" in capsys.readouterr().err


def test_an_old_grafana(token: Path, capsys: Any):
    """A Grafana that would not draw them is not written to."""
    with GrafanaStandIn(version="9.5.2") as old:
        assert push(old.url, token) == 1
        assert old.asked == ["GET /api/health"]
    assert "is 9.5.2; the dashboards need 11.0" in capsys.readouterr().err


def test_no_grafana(grafana: GrafanaStandIn, token: Path, capsys: Any):
    """An address without Grafana's path, or of something else, is told; no token went there."""
    assert push(grafana.url.removesuffix("/grafana"), token) == 1
    assert "is no Grafana (status 404" in capsys.readouterr().err
    assert grafana.tokens == [""]


def test_a_redirect_is_not_followed(grafana: GrafanaStandIn, token: Path, capsys: Any):
    """The token does not go to where another server sends us."""
    leads = answer("", status="302 Found", Location=f"{grafana.url}/api/health")
    other = OddServer(lambda connection, _: connection.sendall(leads))
    assert push(other.url.removesuffix("/metrics"), token) == 1
    other.close()
    assert grafana.asked == []
    assert "give --push the address where Grafana is itself" in capsys.readouterr().err


def test_nobody_there(token: Path, capsys: Any):
    """A port without a server is said to be that."""
    assert push("http://127.0.0.1:9", token) == 1
    assert "http://127.0.0.1:9 cannot be reached: " in capsys.readouterr().err


def test_over_tls(token: Path, tmp_path: Path, capsys: Any):
    """A certificate that nobody trusts is refused, and accepted with --ca-file."""
    files = certificate(tmp_path, "grafana")
    with GrafanaStandIn(tls=server_context(files)) as grafana:
        assert push(grafana.url, token) == 1
        assert "--ca-file" in capsys.readouterr().err
        assert grafana.asked == []
        assert push(grafana.url, token, "--ca-file", str(files[0])) == 0
        assert len(grafana.stored) == len(DASHBOARDS)


def test_tls_that_is_none(grafana: GrafanaStandIn, token: Path, capsys: Any):
    """https:// to a Grafana without TLS says so."""
    assert push(grafana.url.replace("http:", "https:"), token) == 1
    assert "does not speak TLS" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "text", "said"),
    [
        ("ftp://a", EDITOR, "--push needs an address"),
        ("http://user:secret@a", EDITOR, "--push needs an address"),
        ("http://a/?orgId=1", EDITOR, "--push needs an address"),
        ("http://a", "", "must hold one token"),
        ("http://a", "two words", "must hold one token"),
        ("http://a", None, "No such file"),
    ],
    ids=["scheme", "password in it", "query", "empty", "two words", "no file"],
)
def test_wrong_input(token: Path, capsys: Any, url: str, text: str | None, said: str):
    """What cannot be right is said before anybody is asked; secrets are not repeated."""
    token.unlink() if text is None else token.write_text(text)
    assert push(url, token) == 1
    found = capsys.readouterr().err
    assert said in found
    assert "secret" not in found


def test_a_token_is_needed(capsys: Any):
    """Without --token-file there is nothing to try."""
    assert main(["export", "grafana", "--push", "http://127.0.0.1:9"]) == 1
    assert "--push needs --token-file" in capsys.readouterr().err
