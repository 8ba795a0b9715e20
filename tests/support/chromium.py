"""A real headless Chromium, driven over WebDriver (a W3C standard: JSON over HTTP)."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support import peers
from support.ports import free_port

if TYPE_CHECKING:
    from typing_extensions import Self

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the standard's key for a reference

ARGUMENTS = [
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class WebDriverError(AssertionError):
    """The browser could not do it; the text is the driver's."""


class Chromium:
    """`with Chromium(folder) as page:` one browser with one window, gone at the end."""

    def __init__(self, folder: Path, *, width: int = 1280, height: int = 800) -> None:
        self.folder = folder
        self.size = f"--window-size={width},{height}"
        self.port = free_port()
        self.session = ""

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = (self.folder / "chromedriver.log").open("wb")
        self.driver = subprocess.Popen(
            [peers.find("chromedriver"), f"--port={self.port}"],
            stdout=self.log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._open_window()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            if self.session:
                self._call("DELETE", "")
        except (OSError, WebDriverError):
            pass  # gone already
        finally:
            self.driver.terminate()
            self.driver.wait(10)
            self.log.close()

    def open(self, url: str) -> None:
        """Go to *url*; return when it is loaded."""
        self._call("POST", "/url", {"url": url})

    @property
    def url(self) -> str:
        return str(self._call("GET", "/url"))

    @property
    def text(self) -> str:
        """What a person can read on the page."""
        return str(self.run("return document.body ? document.body.innerText : ''"))

    def run(self, script: str, *args: Any) -> Any:
        """Run JavaScript in the page; return its `return`."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def has(self, css: str) -> bool:
        """Say whether an element that matches is there and takes up room."""
        return bool(
            self.run(
                "const e = document.querySelector(arguments[0]);"
                "return !!e && e.getBoundingClientRect().width > 0",
                css,
            )
        )

    def wait_for(self, css: str, seconds: float = 120) -> None:
        """Wait until such an element can be seen."""
        deadline = time.monotonic() + seconds
        while not self.has(css):
            assert time.monotonic() < deadline, f"no {css} at {self.url}:\n{self.text[:2000]}"
            time.sleep(0.2)

    def type(self, css: str, text: str) -> None:
        """Type into the element, key by key."""
        self._call("POST", f"/element/{self._find(css)}/value", {"text": text})

    def click(self, css: str) -> None:
        """Click on the middle of the element, as a mouse does."""
        self._call("POST", f"/element/{self._find(css)}/click", {})

    def screenshot(self, path: Path) -> Path:
        """Save what the window shows, as PNG."""
        path.write_bytes(base64.b64decode(self._call("GET", "/screenshot")))
        return path

    def _find(self, css: str) -> str:
        found = self._call("POST", "/element", {"using": "css selector", "value": css})
        return str(found[ELEMENT])

    def _open_window(self) -> None:
        arguments = [*ARGUMENTS, self.size, f"--user-data-dir={self.folder / 'profile'}"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")  # Chromium's sandbox refuses root
        options = {"binary": str(peers.find("chromium")), "args": arguments}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options}
        self._wait_for_driver()
        answer = self._send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = answer["sessionId"]

    def _wait_for_driver(self, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if self._send("GET", "/status")["ready"]:
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline, Path(self.log.name).read_text()
            time.sleep(0.1)

    def _call(self, method: str, path: str, data: Any = None) -> Any:
        return self._send(method, f"/session/{self.session}{path}", data)

    def _send(self, method: str, path: str, data: Any = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            None if data is None else json.dumps(data).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise WebDriverError(json.load(error)["value"]["message"]) from error
