"""What a KubeSpawner's Hub learns of its users' pods, also where the API does not want to tell."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from kubernetes_asyncio.client import ApiClient

from jupyterhub_monitoring.usage.kubernetes import KubernetesSampler
from jupyterhub_monitoring.usage.kubernetes_api import PAGE_ITEMS, RESTARTS
from jupyterhub_monitoring.usage.kubernetes_credentials import InCluster
from jupyterhub_monitoring.usage.model import Gap, GapReason, RunningServer, ServerKey, Usage
from support import kubernetes_stand_in as answers
from support.eventually import eventually
from support.kubernetes_pods import container, ended, metrics, pod, state_of, status_of
from support.kubernetes_stand_in import KubernetesStandIn

LIMIT_SECONDS = 10.0
SHORT_SECONDS = 0.5
"""For what never ends."""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubernetesStandIn]:
    """A cluster, and we in a pod of it."""
    made = KubernetesStandIn(tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(made.port))
    yield made
    made.close()


@pytest.fixture
def sampler(cluster: KubernetesStandIn) -> KubernetesSampler:
    return KubernetesSampler(cluster=InCluster(cluster.folder), time_limit_seconds=LIMIT_SECONDS)


@pytest.fixture
def hasty(cluster: KubernetesStandIn) -> KubernetesSampler:
    return KubernetesSampler(cluster=InCluster(cluster.folder), time_limit_seconds=SHORT_SECONDS)


def server(of: dict[str, Any], username: str = "ann", server_name: str = "") -> RunningServer:
    return RunningServer(ServerKey(username, server_name), state_of(of))


def run(cluster: KubernetesStandIn, username: str = "ann", **spec: Any) -> RunningServer:
    """Start a user's server."""
    made = pod(username, **spec)
    cluster.add(made, metrics(made))
    return server(made, username)


def look(sampler: KubernetesSampler, of: RunningServer) -> Usage | Gap:
    return sampler.sample([of])[of.key]


def usage(sampler: KubernetesSampler, of: RunningServer) -> Usage:
    found = look(sampler, of)
    assert isinstance(found, Usage), found
    return found


def reason(sampler: KubernetesSampler, of: RunningServer) -> GapReason:
    found = look(sampler, of)
    assert isinstance(found, Gap), found
    return found.reason


def test_a_pod_tells_everything(cluster, sampler):
    """Use, limits, requests, image and node are what `kubectl` would show."""
    assert usage(sampler, run(cluster)) == Usage(
        cpu_cores=0.25,
        memory_bytes=128 * 2**20,
        memory_limit_bytes=2**30,
        cpu_limit_cores=2,
        memory_request_bytes=2**29,
        cpu_request_cores=0.25,
        oom_kills=0,
        restarts=0,
        image="quay.io/example/notebook:2026-11",
        node="node-1",
    )


def test_sidecars_count_and_the_notebook_names_the_image(cluster, sampler):
    """What runs beside the server is the user's too; init containers that ended are not."""
    made = pod(
        containers=[container("proxy"), container()],
        initContainers=[container("chown"), container("vpn", restartPolicy="Always")],
    )
    cluster.add(made, metrics(made, proxy=("5m", "1Mi"), notebook=("1", "1G"), vpn=("5m", "1Mi")))
    found = usage(sampler, server(made))
    assert (found.cpu_cores, found.memory_bytes) == (1.01, 1e9 + 2 * 2**20)
    assert (found.cpu_limit_cores, found.memory_limit_bytes) == (6, 3 * 2**30)
    assert found.image == "quay.io/example/notebook:2026-11"


def test_one_container_without_a_limit_is_a_pod_without_one(cluster, sampler):
    """A limit that the kernel would not enforce on the whole is not shown."""
    free = {"requests": {"cpu": "100m"}, "limits": {"cpu": "1"}}
    made = pod(containers=[container(), container("proxy", resources=free)])
    cluster.add(made, metrics(made))
    found = usage(sampler, server(made))
    assert (found.memory_limit_bytes, found.cpu_limit_cores) == (None, 3)
    assert (found.memory_request_bytes, found.cpu_request_cores) == (2**29, 0.35)


