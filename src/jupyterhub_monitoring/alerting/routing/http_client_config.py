"""`http_config` and `tls_config`: how receivers reach web services, as in Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yaml.nodes import Node

from ..addresses import any_url
from ..rules.checks import at_most_one
from .strict_yaml import Reading, flag, list_of, map_of, path, record, secret, text

_DEFAULTS = {"follow_redirects": True, "enable_http2": True}
_RESERVED_HEADERS = {
    *("authorization", "host", "content-encoding", "content-length", "content-type"),
    *("user-agent", "connection", "keep-alive", "proxy-authenticate", "proxy-authorization"),
    *("www-authenticate", "accept-encoding", "x-prometheus-remote-write-version"),
    *("x-prometheus-remote-read-version", "x-prometheus-scrape-timeout-seconds"),
    *("x-amz-date", "x-amz-security-token", "x-amz-content-sha256"),
}
_TLS_VERSIONS = ("TLS10", "TLS11", "TLS12", "TLS13")


def _tls_version(node: Node, reading: Reading) -> str:
    version = text(node, reading)
    if version not in _TLS_VERSIONS:
        raise reading.wrong(node, f"unknown TLS version; known: {', '.join(_TLS_VERSIONS)}")
    return version


def _certificate_with_key(settings: Mapping[str, Any]) -> str | None:
    certificate = settings.get("cert") or settings.get("cert_file")
    key = settings.get("key") or settings.get("key_file")
    if bool(certificate) != bool(key):
        return "a client's certificate needs its key (key or key_file), and the other way round"
    return None


tls_config = record(
    "tls_config",
    {
        "ca": text,
        "ca_file": path,
        "cert": text,
        "cert_file": path,
        "key": secret,
        "key_file": path,
        "server_name": text,
        "insecure_skip_verify": flag,
        "min_version": _tls_version,
        "max_version": _tls_version,
    },
    at_most_one("ca", "ca_file"),
    at_most_one("cert", "cert_file"),
    at_most_one("key", "key_file"),
    _certificate_with_key,
)

_proxy = {
    "proxy_url": any_url,
    "no_proxy": text,
    "proxy_from_environment": flag,
    "proxy_connect_header": map_of(list_of(secret)),
}


def _proxy_makes_sense(settings: Mapping[str, Any]) -> str | None:
    url, environment = settings.get("proxy_url"), settings.get("proxy_from_environment")
    if environment and (url or settings.get("no_proxy")):
        return "with proxy_from_environment there must be no proxy_url and no no_proxy"
    if settings.get("no_proxy") and not url:
        return "no_proxy needs proxy_url"
    if settings.get("proxy_connect_header") and not (url or environment):
        return "proxy_connect_header needs proxy_url or proxy_from_environment"
    return None


_basic_auth = record(
    "basic_auth",
    {"username": text, "username_file": path, "password": secret, "password_file": path},
    at_most_one("username", "username_file"),
    at_most_one("password", "password_file"),
)

_authorization = record(
    "authorization",
    {"type": text, "credentials": secret, "credentials_file": path},
    at_most_one("credentials", "credentials_file"),
    lambda settings: (
        'type cannot be "basic"; use basic_auth'
        if settings.get("type", "").strip().lower() == "basic"
        else None
    ),
)

_oauth2 = record(
    "oauth2",
    {
        "client_id": text,
        "client_secret": secret,
        "client_secret_file": path,
        "scopes": list_of(text),
        "token_url": text,
        "endpoint_params": map_of(text),
        "tls_config": tls_config,
        **_proxy,
    },
    at_most_one("client_secret", "client_secret_file"),
    lambda settings: None if settings.get("client_id") else "client_id must be configured",
    lambda settings: None if settings.get("token_url") else "token_url must be configured",
    _proxy_makes_sense,
)

_header = record(
    "a header", {"values": list_of(text), "secrets": list_of(secret), "files": list_of(path)}
)


def _headers_are_free(settings: Mapping[str, Any]) -> str | None:
    for name in settings.get("http_headers", {}):
        if name.lower() in _RESERVED_HEADERS:
            return f"setting header {name!r} is not allowed"
    return None


_written = record(
    "http_config",
    {
        "basic_auth": _basic_auth,
        "authorization": _authorization,
        "oauth2": _oauth2,
        "bearer_token": secret,
        "bearer_token_file": path,
        "tls_config": tls_config,
        "follow_redirects": flag,
        "enable_http2": flag,
        "http_headers": map_of(_header),
        **_proxy,
    },
    at_most_one("basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file"),
    _proxy_makes_sense,
    _headers_are_free,
)


def default_http_config() -> dict[str, Any]:
    """Return what is used where the file says nothing."""
    return dict(_DEFAULTS)


def http_config(node: Node, reading: Reading) -> dict[str, Any]:
    """Read an `http_config`; `authorization` has its type, and is what `bearer_token` becomes."""
    settings = {**_DEFAULTS, **_written(node, reading)}
    for old, new in (("bearer_token", "credentials"), ("bearer_token_file", "credentials_file")):
        if token := settings.pop(old, None):
            settings["authorization"] = {new: token}
    if "authorization" in settings:
        kind = settings["authorization"].get("type", "").strip() or "Bearer"
        settings["authorization"] = {**settings["authorization"], "type": kind}
    return settings
