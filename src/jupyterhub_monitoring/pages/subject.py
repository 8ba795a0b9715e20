"""Whom a page or a panel is about: what its address says, and what the series are labelled with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tornado.web import HTTPError

from ..dashboards.panel import quoted
from ..metrics.usernames import policy
from ..usage.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Subject:
    """*user* and *server* as pages show them; the labels as the series have them."""

    user: str
    server: str
    user_label: str
    server_label: str

    @property
    def places(self) -> Mapping[str, str]:
        """What a panel's PromQL needs, escaped."""
        return {"username": quoted(self.user_label), "server_name": quoted(self.server_label)}


def subject(viewer: Viewer, user: str, server: str = "") -> Subject:
    """Return whom *user* and *server*, as shown to *viewer*, are. HTTPError 403 if not for them.

    One's own names are shown as they are; those of others as their labels, which may be hashes.
    """
    if viewer.name is not None and user == viewer.name:
        names = policy()
        return Subject(user, server, names.label(user), names.chosen(server))
    # Nobody is behind an empty label: where names are left out, that is the series of all.
    labels = None if viewer.full else {policy().label(name) for name in viewer.others} - {""}
    if labels is not None and user not in labels:
        raise HTTPError(403, "this is somebody else's, whom you may not look at")
    return Subject(user, server, user, server)
