"""Users' pods of a stand-in cluster, for the shared tests of the samplers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from jupyterhub_monitoring.usage.kubernetes import KubernetesSampler
from jupyterhub_monitoring.usage.kubernetes_credentials import InCluster
from jupyterhub_monitoring.usage.model import Look, RunningServer, ServerKey
from support import kubernetes_stand_in as answers
from support.kubernetes_pods import ended, metrics, pod, state_of, status_of
from support.kubernetes_stand_in import KubernetesStandIn


class WaitingSampler(KubernetesSampler):
    """Returns when the stand-in too has noticed that a round is over."""

    def __init__(self, cluster: KubernetesStandIn, time_limit_seconds: float) -> None:
        super().__init__(cluster=InCluster(cluster.folder), time_limit_seconds=time_limit_seconds)
        self._stand_in = cluster

    def sample(self, servers: Sequence[RunningServer]) -> Mapping[ServerKey, Look]:
        looks = super().sample(servers)
        self._stand_in.wait_until_idle()
        return looks


class KubernetesRig:
    """Pods come and go; all of them are of the namespace `hub`."""

    time_limit_seconds = 2.0

    def __init__(self, cluster: KubernetesStandIn) -> None:
        self._cluster = cluster
        self.sampler = WaitingSampler(cluster, self.time_limit_seconds)

    def start(self, username: str) -> RunningServer:
        made = pod(username)
        self._cluster.add(made, metrics(made))
        return RunningServer(ServerKey(username, ""), state_of(made))

    def use(self, server: RunningServer) -> None:
        used = self._cluster.metrics["hub", server.state["pod_name"]]
        used["containers"][0]["usage"]["cpu"] = "1900m"

    def restart(self, server: RunningServer) -> None:
        """The container was killed for its memory, and then the pod was made anew."""
        name = server.state["pod_name"]
        self._cluster.pods["hub", name]["status"]["containerStatuses"] = [
            status_of(restarts=1, lastState=ended("OOMKilled", "c0"))
        ]
        self.sampler.sample([server])
        self.start(server.key.username)

    def end(self, server: RunningServer) -> None:
        self._cluster.remove(server.state["pod_name"])

    def garble(self) -> None:
        self._cluster.always = dict.fromkeys(("pods", "metrics"), answers.says(b"\0<html>"))

    def hang(self) -> None:
        self._cluster.always = dict.fromkeys(("pods", "metrics"), answers.hangs)


@contextmanager
def kubernetes(folder: Path) -> Iterator[KubernetesRig]:
    """A cluster, and we in a pod of it."""
    cluster = KubernetesStandIn(folder)
    address = {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(cluster.port),
    }
    with mock.patch.dict(os.environ, address):
        yield KubernetesRig(cluster)
    cluster.close()
