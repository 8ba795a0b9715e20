"""What answers when the service itself cannot be loaded: Python's own library and nothing else.

The Hub's users see a page instead of an error of the proxy, and the Hub sees a service that runs.
"""

from __future__ import annotations

import html
import json
import logging
import os
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

TRY_AGAIN_SECONDS = 300.0
"""After this it ends, and the Hub starts the service anew: the reason may be gone."""

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Monitoring</title>
<style>:root{{color-scheme:light dark}}body{{font:16px/1.5 system-ui,sans-serif;max-width:42rem;
margin:3rem auto;padding:0 1rem}}code{{white-space:pre-wrap}}</style>
<h1>The monitoring service cannot start</h1>
<p>The Hub itself goes on; nothing is recorded meanwhile. The service tries again every
{minutes:.0f} minutes.</p>
<p>MON-CFG-01: <code>{reason}</code></p>
<p>An administrator finds the whole story in the Hub's log. A package that is missing or does not
fit comes back with <code>pip install --force-reinstall jupyterhub-monitoring</code> in the Hub's
environment.</p>
"""


def serve(environ: Mapping[str, str], reason: BaseException) -> None:
    """Answer every request with what is wrong, for `TRY_AGAIN_SECONDS` or until the Hub is gone."""
    log.critical("The monitoring service cannot start", exc_info=reason)
    # Whoever reaches the Hub sees this: the paths of this machine are for the log.
    text = f"{type(reason).__name__}: {re.sub(r' [(]/.*[)]', '', str(reason))}"
    url = urlsplit(environ.get("JUPYTERHUB_SERVICE_URL", ""))
    address = (url.hostname or "127.0.0.1", url.port or 0)
    with ThreadingHTTPServer(address, _handler(text)) as server:
        threading.Thread(target=_end_later, args=(server,), daemon=True).start()
        server.serve_forever()


def _end_later(server: ThreadingHTTPServer) -> None:
    parent, seconds = os.getppid(), 0.0
    pause = threading.Event()
    while seconds < TRY_AGAIN_SECONDS and os.getppid() == parent:
        pause.wait(1.0)
        seconds += 1.0
    server.shutdown()


def _handler(reason: str) -> type[BaseHTTPRequestHandler]:
    page = PAGE.format(minutes=TRY_AGAIN_SECONDS / 60, reason=html.escape(reason))
    health = json.dumps({"status": "fail", "output": f"MON-CFG-01: {reason}"})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Send the page, or its JSON to machines."""
            path = urlsplit(self.path).path
            if path.rstrip("/").endswith("/monitoring"):
                self._answer(200, "text/html; charset=utf-8", page)
            elif path.endswith("/health"):
                self._answer(503, "application/health+json", health)
            else:
                self._answer(503, "application/json", _error(reason))

        do_HEAD = do_POST = do_GET  # noqa: N815

        def _answer(self, status: int, kind: str, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing: the reason is in the log already."""

    return Handler


def _error(reason: str) -> str:
    return json.dumps(
        {"status": "error", "errorType": "unavailable", "error": f"MON-CFG-01: {reason}"}
    )
