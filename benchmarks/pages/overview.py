"""How long a person waits for a page of a large Hub, in a real Chromium over loopback.

    python benchmarks/pages/overview.py [--servers 2000] [--people 20000] [--rounds 9]

A store of ten live series for each server and the Hub's own, sampled every 15 s for six hours; who
runs what now; what happened in 90 days. First content is what the browser says it painted first;
the page is full when each plot is drawn. For each page the service and the browser's window are
new: nothing that they keep from one page to the next is there.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from playwright.sync_api import Browser, Page, sync_playwright

from support import peers
from support.hub_history import HubHistory
from support.page_server import PREFIX, PageServer
from support.served_pages import MadeUp, made_up

HOURS = 6
STEP = 15
LONG_MS = 120_000

PAGES = {
    "My usage of who runs nothing": "me",
    "Overview": "",
    "Overview again (control)": "",
    "Overview, 7 days asked, 6 h there": "?range=7d",
    "Users & servers": "users",
    "Users & servers, filtered": "users?q=u77",
    "Activity, 90 days": "activity?range=90d",
    "one user": "user?user=u5",
    "one server": "server?user=u5",
    "Status": "status",
}

WATCH = """
const undrawn = "[data-panel] .placeholder:has(noscript), .panel.loading, [data-soon]";
const look = () => {
  if (document.readyState === "loading" || document.querySelector(undrawn)) return;
  if (document.querySelector("footer")) window.fullAt ??= performance.now();
};
new MutationObserver(look).observe(document, {childList: true, subtree: true, attributes: true});
"""
TIMES = """
() => ({
  answered: performance.getEntriesByType("navigation")[0].responseEnd,
  painted: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
  full: window.fullAt,
})
"""


@dataclass(frozen=True)
class Seen:
    """Milliseconds since the click: the page was there, painted first, full."""

    answered: float
    painted: float
    full: float


def main() -> None:
    """Open each page in turns; print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, default=2000)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    began = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, hub(Path(folder), args) as made, chromium() as on:
        sessions = made.context.activity.session_count(0, time.time())
        print(f"{made.store.stats().series:,} series, {sessions:,} sessions")
        seen, typed = measure(made, on, args.rounds)
    print(f"load {began:.1f} to {os.getloadavg()[0]:.1f}")
    report(seen, typed)


def measure(
    made: MadeUp, browser: Browser, rounds: int
) -> tuple[dict[str, list[Seen]], list[float]]:
    """Open each page so often; return what was seen, and the milliseconds after a letter."""
    seen: dict[str, list[Seen]] = {name: [] for name in PAGES}
    typed: list[float] = []
    for number in range(rounds):
        for name in turned(list(PAGES), number):
            with PageServer(made.context, snapshots=lambda: made.snapshot) as server:
                seen[name].append(look(browser, server, PAGES[name]))
        with PageServer(made.context, snapshots=lambda: made.snapshot) as server:
            typed.append(type_into_filter(browser, server))
    return seen, typed


def report(seen: dict[str, list[Seen]], typed: list[float]) -> None:
    """Print a Markdown table."""
    print("| page | answered | first content | full | worst |\n| --- | --- | --- | --- | --- |")
    for name, rows in seen.items():
        whats = ("answered", "painted", "full")
        middle = [statistics.median(getattr(row, what) for row in rows) for what in whats]
        worst = max(row.full for row in rows)
        print(f"| {name} | " + " | ".join(f"{each:.0f} ms" for each in (*middle, worst)) + " |")
    middle_typed, worst_typed = statistics.median(typed), max(typed)
    print(f"| the table after a letter in its filter | | | {middle_typed:.0f} ms "
          f"| {worst_typed:.0f} ms |")  # fmt: skip


@contextmanager
def hub(folder: Path, args: argparse.Namespace) -> Iterator[MadeUp]:
    """Make up a Hub of that size."""
    history = HubHistory(args.servers, HOURS, STEP, failures=5, every=True)
    with made_up(folder, history, people=args.people) as made:
        history.rows.clear()
        yield made


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser."""
    with sync_playwright() as playwright:
        program = peers.find("chromium")
        browser = playwright.chromium.launch(
            executable_path=program, chromium_sandbox=os.geteuid() != 0
        )
        yield browser
        browser.close()


@contextmanager
def window(browser: Browser) -> Iterator[Page]:
    """Open a window that has seen nothing yet."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(LONG_MS)
    context.add_init_script(WATCH)
    yield context.new_page()
    context.close()


def look(browser: Browser, server: PageServer, path: str) -> Seen:
    """Open the page at *path* until it is full."""
    with window(browser) as page:
        page.goto(server.url + PREFIX[1:] + path)
        found = page.evaluate(TIMES)
        while found["full"] is None or found["painted"] is None:
            time.sleep(0.02)
            found = page.evaluate(TIMES)
        return Seen(**found)


def type_into_filter(browser: Browser, server: PageServer) -> float:
    """Return the milliseconds from a letter to the table of what matches."""
    with window(browser) as page:
        page.goto(server.url + PREFIX[1:] + "users?q=u19")
        page.wait_for_load_state("networkidle")
        caption = page.locator("caption").inner_text()
        page.locator("#q").focus()
        page.locator("#q").press("End")
        began = time.perf_counter()
        page.keyboard.press("9")
        while page.locator("caption").inner_text() == caption:
            time.sleep(0.005)
        return (time.perf_counter() - began) * 1000


def turned(names: list[str], number: int) -> list[str]:
    """Return *names*, beginning with another one each time."""
    first = number % len(names)
    return names[first:] + names[:first]


if __name__ == "__main__":
    main()