def test_a_pod_that_waits_for_a_node_uses_nothing_yet_known(cluster, sampler):
    """Unknown is not zero: no metrics, no numbers."""
    made = pod()
    del made["spec"]["nodeName"], made["status"]["containerStatuses"]
    cluster.add(made)
    found = usage(sampler, server(made))
    assert (found.cpu_cores, found.memory_bytes, found.node) == (None, None, "")


def test_oom_kills_only_grow(cluster, sampler):
    """Each kill counts once, while it shows as the state and later as the last state."""
    of = run(cluster)
    statuses = cluster.pods["hub", "jupyter-ann"]["status"]["containerStatuses"]
    seen = []
    for now in (
        status_of(),
        status_of(state=ended("OOMKilled", "c0")),
        status_of(restarts=1, lastState=ended("OOMKilled", "c0")),
        status_of(restarts=1, state=ended("OOMKilled", "c1"), lastState=ended("OOMKilled", "c0")),
        status_of(restarts=2, lastState=ended("OOMKilled", "c1")),
        status_of(restarts=3, lastState=ended("Error", "c2", 1)),
        status_of(),  # another pod of the same name
    ):
        statuses[0] = now
        found = usage(sampler, of)
        seen.append((found.oom_kills, found.restarts))
    assert seen == [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (2, 3), (2, 0)]


def test_many_pods_are_few_requests(cluster, sampler):
    """The API is asked for one list of pods, in pages, and one of metrics: on one connection."""
    servers = [run(cluster, f"user{number}") for number in range(2 * PAGE_ITEMS + 1)]
    looks = sampler.sample(servers)
    assert all(isinstance(found, Usage) and found.cpu_cores for found in looks.values())
    assert (cluster.asked_for("pods"), cluster.asked_for("metrics")) == (3, 1)
    assert cluster.connections == 1


def test_each_namespace_is_listed_once(cluster, sampler):
    """Users with namespaces of their own are found there; one forbidden hides no other."""
    ann, bob = run(cluster, "ann", namespace="users-a"), run(cluster, "bob", namespace="users-b")
    cluster.forbidden = {"users-b"}
    looks = sampler.sample([ann, bob])
    assert isinstance(looks[ann.key], Usage)
    assert getattr(looks[bob.key], "reason", None) is GapReason.PERMISSION
    assert cluster.asked_for("pods") == 2


def test_a_pod_whose_namespace_was_not_recorded_is_in_ours(cluster, sampler):
    """Old KubeSpawners recorded the name only."""
    run(cluster)
    assert usage(sampler, RunningServer(ServerKey("ann", ""), {"pod_name": "jupyter-ann"}))


def test_a_list_that_expires_is_read_again(cluster, sampler):
    """Everything is known although the list changed too much between two pages."""
    servers = [run(cluster, f"user{number}") for number in range(PAGE_ITEMS + 1)]

    def changes(handler):
        cluster.version += 1
        answers.lists(handler)

    cluster.next["pods"] = [answers.lists, changes]
    looks = sampler.sample(servers)
    assert all(isinstance(found, Usage) for found in looks.values())
    assert cluster.asked_for("pods") == 4  # a page, 410, both pages


def test_a_list_that_always_expires_is_given_up(cluster, sampler):
    """A cluster that changes faster than it can be read does not hold us for ever."""
    of = run(cluster)
    cluster.always["pods"] = answers.refuse(410, "Expired")
    assert reason(sampler, of) is GapReason.UNREACHABLE
    assert cluster.asked_for("pods") == RESTARTS + 1


