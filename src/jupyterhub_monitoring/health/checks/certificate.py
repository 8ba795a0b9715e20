"""The TLS certificates that browsers see are valid for some time yet."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ...metrics.catalogue import CERTIFICATE_EXPIRY
from ..codes import CERT_EXPIRY, CERT_UNREADABLE
from ..result import Finding, healthy, now, unhealthy, warning, worst
from ..settings import MonitoringHealth

DAY = 86400.0


def files(app: Any, settings: MonitoringHealth) -> list[Path]:
    """Return the certificate files that there are to watch."""
    own = [app.ssl_cert] if getattr(app, "ssl_cert", "") else []
    return [Path(path) for path in dict.fromkeys([*own, *settings.certificate_files])]


class CertificateCheck:
    """Reads each file anew, so that a renewed one is seen."""

    def __init__(self, app: Any, settings: MonitoringHealth) -> None:
        self._app, self._settings = app, settings

    def __call__(self) -> Finding:
        """Look at the certificates now."""
        at = now()
        return worst([self._look(path, at) for path in files(self._app, self._settings)])

    def _look(self, path: Path, at: datetime) -> Finding:
        try:
            begins, ends = validity(path.read_bytes())
        except (OSError, ValueError) as error:
            CERTIFICATE_EXPIRY.labels(path).unknown()
            return unhealthy(CERT_UNREADABLE, f"{path}: {error}")
        CERTIFICATE_EXPIRY.labels(path).set(ends.timestamp())
        if at < begins:
            return unhealthy(CERT_EXPIRY, f"{path} is not valid before {begins:%Y-%m-%d %H:%M} UTC")
        days = (ends - at).total_seconds() / DAY
        if days <= 0:
            return unhealthy(CERT_EXPIRY, f"{path} expired on {ends:%Y-%m-%d %H:%M} UTC")
        said = f"{path} expires in {days:.1f} days, on {ends:%Y-%m-%d}"
        if days <= self._settings.certificate_critical_days:
            return unhealthy(CERT_EXPIRY, said)
        if days <= self._settings.certificate_warning_days:
            return warning(CERT_EXPIRY, said)
        return healthy(said)


def validity(pem: bytes) -> tuple[datetime, datetime]:
    """Return when the chain in *pem* begins and ceases to be valid; ValueError if it has none."""
    from cryptography import x509  # noqa: PLC0415 -- JupyterHub's own dependency; costs 50 ms

    chain = x509.load_pem_x509_certificates(pem)
    return (
        max(_aware(certificate, "not_valid_before") for certificate in chain),
        min(_aware(certificate, "not_valid_after") for certificate in chain),
    )


def _aware(certificate: Any, name: str) -> datetime:
    """Return the time with its zone; cryptography before 42 has it without."""
    value = getattr(certificate, f"{name}_utc", None)
    found: datetime = value or getattr(certificate, name).replace(tzinfo=timezone.utc)
    return found
