"""`monitored(SomeSpawner)`: the same class, watched."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.spawner import Spawner
from traitlets.utils.importstring import import_item

from .authenticator import AuthenticatorMixin
from .original import mark
from .spawner import SpawnerMixin

_GROUPS = ("jupyterhub.spawners", "jupyterhub.authenticators")


def monitored(base: Any) -> Any:
    """Return *base*, a Spawner or Authenticator class, with our mixin in front.

    *base* is the class, an entry point's name (`"simple"`) or a dotted path. The result has its
    name, module and configuration sections, so that `c.SomeSpawner.trait` and `c.Spawner.trait`
    apply as before. A class that is monitored already, or made from one that is, is returned as
    it is.

    Raises TypeError for anything else, and ValueError for a name that nothing answers to.
    """
    cls = _resolve(base) if isinstance(base, str) else base
    if not isinstance(cls, type):
        raise TypeError(f"monitored() takes a Spawner or Authenticator class, not {base!r}")
    mixin = _mixin_for(cls)
    return cls if issubclass(cls, mixin) else _with(mixin, cls)


def _with(mixin: type, cls: type) -> type:
    made = type(
        cls.__name__,
        (mixin, cls),
        {
            "__module__": cls.__module__,
            "__qualname__": cls.__qualname__,
            "__doc__": cls.__doc__,
            # JupyterHub asks of every Spawner class that it has these three.
            **{name: getattr(mixin, name) for name in ("start",) if hasattr(mixin, name)},
        },
    )
    return mark(made, cls)


def _mixin_for(cls: type) -> type:
    if issubclass(cls, Spawner):
        return SpawnerMixin
    if issubclass(cls, Authenticator):
        return AuthenticatorMixin
    raise TypeError(
        f"monitored() takes a Spawner or Authenticator class, and {cls.__module__}."
        f"{cls.__qualname__} is neither"
    )


def _resolve(name: str) -> Any:
    """Return what *name* means in `c.JupyterHub.spawner_class` or `authenticator_class`."""
    points = [point for group in _GROUPS for point in entry_points(group=group)]
    found = [point for point in points if point.name.lower() == name.lower()]
    if len({point.group for point in found}) > 1:
        raise ValueError(
            f"monitored({name!r}): a spawner and an authenticator have that name, {found[0].value}"
            f" and {found[-1].value}; give the class or its dotted path"
        )
    if found:
        return found[0].load()
    if "." in name:
        try:
            return import_item(name)
        except (ImportError, ValueError) as error:
            raise ValueError(f"monitored({name!r}): {error}") from error
    names = ", ".join(sorted({point.name for point in points}))
    raise ValueError(
        f"monitored({name!r}): no spawner or authenticator of that name; installed are {names};"
        " or give a dotted path"
    )
