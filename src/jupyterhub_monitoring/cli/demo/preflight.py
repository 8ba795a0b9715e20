"""What must be there before anything starts: packages and ports."""

from __future__ import annotations

import socket
from importlib.util import find_spec

from ...errors import CannotStart
from .config import proxy_program

LOOPBACK = "127.0.0.1"


def check_packages() -> None:
    """CannotStart names what is not installed, and the command that installs it."""
    missing = [name for name in ("jupyterlab",) if find_spec(name) is None]
    if not proxy_program().exists():
        missing.append("configurable-http-proxy")
    if missing:
        raise CannotStart(
            f"{' and '.join(missing)} not installed beside this Python; the demo needs:"
            " pip install 'jupyterhub-monitoring[demo]'"
        )


def choose_ports(public: int) -> tuple[int, int, int]:
    """Return the public port and two free ones; 0 for *public* means any free one.

    All three are held while choosing, so that they differ.
    """
    with socket.socket() as first, socket.socket() as second, socket.socket() as third:
        _bind(first, public)
        _bind(second, 0)
        _bind(third, 0)
        one, two, three = (int(s.getsockname()[1]) for s in (first, second, third))
        return one, two, three


def _bind(holder: socket.socket, port: int) -> None:
    # As the Hub and the proxy do: connections of a demo that just ended do not block the port.
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind((LOOPBACK, port))
    except PermissionError as error:
        raise CannotStart(f"port {port} needs root; choose one above 1023 with --port") from error
    except OSError as error:
        raise CannotStart(
            f"port {port} is in use; choose another with --port (0: any free one)"
        ) from error
