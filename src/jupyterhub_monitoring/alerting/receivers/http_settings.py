"""`http_config` and `tls_config` of an Alertmanager configuration, as we use them."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from ...errors import WrongRouting
from ..text_file import read_secret
from .http_options import HttpOptions
from .setting import setting

UNUSED = {
    "oauth2": "oauth2 of http_config is not supported; use authorization or basic_auth",
    "proxy_connect_header": "proxy_connect_header of http_config is not supported",
}
UNUSED_TLS = {
    "cert": "tls_config.cert cannot stand in the file itself; use cert_file and key_file",
    "key": "tls_config.key cannot stand in the file itself; use cert_file and key_file",
    "server_name": "tls_config.server_name is not supported; use the name in the certificate",
    "max_version": "tls_config.max_version is not supported",
}
VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}


def options_of(settings: Mapping[str, Any]) -> HttpOptions:
    """Return the options that an `http_config` asks for. Raises `WrongRouting` for what we lack.

    To leave such a setting aside could mean to send where, or as whom, the operator did not want.
    """
    _refuse(settings, UNUSED)
    authorization = settings.get("authorization") or {}
    basic = settings.get("basic_auth") or {}
    return HttpOptions(
        auth_type=setting(authorization, "type") or "Bearer",
        credentials=setting(authorization, "credentials"),
        credentials_file=setting(authorization, "credentials_file"),
        username=setting(basic, "username"),
        username_file=setting(basic, "username_file"),
        password=setting(basic, "password"),
        password_file=setting(basic, "password_file"),
        headers=_headers(settings.get("http_headers") or {}),
        proxy_url=setting(settings, "proxy_url"),
        no_proxy=setting(settings, "no_proxy"),
        proxy_from_environment=bool(settings.get("proxy_from_environment")),
        follow_redirects=bool(settings.get("follow_redirects", True)),
        **_tls(settings.get("tls_config") or {}),
    )


def tls_options(settings: Mapping[str, Any]) -> HttpOptions:
    """Return the options of a `tls_config` alone, as mail has it."""
    return HttpOptions(**_tls(settings))


def _tls(settings: Mapping[str, Any]) -> dict[str, Any]:
    _refuse(settings, UNUSED_TLS)
    return {
        "ca": setting(settings, "ca"),
        "ca_file": setting(settings, "ca_file"),
        "cert_file": setting(settings, "cert_file"),
        "key_file": setting(settings, "key_file"),
        "insecure": bool(settings.get("insecure_skip_verify")),
        "at_least": VERSIONS.get(setting(settings, "min_version"), ssl.TLSVersion.TLSv1_2),
    }


def _headers(written: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    found = {}
    for name, sources in written.items():
        values = [str(value) for value in sources.get("values") or []]
        values += [setting({"": secret}, "") for secret in sources.get("secrets") or []]
        values += [_content(file, name) for file in sources.get("files") or []]
        found[name] = ", ".join(values)
    return found


def _content(file: str, header: str) -> str:
    try:
        return read_secret(file)
    except OSError as error:
        reason = f"the file {file} of header {header} cannot be read: {error.strerror}"
        raise WrongRouting(reason) from None


def _refuse(settings: Mapping[str, Any], unused: Mapping[str, str]) -> None:
    for key, text in unused.items():
        if settings.get(key):
            raise WrongRouting(text)
