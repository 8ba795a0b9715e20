"""The extra targets of `c.MonitoringScrape.targets`: from dicts to targets, or to sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ..errors import WrongTarget
from ..store.selection import Labels
from .settings import MonitoringScrape
from .target import Credentials, Limits, Target

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_LONGEST_SECONDS = 3600.0


def extra_targets(
    settings: MonitoringScrape, taken: Iterable[Target] = ()
) -> tuple[list[Target], list[str]]:
    """Return the targets that the settings name, and a sentence for each that is left out.

    *taken* are scraped anyway: an extra target with the same labels as one of them is left out.
    """
    targets: list[Target] = []
    problems: list[str] = []
    keys = {target.key for target in taken}
    for number, written in enumerate(settings.targets):
        where = f"c.MonitoringScrape.targets[{number}]"
        try:
            target = target_of(written, settings)
            _check_room(target, keys, targets, settings)
        except WrongTarget as error:
            problems.append(f"{where}{_named(written)}: {error}. The target is left out.")
            continue
        keys.add(target.key)
        targets.append(target)
    return targets, problems


def _check_room(
    target: Target, keys: Container[Labels], before: Sequence[Target], settings: MonitoringScrape
) -> None:
    if target.key in keys:
        raise WrongTarget(
            f"another target has the job {target.job!r}, the instance {target.instance!r} and the"
            " same labels; give it another instance"
        )
    if len(before) >= settings.max_targets:
        raise WrongTarget(f"there are more than {settings.max_targets} (max_targets)")


def target_of(written: Any, settings: MonitoringScrape) -> Target:
    """Return the target that a dict describes. `WrongTarget` says what is wrong with it."""
    if not isinstance(written, Mapping):
        raise WrongTarget(
            f'a target is a dict such as {{"url": ..., "job": ...}}, not {written!r:.60}'
        )
    values = {_known(key): _KEYS[key](key, value) for key, value in written.items()}
    for needed in ("url", "job"):
        if needed not in values:
            raise WrongTarget(f"{needed!r} is missing")
    target = Target(
        interval_seconds=settings.interval_seconds,
        timeout_seconds=min(
            settings.timeout_seconds, values.get("interval_seconds", settings.interval_seconds)
        ),
        credentials=Credentials(**_part(Credentials, values)),
        limits=replace(settings.limits(), **_limits(values)),
        url=values["url"],
        job=values["job"],
    )
    target = replace(target, **_part(Target, values))
    if target.timeout_seconds > target.interval_seconds:
        raise WrongTarget(
            f"timeout_seconds ({target.timeout_seconds:g}) is longer than interval_seconds"
            f" ({target.interval_seconds:g})"
        )
    if target.credentials.key_file and not target.credentials.cert_file:
        raise WrongTarget("key_file is of no use without cert_file")
    return target


def _named(written: Any) -> str:
    """Return the target's job, to find it by; not its URL, which may have a password in it."""
    job = written.get("job") if isinstance(written, Mapping) else None
    return f" ({job})" if isinstance(job, str) and len(job) < 80 else ""


def _known(key: Any) -> str:
    if key in _KEYS:
        return str(key)
    nearest = get_close_matches(str(key), _KEYS, n=1, cutoff=0.6)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else f"; known are {', '.join(_KEYS)}"
    raise WrongTarget(f"{key!r} is no key of a target{hint}")


def _part(record: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those *values* that are fields of *record*."""
    return {f.name: values[f.name] for f in fields(record) if f.name in values}


def _limits(values: Mapping[str, Any]) -> dict[str, int]:
    return {f.name: values[f"max_{f.name}"] for f in fields(Limits) if f"max_{f.name}" in values}


# --- One function for each kind of value: (key, as written) -> as we use it, or `WrongTarget` ----


def _url(key: str, value: Any) -> str:
    text = _text(key, value).strip()
    if not _SCHEME.match(text):
        raise WrongTarget(f"url begins with http:// or https://, so perhaps 'http://{text[:100]}'")
    try:
        parts = urlsplit(text)
        port_is_wrong = parts.port == 0
    except ValueError:
        port_is_wrong = True
    if port_is_wrong:
        raise WrongTarget("the port in url is no number from 1 to 65535")
    if parts.scheme not in {"http", "https"}:
        raise WrongTarget(f"url begins with http:// or https://, not with {parts.scheme}://")
    if parts.username or parts.password:
        raise WrongTarget("url has a user name in it, which would be shown; use token_file")
    if not parts.hostname:
        raise WrongTarget("url has no host")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise WrongTarget("url has characters that must be written as %XX or in punycode")
    return urlunsplit(parts._replace(path=parts.path or "/metrics", fragment=""))


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise WrongTarget(f"{key} is a text, not {value!r:.60}")
    return value


def _secret(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise WrongTarget(f"{key} is a text")  # what it is instead may be a secret too
    return value


def _path(key: str, value: Any) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise WrongTarget(f"{key} is the path of a file, not {value!r:.60}")
    return Path(value)


def _labels(key: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise WrongTarget(f"{key} is a dict of names and values, not {value!r:.60}")
    for name, text in value.items():
        if not isinstance(name, str) or not _LABEL_NAME.fullmatch(name):
            raise WrongTarget(f"{name!r:.60} is no name of a label (letters, digits and _)")
        if name.startswith("__") or name in {"job", "instance"}:
            raise WrongTarget(f"the label {name!r:.60} cannot be set this way")
        if not isinstance(text, str):
            raise WrongTarget(f"the value of the label {name!r:.60} is a text, not {text!r:.60}")
    return dict(value)


def _headers(key: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise WrongTarget(f"{key} is a dict of names and values")
    for name, text in value.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise WrongTarget(f"{name!r:.60} is no name of an HTTP header")
        if not isinstance(text, str) or not _HEADER_VALUE.fullmatch(text):
            raise WrongTarget(f"the value of the header {name!r:.60} is no plain text")
    return dict(value)


def _seconds(at_least: float) -> Callable[[str, Any], float]:
    def seconds(key: str, value: Any) -> float:
        wrong = isinstance(value, bool) or not isinstance(value, int | float)
        if wrong or not at_least <= value <= _LONGEST_SECONDS:
            raise WrongTarget(
                f"{key} is seconds from {at_least:g} to {_LONGEST_SECONDS:g}, not {value!r:.60}"
            )
        return float(value)

    return seconds


def _count(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise WrongTarget(f"{key} is a whole number above 0, not {value!r:.60}")
    return value


def _switch(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise WrongTarget(f"{key} is True or False, not {value!r:.60}")
    return value


_KEYS: dict[str, Callable[[str, Any], Any]] = {
    "url": _url,
    "job": _text,
    "instance": _text,
    "labels": _labels,
    "interval_seconds": _seconds(1.0),
    "timeout_seconds": _seconds(0.1),
    "token": _secret,
    "token_file": _path,
    "headers": _headers,
    "ca_file": _path,
    "cert_file": _path,
    "key_file": _path,
    "insecure_tls": _switch,
    "honor_labels": _switch,
    "honor_timestamps": _switch,
    **{f"max_{limit.name}": _count for limit in fields(Limits)},
}
"""What a target's dict may have; docs/how-to/scrape-targets.md explains each."""
