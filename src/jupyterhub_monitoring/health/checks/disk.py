"""Room on the disks that the Hub writes to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ...metrics.catalogue import DISK_FREE_BYTES, DISK_SIZE_BYTES
from ..codes import DISK_FULL, DISK_UNKNOWN
from ..result import Finding, Status, healthy, unhealthy, warning, worst
from ..settings import MonitoringHealth

FEW_FILES = (
    1000  # inodes left at which a file system with a fixed number of them is as good as full
)


def folders(app: Any, settings: MonitoringHealth) -> list[Path]:
    """Return the folders of the SQLite database, the log and the operator's; each once."""
    found = [Path(path) for path in settings.disk_paths]
    engine = app.db.get_bind()
    if engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:"):
        found.append(Path(engine.url.database).absolute().parent)
    if getattr(app, "extra_log_file", ""):
        found.append(Path(app.extra_log_file).absolute().parent)
    return list(dict.fromkeys(found))


class DiskCheck:
    """Asks each folder's file system how much an ordinary user may still write."""

    def __init__(self, app: Any, settings: MonitoringHealth) -> None:
        self._settings = settings
        self._folders = folders(app, settings)

    def __call__(self) -> Finding:
        """Look at the disks now. Blocks as long as the file systems do."""
        return worst([self._look(folder) for folder in self._folders])

    def _look(self, folder: Path) -> Finding:
        try:
            stat = os.statvfs(folder)
        except OSError as error:
            for metric in (DISK_FREE_BYTES, DISK_SIZE_BYTES):
                metric.labels(folder).unknown()
            # Not "full": how much is free is unknown.
            return Finding(Status.ERROR, f"{folder}: {error.strerror}", DISK_UNKNOWN)
        free = stat.f_bavail * stat.f_frsize
        DISK_FREE_BYTES.labels(folder).set(free)
        # As `df` has it: what is used, and what may still be.
        DISK_SIZE_BYTES.labels(folder).set((stat.f_blocks - stat.f_bfree) * stat.f_frsize + free)
        said = f"{folder}: {free / 2**20:,.0f} MiB free"
        if stat.f_files and stat.f_favail < FEW_FILES:
            return unhealthy(DISK_FULL, f"{folder}: room for only {stat.f_favail} more files")
        if free < self._settings.disk_critical_free_bytes:
            return unhealthy(DISK_FULL, said)
        if free < self._settings.disk_warning_free_bytes:
            return warning(DISK_FULL, said)
        return healthy(said)
