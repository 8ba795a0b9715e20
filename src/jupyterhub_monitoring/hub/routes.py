"""The template of the route that a request took: `/api/users/{user_name}/server`, never a name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

UNKNOWN = "(unknown)"
_GROUP = re.compile(r"\((?!\?:)(?:\?P<(?P<name>\w+)>)?(?:[^()\\]|\\.|\([^()]*\))*\)[?*+]?")
_UNCAPTURED = re.compile(r"\(\?:((?:[^()]|\([^()]*\))*)\)\??")
_VERBS = ("get", "post", "put", "patch", "delete", "head", "options")


@dataclass(frozen=True, slots=True)
class Route:
    """One pattern and what stands for it in labels."""

    pattern: re.Pattern[str]
    template: str


class Routes:
    """The Hub's routes by handler class, made once from `app.handlers`."""

    def __init__(self, handlers: Iterable[tuple[Any, ...]], hub_prefix: str) -> None:
        self._by_class: dict[type, list[Route]] = {}
        for pattern, handler, *_ in handlers:
            if isinstance(handler, type) and isinstance(pattern, str):
                end = "" if pattern.endswith("$") else "$"
                route = Route(re.compile(pattern + end), template_of(pattern, handler, hub_prefix))
                self._by_class.setdefault(handler, []).append(route)

    def endpoint(self, handler: Any) -> str:
        """Return the template for the request that *handler* answered."""
        routes = self._by_class.get(type(handler), ())
        if len(routes) == 1:
            return routes[0].template
        path = handler.request.path
        return next((route.template for route in routes if route.pattern.match(path)), UNKNOWN)


def template_of(pattern: str, handler: type, hub_prefix: str) -> str:
    """Return *pattern*, a route's regular expression, with its groups named in braces.

    The names are the pattern's own, or those of the handler's method (`get(self, user_name)`).
    """
    names = iter(_parameters(handler))

    def named(group: re.Match[str]) -> str:
        return "{" + (group["name"] or next(names, "path")) + "}"

    bare = _UNCAPTURED.sub(r"\1", pattern.removeprefix("^").removesuffix("$"))
    plain = _GROUP.sub(named, bare)
    plain = re.sub(r"/\?$", "", plain).replace("\\", "")
    return "/" + plain.removeprefix(hub_prefix).lstrip("/")


def _parameters(handler: type) -> list[str]:
    """Return the path parameters of the method that takes the most of them."""
    methods = [getattr(handler, verb, None) for verb in _VERBS]
    signatures = [list(inspect.signature(method).parameters)[1:] for method in methods if method]
    positional = [[name for name in s if name not in {"args", "kwargs"}] for s in signatures]
    return max(positional, key=len, default=[])