def test_a_rotated_token_is_read_again(cluster, sampler):
    """Nothing is missed when the token changes, even between two requests of a round."""
    of = run(cluster)

    def rotates(handler):
        cluster.token = "token-2"
        cluster.mount_token()
        answers.refuse(401, "Unauthorized")(handler)

    cluster.next["metrics"] = [rotates]
    found = usage(sampler, of)
    assert found.cpu_cores == 0.25
    assert sampler.partial_gaps == ()


def test_a_token_that_is_refused_is_tried_twice(cluster, sampler):
    """A service account without rights is told of as that, and the API is not hammered."""
    of = run(cluster)
    cluster.token = "another"
    assert reason(sampler, of) is GapReason.PERMISSION
    assert cluster.asked_for("pods") == 2


BROKEN: dict[str, tuple[answers.Answer, GapReason]] = {
    "403": (answers.refuse(403, "Forbidden"), GapReason.PERMISSION),
    "404": (answers.no_such_api, GapReason.UNREACHABLE),
    "429": (answers.refuse(429, "TooManyRequests", retry_after="1"), GapReason.UNREACHABLE),
    "500": (answers.refuse(500, "InternalError"), GapReason.UNREACHABLE),
    "503": (answers.refuse(503, "ServiceUnavailable"), GapReason.UNREACHABLE),
    "hangs": (answers.hangs, GapReason.TIMEOUT),
    "trickles": (answers.trickles, GapReason.TIMEOUT),
    "too slow": (answers.slowly(3 * SHORT_SECONDS), GapReason.TIMEOUT),
    "cut off": (answers.cut_off, GapReason.PROTOCOL),
    "no JSON": (answers.says(b"<html>"), GapReason.PROTOCOL),
    "too deep": (answers.says(b"[" * 200_000), GapReason.PROTOCOL),
    "no object": (answers.says(b"[]"), GapReason.PROTOCOL),
    "no list": (answers.says(b'{"metadata": {}, "items": {}}'), GapReason.PROTOCOL),
    "odd token": (answers.says(b'{"metadata": {"continue": 1}, "items": []}'), GapReason.PROTOCOL),
    "nameless": (answers.says(b'{"metadata": {}, "items": [{}]}'), GapReason.PROTOCOL),
}


@pytest.mark.parametrize(("answer", "expected"), BROKEN.values(), ids=BROKEN)
def test_no_pods_are_a_gap(cluster, sampler, hasty, answer, expected):
    """Without the list of pods nothing is known, in time, and the reason is."""
    of = run(cluster)
    cluster.always["pods"] = answer
    begun = time.monotonic()
    assert reason(hasty if expected is GapReason.TIMEOUT else sampler, of) is expected
    assert time.monotonic() - begun < SHORT_SECONDS + 15


@pytest.mark.parametrize(("answer", "expected"), BROKEN.values(), ids=BROKEN)
def test_no_metrics_are_a_pod_without_use(cluster, sampler, hasty, answer, expected):
    """Without a metrics server limits and image are still known, and one gap says why not all."""
    servers = [run(cluster, "ann"), run(cluster, "bob")]
    cluster.always["metrics"] = answer
    sampler = hasty if expected is GapReason.TIMEOUT else sampler
    for found in sampler.sample(servers).values():
        assert isinstance(found, Usage)
        assert (found.cpu_cores, found.memory_bytes) == (None, None)
        assert found.memory_limit_bytes == 2**30
    assert [gap.reason for gap in sampler.partial_gaps] == [expected]


def test_a_cluster_without_metrics_is_not_asked_each_time(cluster, sampler):
    """Nobody installs a metrics server between two rounds; its absence is counted once."""
    of = run(cluster)
    cluster.always["metrics"] = answers.no_such_api
    counted = []
    for _ in range(3):
        usage(sampler, of)
        counted.append(len(sampler.partial_gaps))
    assert counted == [1, 0, 0]
    assert cluster.asked_for("metrics") == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_overloaded_api_is_left_alone(cluster, sampler, status):
    """After a refusal there is a gap without a request."""
    of = run(cluster)
    cluster.next["pods"] = [answers.refuse(status, "No")]
    assert [reason(sampler, of) for _ in range(2)] == 2 * [GapReason.UNREACHABLE]
    assert cluster.asked_for("pods") == 1


