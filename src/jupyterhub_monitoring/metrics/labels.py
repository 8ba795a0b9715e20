"""The label values that are known in advance: one Enum per label, so that each exists from 0."""

from enum import Enum

from .spec import Label


class LoginOutcome(str, Enum):
    """How a login attempt ended."""

    SUCCESS = "success"
    DENIED = "denied"  # wrong password, blocked, not on the list
    ERROR = "error"  # the authenticator raised: the person may have had the right password


class ErrorType(str, Enum):
    """Why a spawn failed, where it is not the name of an exception class."""

    TIMEOUT = "timeout"  # start() took longer than start_timeout
    HTTP_TIMEOUT = "http_timeout"  # started, still alive, never answered
    EXITED = "exited"  # started, then its process was gone before it answered
    CANCELLED = "cancelled"  # the Hub stopped meanwhile
    PROXY = "proxy"  # ready, but the proxy did not take its route
    HOOK = "hook"  # a hook raised before start()
    OTHER = "other"  # one more exception class than we list


class RefusalReason(str, Enum):
    """Why the Hub did not even try: refusal is not failure."""

    THROTTLED = "throttled"  # concurrent_spawn_limit
    TOO_MANY_USERS = "too-many-users"  # active_server_limit
    ALREADY_PENDING = "already-pending"
    POLICY = "policy"  # a SpawnException, or a 4xx from a hook or from start()
    CAPPED = "capped"  # named_server_limit_per_user


class SpawnPhase(str, Enum):
    """Where the time of a spawn goes, in order."""

    PREPARE = "prepare"  # auth state and hooks
    START = "start"  # Spawner.start()
    CONNECT = "connect"  # until the server answers
    ROUTE = "route"  # until the proxy knows it


class ExitCause(str, Enum):
    """Who or what ended a server."""

    USER = "user"
    ADMIN = "admin"  # somebody else than its owner
    SERVICE = "service"  # the idle culler, most often
    DIED = "died"
    SHUTDOWN = "shutdown"  # the Hub stopped and took its servers along


class ServerState(str, Enum):
    """What a server is doing."""

    SPAWNING = "spawning"
    READY = "ready"
    STOPPING = "stopping"


class OperationStatus(str, Enum):
    """How a timed operation ended."""

    SUCCESS = "success"
    ERROR = "error"


class Point(str, Enum):
    """Where our code runs inside the Hub's own: each may fail, and the Hub goes on."""

    ATTACH = "attach"
    SETTINGS = "settings"
    START = "start"
    STOP = "stop"
    REQUEST = "request"
    LOGIN = "login"
    LOGOUT = "logout"
    SPAWN_REQUEST = "spawn_request"
    SPAWN = "spawn"
    SPAWN_PHASE = "spawn_phase"
    SERVER_STOP = "server_stop"
    DATABASE_EVENT = "database_event"
    EVENT_LOG = "event_log"
    ACTIVITY = "activity"
    SERVER_COUNT = "server_count"
    METRICS_PAGE = "metrics_page"
    RESOURCE_USAGE = "resource_usage"


class SpoolDrop(str, Enum):
    """Why the service is not told of something that happened."""

    DISK = "disk"  # the data folder takes no writes
    LIMIT = "limit"  # nobody has read for so long that the oldest had to go


class Collector(str, Enum):
    """What the periodic collector gathers."""

    USERS = "users"
    SERVERS = "servers"
    HUB = "hub"


AUTHENTICATOR = Label("authenticator")
SPAWNER_CLASS = Label("spawner_class")
USERNAME = Label("username", private=True)
USER = Label("user", private=True)
SERVER_NAME = Label("server_name", chosen=True)
