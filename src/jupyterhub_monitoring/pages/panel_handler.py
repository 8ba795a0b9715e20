"""A panel's data, for the plot (`panels/ID`) and for people (`panels/ID.csv`); marks for all."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from tornado.web import HTTPError

from ..dashboards import PANELS, Panel
from .handler import PageHandler
from .leaving import Leaving
from .marks import marks
from .navigation import Audience
from .panel_data import panel_data
from .panel_texts import to_csv, to_json
from .refusals import Refusing
from .subject import subject


class PanelHandler(Leaving, Refusing, PageHandler):
    """`panels/ID?range=6h`, with `user` and `name` where the panel is about somebody."""

    audience = Audience.ALL

    async def get(self, name: str, suffix: str) -> None:
        """Answer with what there is; 404 for a panel that there is not."""
        panel = PANELS.get(name)
        if panel is None:
            raise HTTPError(404, f"there is no panel {name!r}")
        places = self._places(panel)
        querier, period = self.sources.context.querier, self.period
        data = await self.unless_left(panel_data(querier, panel, period, places, fold=not suffix))
        if suffix:
            self.set_header("Content-Type", "text/csv; charset=utf-8")
            self.set_header("Content-Disposition", f'attachment; filename="{panel.id}.csv"')
            self.finish(to_csv(data))
        else:
            self.set_header("Content-Type", "application/json")
            self.finish(to_json(data))

    def _places(self, panel: Panel) -> Mapping[str, str]:
        """Return what the panel needs to know. HTTPError 403 for who may not see it."""
        if not panel.places:
            if not self.viewer.full:
                raise HTTPError(403, "this panel shows everybody's numbers")
            return {}
        user, server = (self.get_query_argument(name, "") for name in ("user", "name"))
        about = subject(self.viewer, user, server)
        if not about.user_label:  # a label that is empty is one that is not there: of everybody
            raise HTTPError(404, "names are left out (c.Monitoring.usernames)")
        return about.places


class MarksHandler(Leaving, Refusing, PageHandler):
    """`marks?range=6h`: what happened to the Hub."""

    audience = Audience.ALL

    async def get(self) -> None:
        """Answer with a list, the oldest first."""
        found = await self.unless_left(marks(self.sources.context.querier, self.period))
        self.set_header("Content-Type", "application/json")
        self.finish(orjson.dumps([{"at": mark.at, "what": mark.what} for mark in found]))
