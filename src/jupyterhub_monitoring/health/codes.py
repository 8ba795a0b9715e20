"""Every health code, once: `docs/runbooks/CODE.md` says what to do about each.

A code names one fault that an operator can act on, not one line of our code. Codes are never
reused and never change their meaning: alerts and runbooks elsewhere refer to them.
"""

from __future__ import annotations

from dataclasses import dataclass

RUNBOOKS = "docs/runbooks"


@dataclass(frozen=True, slots=True)
class Code:
    """One fault. *critical*: the Hub is of no use while it lasts, unless the operator disagrees."""

    code: str
    title: str
    check: str
    critical: bool = False

    def __str__(self) -> str:
        return self.code

    @property
    def runbook(self) -> str:
        """Where the page about it lies, from the top of the project."""
        return f"{RUNBOOKS}/{self.code}.md"


DB_DOWN = Code("HUB-DB-01", "The database does not answer", "database", critical=True)
DB_READ_ONLY = Code("HUB-DB-02", "The database takes no writes", "database", critical=True)
DB_SLOW = Code("HUB-DB-03", "The database is slow", "database")
DB_LOCKED = Code("HUB-DB-04", "The database is locked", "database", critical=True)
PROXY_DOWN = Code("HUB-PROXY-01", "The proxy's API does not answer", "proxy", critical=True)
PROXY_NO_HUB = Code("HUB-PROXY-02", "The proxy has no route to the Hub", "proxy", critical=True)
PROXY_SLOW = Code("HUB-PROXY-03", "The proxy's API is slow", "proxy")
URL_DOWN = Code("HUB-URL-01", "The Hub is not reached at its public URL", "public_url")
URL_SLOW = Code("HUB-URL-02", "The Hub is slow at its public URL", "public_url")
SPAWN_STUCK = Code("HUB-SPAWN-01", "Servers are stuck while starting or stopping", "spawners")
SPAWN_FAILING = Code("HUB-SPAWN-02", "Many servers fail to start", "spawners")
SPAWN_POLL = Code("HUB-SPAWN-03", "The spawner does not say whether servers live", "spawners")
LOOP_LAG = Code("HUB-LOOP-01", "The Hub's event loop was blocked", "event_loop")
DISK_FULL = Code("HUB-DISK-01", "Little disk space is left", "disk")
DISK_UNKNOWN = Code("HUB-DISK-02", "The free disk space cannot be read", "disk")
CERT_EXPIRY = Code("HUB-CERT-01", "The TLS certificate expires soon or has expired", "certificate")
CERT_UNREADABLE = Code("HUB-CERT-02", "The TLS certificate cannot be read", "certificate")
SETTINGS_WRONG = Code("HUB-CFG-01", "A monitoring setting is not understood", "settings")
CHECK_TIMEOUT = Code("HUB-CHECK-01", "A health check did not finish in time", "any")
CHECK_RAISED = Code("HUB-CHECK-02", "A health check failed with an exception", "any")
CHECK_FAILED = Code("HUB-CHECK-03", "A check of your own says that something is wrong", "any")
CHECK_STALE = Code("HUB-CHECK-04", "A health check has not run for too long", "any")

# The monitoring service's own; they are shown on its page, /services/monitoring/.
STORE_CLOSED = Code("MON-STORE-01", "The monitoring store cannot be opened", "store", critical=True)
STORE_DAMAGED = Code("MON-STORE-02", "Part of the monitoring store is damaged", "store")
STORE_FULL = Code("MON-STORE-03", "The monitoring store cannot write", "store")
DATA_FOLDER = Code("MON-DATA-01", "The data folder cannot be used", "data_dir", critical=True)
ENGINE_DOWN = Code(
    "MON-QUERY-01", "The engine that keeps the series gives no answer", "query", critical=True
)
ENGINE_LACKS = Code("MON-QUERY-02", "The engine lacks what the pages need", "query")
TARGET_DOWN = Code("MON-SCRAPE-01", "A target cannot be scraped", "scrape")
USAGE_UNKNOWN = Code("MON-USAGE-01", "What servers use cannot be seen", "usage")
RULES_WRONG = Code("MON-RULES-01", "A rule file cannot be used", "rules")
NOTIFY_WRONG = Code("MON-NOTIFY-01", "A way to tell people cannot be used", "notify")
NOTIFY_NOT_KEPT = Code("MON-NOTIFY-02", "What was told cannot be kept on disk", "notify")
NOT_DELIVERED = Code("MON-NOTIFY-03", "Messages are not delivered", "notify")
NOT_WRITTEN = Code("MON-WRITE-01", "Samples do not reach a receiver of remote write", "write")
ACTIVITY_NOT_KEPT = Code("MON-ACTIVITY-01", "What happens cannot be kept", "activity")
SERVICE_SETTINGS_WRONG = Code("MON-CFG-01", "A setting of monitoring is not understood", "service")

CODES: dict[str, Code] = {
    value.code: value for value in list(globals().values()) if isinstance(value, Code)
}
