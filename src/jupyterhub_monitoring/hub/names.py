"""Puts `c.Monitoring.usernames` in force, and keeps the key of the hashes."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path
from typing import Any

from ..metrics import usernames
from ..metrics.declare import CATALOGUE
from ..metrics.usernames import UsernameMode, Usernames

log = logging.getLogger(__name__)

KEY_FILE = "jupyterhub_monitoring_key"
_KEY_BYTES = 32


def put_in_force(app: Any, wanted: str | None, *, in_doubt: bool) -> UsernameMode:
    """Decide how usernames are shown, and return it.

    *in_doubt*: the settings have an error, and until it is repaired no name is shown.
    """
    mode = _mode(app, wanted, in_doubt=in_doubt)
    key = b""
    if mode is UsernameMode.HASH:
        try:
            key = _key(Path(os.path.expanduser(app.cookie_secret_file)).absolute().parent)  # noqa: PTH111 -- as JupyterHub itself does
        except OSError as error:
            log.error(  # noqa: TRY400 -- the text says it all
                "c.Monitoring.usernames = 'hash' needs a key file: %s. Names are left out.", error
            )
            mode = UsernameMode.NONE
    if mode is not usernames.policy().mode:
        for metric in CATALOGUE.values():
            metric.forget_users()
    usernames.use(Usernames(mode, key))
    return mode


def _mode(app: Any, wanted: str | None, *, in_doubt: bool) -> UsernameMode:
    if in_doubt:
        log.error("c.Monitoring has an error (above): usernames are left out until it is repaired.")
        return UsernameMode.NONE
    if wanted is not None:
        return UsernameMode(wanted)
    if not app.authenticate_prometheus:
        log.warning(
            "c.JupyterHub.authenticate_prometheus is False: anybody who reaches the Hub can read"
            " /hub/metrics, so usernames are left out of it."
            " Set c.Monitoring.usernames to choose for yourself."
        )
        return UsernameMode.NONE
    return UsernameMode.NAME


def _key(folder: Path) -> bytes:
    """Return the key beside the cookie secret; made at the first use, readable by the Hub only."""
    path = folder / KEY_FILE
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = secrets.token_bytes(_KEY_BYTES)
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "wb") as file:
            file.write(key)
    if len(key) < _KEY_BYTES:
        raise OSError(f"{path} is too short to be a key; remove it and a new one is made")
    return key
