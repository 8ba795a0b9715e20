"""What Grafana's own SDK thinks of a dashboard: unknown keys, values of a wrong type."""

from __future__ import annotations

import enum
import json
import types
import typing
from collections.abc import Iterator
from importlib import import_module
from typing import Any

SDK = "grafana_foundation_sdk"
"""Not there for Python 3.10: imported when it is used."""


def complaints(dashboard: dict[str, Any]) -> list[str]:
    """Return a line for each key that the SDK does not have, and each value of a wrong type."""
    import_module(f"{SDK}.cog.plugins").register_default_plugins()
    encoder = import_module(f"{SDK}.cog.encoder").JSONEncoder
    read = import_module(f"{SDK}.models.dashboard").Dashboard.from_json(dashboard)
    again = json.loads(json.dumps(read, cls=encoder))
    return [*_lost(dashboard, again, ""), *_wrong(read, "")]


def _lost(ours: Any, theirs: Any, path: str) -> Iterator[str]:
    """Yield what of *ours* is not in what the SDK wrote after it had read it."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs:
                yield from _lost(value, theirs[key], f"{path}.{key}")
            elif value is not None:
                yield f"{path}.{key} is not known"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _lost(one, other, f"{path}[{index}]")
    elif ours != theirs:
        yield f"{path} is {ours!r}, and was read as {theirs!r}"


def _wrong(model: Any, path: str) -> Iterator[str]:
    """Yield the attributes of an SDK's object that are not of the type that its class says."""
    for name, hint in typing.get_type_hints(type(model)).items():
        value = getattr(model, name, None)
        if not _fits(value, hint):
            yield f"{path}.{name} is {value!r}, not {hint}"
        for index, one in enumerate(value if isinstance(value, list) else [value]):
            if _is_model(type(one)):
                yield from _wrong(one, f"{path}.{name}[{index}]")


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is list:
        return isinstance(value, list) and all(_fits(one, inner[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict)
    return not isinstance(hint, type) or _is_one(value, hint)


def _is_one(value: Any, kind: type) -> bool:
    if issubclass(kind, enum.Enum):
        return value in [member.value for member in kind]
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    if isinstance(value, dict) and _is_model(kind):  # the SDK leaves some of them as they are
        return list(_wrong(typing.cast("Any", kind).from_json(value), "")) == []
    return isinstance(value, kind)


def _is_model(kind: type) -> bool:
    return kind.__module__.startswith(f"{SDK}.models") and not issubclass(kind, enum.Enum)
