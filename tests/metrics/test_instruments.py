"""Metrics are bounded, private, honest about what is unknown, and safe from any thread."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from jupyterhub_monitoring.errors import MetricConflict, MonitoringError
from jupyterhub_monitoring.metrics import (
    CATALOGUE,
    Label,
    counter,
    declare,
    gauge,
    histogram,
    instruments,
    record_custom_event,
    register_all,
    time_custom_operation,
    update_custom_gauge,
    usernames,
)
from jupyterhub_monitoring.metrics.catalogue import CUSTOM_HISTOGRAM, SERIES_DROPPED
from jupyterhub_monitoring.metrics.instruments import Limits
from jupyterhub_monitoring.metrics.usernames import Nobody, UsernameMode, Usernames

_numbers = itertools.count()
USER = Label("user", private=True)


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the process's policy, limit, registry and catalogue as they were."""
    monkeypatch.setattr(usernames, "_in_force", Usernames())
    monkeypatch.setattr(Limits, "max_series", instruments.DEFAULT_MAX_SERIES)
    monkeypatch.setattr(declare, "_registry", None)
    before = set(CATALOGUE)
    yield
    for name in set(CATALOGUE) - before:
        del CATALOGUE[name]


def fresh(make: Callable[..., Any], suffix: str = "", **kwargs: Any) -> Any:
    return make(f"test_metric_{next(_numbers)}{suffix}", "A test's.", **kwargs)


def shown(metric: Any) -> dict[tuple[str, ...], float]:
    """Return the exposed values by their label values; of histograms the counts."""
    [family] = metric.collect()
    return {
        tuple(v for k, v in s.labels.items()): s.value
        for s in family.samples
        if not s.name.endswith(("_bucket", "_sum"))
    }


def dropped() -> float:
    """Return the recordings of all metrics that were over the limit."""
    return sum(shown(SERIES_DROPPED).values())


class TestBounded:
    def test_counters_fold_into_other(self) -> None:
        """Above the limit a counter goes on in one `(other)` series, and no event is lost."""
        Limits.max_series = 3
        metric, before = fresh(counter, "_total", labels=["a"]), dropped()
        for i in range(5):
            metric.labels(str(i)).inc()
        metric.labels("0").inc()
        assert shown(metric) == {("0",): 2, ("1",): 1, ("2",): 1, ("(other)",): 2}
        assert dropped() - before == 2

    def test_histograms_fold_into_other(self) -> None:
        """A histogram's observations above the limit are in `(other)`."""
        Limits.max_series = 1
        metric = fresh(histogram, "_seconds", labels=["a"])
        for i in range(4):
            metric.labels(str(i)).observe(1)
        assert shown(metric) == {("0",): 1, ("(other)",): 3}

    def test_gauges_are_left_out(self) -> None:
        """A gauge above the limit shows nowhere: one number for many would be wrong."""
        Limits.max_series = 2
        metric, before = fresh(gauge, labels=["a"]), dropped()
        for i in range(4):
            metric.labels(str(i)).set(i + 1)
        assert shown(metric) == {("0",): 1, ("1",): 2}
        assert dropped() - before == 2

    def test_a_removed_series_makes_room(self) -> None:
        """When a series goes, another may come."""
        Limits.max_series = 1
        metric = fresh(gauge, labels=["a"])
        metric.labels("0").set(1)
        metric.remove("0")
        metric.labels("1").set(2)
        assert shown(metric) == {("1",): 2}


