"""What the service is told by whoever starts it: the Hub, by environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

NAME = "jupyterhub-monitoring"


@dataclass(frozen=True)
class Surroundings:
    """Where the service runs and what it may use. Secrets are left out of its text."""

    host: str
    port: int
    prefix: str  # begins and ends with a slash
    folder: Path
    settings: str = "{}"  # JSON, as `configuration.dump_sections` writes it
    problems: str = "[]"  # JSON: what the Hub found wrong in the settings
    base_url: str = "/"  # of the Hub, ends with a slash
    hub_folder: Path = Path("/")  # the Hub's working directory, where its relative paths begin
    api_url: str = ""  # the Hub's, without a slash at the end
    token: str = field(default="", repr=False)
    parent: int = 0  # the Hub's process; 0: nobody is to be watched
    key_file: str = ""
    cert_file: str = ""
    ca_file: str = ""
    spawner_class: str = ""
    alerting: str = field(default="{}", repr=False)  # JSON: see `ManagedService._alerting`
    prometheus_url: str = field(default="", repr=False)  # may hold a password
    usernames: str = field(default="", repr=False)  # as `Usernames.handed_over` writes it

    @classmethod
    def of_hub(cls, environ: Mapping[str, str]) -> Surroundings:
        """Return what the Hub says. Raises KeyError or ValueError when it is no Hub that calls."""
        url = urlsplit(environ["JUPYTERHUB_SERVICE_URL"])
        return cls(
            host=url.hostname or "127.0.0.1",
            port=url.port or 0,
            prefix=environ["JUPYTERHUB_SERVICE_PREFIX"].rstrip("/") + "/",
            folder=Path(environ.get("JUPYTERHUB_MONITORING_DATA_DIR") or Path.cwd() / NAME),
            settings=environ.get("JUPYTERHUB_MONITORING_SETTINGS") or "{}",
            problems=environ.get("JUPYTERHUB_MONITORING_PROBLEMS") or "[]",
            hub_folder=Path(environ.get("JUPYTERHUB_MONITORING_HUB_FOLDER") or "/"),
            base_url=environ.get("JUPYTERHUB_BASE_URL", "/").rstrip("/") + "/",
            api_url=environ["JUPYTERHUB_API_URL"].rstrip("/"),
            token=environ["JUPYTERHUB_API_TOKEN"],
            parent=int(environ.get("JUPYTERHUB_MONITORING_HUB_PID") or 0),
            key_file=environ.get("JUPYTERHUB_SSL_KEYFILE", ""),
            cert_file=environ.get("JUPYTERHUB_SSL_CERTFILE", ""),
            ca_file=environ.get("JUPYTERHUB_SSL_CLIENT_CA", ""),
            spawner_class=environ.get("JUPYTERHUB_MONITORING_SPAWNER_CLASS", ""),
            alerting=environ.get("JUPYTERHUB_MONITORING_ALERTING") or "{}",
            prometheus_url=environ.get("JUPYTERHUB_MONITORING_PROMETHEUS_URL", ""),
            usernames=environ.get("JUPYTERHUB_MONITORING_USERNAMES", ""),
        )
