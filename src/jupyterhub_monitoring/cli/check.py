"""Read every page of a store and say what is damaged; exit status 1 if something is."""

from __future__ import annotations

import argparse
import sqlite3

from ..errors import CannotStart, StoreError
from ..store.database import FILE
from ..store.verify import verify
from .counted import counted
from .data_folder import Bar, add_data_dir, existing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_data_dir(parser)


def run(args: argparse.Namespace) -> int:
    """Check. The service may be running meanwhile."""
    bar = Bar()
    folder = existing(args.data_dir)
    try:
        found = verify(folder, lambda done: bar("checking", done))
    except (StoreError, sqlite3.Error) as error:
        raise CannotStart(f"{folder / FILE}: {error}") from None
    for finding in found.findings:
        print(f"damaged: {finding}")
    print(
        f"{counted(found.pages, 'page')}, {counted(found.timelines, 'timeline')} and"
        f" {counted(found.head_rows, 'row')} of the head read:"
        f" {f'{len(found.findings):,} damaged' if found.findings else 'all sound'}"
    )
    if found.findings:
        print("What is damaged is left out of answers; all the rest is served.")
    return 1 if found.findings else 0
