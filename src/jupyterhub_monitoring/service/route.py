"""What an application is made of."""

from __future__ import annotations

from typing import Any

Route = tuple[Any, ...]
"""A pattern, a handler class, and what its `initialize` takes."""
