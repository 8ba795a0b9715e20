"""People whom a Hub under test can know for real: a PAM service, an OAuth provider, a user."""

from __future__ import annotations

import getpass
import json
import os
import secrets
import shutil
import sys
import tempfile
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

IS_ROOT = os.geteuid() == 0


@contextmanager
def pam_service(password: str) -> Iterator[str]:
    """Add a PAM service to this system while the block runs, and give its name; needs root.

    PAM reads services from /etc/pam.d only. Every existing user gets in with *password*, which a
    program compares, so that no user's own password is set or read.
    """
    name = f"jupyterhub-monitoring-test-{os.getpid()}-{secrets.token_hex(4)}"
    file = Path("/etc/pam.d") / name
    with tempfile.TemporaryDirectory() as folder:
        check = Path(folder) / "check"
        check.write_text(f"""#!/bin/sh\n[ "$(tr -d '\\000')" = "{password}" ]\n""")
        check.chmod(0o700)
        try:
            file.write_text(
                f"auth required pam_exec.so quiet expose_authtok {check}\n"
                "account required pam_permit.so\n"
                "session required pam_permit.so\n"
            )
            yield name
        finally:
            file.unlink(missing_ok=True)


@dataclass(frozen=True)
class SystemUser:
    """An existing user of this system, and a command that he may run as his server."""

    name: str
    cmd: list[str]


@contextmanager
def system_user() -> Iterator[SystemUser]:
    """Give a user for LocalProcessSpawner. No account is made or changed.

    As root that is `daemon`, who is on every Debian, with the system's Python, since he may not
    read the one in root's home; the setuid in LocalProcessSpawner is then real. Elsewhere it is
    whoever runs the tests.
    """
    python = "/usr/bin/python3"
    other = IS_ROOT and Path(python).exists()
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        server = shutil.copy(Path(__file__).with_name("tiny_singleuser.py"), folder)
        name = "daemon" if other else getpass.getuser()
        yield SystemUser(name, [python if other else sys.executable, str(server)])
    finally:
        shutil.rmtree(folder)


class OAuthProvider:
    """A provider of OAuth 2 logins on a free port: `.user` is who sits before the browser.

    It checks what a provider checks: the client's secret, the code, the redirection's address
    and the token. `.broken` makes its token endpoint answer 500.
    """

    client_id, client_secret = "hub", "client secret"

    def __init__(self) -> None:
        self.user = "ada"
        self.broken = False
        self.codes: dict[str, tuple[str, str]] = {}
        self.tokens: dict[str, str] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def options(self, callback_url: str) -> dict[str, object]:
        """Return the traits of a GenericOAuthenticator that uses this provider."""
        return {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "authorize_url": f"{self.url}/authorize",
            "token_url": f"{self.url}/token",
            "userdata_url": f"{self.url}/userdata",
            "oauth_callback_url": callback_url,
            "username_claim": "login",
        }

    def code(self, redirect_uri: str) -> str:
        code = secrets.token_hex(8)
        self.codes[code] = (self.user, redirect_uri)
        return code

    def token(self, form: dict[str, str]) -> str | None:
        user, redirect_uri = self.codes.pop(form.get("code", ""), ("", ""))
        if not user or redirect_uri != form.get("redirect_uri"):
            return None
        if (form.get("client_id"), form.get("client_secret")) != (
            self.client_id,
            self.client_secret,
        ):
            return None
        token = secrets.token_hex(8)
        self.tokens[token] = user
        return token


def _handler(provider: OAuthProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            url = urllib.parse.urlparse(self.path)
            asked = dict(urllib.parse.parse_qsl(url.query))
            if url.path == "/authorize":
                back = {"code": provider.code(asked["redirect_uri"]), "state": asked["state"]}
                self.send_response(302)
                self.send_header(
                    "Location", f"{asked['redirect_uri']}?{urllib.parse.urlencode(back)}"
                )
                self.end_headers()
                return
            user = provider.tokens.get(self.headers.get("Authorization", "").partition(" ")[2])
            self.answer(200 if user else 401, {"login": user})

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            token = None if provider.broken else provider.token(dict(urllib.parse.parse_qsl(body)))
            if token is None:
                self.answer(500 if provider.broken else 400, {"error": "invalid_grant"})
                return
            self.answer(200, {"access_token": token, "token_type": "Bearer", "scope": ""})

        def answer(self, status, model):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(model).encode())

        def log_message(self, *args):
            pass

    return Handler
