"""`export grafana --push URL`: reads the token, uploads, says what was done."""

from __future__ import annotations

import argparse
import json
import re
import ssl
import sys
from pathlib import Path
from urllib.parse import urlsplit

from ..alerting.text_file import read_secret
from ..errors import CannotStart
from ..export.deployment import Deployment
from ..export.grafana import dashboards
from ..export.grafana_push import GrafanaApi, push
from .counted import counted


def upload(args: argparse.Namespace, deployment: Deployment) -> None:
    """Put the dashboards of *deployment* into the Grafana that *args* name."""
    api = GrafanaApi(_url(args.push), _token(args.push_token_file), _trusted(args.ca_file))
    made = [json.loads(text) for text in dashboards(deployment).values()]
    pushed = push(api, deployment.grafana.folder, made)
    print(
        f"{counted(len(pushed.written), 'dashboard')} written to the folder"
        f" {deployment.grafana.folder!r} of {api.url}, {len(pushed.unchanged)} were there already",
        file=sys.stderr,
    )


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        well = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        well = False
    if not well or parts.username is not None or parts.query or parts.fragment:
        raise CannotStart("--push needs an address like https://grafana.example.org/")
    return text


def _token(file: Path | None) -> str:
    if file is None:
        raise CannotStart("--push needs --token-file FILE, with a token of Grafana in it")
    try:
        token = read_secret(file)
    except OSError as error:
        raise CannotStart(f"--token-file {file}: {error.strerror}") from None
    if not re.fullmatch(r"[!-~]+", token):
        raise CannotStart(f"--token-file {file}: it must hold one token, and nothing else")
    return token


def _trusted(file: Path | None) -> ssl.SSLContext | None:
    if file is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(file))
    except (OSError, ssl.SSLError) as error:
        raise CannotStart(f"--ca-file {file}: {error.strerror or error}") from None
