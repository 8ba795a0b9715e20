"""The series of the last look: what they are called, whom they name, when they end."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from jupyterhub_monitoring.metrics import usernames
from jupyterhub_monitoring.metrics.usage_catalogue import (
    CORES_BUCKETS,
    MEMORY_BUCKETS,
    USAGE_CATALOGUE,
)
from jupyterhub_monitoring.metrics.usernames import UsernameMode, Usernames
from jupyterhub_monitoring.usage.exposition import UsageExposition
from jupyterhub_monitoring.usage.model import Backend, Gap, GapReason, Usage
from jupyterhub_monitoring.usage.snapshot import Home, UsageSnapshot
from support.peers import find
from support.usage_fakes import seen, snapshot

Series = tuple[str, frozenset[tuple[str, str]]]

KEY = b"k" * 32
EVERYTHING = Usage(
    cpu_seconds=12.5,
    memory_bytes=3e8,
    memory_peak_bytes=4e8,
    memory_limit_bytes=1e9,
    cpu_limit_cores=2,
    memory_request_bytes=5e8,
    cpu_request_cores=0.5,
    cpu_throttled_seconds=0.25,
    processes=4,
    oom_kills=1,
    restarts=2,
    gpu_utilization_ratio=0.5,
    gpu_memory_bytes=7e9,
    image="quay.io/lab:1",
    node="node1",
)
FULL = snapshot(
    seen(
        "ana",
        "gpu",
        EVERYTHING,
        cpu_cores=1.5,
        backend=Backend.KUBERNETES,
        started=100.0,
        last_activity=200.0,
        profile="large",
        groups=("staff", "secret-project"),
    ),
    homes={"ana": Home(5e9, 1000, 300.0, 8e9)},
)


@pytest.fixture(autouse=True)
def mode() -> Iterator[None]:
    """Names, unless a test says otherwise."""
    before = usernames.policy()
    usernames.use(Usernames())
    yield
    usernames.use(before)


def registry(shown: UsageSnapshot | None, max_series: int = 100) -> CollectorRegistry:
    made = CollectorRegistry()
    groups = frozenset({"staff"})
    made.register(
        UsageExposition(
            lambda: shown, groups=groups, spawner_class="KubeSpawner", max_series=max_series
        )
    )
    return made


def series(shown: UsageSnapshot | None, max_series: int = 100) -> dict[Series, float]:
    text = generate_latest(registry(shown, max_series)).decode()
    return {
        (sample.name.removeprefix("jupyterhub_"), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def named(found: dict[Series, float]) -> dict[Series, float]:
    return {key: value for key, value in found.items() if dict(key[1]).get("username") is not None}


def of(name: str, **labels: str) -> Series:
    return name, frozenset(labels.items())


ANA = {"username": "ana", "server_name": "gpu"}


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("resource_usage", {"resource_type": "cpu", **ANA}, 1.5),
        ("resource_usage", {"resource_type": "memory", **ANA}, 3e8),
        ("resource_usage", {"resource_type": "gpu_memory", **ANA}, 7e9),
        ("resource_usage", {"resource_type": "disk", "username": "ana", "server_name": ""}, 5e9),
        ("server_cpu_seconds_total", ANA, 12.5),
        ("server_cpu_throttled_seconds_total", ANA, 0.25),
        ("server_cpu_limit_cores", ANA, 2),
        ("server_cpu_request_cores", ANA, 0.5),
        ("server_memory_bytes", ANA, 3e8),
        ("server_memory_peak_bytes", ANA, 4e8),
        ("server_memory_limit_bytes", ANA, 1e9),
        ("server_memory_request_bytes", ANA, 5e8),
        ("server_processes", ANA, 4),
        ("server_oom_kills_total", ANA, 1),
        ("server_restarts_total", ANA, 2),
        ("server_gpu_utilization_ratio", ANA, 0.5),
        ("server_gpu_memory_bytes", ANA, 7e9),
        ("server_started_timestamp_seconds", ANA, 100),
        ("server_last_activity_timestamp_seconds", ANA, 200),
        (
            "server_info",
            {
                **ANA,
                "spawner_class": "KubeSpawner",
                "profile": "large",
                "image": "quay.io/lab:1",
                "node": "node1",
            },
            1,
        ),
        ("user_group_info", {"username": "ana", "group": "staff"}, 1),
        ("home_bytes", {"username": "ana"}, 5e9),
        ("home_limit_bytes", {"username": "ana"}, 8e9),
        ("home_entries", {"username": "ana"}, 1000),
        ("home_newest_change_timestamp_seconds", {"username": "ana"}, 300),
    ],
)
def test_what_is_known_has_its_series(name: str, labels: dict[str, str], value: float):
    """Under the names and labels that dashboards ask for."""
    assert series(FULL)[of(name, **labels)] == value


def test_that_is_all_that_names_anybody():
    """Nothing else has a username: the table above is complete, and groups come from the list."""
    assert len(named(series(FULL))) == 25
    assert "secret-project" not in str(series(FULL))


def test_a_gap_has_no_numbers():
    """Unknown is absent, never zero; what the Hub knows of the server is there."""
    gap = snapshot(seen("ana", look=Gap(GapReason.PERMISSION), started=100.0))
    found = series(gap)
    assert {name for name, _ in named(found)} == {"server_started_timestamp_seconds", "server_info"}
    assert found[of("usage_servers", backend="process")] == 1
    assert found[of("usage_servers_unknown")] == 1
    assert of("usage_memory_bytes") not in found
    assert found[of("servers_memory_bytes_gcount")] == 0


def test_what_is_gone_is_gone():
    """The page is made anew each time; the scraper marks what it no longer finds as ended."""
    shown = [FULL]
    made = CollectorRegistry()
    made.register(UsageExposition(lambda: shown[0], max_series=100))
    assert b"ana" in generate_latest(made)
    shown[0] = snapshot()
    assert b"ana" not in generate_latest(made)


def test_before_the_first_look_there_is_nothing():
    """No zero that would mean that no server runs."""
    assert series(None) == {}


def test_hashed_names_hide_user_and_server():
    """Both are hashed, a default server's empty name is not, and each user has one hash."""
    usernames.use(Usernames(UsernameMode.HASH, KEY))
    found = named(series(snapshot(seen("ana", "phd-thesis", EVERYTHING), seen("ana", "", Usage()))))
    assert not {"ana", "phd-thesis"} & {value for _, labels in found for _, value in labels}
    servers = {labels for name, labels in found if name == "server_info"}
    assert len({dict(labels)["username"] for labels in servers}) == 1
    hashes = {dict(labels)["server_name"] for labels in servers}
    assert "" in hashes
    assert all(len(value) in {0, 16} for value in hashes)


