"""The API of a service whose series another engine keeps."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from jupyterhub_monitoring.api.routes import HANDLERS, handlers

PLACE = "https://prometheus.example.org"


def classes(place: str) -> dict[str, Any]:
    context: Any = SimpleNamespace()
    return {handler.endpoint: handler for _, handler, _ in handlers(context, "/m", place)}


def test_what_asks_for_series_is_answered_otherwise():
    """All endpoints are there; those of series say whom to ask, the others answer as before."""
    here, beside = classes(""), classes(PLACE)
    assert here.keys() == beside.keys()
    changed = {name for name in here if here[name].answer is not beside[name].answer}
    assert changed == {handler.endpoint for handler in HANDLERS if handler.asks_store}
    assert "/api/v1/query_range" in changed
    assert "/metrics" not in changed


@pytest.mark.parametrize("path", ["/api/v1/query", "/federate"])
def test_they_say_where_the_series_are(path: str):
    """Nothing is passed on with our credentials."""
    answer = classes(PLACE)[path].answer(None)
    with pytest.raises(Exception, match=f"ask {PLACE} ") as told:
        answer.send(None)
    assert told.value.status_code == 404