class TestLabels:
    def test_by_name_and_in_order_are_the_same_series(self) -> None:
        """`labels("x", "y")` and `labels(b="y", a="x")` are one series."""
        metric = fresh(counter, "_total", labels=["a", "b"])
        metric.labels("x", "y").inc()
        metric.labels(b="y", a="x").inc()
        assert shown(metric) == {("x", "y"): 2}

    def test_numbers_are_their_text(self) -> None:
        """A status code may be given as a number."""
        metric = fresh(counter, "_total", labels=["code"])
        metric.labels(200).inc()
        metric.labels("200").inc()
        assert shown(metric) == {("200",): 2}

    @pytest.mark.parametrize(
        ("values", "by_name"),
        [((), {"a": 1}), ((), {"a": 1, "c": 2}), (("x",), {"b": 1}), (("x",), {}), ((), {})],
        ids=["one missing", "another name", "mixed", "too few", "none"],
    )
    def test_wrong_labels_are_an_error(
        self, values: tuple[Any, ...], by_name: dict[str, Any]
    ) -> None:
        """A call with other labels than the declared ones is refused, and makes no series."""
        metric = fresh(counter, "_total", labels=["a", "b"])
        with pytest.raises(ValueError, match=r"label"):
            metric.labels(*values, **by_name)
        assert shown(metric) == {}

    def test_a_parent_cannot_be_observed(self) -> None:
        """Forgetting `labels()` is an error that says so, as in prometheus_client."""
        with pytest.raises(ValueError, match="missing label values"):
            fresh(histogram, "_seconds", labels=["a"]).observe(1)

    def test_a_removed_series_starts_anew(self) -> None:
        """What is counted after a removal shows, from 0, not in a series that nobody sees."""
        metric = fresh(counter, "_total", labels=["a"])
        metric.labels("x").inc(5)
        metric.remove("x")
        metric.labels("x").inc()
        assert shown(metric) == {("x",): 1}
        metric.clear()
        metric.labels("x").inc(3)
        assert shown(metric) == {("x",): 3}


class TestPrivate:
    KEY = b"k" * 32

    def test_names(self) -> None:
        """By default a username is shown as it is."""
        metric = fresh(counter, "_total", labels=[USER, "event"])
        metric.labels("ada", "login").inc()
        assert shown(metric) == {("ada", "login"): 1}

    def test_hash(self) -> None:
        """With `hash` no name shows; one user is one series; another key gives another hash."""
        usernames.use(Usernames(UsernameMode.HASH, self.KEY))
        metric = fresh(counter, "_total", labels=[USER])
        for name in ("ada", "grace", "ada"):
            metric.labels(name).inc()
        assert sorted(shown(metric).values()) == [1, 2]
        assert not any("ada" in value or "grace" in value for [value] in shown(metric))
        assert Usernames(UsernameMode.HASH, self.KEY).label("ada") == next(iter(shown(metric)))[0]
        assert Usernames(UsernameMode.HASH, b"x").label("ada") not in dict.fromkeys(
            v for [v] in shown(metric)
        )

    def test_hash_needs_a_key(self) -> None:
        """Without a key a hash could be guessed, so there is none."""
        with pytest.raises(ValueError, match="key"):
            Usernames(UsernameMode.HASH)

    def test_none_makes_totals(self) -> None:
        """With `none` the counts of all users are one series."""
        usernames.use(Usernames(UsernameMode.NONE))
        metric = fresh(counter, "_total", labels=[USER, "event"])
        metric.labels("ada", "login").inc()
        metric.labels("grace", "login").inc()
        assert shown(metric) == {("", "login"): 2}

    def test_none_leaves_gauges_out(self) -> None:
        """With `none` a gauge per user shows nothing: the last user's value is nobody's."""
        usernames.use(Usernames(UsernameMode.NONE))
        metric = fresh(gauge, labels=[USER])
        metric.labels("ada").set(1)
        assert shown(metric) == {}

    @pytest.mark.parametrize("mode", UsernameMode, ids=[m.value for m in UsernameMode])
    def test_nobody_is_nobody_in_each_mode(self, mode: UsernameMode) -> None:
        """What stands for no user at all is never hashed nor left out."""
        usernames.use(Usernames(mode, self.KEY))
        metric = fresh(gauge, labels=[USER])
        metric.labels(Nobody("system")).set(4)
        assert shown(metric) == {("system",): 4}

    @pytest.mark.parametrize("mode", [UsernameMode.NAME, UsernameMode.HASH], ids=["name", "hash"])
    def test_forget_user(self, mode: UsernameMode) -> None:
        """All series of a deleted user go, those of others stay, and one who returns counts on."""
        usernames.use(Usernames(mode, self.KEY))
        metric = fresh(counter, "_total", labels=[USER, "event"])
        for user, event in itertools.product(("ada", "grace"), ("login", "logout")):
            metric.labels(user, event).inc()
        metric.forget_user("ada")
        label = usernames.policy().label
        assert {user for user, _ in shown(metric)} == {label("grace")}
        metric.forget_user("ada")
        metric.forget_user("nobody-knows")
        metric.labels("ada", "login").inc()
        assert shown(metric)[label("ada"), "login"] == 1

    def test_forget_user_with_none(self) -> None:
        """With `none` the total stays when a user is deleted."""
        usernames.use(Usernames(UsernameMode.NONE))
        metric = fresh(counter, "_total", labels=[USER])
        metric.labels("ada").inc()
        metric.forget_user("ada")
        assert shown(metric) == {("",): 1}


