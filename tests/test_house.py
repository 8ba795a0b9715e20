"""The rules of the house: who may import whom, how long a module may be, what importing does."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import jupyterhub_monitoring

PACKAGE = "jupyterhub_monitoring"
SOURCE = Path(jupyterhub_monitoring.__file__).parent
LINES = 450

MAY_IMPORT = {
    "errors": set(),
    "configuration": {"errors"},
    "metrics": {"errors"},
    "health": {"errors", "configuration", "metrics"},
    "hub": {"errors", "configuration", "metrics", "health", "usage", "spool"},
    "store": {"errors", "metrics"},
    "scrape": {"errors", "metrics", "store"},
    "promql": {"errors", "metrics", "store"},
    "transfer": {"errors", "store", "scrape"},
    "alerting": {"errors", "configuration", "metrics", "store", "promql"},
    "querier": {"errors", "metrics", "store", "promql", "alerting"},
    "api": {"errors", "metrics", "store", "promql", "querier", "scrape", "alerting"},
    "usage": {"errors", "metrics"},
    "spool": {"errors"},
    "activity": {"errors", "metrics", "store", "usage", "spool"},
    "dashboards": {"metrics"},
    # dashboards: how people read a number.
    "capacity": {"errors", "metrics", "querier", "activity", "dashboards"},
    "remote_write": {"errors", "metrics", "store", "alerting"},
    # promql: how durations are written.
    "export": {"errors", "metrics", "dashboards", "promql", "alerting"},
    "pages": {
        "errors",
        "metrics",
        "dashboards",
        "promql",  # the words that there are, for completion
        "querier",
        "activity",
        "capacity",
        "usage",
        "health",
        "scrape",
        "store",
        "alerting",
        "api",
        "remote_write",
    },
    "service": {
        "usage",
        "errors",
        "configuration",
        "metrics",
        "health",
        "store",
        "scrape",
        "promql",
        "alerting",
        "api",
        "dashboards",
        "querier",
        "activity",
        "capacity",
        "pages",
        "remote_write",
    },
    "cli": {
        "usage",
        "errors",
        "configuration",
        "metrics",
        "health",
        "hub",
        "store",
        "scrape",
        "promql",
        "transfer",
        "alerting",
        "api",
        "service",
        "export",
        "querier",
        "activity",
        "capacity",
    },
    "__main__": {"cli"},
    "tljh": {"hub"},
    # The public names, looked up when used.
    "__init__": {"errors", "metrics", "health", "hub", "alerting", "dashboards"},
}
"""Each room, and the rooms that it may know besides itself. Everybody may know `_version`."""


@dataclass(frozen=True)
class Import:
    """One import of a module of ours; names without the package's."""

    by: str
    of: str
    line: int
    typing: bool  # under `if TYPE_CHECKING:`

    def __str__(self) -> str:
        return f"{self.by} (line {self.line}) imports {self.of}"


def module_name(path: Path) -> str:
    """`hub/setup.py` is hub.setup, `hub/__init__.py` is hub, the package's own is __init__."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def room(module: str) -> str:
    return module.partition(".")[0]


def imports(module: str) -> Iterator[Import]:
    tree = ast.parse(MODULES[module].read_text())
    yield from _imports(module, tree, typing=False)


def _imports(module: str, node: ast.AST, *, typing: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            for of in _targets(module, child):
                yield Import(module, of, child.lineno, typing)
        for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        yield from _imports(module, child, typing=typing or for_types)


def _targets(module: str, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Our modules that a statement names. `from package import submodule` is of the submodule."""
    if isinstance(node, ast.Import):
        absolute = [alias.name for alias in node.names]
    else:
        base = _base(module, node)
        both = [f"{base}.{alias.name}" for alias in node.names]
        absolute = [name if name.removeprefix(f"{PACKAGE}.") in MODULES else base for name in both]
    for name in dict.fromkeys(absolute):
        if name == PACKAGE:
            yield "__init__"
        elif name.startswith(f"{PACKAGE}."):
            yield name.removeprefix(f"{PACKAGE}.")