def test_the_api_says_when_it_may_be_asked_again(cluster, sampler):
    """Retry-After is kept to: not before, and then at once."""
    of = run(cluster)
    cluster.next["pods"] = [answers.refuse(429, "TooManyRequests", retry_after="1")]
    assert [reason(sampler, of) for _ in range(2)] == 2 * [GapReason.UNREACHABLE]
    time.sleep(1.05)
    assert usage(sampler, of).cpu_cores == 0.25


def test_an_endless_list_ends(cluster, sampler):
    """A token that leads to the same page again and again does not hold us for ever."""
    of = run(cluster)
    cluster.always["pods"] = answers.says(b'{"metadata": {"continue": "x"}, "items": []}')
    assert reason(sampler, of) in {GapReason.PROTOCOL, GapReason.TIMEOUT}


def test_an_answer_has_a_limit(cluster, sampler, monkeypatch):
    """An answer that would fill our memory is not read to its end."""
    monkeypatch.setattr("jupyterhub_monitoring.usage.kubernetes_api.BODY_BYTES", 1 << 20)
    of = run(cluster)
    cluster.always["pods"] = answers.says(b" " * (2 << 20))
    assert reason(sampler, of) is GapReason.PROTOCOL


def test_one_odd_pod_hides_no_other(cluster, sampler):
    """A pod that is not understood is a gap of its own."""
    ann, bob = run(cluster, "ann"), run(cluster, "bob")
    cluster.pods["hub", "jupyter-ann"]["spec"]["containers"][0]["resources"] = {
        "limits": {"memory": "plenty"}
    }
    looks = sampler.sample([ann, bob])
    assert getattr(looks[ann.key], "reason", None) is GapReason.PROTOCOL
    assert isinstance(looks[bob.key], Usage)


def test_odd_metrics_are_no_numbers(cluster, sampler):
    """A use that is no quantity is a gap, not a zero."""
    of = run(cluster)
    cluster.metrics["hub", "jupyter-ann"]["containers"][0]["usage"]["cpu"] = "much"
    assert reason(sampler, of) is GapReason.PROTOCOL


def test_a_missing_pod_is_gone(cluster, sampler):
    """The Hub has not noticed yet that the pod was evicted."""
    of = run(cluster)
    cluster.remove("jupyter-ann")
    assert reason(sampler, of) is GapReason.GONE


@pytest.mark.parametrize(
    "key", [ServerKey("bob", ""), ServerKey("ann", "lab")], ids=["user", "server"]
)
def test_nobody_gets_anothers_pod(cluster, sampler, key):
    """A state that names somebody else's pod shows nothing of it."""
    of = run(cluster)
    assert reason(sampler, RunningServer(key, of.state)) is GapReason.GONE


def test_a_named_server_is_its_own_pod(cluster, sampler):
    """KubeSpawner's annotations of a named server are ours."""
    made = pod("ann", "lab")
    cluster.add(made, metrics(made))
    assert usage(sampler, server(made, "ann", "lab")).cpu_cores == 0.25


