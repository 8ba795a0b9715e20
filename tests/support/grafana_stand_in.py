"""What of Grafana's HTTP API an upload of dashboards meets, in the shapes of Grafana 11."""

from __future__ import annotations

import json
import ssl
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

EDITOR, VIEWER = "glsa_editor", "glsa_viewer"
Said = tuple[int, Any]


@dataclass
class GrafanaStandIn:
    """Folders and dashboards below *path*, with two service accounts' tokens.

    `writes` are the bodies of those that were accepted, `asked` all requests.
    """

    path: str = ""
    version: str = "11.6.0"
    tls: ssl.SSLContext | None = None
    folders: list[dict[str, Any]] = field(default_factory=list)
    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    provisioned: set[str] = field(default_factory=set)
    writes: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def __enter__(self) -> GrafanaStandIn:  # noqa: PYI034 -- nobody subclasses it
        grafana = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(None)

            def do_POST(self) -> None:
                self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def answer(self, body: Any) -> None:
                grafana.asked.append(f"{self.command} {self.path}")
                grafana.tokens.append(self.headers.get("Authorization", ""))
                status, said = grafana.answer(
                    self.command, self.path, self.headers.get("Authorization", ""), body
                )
                text = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=UTF-8")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if self.tls is not None:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self.server.server_port}{self.path}"

    def answer(self, method: str, address: str, authorization: str, body: Any) -> Said:
        parts = urllib.parse.urlsplit(address)
        if not parts.path.startswith(f"{self.path}/api/"):
            return 404, {"message": "Not found"}
        path = parts.path.removeprefix(f"{self.path}/api/")
        if path == "health":
            return 200, {"database": "ok", "version": self.version, "commit": "abc"}
        if authorization not in {f"Bearer {EDITOR}", f"Bearer {VIEWER}"}:
            return 401, {"message": "Invalid API key", "messageId": "api-key.invalid"}
        if method == "POST" and authorization != f"Bearer {EDITOR}":
            return 403, {
                "accessErrorId": "ACE1",
                "message": "You'll need additional permissions to perform this action."
                " Permissions needed: dashboards:create",
                "title": "Access denied",
            }
        return self._allowed(method, path, body)

    def _allowed(self, method: str, path: str, body: Any) -> Said:
        if path == "folders":
            return self._new_folder(body) if method == "POST" else (200, self.folders)
        if path == "dashboards/db":
            return self._save(body)
        return self._read(path.removeprefix("dashboards/uid/"))

    def _new_folder(self, body: dict[str, Any]) -> Said:
        number = len(self.folders) + 1
        folder = {"id": number, "uid": f"f{number}", "title": body["title"]}
        self.folders.append(folder)
        return 200, {**folder, "url": f"/dashboards/f/f{number}/", "version": 1}

    def _read(self, uid: str) -> Said:
        if uid not in self.stored:
            return 404, {"message": "Dashboard not found"}
        return 200, self.stored[uid]

    def _save(self, body: dict[str, Any]) -> Said:
        dashboard, folder = body["dashboard"], body["folderUid"]
        uid = dashboard["uid"]
        if uid in self.provisioned:
            return 400, {"message": "Cannot save provisioned dashboard"}
        if folder not in {one["uid"] for one in self.folders}:
            return 400, {"message": "Folder not found"}
        for other, there in self.stored.items():
            same_name = there["dashboard"]["title"] == dashboard["title"]
            if other != uid and same_name and there["meta"]["folderUid"] == folder:
                return 412, {
                    "message": "A dashboard with the same name in the folder already exists",
                    "status": "name-exists",
                }
        before = self.stored.get(uid)
        if before is not None and not body.get("overwrite"):
            return 412, {"message": "The dashboard has been changed", "status": "version-mismatch"}
        version = before["dashboard"]["version"] + 1 if before else 1
        number = before["dashboard"]["id"] if before else len(self.stored) + 1
        self.stored[uid] = {
            "dashboard": {**dashboard, "id": number, "version": version},
            "meta": {"folderUid": folder, "version": version},
        }
        self.writes.append(body)
        done = {"id": number, "uid": uid, "status": "success", "version": version}
        return 200, {**done, "slug": uid, "url": f"/d/{uid}", "folderUid": folder}