def _base(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    here = [PACKAGE, *module.split(".")]
    is_package = MODULES[module].name == "__init__.py"
    above = here[: len(here) - node.level + (1 if is_package and module != "__init__" else 0)]
    return ".".join([*above, *([node.module] if node.module else [])])


ALL = [found for module in MODULES for found in imports(module)]


def circles(edges: set[tuple[str, str]]) -> list[str]:
    """Every circle that a walk through the modules comes to, as `a -> b -> a`."""
    graph: dict[str, list[str]] = {}
    for by, of in sorted(edges):
        graph.setdefault(by, []).append(of)
    found: list[str] = []
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> None:
        if module in path:
            found.append(" -> ".join([*path[path.index(module) :], module]))
        elif module not in done:
            for of in graph.get(module, ()):
                walk(of, [*path, module])
            done.add(module)

    for module in graph:
        walk(module, [])
    return found


def test_the_imports_are_found():
    """The rules below look at real imports: these two are known to be there."""
    edges = {(found.by, found.of) for found in ALL}
    assert ("metrics", "metrics.catalogue") in edges
    assert ("hub.guard", "metrics.labels") in edges


def test_a_circle_is_found():
    """The search for circles finds one when there is one."""
    assert circles({("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")}) == ["a -> b -> c -> a"]
    assert circles({("a", "b"), ("a", "c"), ("b", "c")}) == []


@pytest.mark.parametrize("name", sorted({room(module) for module in MODULES} - {"_version"}))
def test_rooms_know_only_whom_they_may(name: str):
    """A reader of one room needs to know only the rooms below it."""
    assert name in MAY_IMPORT, f"{name} is a new room: say in MAY_IMPORT whom it may know"
    allowed = MAY_IMPORT[name] | {name, "_version"}
    wrong = [str(i) for i in ALL if room(i.by) == name and room(i.of) not in allowed]
    assert wrong == []


def test_no_import_circle():
    """Modules import each other in one direction, imports inside functions included."""
    edges = {(i.by, i.of) for i in ALL if not i.typing}
    assert circles(edges) == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_modules_are_short(module: str):
    """Nobody has to scroll through a god file."""
    lines = len(MODULES[module].read_text().splitlines())
    assert lines <= LINES, f"{module} has {lines} lines: which two things does it do?"


def test_every_module_says_what_it_is():
    """The first line of a module tells whether one has to read on."""
    silent = [
        module
        for module, path in MODULES.items()
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


SIDE_EFFECTS = """
import sys, threading
from prometheus_client import REGISTRY
before = dict(REGISTRY._collector_to_names)
modules, threads = set(sys.modules), threading.active_count()
import {name}
assert REGISTRY._collector_to_names == before, "something was registered"
assert threading.active_count() == threads, "a thread was started"
for heavy in ("jupyterhub", "tornado", "sqlalchemy", "psutil", "traitlets"):
    assert heavy not in set(sys.modules) - modules, heavy + " was imported"
"""


@pytest.mark.parametrize("name", [PACKAGE, f"{PACKAGE}.metrics"])
def test_importing_has_no_side_effects(name: str):
    """A script that imports us for one function gets no Hub, no registry entries, no threads."""
    done = subprocess.run(
        [sys.executable, "-c", SIDE_EFFECTS.format(name=name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_public_names_resolve():
    """Every name that `__all__` promises is there."""
    for name in jupyterhub_monitoring.__all__:
        assert getattr(jupyterhub_monitoring, name) is not None


def test_public_names_are_listed_once_and_in_order():
    """`__all__`, the table of homes and what type checkers see are the same names."""
    homes = set(jupyterhub_monitoring._HOMES)
    assert set(jupyterhub_monitoring.__all__) == homes | {"__version__"}
    in_order = sorted(jupyterhub_monitoring.__all__, key=lambda name: (not name.isupper(), name))
    assert jupyterhub_monitoring.__all__ == in_order  # constants first, as ruff has it
    tree = ast.parse(MODULES["__init__"].read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {
        (alias.name, "." * node.level + (node.module or ""))
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == set(jupyterhub_monitoring._HOMES.items())


def test_an_unknown_name_is_an_attribute_error():
    """`hasattr` and a typing error behave as with any module."""
    assert not hasattr(jupyterhub_monitoring, "setpu")


def test_public_names_are_typed():
    """A type checker knows what our public names take and give: `typing/api.py` says what."""
    top = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "tests/typing/api.py"],
        cwd=top,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
