"""What happened on a Hub, made up: sessions of a term, some that ended badly, failed starts."""

from __future__ import annotations

import math
import random
import time
from pathlib import Path

from jupyterhub_monitoring.activity import Activity, Exit, Session, Spawn
from jupyterhub_monitoring.activity.database import ActivityDatabase
from jupyterhub_monitoring.activity.keeping import keep, saw

DAY = 86_400.0


def write_activity(
    folder: Path, *, people: int = 40, days: int = 60, failures: int = 3, now: float = 0.0
) -> Activity:
    """Fill the file in *folder* with *days* up to *now*; people come by day, less at weekends."""
    now = now or time.time()
    dice = random.Random(11)
    database = ActivityDatabase(folder)
    with database.transaction() as to:
        for day in range(days):
            midnight = (now // DAY - day) * DAY
            weekend = time.gmtime(midnight).tm_wday >= 5
            for n in range(people):
                joined = n / people * days * 0.7
                if days - day < joined or dice.random() > (0.15 if weekend else 0.55):
                    continue
                start = midnight + min(max(dice.gauss(13, 3), 0), 23.9) * 3600
                if start >= now:
                    continue
                end = start + math.exp(dice.gauss(8.6, 1.0))
                oom = dice.random() < 0.01
                cause = "died" if oom else dice.choice(["user", "service", "service"])
                runs = end >= now
                session = Session(
                    f"u{n}", "", start, None if runs else end, "" if runs else cause, "large",
                    "SystemdSpawner", oom and not runs, dice.uniform(2, 9),
                )  # fmt: skip
                keep(session, to)
                saw(to, f"u{n}", start)
                if not runs:
                    saw(to, f"u{n}", end)
                    keep(Exit(end, f"u{n}", "", cause, None, oom, start), to)
        for n in range(failures):
            phases = {"prepare": 0.2, "start": 298.0}
            keep(Spawn(now - 600 * (n + 1), f"u{n}", "", "failure", "timeout",
                       "the server did not answer within 300 s", 300.2, phases), to)  # fmt: skip
    return Activity(database)
