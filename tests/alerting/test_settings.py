"""`c.MonitoringAlerts`, and what is said of a wrong value that may be a secret."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from traitlets.config import Config, LoggingConfigurable

from jupyterhub_monitoring.alerting.settings import MonitoringAlerts
from jupyterhub_monitoring.configuration import load, named_variables
from jupyterhub_monitoring.hub.settings import Monitoring

SECRET = "s3cretT0kenABCDEF"


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [
        (Monitoring, "notify", [{"url": f"mailto://u:{SECRET}@h"}]),
        (Monitoring, "alertmanagers", {"url": f"http://u:{SECRET}@h"}),
        (MonitoringAlerts, "receivers", {"a": {"b": f"mailto://u:{SECRET}@h"}}),
        (MonitoringAlerts, "receivers", [f"mailto://u:{SECRET}@h"]),
    ],
)
def test_a_wrong_value_is_not_shown(cls: type[LoggingConfigurable], name: str, value: Any):
    """Whoever writes a password in the wrong form does not find it in the log."""
    app = SimpleNamespace(config=Config({cls.__name__: {name: value}}))
    settings, problems = load(cls, app)
    assert not getattr(settings, name)
    (problem,) = problems
    assert problem.startswith(f"c.{cls.__name__}.{name}: takes a ")
    assert SECRET not in problem


def test_defaults_make_two_minutes_possible():
    """Scrape, evaluation and wait: the first message comes within two minutes of the event."""
    settings = MonitoringAlerts()
    scrape_seconds = 15.0
    for_seconds = 0.0
    assert (
        scrape_seconds
        + settings.evaluation_interval_seconds
        + for_seconds
        + settings.group_wait_seconds
    ) <= 90


def test_variables_go_with_the_addresses_that_name_them():
    """The Hub hands the service those variables of its environment that an address needs."""
    environ = {"TOKEN": "t", "PASSWORD": "p", "JUPYTERHUB_CRYPT_KEY": "k", "HOME": "/root"}
    text = '{"notify": ["https://h/${TOKEN}", "mailto://${PASSWORD}", "${MISSING}", "$HOME"]}'
    assert named_variables(text, environ) == {"TOKEN": "t", "PASSWORD": "p"}