def test_without_names_totals_and_distributions_are_left():
    """Mode `none`: no user, no server, no group, no image; but how much is used in all."""
    usernames.use(Usernames(UsernameMode.NONE))
    found = series(FULL)
    assert named(found) == {}
    labels = {name for _, pairs in found for name, _ in pairs}
    assert labels == {"backend", "le"}
    assert found[of("usage_memory_bytes")] == 3e8
    assert found[of("usage_cpu_cores")] == 1.5
    assert found[of("usage_home_bytes")] == 5e9
    assert found[of("usage_servers", backend="kubernetes")] == 1


def test_distributions():
    """How many servers use at most so much: each bucket holds those below it too."""
    gib = 2.0**30
    servers = [
        seen(f"u{n}", look=Usage(memory_bytes=memory), cpu_cores=cores)
        for n, (memory, cores) in enumerate([(gib, 0.0), (gib + 1, 1.0), (3 * gib, 100.0)])
    ]
    found = series(snapshot(*servers, seen("gap", look=Gap(GapReason.GONE))))
    memory = {
        bound: found[of("servers_memory_bytes_bucket", le=str(bound))] for bound in MEMORY_BUCKETS
    }
    assert memory[gib] == 1
    assert memory[2 * gib] == 2
    assert memory[4 * gib] == 3
    assert found[of("servers_memory_bytes_gcount")] == 3
    assert found[of("servers_memory_bytes_gsum")] == 5 * gib + 1
    cores = [found[of("servers_cpu_cores_bucket", le=str(float(b)))] for b in CORES_BUCKETS]
    assert cores[0] == 1
    assert cores[-1] == 2
    assert found[of("servers_cpu_cores_bucket", le="+Inf")] == 3


def test_too_many_series_are_counted_not_lost_silently():
    """The newest servers are left out; the totals hold them all the same."""
    servers = [
        seen(f"u{n}", look=Usage(memory_bytes=1.0), started=1000.0 - n, groups=("staff",))
        for n in range(10)
    ]
    found = series(snapshot(*servers), max_series=4)
    kept = {dict(labels)["username"] for name, labels in found if name == "server_memory_bytes"}
    assert kept == {"u6", "u7", "u8", "u9"}
    # memory, resource_usage, started, info and group of six servers
    assert found[of("usage_series_left_out")] == 5 * 6
    assert found[of("usage_memory_bytes")] == 10


def test_labels_from_outside_are_bounded():
    """One image name of a megabyte would have the whole scrape refused."""
    found = series(snapshot(seen("ana", look=Usage(image="x" * 10_000, node='a\n"b\\'))))
    info = next(dict(labels) for name, labels in found if name == "server_info")
    assert info["image"] == "x" * 200
    assert info["node"] == 'a\n"b\\'


def test_openmetrics_knows_the_types():
    """A strict reader takes the page; distributions are gauge histograms, sums are counters."""
    text = openmetrics(registry(FULL)).decode()
    types = {family.name: family.type for family in openmetrics_families(text)}
    assert types["jupyterhub_servers_memory_bytes"] == "gaugehistogram"
    assert types["jupyterhub_server_cpu_seconds"] == "counter"
    assert types["jupyterhub_server_memory_bytes"] == "gauge"


def test_every_metric_that_is_declared_is_shown():
    """The reference page promises nothing that no server can have."""
    text = generate_latest(registry(FULL)).decode()
    for spec in USAGE_CATALOGUE.values():
        assert f"# HELP {spec.full_name} " in text
        assert spec.help in text


def test_registering_looks_at_nothing():
    """The first look may be minutes away when the registry is made."""

    def fail() -> None:
        raise AssertionError("collected")

    CollectorRegistry().register(UsageExposition(fail, max_series=1))


@pytest.mark.peer("promtool")
def test_promtool_reads_it():
    """Prometheus's own parser takes the page as it is."""
    done = subprocess.run(
        [find("promtool"), "check", "metrics"],
        input=generate_latest(registry(FULL)),
        capture_output=True,
        check=False,
    )
    assert done.returncode in {0, 3}, done.stderr  # 3: it was read, and has remarks
    remarks = (done.stdout + done.stderr).decode().splitlines()
    assert [line for line in remarks if "jupyterhub_" in line and "_g" not in line] == []
