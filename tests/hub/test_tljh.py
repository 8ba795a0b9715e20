"""The plugin for The Littlest JupyterHub, called as TLJH calls its plugins.

TLJH is on no package index. `HOOKS` has its hooks by name and argument, and `CONFIG` does what its
`jupyterhub_config.py` does: it finds plugins by the entry point, and calls the hook with `c`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pluggy

from jupyterhub_monitoring import tljh
from support.real_hub import RealHub

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it

HOOKS = """
import pluggy
hookspec = pluggy.HookspecMarker("tljh")

@hookspec
def tljh_extra_user_conda_packages(): ...
@hookspec
def tljh_extra_user_pip_packages(): ...
@hookspec
def tljh_extra_hub_pip_packages(): ...
@hookspec
def tljh_extra_apt_packages(): ...
@hookspec
def tljh_custom_jupyterhub_config(c): ...
@hookspec
def tljh_config_post_install(config): ...
@hookspec
def tljh_post_install(): ...
@hookspec
def tljh_new_user_create(username): ...
"""

CONFIG = """
import pluggy
from importlib.metadata import EntryPoint
pm = pluggy.PluginManager("tljh")
pm.register(EntryPoint("jupyterhub-monitoring", {entry!r}, "tljh").load())
pm.hook.tljh_custom_jupyterhub_config(c=c)
"""


def entry() -> str:
    """What the entry point `tljh` of our package names."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    (value,) = project["entry-points"]["tljh"].values()
    return value


def test_tljh_finds_it():
    """The entry point is our module, and TLJH knows each hook in it, with its arguments."""
    hooks = ModuleType("hooks")
    exec(HOOKS, vars(hooks))
    pm = pluggy.PluginManager("tljh")
    pm.add_hookspecs(hooks)
    plugin = EntryPoint("jupyterhub-monitoring", entry(), "tljh").load()
    assert plugin is tljh
    pm.register(plugin)
    pm.check_pending()
    called = {hook.name for hook in pm.get_hookcallers(plugin)}
    assert called == {"tljh_custom_jupyterhub_config"}


def test_its_hub_is_monitored(make_hub: Callable[..., RealHub]):
    """With the plugin and no line of ours in its configuration a Hub has our metrics and pages."""
    hub = make_hub(setup_line=False, config=CONFIG.format(entry=entry())).start()
    assert any(name.endswith("monitoring_build_info") for name, _ in hub.metrics())
    assert hub.get("hub/health/ready").status == 200
