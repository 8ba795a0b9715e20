"""How a receiver's server is reached: credentials, certificates, proxy."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..text_file import read_secret
from .tunnel import bypassed, proxy_of_environment


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """What Alertmanager's `http_config` says. Files are read at each request: secrets rotate."""

    auth_type: str = "Bearer"
    credentials: str = field(default="", repr=False)
    credentials_file: str = ""
    username: str = ""
    username_file: str = ""
    password: str = field(default="", repr=False)
    password_file: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca: str = field(default="", repr=False)  # PEM
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    insecure: bool = False
    at_least: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    proxy_url: str = field(default="", repr=False)
    no_proxy: str = ""  # names, separated by commas
    proxy_from_environment: bool = False
    follow_redirects: bool = True

    def all_headers(self) -> dict[str, str]:
        """Return the headers of each request. Raises OSError where a file cannot be read."""
        headers = dict(self.headers)
        username = _secret(self.username, self.username_file)
        if credentials := _secret(self.credentials, self.credentials_file):
            headers["Authorization"] = f"{self.auth_type} {credentials}"
        elif username:
            pair = f"{username}:{_secret(self.password, self.password_file)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return headers

    def secrets(self) -> tuple[str, ...]:
        """Return what must not be shown. Raises OSError where a file cannot be read."""
        headers = self.all_headers()
        sent = [value.rpartition(" ")[2] for value in headers.values()]
        return (*headers.values(), *sent, _secret(self.password, self.password_file))

    def tls(self) -> ssl.SSLContext:
        """Return what HTTPS connections use. Raises OSError where a file cannot be read."""
        context = ssl.create_default_context(cafile=self.ca_file or None, cadata=self.ca or None)
        context.minimum_version = self.at_least
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file or None)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def proxy(self, url: str) -> str:
        """Return the proxy by which *url* is reached, empty for none."""
        if self.proxy_url:
            return "" if bypassed(url, self.no_proxy) else self.proxy_url
        return proxy_of_environment(url) if self.proxy_from_environment else ""


NO_OPTIONS = HttpOptions()


def _secret(value: str, file: str) -> str:
    return read_secret(file) if file else value
