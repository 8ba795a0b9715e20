"""Import from a Prometheus, over its HTTP API: here a server that answers as one, and fails."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.parse

import pytest

from jupyterhub_monitoring.transfer import prometheus_source

T0 = 1_700_006_400  # a block begins
SAMPLES = {
    ("cpu", "1"): [(T0 + 60 * k + 0.5, str(k / 10)) for k in range(200)],
    ("cpu", "2"): [(T0 + 60 * k, "NaN" if k == 3 else str(k)) for k in range(200)],
    ("up", "1"): [(T0 - 0.001, "9"), (T0, "1"), (T0 + 7199.999, "+Inf"), (T0 + 7200, "0")],
}
MOST = 150


class Prometheus(http.server.BaseHTTPRequestHandler):
    """Answers what the import asks. `server.failures` are statuses to answer first."""

    def log_message(self, *args):
        pass

    def do_GET(self):
        path, _, query = self.path.partition("?")
        asked = {k: v[0] for k, v in urllib.parse.parse_qs(query).items()}
        self.server.tokens.add(self.headers["Authorization"])
        if self.server.failures:
            return self.answer(self.server.failures.pop(), {"error": "not now"})
        if path.endswith("/metadata"):
            return self.data({"cpu": [{"type": "gauge", "help": "Seconds", "unit": ""}]})
        if path.endswith("/values"):
            self.server.selectors.add(asked.get("match[]"))
            start, end = float(asked["start"]), float(asked["end"])
            names = {n for (n, _), s in SAMPLES.items() if any(start <= t <= end for t, _ in s)}
            return self.data(sorted(names))
        return self.query(asked)

    def query(self, asked):
        selector, _, duration = asked["query"].partition("[")
        end = float(asked["time"])
        start = end - int(duration.removesuffix("ms]")) / 1000  # closed, as Prometheus 2 has it
        found = [
            {
                "metric": {"__name__": name, "i": i, "job": "j"},
                "values": [s for s in samples if start <= round(s[0], 3) <= end],
            }
            for (name, i), samples in SAMPLES.items()
            if f'__name__="{name}"' in selector
        ]
        if sum(len(series["values"]) for series in found) > MOST:
            text = "query processing would load too many samples into memory in query execution"
            return self.answer(422, {"error": text})
        return self.data({"result": [series for series in found if series["values"]]})

    def data(self, data):
        self.answer(200, {"status": "success", "data": data})

    def answer(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Prometheus) as made:
        made.failures, made.tokens, made.selectors = [], set(), set()
        made.url = f"http://127.0.0.1:{made.server_port}"
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(prometheus_source.time, "sleep", lambda _seconds: None)


def test_all_samples_of_a_prometheus(commands, server, tmp_path):
    """Every sample in the range comes over, once, also where an answer would be too large."""
    server.failures = [503, 500, 429]
    folder = tmp_path / "data"
    status = commands(
        "import", "--data-dir", folder, server.url, "--start", T0, "--end", T0 + 20_000,
        "--token", "secret", "--selector", '{job="j"}',
    )  # fmt: skip
    assert status == 0, commands.printed.err
    assert commands.printed.out == "403 samples imported\n"
    text = commands.export(folder).splitlines()
    assert text[:2] == ["# TYPE cpu gauge", "# HELP cpu Seconds"]
    assert f'cpu{{i="1",job="j"}} 19.9 {T0 + 60 * 199}.500' in text
    assert f'cpu{{i="2",job="j"}} NaN {T0 + 180}.000' in text
    ups = [line for line in text if line.startswith("up")]
    assert [line.split()[1] for line in ups] == ["1", "+Inf", "0"]
    assert server.tokens == {"Bearer secret"}
    assert server.selectors == {'{job="j"}'}


def test_one_that_does_not_answer(commands, server, tmp_path):
    """After some tries the import stops, and says that it can go on; then it does."""
    server.failures = [503] * 10
    command = (
        "import",
        "--data-dir",
        tmp_path / "data",
        server.url,
        "--start",
        T0,
        "--end",
        T0 + 9,
    )
    assert commands(*command) == 1
    assert "does not answer" in commands.printed.err
    assert "the same command goes on from there" in commands.printed.err
    server.failures = []
    assert commands(*command) == 0
    assert commands.printed.out == "3 samples imported\n"


def test_a_refusal_is_shown(commands, server, tmp_path):
    """What the other side says is passed on: a wrong token, a wrong address."""
    server.failures = [401]
    assert commands("import", "--data-dir", tmp_path, server.url) == 1
    assert "answers 401: not now" in commands.printed.err
    server.failures = [404]
    assert commands("import", "--data-dir", tmp_path, server.url) == 1
    assert "answers 404: not now; is this the address of a Prometheus?" in commands.printed.err
    assert commands("import", "--data-dir", tmp_path, server.url, "--selector", "up{") == 1
    assert "parse error" in commands.printed.err
