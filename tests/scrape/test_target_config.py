"""`c.MonitoringScrape.targets`: what becomes a target, and what becomes a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyterhub_monitoring.scrape import MonitoringScrape, Target, extra_targets
from jupyterhub_monitoring.scrape.target_config import _KEYS

NODE = {"url": "http://node1:9100/metrics", "job": "node"}


def read(*written: object, **settings: object) -> tuple[list[Target], list[str]]:
    return extra_targets(MonitoringScrape(targets=list(written), **settings))


def test_little_is_needed():
    """A URL and a job are enough; the rest is as the settings say."""
    (target,), problems = read(NODE, interval_seconds=20.0, timeout_seconds=7.0, max_samples=500)
    assert problems == []
    assert target.label_set == {"job": "node", "instance": "node1:9100"}
    assert (target.interval_seconds, target.timeout_seconds) == (20, 7)
    assert target.limits.samples == 500


def test_everything_can_be_said():
    """Each key reaches the target."""
    written = {
        **NODE,
        "instance": "n1",
        "labels": {"env": "prod"},
        "interval_seconds": 30,
        "timeout_seconds": 5,
        "token": "secret",
        "token_file": "/run/token",
        "headers": {"X-Key": "k"},
        "ca_file": "/ca.pem",
        "cert_file": "/cert.pem",
        "key_file": "/key.pem",
        "insecure_tls": True,
        "honor_labels": True,
        "honor_timestamps": False,
        "max_body_bytes": 1,
        "max_samples": 2,
        "max_labels": 3,
        "max_label_name_bytes": 4,
        "max_label_value_bytes": 5,
        "max_new_series_per_hour": 6,
    }
    assert written.keys() == _KEYS.keys()
    (target,), problems = read(written)
    assert problems == []
    assert target.label_set == {"job": "node", "instance": "n1", "env": "prod"}
    assert (target.interval_seconds, target.timeout_seconds) == (30, 5)
    assert (target.honor_labels, target.honor_timestamps) == (True, False)
    limits, credentials = target.limits, target.credentials
    assert (limits.body_bytes, limits.samples, limits.labels) == (1, 2, 3)
    assert (limits.label_name_bytes, limits.label_value_bytes) == (4, 5)
    assert limits.new_series_per_hour == 6
    assert (credentials.token, credentials.headers) == ("secret", {"X-Key": "k"})
    assert credentials.token_file == Path("/run/token")
    assert credentials.ca_file == Path("/ca.pem")
    assert credentials.cert_file == Path("/cert.pem")
    assert credentials.key_file == Path("/key.pem")
    assert credentials.insecure_tls


def test_path_is_metrics():
    """A URL without a path means /metrics, as in Prometheus."""
    (target,), _ = read({**NODE, "url": "http://node1:9100"})
    assert target.url == "http://node1:9100/metrics"


def test_timeout_follows_a_short_interval():
    """A target with an interval below the usual timeout has that as its timeout."""
    (target,), problems = read({**NODE, "interval_seconds": 4})
    assert (target.timeout_seconds, problems) == (4, [])


WRONG = {
    "no dict": ("http://x/", "a target is a dict"),
    "no url": ({"job": "a"}, "'url' is missing"),
    "no job": ({"url": "http://x/"}, "'job' is missing"),
    "misspelt": ({**NODE, "intervall_seconds": 3}, "did you mean 'interval_seconds'?"),
    "unknown": ({**NODE, "zzz": 3}, "'zzz' is no key of a target; known are url, job"),
    "a key that is no text": ({**NODE, 3: 3}, "3 is no key"),
    "url without scheme": ({**NODE, "url": "node1:9100"}, "perhaps 'http://node1:9100'"),
    "another scheme": ({**NODE, "url": "ftp://node1/"}, "not with ftp://"),
    "no host": ({**NODE, "url": "http:///metrics"}, "no host"),
    "port of words": ({**NODE, "url": "http://x:http/"}, "the port in url is no number"),
    "port too high": ({**NODE, "url": "http://x:99999/"}, "the port in url is no number"),
    "port zero": ({**NODE, "url": "http://x:0/"}, "the port in url is no number"),
    "bad IPv6": ({**NODE, "url": "http://[::1/"}, "the port in url|no host"),
    "password in url": ({**NODE, "url": "http://me:pass@x/"}, "use token_file"),
    "space in url": ({**NODE, "url": "http://x/a b"}, "%XX"),
    "url is a number": ({**NODE, "url": 5}, "url is a text, not 5"),
    "empty job": ({**NODE, "job": " "}, "job is a text"),
    "interval of words": ({**NODE, "interval_seconds": "15s"}, "from 1 to 3600, not '15s'"),
    "interval too short": ({**NODE, "interval_seconds": 0.1}, "from 1 to 3600, not 0.1"),
    "interval is nan": ({**NODE, "interval_seconds": float("nan")}, "not nan"),
    "interval is True": ({**NODE, "interval_seconds": True}, "not True"),
    "timeout above interval": (
        {**NODE, "interval_seconds": 5, "timeout_seconds": 6},
        r"timeout_seconds \(6\) is longer than interval_seconds \(5\)",
    ),
    "label's name": ({**NODE, "labels": {"a-b": "c"}}, "'a-b' is no name of a label"),
    "reserved label": ({**NODE, "labels": {"__name__": "c"}}, "cannot be set"),
    "job as a label": ({**NODE, "labels": {"job": "c"}}, "cannot be set"),
    "label's value": ({**NODE, "labels": {"a": 5}}, "'a' is a text, not 5"),
    "labels are a list": ({**NODE, "labels": ["a"]}, "labels is a dict"),
    "header": ({**NODE, "headers": {"a:": "b"}}, "no name of an HTTP header"),
    "header's value": ({**NODE, "headers": {"a": "b\nc: d"}}, "no plain text"),
    "limit": ({**NODE, "max_samples": 0}, "whole number above 0, not 0"),
    "limit of words": ({**NODE, "max_samples": "many"}, "whole number above 0"),
    "switch": ({**NODE, "honor_labels": "yes"}, "True or False, not 'yes'"),
    "file": ({**NODE, "token_file": 5}, "path of a file"),
    "key alone": ({**NODE, "key_file": "/k"}, "without cert_file"),
}


@pytest.mark.parametrize(("written", "reason"), WRONG.values(), ids=WRONG)
def test_wrong_targets(written, reason):
    """A wrong target is left out with a sentence that says which and why; the others stay."""
    good = {**NODE, "instance": "good"}
    targets, (problem,) = read(written, good)
    assert [target.instance for target in targets] == ["good"]
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(problem)
    assert problem.startswith("c.MonitoringScrape.targets[0]")
    assert problem.endswith("The target is left out.")


def test_no_secret_in_a_problem():
    """What is wrong with a secret is said without showing it."""
    wrong = {**NODE, "url": "http://me:hunter2@x/"}, {**NODE, "token": ["hunter2"]}
    for written in (*wrong, {**NODE, "headers": {"a": "hunter2\n"}}):
        _, (problem,) = read(written)
        assert "hunter2" not in problem


def test_duplicates():
    """Of two targets whose series could not be told apart the first stays."""
    targets, (problem,) = read(NODE, {**NODE, "url": "http://node1:9100/other"})
    assert [target.url for target in targets] == [NODE["url"]]
    assert "another target has the job 'node', the instance 'node1:9100'" in problem
    assert read(NODE, {**NODE, "labels": {"path": "other"}})[1] == []


def test_a_target_that_is_scraped_anyway():
    """The Hub is scraped once, also when the settings name it again."""
    hub = Target("http://127.0.0.1:8081/hub/metrics", "jupyterhub")
    written = {"url": "http://127.0.0.1:8081/hub/metrics", "job": "jupyterhub"}
    targets, problems = extra_targets(MonitoringScrape(targets=[written]), [hub])
    assert (targets, len(problems)) == ([], 1)


def test_too_many():
    """Above max_targets the rest is left out, each with its sentence."""
    written = [{**NODE, "instance": str(n)} for n in range(5)]
    targets, problems = read(*written, max_targets=3)
    assert len(targets) == 3
    assert all("more than 3 (max_targets)" in problem for problem in problems)
    assert len(problems) == 2
