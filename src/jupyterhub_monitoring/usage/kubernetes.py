"""What users' pods use, by Kubernetes' API: pods, and the metrics API where it is installed.

One list of pods and one of their metrics for each namespace and round, however many servers run.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .kubernetes_api import ApiFailure, ApiRound, list_path
from .kubernetes_backoff import BackOff
from .kubernetes_credentials import InCluster
from .kubernetes_pod import Pod, PodMetrics, name_of, read_metrics, read_pod
from .model import Backend, Gap, GapReason, Look, RunningServer, ServerKey, Usage
from .recorded import recorded_text

SELECTOR = "component=singleuser-server"
"""The label of all pods of users' servers, KubeSpawner's and the Helm chart's."""

TIME_LIMIT_SECONDS = 10.0

PODS = "/api/v1"
METRICS = "/apis/metrics.k8s.io/v1beta1"

_DNS_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_MISREAD = (LookupError, TypeError, ValueError, AttributeError)
_NO_STATE = Gap(GapReason.NO_STATE, "no pod is recorded")
_UNREADABLE = Gap(GapReason.PROTOCOL, "what the API tells of the pod is not understood")
_GONE = Gap(GapReason.GONE, "there is no such pod")
_OTHERS = Gap(GapReason.GONE, "the pod of that name belongs to another server")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _PodRef:
    namespace: str
    name: str


@dataclass(slots=True)
class _OomKills:
    """How often the OOM killer ended a container of a server, as far as we saw it."""

    count: float
    last: frozenset[str]

    def see(self, ends: frozenset[str]) -> float:
        self.count += len(ends - self.last)
        self.last = ends
        return self.count


class _Listing(Generic[T]):
    """One kind of list, read into records; asked for no more often than it can bear."""

    def __init__(self, base: str, read: Callable[[Mapping[str, Any]], T]) -> None:
        self._base, self._read = base, read
        self._back_off: dict[str, BackOff] = {}

    def get(self, api: ApiRound, namespace: str) -> tuple[dict[str, T | Gap] | Gap, bool]:
        """Return the records by name, or why there are none; and whether the API was asked."""
        back_off = self._back_off.setdefault(namespace, BackOff())
        waiting = back_off.gap(time.monotonic())
        if waiting is not None:
            return waiting, False
        try:
            items = api.items(list_path(self._base, namespace), SELECTOR)
            found: dict[str, T | Gap] | Gap = dict(self._records(items))
            back_off.succeeded()
        except ApiFailure as failure:
            back_off.failed(failure, time.monotonic())
            found = failure.gap
        return found, True

    def keep(self, namespaces: Iterable[str]) -> None:
        """Forget all other namespaces."""
        wanted = set(namespaces)
        self._back_off = {ns: kept for ns, kept in self._back_off.items() if ns in wanted}

    def _records(self, items: Iterator[Any]) -> Iterator[tuple[str, T | Gap]]:
        for item in items:
            try:
                name = name_of(item)
            except _MISREAD:
                raise ApiFailure(
                    GapReason.PROTOCOL, "the list has an item without a name"
                ) from None
            record: T | Gap = _UNREADABLE
            with suppress(*_MISREAD):
                record = self._read(item)
            yield name, record


