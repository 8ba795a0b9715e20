"""What exporters make: texts by path. YAML in a fixed order, each file with where it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from .._version import __version__

Artefacts = Mapping[str, str]
"""Texts by their paths below the output folder, with `/`."""

MADE = f"Made by jupyterhub-monitoring {__version__}."
"""Stands in every file: it says which version made it, and that it may be overwritten."""

MADE_BY = "Made by jupyterhub-monitoring "

_LOOKS_OTHERWISE = re.compile(r"[-+.\d][-+.\d_a-fA-FxXoO]*$|[yYnN]$")
"""Texts that some reader of YAML takes for a number, a truth value, or nothing."""


def stamped(body: str, command: str, *notes: str) -> str:
    """Return *body*, in which `#` begins a comment, with a head: version, command, *notes*."""
    head = [MADE, f"To make it again: {command}", *notes]
    lines = (" ".join(line.splitlines()) for line in head)  # a name may have any character
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) + body


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as the lines that it has, and quotes what looks otherwise."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write each thing where it stands, also when it is the same object as another one."""
        del data
        return True


def _scalar(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else "'" if _LOOKS_OTHERWISE.match(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _scalar)


def as_yaml(*documents: Mapping[str, Any] | Sequence[Any]) -> str:
    """Return *documents* as YAML, keys in the order that they have."""
    return str(
        yaml.dump_all(
            documents,
            Dumper=_Dumper,
            sort_keys=False,
            width=10_000,
            allow_unicode=True,
            explicit_start=len(documents) > 1,
        )
    )