@pytest.fixture
def spawner(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A real KubeSpawner that talks to no cluster."""
    module = import_module("kubespawner.spawner")
    monkeypatch.setattr(module, "load_config", mock.Mock())
    monkeypatch.setattr(module, "shared_client", mock.Mock())
    limits = {"cpu_limit": 1.5, "mem_limit": "2G", "cpu_guarantee": 0.5, "mem_guarantee": "512M"}
    return module.KubeSpawner(_mock=True, namespace="users", image="quay.io/lab:1", **limits)


async def test_what_kubespawner_makes_and_records_is_found(cluster, sampler, spawner):
    """The installed KubeSpawner's own manifest and state, for a username that needs escaping."""
    async with ApiClient() as client:
        made = client.sanitize_for_serialization(await spawner.get_pod_manifest())
    made["metadata"]["namespace"] = "users"  # what the API server adds
    cluster.add(made, metrics(made))
    key = ServerKey(spawner.user.name, spawner.name)
    assert usage(sampler, RunningServer(key, spawner.get_state())) == Usage(
        cpu_cores=0.25,
        memory_bytes=128 * 2**20,
        memory_limit_bytes=2 * 2**30,
        cpu_limit_cores=1.5,
        memory_request_bytes=2**29,
        cpu_request_cores=0.5,
        oom_kills=0,
        restarts=0,
        image="quay.io/lab:1",
    )


def test_outside_of_a_cluster_nothing_can_be_asked(cluster, sampler, monkeypatch):
    """A service beside a Hub that spawns into a cluster says what it lacks."""
    of = run(cluster)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    assert reason(sampler, of) is GapReason.UNREACHABLE


@pytest.mark.parametrize("missing", ["token", "ca.crt"])
def test_without_a_service_account_nothing_can_be_asked(cluster, sampler, missing):
    """automountServiceAccountToken: false is a gap with a reason."""
    of = run(cluster)
    (cluster.folder / missing).unlink()
    assert reason(sampler, of) is GapReason.UNREACHABLE
    assert cluster.asked == []


def test_a_server_that_is_not_the_clusters_gets_no_token(cluster, sampler, tmp_path_factory):
    """Whoever has no certificate of the cluster's authority is not talked to."""
    of = run(cluster)
    answers.certificate.cache_clear()
    other = KubernetesStandIn(tmp_path_factory.mktemp("other"))
    other.close()
    (cluster.folder / "ca.crt").write_bytes((other.folder / "ca.crt").read_bytes())
    assert reason(sampler, of) is GapReason.UNREACHABLE
    assert cluster.asked == []


def test_nobody_listening_is_unreachable(cluster, sampler):
    """An API server that is down is told of as that."""
    of = run(cluster)
    cluster.close()
    assert reason(sampler, of) is GapReason.UNREACHABLE


def test_details_name_nobody(cluster, sampler):
    """What goes to the log has no pod's, and so no user's name."""
    of = run(cluster, "secret")
    gaps: list[Gap | Usage] = []
    for answer, _ in BROKEN.values():
        cluster.always = {"pods": answer}
        gaps.append(
            KubernetesSampler(cluster=InCluster(cluster.folder), time_limit_seconds=0.2).sample(
                [of]
            )[of.key]
        )
    assert all(isinstance(gap, Gap) and "secret" not in gap.detail for gap in gaps)


def test_the_documented_role_is_enough(cluster, sampler):
    """Who applies the role of the how-to page has allowed everything that is asked for."""
    page = (Path(__file__).parents[2] / "docs/how-to/usage-kubernetes.md").read_text()
    role, _binding = yaml.safe_load_all(page.split("```yaml")[1].split("```")[0])
    allowed = {
        (group, resource)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if "list" in rule["verbs"]
    }
    usage(sampler, run(cluster))
    parts = [path.partition("?")[0].split("/") for path in cluster.asked]
    asked = {("" if at[1] == "api" else at[2], at[-1]) for at in parts}
    assert asked == allowed == {("", "pods"), ("metrics.k8s.io", "pods")}


def test_a_round_leaves_nothing_behind(cluster, sampler):
    """No thread and no descriptor stays, whether the API told everything or not."""
    of = run(cluster)
    before = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    cluster.next["pods"] = [answers.refuse(403, "Forbidden"), answers.cut_off]
    for _ in range(3):
        sampler.sample([of])
    eventually(
        lambda: (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()) == before
    )
