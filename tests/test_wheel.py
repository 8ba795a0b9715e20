"""What `pip install` gives: everything that runs, nothing that does not."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "jupyterhub_monitoring"


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
    assert said["License-Expression"] == "BSD-3-Clause"
    assert f"{folder}/licenses/LICENSE" in wheel.namelist()
    assert "demo" in said.get_all("Provides-Extra")
    needed = [r for r in said.get_all("Requires-Dist") if "extra ==" not in r]
    assert not any("jupyterlab" in r or "pytest" in r for r in needed)
    assert any(r.startswith("jupyterhub>=5.2") for r in needed)
