"""How a pod reaches its own cluster's API: what Kubernetes mounts and sets in every pod."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path

FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")

_TOKEN = re.compile(r"[\x21-\x7e]+")


class InCluster:
    """Address, token, certificates and namespace of the pod that we run in.

    All of it is read when asked for: tokens rotate about every hour, and so may certificates.
    `OSError` where we do not run in a pod, or without a service account.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._context: ssl.SSLContext | None = None
        self._of: tuple[int, int, int] | None = None

    def address(self) -> tuple[str, int]:
        """Return host and port of the API server."""
        host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
        port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not host or not port.isdecimal():
            raise FileNotFoundError("KUBERNETES_SERVICE_HOST is not set")
        return host, int(port)

    def token(self) -> str:
        """Return the service account's token as it is now."""
        token = (self._folder / "token").read_text(encoding="ascii", errors="replace").strip()
        if not _TOKEN.fullmatch(token):
            raise PermissionError("the service account's token is no token")
        return token

    def namespace(self) -> str:
        """Return the namespace that we run in."""
        return (self._folder / "namespace").read_text(encoding="utf-8").strip()

    def tls(self) -> ssl.SSLContext:
        """Return a context that trusts the cluster's own certificate authority and nobody else."""
        file = self._folder / "ca.crt"
        stat = file.stat()
        now = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        if self._context is None or now != self._of:
            # Not ssl.create_default_context: from Python 3.13 on it refuses certificates without
            # an authority key identifier, as kubeadm and others made them for years.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cafile=file)
            self._context, self._of = context, now
        return self._context
