"""Which panels make up a dashboard of another tool, such as Grafana."""

from __future__ import annotations

from dataclasses import dataclass

from . import capacity_panels as capacity
from . import health_panels as health
from . import hub_panels as hub
from . import kubernetes_panels as kubernetes
from . import people_panels as people
from . import request_panels as requests
from . import server_panels as servers
from . import service_panels as service
from . import spawn_panels as spawns
from .panel import Panel


@dataclass(frozen=True, slots=True)
class Section:
    """Panels that answer one question."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """*id* is part of addresses. *about* says in a sentence what one looks for here.

    *foreign* ones ask for metrics that neither the Hub nor our service makes.
    """

    id: str
    title: str
    about: str
    sections: tuple[Section, ...]
    foreign: bool = False

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All its panels in order."""
        return tuple(panel for section in self.sections for panel in section.panels)


DASHBOARDS = (
    Dashboard(
        "hub",
        "Hub",
        "Is the Hub well, who is on, do servers start, how fast does it answer?",
        (
            Section(
                "People and servers",
                (hub.SERVERS, hub.SPAWN_OUTCOMES, hub.SPAWN_DURATIONS, hub.LOGINS),
            ),
            Section(
                "How the Hub answers",
                (
                    hub.REQUESTS,
                    requests.REQUEST_CODES,
                    requests.RESPONSE_SPREAD,
                    hub.RESPONSE_TIME,
                    requests.REQUEST_FAILURES,
                    hub.LOOP,
                    requests.API_REQUESTS,
                    requests.API_ENDPOINTS,
                ),
            ),
            Section(
                "The process and its machine",
                (requests.HUB_MEMORY, requests.HUB_AGE, hub.MEMORY, hub.CPU, hub.DISK),
            ),
        ),
    ),
    Dashboard(
        "spawns",
        "Spawns",
        "Do servers start, how long does it take, and if not, why?",
        (
            Section(
                "How starts go",
                (
                    hub.SPAWN_OUTCOMES,
                    spawns.SPAWN_SUCCESS,
                    spawns.FAILURES_BY_SPAWNER,
                    spawns.FAILURES_IN_A_ROW,
                ),
            ),
            Section(
                "How long they take", (hub.SPAWN_DURATIONS, spawns.SPAWN_TIME, hub.SPAWN_PHASES)
            ),
            Section(
                "What is held up",
                (spawns.PENDING, spawns.SERVER_STATES, spawns.REFUSALS, hub.EXITS),
            ),
        ),
    ),
    Dashboard(
        "users-and-servers",
        "Users and servers",
        "Who uses what? Choose users and servers above.",
        (
            Section("Everybody", (servers.ALL_MEMORY, servers.ALL_CPU, people.IDLE, people.OLDEST)),
            Section("The users chosen", (servers.USER_MEMORY, servers.USER_CPU, servers.USER_HOME)),
            Section(
                "The servers chosen",
                (servers.SERVER_MEMORY, servers.SERVER_CPU, servers.SERVER_PROCESSES),
            ),
            Section("Groups and homes", (servers.GROUP_MEMORY, people.HOMES)),
        ),
    ),
    Dashboard(
        "activity",
        "Activity",
        "How many people use the Hub, and when?",
        (
            Section(
                "People", (hub.ACTIVE_USERS, people.TOTAL_USERS, hub.LOGINS, people.USER_LOGINS)
            ),
            Section("Servers", (hub.SERVERS, hub.EXITS)),
        ),
    ),
    Dashboard(
        "capacity",
        "Capacity",
        "Is there enough for everybody, and what is paid for without need?",
        (
            Section("What there is", (hub.MEMORY, hub.CPU, hub.DISK, capacity.ALL_HOMES)),
            Section(
                "What a server takes",
                (
                    servers.MEMORY_SPREAD,
                    capacity.CPU_SPREAD,
                    capacity.NEAR_MEMORY_LIMIT,
                    capacity.OOM_KILLS,
                ),
            ),
            Section(
                "What is promised, and the limits",
                (
                    capacity.PROMISED_MEMORY,
                    capacity.PROMISED_CPU,
                    capacity.SERVER_LIMIT,
                    spawns.PENDING,
                ),
            ),
        ),
    ),
    Dashboard(
        "health-and-alerts",
        "Health and alerts",
        "What is wrong, and since when?",
        (
            Section("Alerts", (health.ALERTS_NOW, health.ALERTS_PAST)),
            Section(
                "Health",
                (
                    health.CHECKS,
                    health.TARGETS,
                    service.HEALTH_DURATION,
                    health.STUCK,
                    hub.LOOP,
                    health.CERTIFICATES,
                ),
            ),
        ),
    ),
    Dashboard(
        "monitoring",
        "Monitoring itself",
        "Can these numbers be trusted, and what do they cost?",
        (
            Section(
                "Trust",
                (health.SERVICE_HEALTH, service.LOST, service.NOTIFICATIONS, requests.VERSIONS),
            ),
            Section(
                "In time",
                (
                    service.SCRAPE_DURATION,
                    service.RULES,
                    service.QUERIES,
                    service.COLLECTIONS,
                    service.LOOKS,
                ),
            ),
            Section(
                "What it takes",
                (service.STORE_SIZE, service.STORE_SERIES, service.SAMPLES, service.OWN_MEMORY),
            ),
        ),
    ),
    Dashboard(
        "kubernetes",
        "Kubernetes",
        "What the cluster does with the Hub and with users' pods. It needs kube-state-metrics and"
        " cAdvisor.",
        (
            Section(
                "Pods",
                (
                    kubernetes.PODS,
                    kubernetes.POD_WAITS,
                    kubernetes.POD_RESTARTS,
                    kubernetes.POD_ENDS,
                ),
            ),
            Section(
                "The Hub's parts",
                (kubernetes.HUB_CONTAINER, kubernetes.PARTS_MEMORY, kubernetes.PARTS_CPU),
            ),
            Section(
                "Users' pods, nodes and volumes",
                (
                    kubernetes.USER_PODS_MEMORY,
                    kubernetes.USER_PODS_CPU,
                    kubernetes.PODS_BY_NODE,
                    kubernetes.NODE_MEMORY,
                    kubernetes.VOLUMES,
                ),
            ),
        ),
        foreign=True,
    ),
)
"""Every dashboard, in the order in which one looks at them."""
