"""What a receiver is owed, on disk: one small file that is there whole, or as it was before.

{"version": 1, "began_ms": .., "noted": ..,
 "streams": [{"job": .., "instance": .., "top_ms": .., "spans": [[from, to], ..]}, ..],
 "sending": [[job, instance, from, to], ..]}
"""

from __future__ import annotations

import os
from pathlib import Path

import orjson

from .owed import Owed, Slice, StreamOwed

VERSION = 1


class WrongFile(ValueError):  # noqa: N818 -- named for what happened
    """A file of ours that cannot be read."""


def load(path: Path) -> Owed | None:
    """Return what `save` wrote, None where there is nothing. Raises `WrongFile`."""
    try:
        said = orjson.loads(path.read_bytes())
        if said["version"] != VERSION:
            raise WrongFile(f"it is of version {said['version']}, this one reads {VERSION}")
        streams = {
            (str(one["job"]), str(one["instance"])): StreamOwed(
                int(one["top_ms"]), [(int(start), int(end)) for start, end in one["spans"]]
            )
            for one in said["streams"]
        }
        sending = [
            Slice((str(job), str(instance)), int(start), int(end))
            for job, instance, start, end in said["sending"]
        ]
        return Owed(int(said["began_ms"]), int(said["noted"]), streams, sending)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WrongFile(str(error.strerror or error)) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise error if isinstance(error, WrongFile) else WrongFile("it is damaged") from None


def save(owed: Owed, path: Path) -> None:
    """Write *owed*: a kill or a power cut leaves this or what was there. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    said = {
        "version": VERSION,
        "began_ms": owed.began_ms,
        "noted": owed.noted,
        "streams": [
            {"job": job, "instance": instance, "top_ms": one.top_ms, "spans": one.spans}
            for (job, instance), one in owed.streams.items()
        ],
        "sending": [[*one.stream, one.start_ms, one.end_ms] for one in owed.sending],
    }
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(said))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
