"""The endpoint label: a route's template, never a path with a name in it."""

from __future__ import annotations

import re
from types import SimpleNamespace

import jupyterhub.apihandlers
import jupyterhub.handlers
import pytest

from jupyterhub_monitoring.hub.routes import UNKNOWN, Routes

HUB = "/base/hub"
HANDLERS = [
    (HUB + pattern, handler, *rest)
    for pattern, handler, *rest in (
        *jupyterhub.handlers.default_handlers,
        *jupyterhub.apihandlers.default_handlers,
    )
]
TEMPLATES = {
    "/api/users": "/api/users",
    "/api/users/ada": "/api/users/{user_name}",
    "/api/users/a%40b/server": "/api/users/{user_name}/server",
    "/api/users/ada/servers/gpu": "/api/users/{user_name}/servers/{server_name}",
    "/api/users/ada/servers/": "/api/users/{user_name}/servers/{server_name}",
    "/api/users/ada/tokens/3": "/api/users/{user_name}/tokens/{token_id}",
    "/api/groups/ada-and-friends": "/api/groups/{group_name}",
    "/api/services/x": "/api/services/{service_name}",
    "/api/shares/ada/gpu": "/api/shares/{user_name}/{server_name}",
    "/api/": "/api",
}


def answered(path: str) -> SimpleNamespace:
    """Return what tornado's routing makes of *path*: a handler's class and its request."""
    for pattern, handler, *_ in HANDLERS:
        if re.match(pattern + ("" if pattern.endswith("$") else "$"), HUB + path):
            return SimpleNamespace(cls=handler, request=SimpleNamespace(path=HUB + path))
    raise AssertionError(f"no route for {path}")


def endpoint(routes: Routes, path: str) -> str:
    found = answered(path)
    handler = object.__new__(found.cls)
    handler.request = found.request
    return routes.endpoint(handler)


@pytest.fixture(scope="module")
def routes() -> Routes:
    return Routes(HANDLERS, HUB)


@pytest.mark.parametrize(("path", "template"), TEMPLATES.items())
def test_endpoint(routes, path, template):
    """Requests for different people share one endpoint."""
    assert endpoint(routes, path) == template


def test_no_template_keeps_a_regular_expression(routes):
    """Every route of this JupyterHub becomes a readable template."""
    templates = {r.template for found in routes._by_class.values() for r in found}
    unreadable = [t for t in templates if set(t) & set("()[]*+?\\^$|")]
    assert unreadable == []
    assert len(templates) > 40


def test_a_handler_that_has_no_route_is_unknown():
    """A handler that somebody added behind our back gets one label, not its path."""
    handler = SimpleNamespace(request=SimpleNamespace(path="/hub/api/users/ada"))
    assert Routes((), "/hub").endpoint(handler) == UNKNOWN
