"""The version, in one place: hatchling, `--version` and `monitoring_build_info` read it."""

__version__ = "0.1.0"
