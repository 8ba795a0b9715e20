"""Starts the demo, has people come, work and fail, and takes pictures of the Overview."""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.browser import Chromium, Visit  # noqa: E402
from support.demo import Demo  # noqa: E402
from support.eventually import eventually  # noqa: E402

PAGE = "services/monitoring/"
PICTURES = ROOT / "docs" / "img"

# Who comes, and what their notebooks use: MiB of memory, share of a core.
WORK = {"ada": (700, 0.25), "grace": (260, 0.05), "alan": (120, 0.1), "emmy": (420, 0.02)}
LEAVES, KILLED, FAILS = "katherine", "linus", "charles"
PAUSES = 8

NOTEBOOK = """
import time
kept = bytearray({mib} << 20)
end = time.time() + 1800
while time.time() < end:
    busy = time.process_time() + {share}
    while time.process_time() < busy:
        pass
    time.sleep(1)
"""

# In a page of somebody's server: a kernel runs code, and goes on when the page is left.
RUN = """
async ([server, code]) => {
  const xsrf = document.cookie.split("; ").filter((c) => c.startsWith("_xsrf=")).pop().slice(6);
  const headers = {"X-XSRFToken": xsrf};
  const answer = await fetch(server + "api/kernels", {method: "POST", headers, body: "{}"});
  const {id} = await answer.json();
  const socket = new WebSocket(
    (server + "api/kernels/" + id + "/channels").replace(/^http/, "ws"));
  await new Promise((opened, failed) => { socket.onopen = opened; socket.onerror = failed; });
  const header = {msg_id: id, msg_type: "execute_request", version: "5.3",
                  username: "", session: id, date: new Date().toISOString()};
  const content = {code, silent: false, store_history: false, user_expressions: {}};
  const busy = new Promise((started) => {
    socket.onmessage = ({data}) => String(data).includes('"busy"') && started(); });
  socket.send(JSON.stringify(
    {header, parent_header: {}, metadata: {}, content, channel: "shell", buffers: []}));
  await busy;
}
"""


class Life:
    """What people do on the demo's Hub, one thing after the other."""

    def __init__(self, demo: Demo, browser: Chromium, pause_seconds: float) -> None:
        self.demo, self.browser, self.pause_seconds = demo, browser, pause_seconds
        self.password = demo.said("password")

    def pause(self, what: str) -> None:
        """Say what happened, and let it become history."""
        print(time.strftime("%H:%M:%S"), what, flush=True)
        time.sleep(self.pause_seconds)

    def go_on(self) -> None:
        """All that happens, in order."""
        self.mistype("ada")
        self.ask_in_vain(FAILS)  # the Hub gives up after 30 s
        for name, (mib, share) in WORK.items():
            self.start(name, NOTEBOOK.format(mib=mib, share=share))
            self.pause(f"{name} works")
        self.start(LEAVES)
        self.start(KILLED)
        self.pause(f"{LEAVES} and {KILLED} have come")
        self.stop(LEAVES)
        self.pause(f"{LEAVES} stopped the server")
        self.kill(KILLED)
        self.pause(f"the server of {KILLED} was killed")
        eventually(lambda: self.count("jupyterhub_spawn_failure_total") == 1)
        eventually(lambda: self.count("jupyterhub_running_servers") == len(WORK))
        self.pause(f"that of {FAILS} did not start; the Hub knows of all")

    def mistype(self, name: str) -> None:
        """A login with a wrong password."""
        with self.browser.visit(self.demo.url) as visit:
            visit.open("hub/login")
            visit.page.fill("#username_input", name)
            visit.page.fill("#password_input", "pasword")
            visit.page.click("#login_submit")
            visit.page.wait_for_selector(".login_error")

    def visit_of(self, name: str) -> AbstractContextManager[Visit]:
        """Open a window of somebody who has logged in."""
        return self.browser.visit(self.demo.url, name=name, password=self.password)

    def start(self, name: str, code: str = "") -> None:
        """Start a server as its owner does, and run code in a kernel of it."""
        with self.visit_of(name) as visit:
            visit.open("hub/spawn")
            visit.page.wait_for_url(f"**/user/{name}/lab**")
            if code:
                visit.page.evaluate(RUN, [f"{self.demo.url}user/{name}/", code])

    def stop(self, name: str) -> None:
        """Stop a server on its owner's home page."""
        with self.visit_of(name) as visit:
            visit.open("hub/home")
            visit.page.click("#stop")
            visit.page.wait_for_selector("#stop", state="hidden")

    def kill(self, name: str) -> None:
        """End a server's process, as a kernel without memory does."""
        home = self.demo.data / "homes" / name
        for process in self.demo.processes():
            if "jupyterhub.singleuser" in process.cmdline() and Path(process.cwd()) == home:
                os.kill(process.pid, signal.SIGKILL)

    def ask_in_vain(self, name: str) -> None:
        """Ask for a server that cannot start: where its home should be is a file."""
        homes = self.demo.data / "homes"
        homes.mkdir(exist_ok=True)
        (homes / name).write_text("not a folder")
        with self.visit_of(name) as visit:
            visit.open("hub/spawn")

    def count(self, name: str) -> float:
        """Sum a metric of the Hub's over its labels."""
        lines = self.demo.get("hub/metrics").splitlines()
        samples = [line for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(sample.rpartition(" ")[2]) for sample in samples)


def take(visit: Visit, page: str, path: Path) -> None:
    """Save the page when its plots have been drawn; AssertionError where it has something wrong."""
    status = visit.open(page)
    visit.page.wait_for_timeout(5000)  # a live page never rests, so there is no moment to wait for
    assert status == 200, status
    assert visit.troubles == []
    visit.page.screenshot(path=path, full_page=True, animations="disabled")
    print(path.relative_to(ROOT))


def main() -> None:
    """Have some life, and take both pictures."""
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=3, help="between what happens, in all (default 3)"
    )
    args = parser.parse_args()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="jupyterhub-demo-") as folder,
        Demo(Path(folder)) as demo,
        Chromium() as browser,
    ):
        Life(demo, browser, args.minutes * 60 / PAUSES).go_on()
        minutes = math.ceil((time.monotonic() - began) / 60)
        for name, dark in (("light", False), ("dark", True)):
            password = demo.said("password")
            with browser.visit(demo.url, name="admin", password=password, dark=dark) as visit:
                take(visit, f"{PAGE}?range={minutes}m", PICTURES / f"overview-{name}.png")


if __name__ == "__main__":
    main()
