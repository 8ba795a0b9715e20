"""A Kubernetes API server as far as usage needs it: pods and their metrics, over TLS.

Speaks the published API: `PodList` of v1 and `PodMetricsList` of metrics.k8s.io/v1beta1, bearer
tokens, pages with `limit` and `continue`, and refusals as `Status` objects.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import http
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[["Handler"], None]
"""Sends what it wants instead of a list, or nothing."""

GROUPS = {"/api/v1/": "pods", "/apis/metrics.k8s.io/v1beta1/": "metrics"}
KINDS = {"pods": ("v1", "PodList"), "metrics": ("metrics.k8s.io/v1beta1", "PodMetricsList")}


@cache
def certificate() -> tuple[bytes, bytes]:
    """A certificate of 127.0.0.1 that is its own authority, and its key, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
    now = dt.datetime.now(dt.timezone.utc)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    return (
        made.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, plain[1], plain[0]),
    )


class KubernetesStandIn:
    """Serves until `close()`. *folder* becomes what is mounted in a pod as its service account.

    `always` and `next` hold what is answered instead of a list ("pods" or "metrics"): each time,
    or once each. `asked` are the requests that came. `forbidden` are namespaces we may not see.
    """

    def __init__(self, folder: Path, namespace: str = "hub") -> None:
        self.folder, self.namespace = folder, namespace
        self.token = "token-1"
        self.pods: dict[tuple[str, str], dict[str, Any]] = {}
        self.metrics: dict[tuple[str, str], dict[str, Any]] = {}
        self.always: dict[str, Answer] = {}
        self.next: dict[str, list[Answer]] = {"pods": [], "metrics": []}
        self.forbidden: set[str] = set()
        self.asked: list[str] = []
        self.connections = self.open = 0
        self.version = 1
        """The version of everything; a continue token of another version has expired."""
        pem, key = certificate()
        (folder / "ca.crt").write_bytes(pem)
        (folder / "namespace").write_text(namespace)
        (folder / "tls.pem").write_bytes(key + pem)
        self.mount_token()
        self._server = _Server(self, folder / "tls.pem")
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def mount_token(self) -> None:
        """Give our pod the token that is valid now."""
        (self.folder / "token").write_text(self.token)

    def add(self, pod: dict[str, Any], used: dict[str, Any] | None = None) -> None:
        """Let *pod* exist, and the metrics server have looked at it."""
        where = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        self.pods[where] = pod
        if used is not None:
            self.metrics[where] = used

    def remove(self, name: str, namespace: str = "hub") -> None:
        self.pods.pop((namespace, name))
        self.metrics.pop((namespace, name), None)

    def wait_until_idle(self) -> None:
        """Wait until connections whose other ends are closed are closed here too."""
        until = time.monotonic() + 30
        while self.open and time.monotonic() < until:
            time.sleep(0.002)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def asked_for(self, kind: str) -> int:
        """How many requests for a list came, pages and repetitions included."""
        return sum(_kind(path) == kind for path in self.asked)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, stand_in: KubernetesStandIn, pem: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stand_in = stand_in
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(pem)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread."""
        self.stand_in.connections += 1
        self.stand_in.open += 1
        with contextlib.suppress(OSError), self._tls.wrap_socket(request, server_side=True) as tls:
            super().finish_request(tls, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Only then its descriptor is gone, which is one of this process."""
        super().shutdown_request(request)
        self.stand_in.open -= 1


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # as Go's servers; else headers and body are 40 ms apart
    server: _Server

    def do_GET(self) -> None:
        stand_in = self.server.stand_in
        stand_in.asked.append(self.path)
        kind = _kind(self.path)
        if self.headers.get("Authorization") != f"Bearer {stand_in.token}":
            refuse(401, "Unauthorized", "Unauthorized")(self)
        elif self._namespace() in stand_in.forbidden:
            refuse(403, "Forbidden", f'{kind} is forbidden: User "x" cannot list')(self)
        elif stand_in.next.get(kind):
            stand_in.next[kind].pop(0)(self)
        else:
            stand_in.always.get(kind, lists)(self)

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""

    def send(
        self, status: int, body: bytes, headers: Mapping[str, str] | None = None, cut: int = 0
    ) -> None:
        """Answer; without the last *cut* bytes, which were promised."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) - cut])
        self.close_connection = self.close_connection or bool(cut)

    def _namespace(self) -> str:
        return urlsplit(self.path).path.split("/")[-2]

    def page(self) -> tuple[dict[str, Any], bool]:
        """The page that is asked for, and whether the continue token has expired."""
        query = parse_qs(urlsplit(self.path).query)
        kind, stand_in = _kind(self.path), self.server.stand_in
        key, _, value = query["labelSelector"][0].partition("=")
        wanted = [
            item
            for (namespace, _name), item in sorted(getattr(stand_in, kind).items())
            if namespace == self._namespace() and item["metadata"]["labels"].get(key) == value
        ]
        start = 0
        if "continue" in query:
            token = json.loads(base64.b64decode(query["continue"][0]))
            if token["rv"] != stand_in.version:
                return {}, True
            start = token["start"]
        limit = int(query.get("limit", ["0"])[0]) if kind == "pods" else 0  # as metrics-server
        end = start + limit if limit else len(wanted)
        metadata: dict[str, Any] = {"resourceVersion": str(stand_in.version)}
        if end < len(wanted):
            token = {"v": "meta.k8s.io/v1", "rv": stand_in.version, "start": end}
            metadata["continue"] = base64.b64encode(json.dumps(token).encode()).decode()
            metadata["remainingItemCount"] = len(wanted) - end
        version, name = KINDS[kind]
        items = wanted[start:end]
        return {"kind": name, "apiVersion": version, "metadata": metadata, "items": items}, False


def _kind(path: str) -> str:
    return next((kind for start, kind in GROUPS.items() if path.startswith(start)), "")


def lists(handler: Handler) -> None:
    """What a healthy API server does."""
    page, expired = handler.page()
    if expired:
        refuse(410, "Expired", "The provided continue parameter is too old")(handler)
    else:
        handler.send(200, json.dumps(page).encode())


def refuse(status: int, reason: str, message: str = "", retry_after: str = "") -> Answer:
    """Answer with a `Status` object, as every refusal of the API is one."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    body |= {"message": message, "reason": reason, "code": status}
    headers = {"Retry-After": retry_after} if retry_after else {}
    return lambda handler: handler.send(status, json.dumps(body).encode(), headers)


def no_such_api(handler: Handler) -> None:
    """What is answered for an API group that nobody installed: plain text."""
    handler.send(http.HTTPStatus.NOT_FOUND, b"404 page not found\n")


def says(body: bytes) -> Answer:
    """Answer 200 with *body*, which may be no list."""
    return lambda handler: handler.send(200, body)


def cut_off(handler: Handler) -> None:
    """Promise a list, and end in the middle of it."""
    handler.send(200, json.dumps(handler.page()[0]).encode(), cut=40)


def hangs(handler: Handler) -> None:
    """Send nothing; ends when the other side does."""
    handler.connection.recv(1)
    handler.close_connection = True


def trickles(handler: Handler) -> None:
    """Send a byte of a header now and then, for ever."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        handler.wfile.write(b"x")
        time.sleep(0.05)


def slowly(seconds: float) -> Answer:
    """Answer rightly, but late."""

    def answer(handler: Handler) -> None:
        time.sleep(seconds)
        lists(handler)

    return answer