class TestGauge:
    def test_is_a_gap_until_it_is_set(self) -> None:
        """Unknown is a gap, never zero; and it can become unknown again."""
        metric = fresh(gauge)
        assert shown(metric) == {}
        metric.set(0)
        assert shown(metric) == {(): 0}
        metric.unknown()
        assert shown(metric) == {}

    @pytest.mark.parametrize(("act", "value"), [("inc", 1), ("dec", -1)])
    def test_counts_from_zero(self, act: str, value: float) -> None:
        """A gauge that is counted up or down without having been set starts from 0."""
        metric = fresh(gauge)
        getattr(metric, act)()
        assert shown(metric) == {(): value}


class TestHistogram:
    def test_buckets_are_prometheus_clients(self) -> None:
        """Every observation is in the same bucket as in prometheus_client's histogram."""
        bounds = (0.5, 1, 2.5)
        ours = fresh(histogram, "_seconds", buckets=bounds)
        theirs = prometheus_client.Histogram("h", "H.", buckets=bounds, registry=None)
        for value in (0, 0.5, 0.50001, 1, 2.5, 3, -1, float("inf"), float("-inf")):
            ours.observe(value)
            theirs.observe(value)
            mine, yours = [
                [s.value for s in m.collect()[0].samples if s.name.endswith(("_bucket", "_count"))]
                for m in (ours, theirs)
            ]
            assert mine == yours

    def test_has_no_created_series(self) -> None:
        """Our metrics expose no `_created`."""
        metric = fresh(histogram, "_seconds")
        metric.observe(1)
        assert not any("_created" in s.name for s in metric.collect()[0].samples)