class KubernetesSampler:
    """Looks at servers whose spawner recorded the name of a pod (KubeSpawner).

    *namespace* is where pods are whose namespace was not recorded, '' for our own. A round, both
    lists of all namespaces, ends within *time_limit_seconds*.
    """

    backend = Backend.KUBERNETES

    def __init__(
        self,
        namespace: str = "",
        *,
        cluster: InCluster | None = None,
        time_limit_seconds: float = TIME_LIMIT_SECONDS,
    ) -> None:
        self._namespace = namespace
        self._cluster = InCluster() if cluster is None else cluster
        self._limit = time_limit_seconds
        self._pods = _Listing(PODS, read_pod)
        self._metrics = _Listing(METRICS, read_metrics)
        self._oom_kills: dict[ServerKey, _OomKills] = {}
        self.partial_gaps: tuple[Gap, ...] = ()
        """Why the last round's looks know no CPU and memory, one for each list that was asked for
        in vain: the collector counts it once, not for every server."""

    def claims(self, server: RunningServer) -> bool:
        """Whether a pod was recorded."""
        return self._ref(server) is not None

    def sample(self, servers: Sequence[RunningServer]) -> Mapping[ServerKey, Look]:
        """Look at all pods of *servers*; see `UsageSampler`.

        Where only the metrics API cannot be asked, CPU and memory are unknown, and the rest of
        the pod is not; the reason is in `partial_gaps`.
        """
        refs = {server.key: self._ref(server) for server in servers}
        self._oom_kills = {key: kept for key, kept in self._oom_kills.items() if key in refs}
        namespaces = dict.fromkeys(ref.namespace for ref in refs.values() if ref is not None)
        self._pods.keep(namespaces)
        self._metrics.keep(namespaces)
        partial: list[Gap] = []
        found: dict[str, _Namespace] = {}
        if namespaces:
            with ApiRound(self._cluster, self._limit) as api:
                for namespace in namespaces:
                    found[namespace] = self._look_into(api, namespace, partial)
        self.partial_gaps = tuple(partial)
        return {key: self._look(key, ref, found) for key, ref in refs.items()}

    def close(self) -> None:
        """Nothing is kept open between rounds."""

    def _ref(self, server: RunningServer) -> _PodRef | None:
        name = recorded_text(server, "pod_name")
        namespace = recorded_text(server, "namespace") or self._default_namespace()
        if _DNS_NAME.fullmatch(name) and _DNS_NAME.fullmatch(namespace):
            return _PodRef(namespace, name)
        return None

    def _default_namespace(self) -> str:
        if not self._namespace:
            with suppress(OSError, UnicodeDecodeError):
                self._namespace = self._cluster.namespace()
        return self._namespace

    def _look_into(self, api: ApiRound, namespace: str, partial: list[Gap]) -> _Namespace:
        pods, _ = self._pods.get(api, namespace)
        if isinstance(pods, Gap):
            return pods
        metrics, asked = self._metrics.get(api, namespace)
        if isinstance(metrics, Gap):
            if asked:
                partial.append(metrics)
            metrics = {}
        return pods, metrics

    def _look(self, key: ServerKey, ref: _PodRef | None, found: Mapping[str, _Namespace]) -> Look:
        if ref is None:
            return _NO_STATE
        namespace = found[ref.namespace]
        if isinstance(namespace, Gap):
            return namespace
        pods, metrics = namespace
        pod, used = pods.get(ref.name, _GONE), metrics.get(ref.name)
        if isinstance(pod, Gap):
            return pod
        if pod.owner not in {None, key}:
            return _OTHERS
        if used is _UNREADABLE:
            return _UNREADABLE
        return self._usage(key, pod, used if isinstance(used, PodMetrics) else None)

    def _usage(self, key: ServerKey, pod: Pod, used: PodMetrics | None) -> Usage:
        oom_kills = self._oom_kills.setdefault(key, _OomKills(0.0, frozenset()))
        return Usage(
            cpu_cores=None if used is None else used.cpu_cores,
            memory_bytes=None if used is None else used.memory_bytes,
            memory_limit_bytes=pod.memory_limit_bytes,
            cpu_limit_cores=pod.cpu_limit_cores,
            memory_request_bytes=pod.memory_request_bytes,
            cpu_request_cores=pod.cpu_request_cores,
            restarts=pod.restarts,
            oom_kills=oom_kills.see(pod.oom_killed),
            image=pod.image,
            node=pod.node,
        )


_Namespace = Gap | tuple[Mapping[str, Pod | Gap], Mapping[str, PodMetrics | Gap]]
"""The pods and metrics of a namespace by name, or why there are none."""
