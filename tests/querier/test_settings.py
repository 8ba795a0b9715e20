"""`c.MonitoringPrometheus` and `c.Monitoring.prometheus_url`: what is asked, and what is wrong."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets.config import Config

from jupyterhub_monitoring.configuration import load
from jupyterhub_monitoring.hub.settings import Monitoring
from jupyterhub_monitoring.querier.settings import MonitoringPrometheus

URL = "https://prometheus.example.org/"
SECRET = "s3cr3t-token"


def made(url: str = URL, environ: Any = {}, **settings: Any) -> Any:  # noqa: B006
    return MonitoringPrometheus(**settings).endpoint(url, Path("/srv/hub"), environ)


def test_the_defaults_ask_without_credentials():
    """An open engine on the same network needs the address and nothing else."""
    endpoint, problems = made()
    assert endpoint.base == URL.rstrip("/")
    assert endpoint.options.all_headers() == {}
    assert problems == []


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"bearer_token": SECRET}, {"Authorization": f"Bearer {SECRET}"}),
        ({"bearer_token": "${TOKEN}"}, {"Authorization": f"Bearer {SECRET}"}),
        ({"username": "u", "password": "p"}, {"Authorization": "Basic dTpw"}),
        ({"headers": {"X-Scope-OrgID": "physics"}}, {"X-Scope-OrgID": "physics"}),
        ({"headers": {"X-Token": "${TOKEN}"}}, {"X-Token": SECRET}),
    ],
    ids=["token", "token of the environment", "basic", "tenant", "header of the environment"],
)
def test_credentials_are_sent(settings: Any, sent: dict[str, str]):
    """Each way to be let in becomes the header that the engine expects."""
    endpoint, problems = made(environ={"TOKEN": SECRET}, **settings)
    assert endpoint.options.all_headers() == sent
    assert problems == []


def test_relative_paths_begin_in_the_hubs_folder():
    """As those of rule files do, wherever the service runs."""
    endpoint, _ = made(bearer_token_file="prom.token", ca_file="/etc/ca.pem")
    assert endpoint.options.credentials_file == "/srv/hub/prom.token"
    assert endpoint.options.ca_file == "/etc/ca.pem"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"bearer_token": "${NO_SUCH}"}, "bearer_token: ${NO_SUCH}: the Hub's environment has no"),
        ({"bearer_token": SECRET, "bearer_token_file": "f"}, "both set; the file is used"),
        ({"bearer_token": SECRET, "username": "u"}, "the token is used"),
        ({"password": SECRET}, "without c.MonitoringPrometheus.username"),
        ({"key_file": "k"}, "without c.MonitoringPrometheus.cert_file"),
        ({"headers": {"a b": SECRET}}, "['a b'] is no header"),
        ({"headers": {"A": f"{SECRET}\nHost: evil"}}, "['A'] is no header"),
        ({"username": "u", "headers": {"authorization": SECRET}}, "has an Authorization"),
    ],
    ids=lambda case: ",".join(case) if isinstance(case, dict) else "",
)
def test_what_contradicts_is_told_without_secrets(settings: Any, said: str):
    """A sentence names the setting and what happens instead; no value is in it."""
    endpoint, problems = made(**settings)
    assert len(problems) == 1
    assert said in problems[0]
    assert SECRET not in problems[0]
    assert SECRET not in repr(endpoint)


@pytest.mark.parametrize(
    "url",
    [
        "prometheus.example.org",
        f"ftp://u:{SECRET}@host/",
        "http://",
        "http://host:99999/",
        "http://ho st/",
        f"http://host/{'x' * 3000}",
        7,
    ],
    ids=["no scheme", "ftp", "no host", "port", "space", "long", "number"],
)
def test_an_address_that_is_none_is_told(url: Any):
    """The Hub starts; the sentence says what it takes, and shows no password."""
    app = SimpleNamespace(config=Config({"Monitoring": {"prometheus_url": url}}))
    settings, problems = load(Monitoring, app)
    assert settings.prometheus_url == ""
    assert "c.Monitoring.prometheus_url: takes an address such as" in problems[0]
    assert SECRET not in problems[0]


@pytest.mark.parametrize("url", [URL, "http://u:p@[::1]:9090/prometheus", "${PROM}", ""])
def test_an_address_is_taken(url: str):
    """With a path, with a password, from elsewhere, or none."""
    app = SimpleNamespace(config=Config({"Monitoring": {"prometheus_url": url}}))
    settings, problems = load(Monitoring, app)
    assert (settings.prometheus_url, problems) == (url, [])