class TestDeclare:
    def test_twice_is_once(self) -> None:
        """A configuration that is read twice declares one metric."""
        name = f"test_twice_{next(_numbers)}_total"
        assert counter(name, "A.", ["a"]) is counter(name, "B.", ["a"])

    @pytest.mark.parametrize(
        "other",
        [
            lambda name: counter(name, "A.", ["b"]),
            lambda name: counter(name, "A."),
            lambda name: gauge(name, "A.", ["a"]),
        ],
        ids=["other labels", "fewer labels", "other type"],
    )
    def test_another_shape_is_a_conflict(self, other: Callable[[str], Any]) -> None:
        """Another metric under a name that is taken is an error; the first goes on counting."""
        name = f"test_conflict_{next(_numbers)}_total"
        first = counter(name, "A.", ["a"])
        with pytest.raises(MetricConflict, match=name) as caught:
            other(name)
        assert isinstance(caught.value, MonitoringError)
        first.labels("x").inc()
        assert shown(CATALOGUE[name]) == {("x",): 1}

    def test_a_counter_is_called_total(self) -> None:
        """A counter without `_total` is refused with the name that it should have."""
        with pytest.raises(ValueError, match="events_total"):
            counter("events", "A.")

    def test_registering_again_changes_nothing(self) -> None:
        """Registration is safe to repeat, and loses no count."""
        registry = CollectorRegistry()
        metric = fresh(counter, "_total")
        register_all(registry)
        metric.inc(3)
        page = generate_latest(registry)
        register_all(registry)
        assert generate_latest(registry) == page
        assert f"{metric._name}_total 3.0".encode() in page

    def test_what_is_declared_later_shows_too(self) -> None:
        """A metric that is declared after registration is on the next page."""
        registry = CollectorRegistry()
        register_all(registry)
        metric = fresh(gauge)
        metric.set(5)
        assert f"{metric._name} 5.0".encode() in generate_latest(registry)

    def test_a_name_that_is_taken_stays_with_its_owner(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A name that another exports stays theirs; the log says so; the rest is registered."""
        registry = CollectorRegistry()
        metric = fresh(gauge)
        theirs = prometheus_client.Gauge(metric._name, "Theirs.", registry=registry)
        theirs.set(9)
        metric.set(1)
        register_all(registry)
        page = generate_latest(registry).decode()
        assert f"{metric._name} 9.0" in page
        assert metric._name in caplog.text
        assert "jupyterhub_login_success_total 0.0" in page

    def test_known_values_are_there_from_the_start(self) -> None:
        """Every label value that is known in advance is on the first page, with 0."""
        registry = CollectorRegistry()
        register_all(registry)
        exposed = {
            (s.name, frozenset(s.labels.items()))
            for family in registry.collect()
            for s in family.samples
        }
        checked = 0
        for metric in CATALOGUE.values():
            spec = metric.spec
            if spec.kind == "gauge" or not all(label.values for label in spec.labels):
                continue  # gauges are gaps until they are known
            suffix = "_count" if spec.kind == "histogram" else ""
            names = [label.name for label in spec.labels]
            for values in itertools.product(*[label.values for label in spec.labels]):
                assert (
                    spec.full_name + suffix,
                    frozenset(zip(names, values, strict=True)),
                ) in exposed
                checked += 1
        assert checked > 20

    def test_touch_with_a_fixed_value(self) -> None:
        """Once a label's value is known, all combinations with it are there."""
        metric = fresh(counter, "_total", labels=["cls", Label("why", ("a", "b"))])
        metric.touch()
        assert shown(metric) == {}
        metric.touch(cls="Kube")
        assert shown(metric) == {("Kube", "a"): 0, ("Kube", "b"): 0}


def test_threads_lose_nothing() -> None:
    """Threads that count the same and different series at once lose no event and no series."""
    metric = fresh(counter, "_total", labels=["a"])
    timed = fresh(histogram, "_seconds", labels=["a"])
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        for i in range(1000):
            metric.labels(str(i % 50)).inc()
            timed.labels(str(i % 50)).observe(i % 3)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shown(metric) == {(str(i),): 160 for i in range(50)}
    assert shown(timed) == {(str(i),): 160 for i in range(50)}


class TestCustom:
    """The three functions of the operator. They count in the process's own metrics: differences."""

    @pytest.fixture
    def timed(self) -> Callable[[str], dict[str, float]]:
        def counts(operation: str) -> dict[str, float]:
            found = shown(CATALOGUE["custom_operation_duration_seconds"])
            return {status: n for (op, status), n in found.items() if op == operation}

        return counts

    def test_events(self) -> None:
        """An event counts for its user, or for `anonymous`."""
        record_custom_event("test-export", "ada")
        record_custom_event("test-export", user="ada")
        record_custom_event("test-export")
        found = shown(CATALOGUE["custom_events_total"])
        assert found["test-export", "ada"] == 2
        assert found["test-export", "anonymous"] == 1

    def test_gauges(self) -> None:
        """A value is the user's, or the `system`'s; the last one stands."""
        update_custom_gauge("test-gpus", 2, "ada")
        update_custom_gauge("test-gpus", 1, "ada")
        update_custom_gauge("test-gpus", 8)
        found = shown(CATALOGUE["custom_resource_usage"])
        assert found["test-gpus", "ada"] == 1
        assert found["test-gpus", "system"] == 8

    def test_from_threads(self) -> None:
        """The functions may be called from any thread."""
        threads = [
            threading.Thread(target=lambda: [record_custom_event("test-t") for _ in range(500)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert shown(CATALOGUE["custom_events_total"])["test-t", "anonymous"] == 2000

    def test_with_block(self, timed: Callable[[str], dict[str, float]]) -> None:
        """A `with` block is timed; one that raises is an error, and the exception goes on."""
        with time_custom_operation("with"):
            pass
        with pytest.raises(KeyError), time_custom_operation("with"):
            raise KeyError
        assert timed("with") == {"success": 1, "error": 1}

    async def test_async_with_block(self, timed: Callable[[str], dict[str, float]]) -> None:
        """An `async with` block is timed as well."""
        async with time_custom_operation("async-with"):
            await asyncio.sleep(0)
        with pytest.raises(KeyError):
            async with time_custom_operation("async-with"):
                raise KeyError
        assert timed("async-with") == {"success": 1, "error": 1}

    def test_decorated_function(self, timed: Callable[[str], dict[str, float]]) -> None:
        """A decorated function keeps name, arguments, result and exception; each call counts."""

        @time_custom_operation("function")
        def divide(a: int, *, by: int) -> float:
            """Divide."""
            return a / by

        assert divide(6, by=3) == 2
        with pytest.raises(ZeroDivisionError):
            divide(6, by=0)
        assert (divide.__name__, divide.__doc__) == ("divide", "Divide.")
        assert timed("function") == {"success": 1, "error": 1}

    async def test_decorated_coroutine(self, timed: Callable[[str], dict[str, float]]) -> None:
        """A decorated coroutine is timed until it ends, two at once each on its own."""

        @time_custom_operation("coroutine")
        async def nap(fail: bool = False) -> str:
            await asyncio.sleep(0.05)
            if fail:
                raise RuntimeError
            return "slept"

        results = await asyncio.gather(nap(), nap(), nap(fail=True), return_exceptions=True)
        assert results[:2] == ["slept", "slept"]
        assert isinstance(results[2], RuntimeError)
        assert timed("coroutine") == {"success": 2, "error": 1}
        total = next(
            s.value
            for s in CATALOGUE["custom_operation_duration_seconds"].collect()[0].samples
            if s.name.endswith("_sum")
            and s.labels == {"operation": "coroutine", "status": "success"}
        )
        assert total >= 0.09

    async def test_cancelled(self, timed: Callable[[str], dict[str, float]]) -> None:
        """A coroutine that is cancelled is an error, and stays cancelled."""

        @time_custom_operation("cancelled")
        async def nap() -> None:
            await asyncio.sleep(60)

        task = asyncio.ensure_future(nap())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert timed("cancelled") == {"error": 1}

    def test_one_instance_inside_itself(self, timed: Callable[[str], dict[str, float]]) -> None:
        """One object may be entered again inside itself."""
        timer = time_custom_operation("nested")
        with timer, timer:
            pass
        assert timed("nested") == {"success": 2}

    async def test_one_instance_shared_by_tasks(self) -> None:
        """Two tasks inside the same object at once are timed each on its own."""
        timer = time_custom_operation("shared")
        gate = asyncio.Event()

        async def long() -> None:
            with timer:
                await gate.wait()

        waiting = asyncio.ensure_future(long())
        await asyncio.sleep(0.2)
        with timer:
            gate.set()
        child = CUSTOM_HISTOGRAM.labels("shared", "success")
        short = child._sum.get()
        await waiting
        long = child._sum.get() - short
        assert short < long
        assert long >= 0.2
