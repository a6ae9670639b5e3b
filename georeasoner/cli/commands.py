"""Importing this module makes every command known, in the order of `--help`."""

from georeasoner.cli import quickstart, data, models, locatability, upkeep, doctor  # noqa: I001

__all__ = ["data", "doctor", "locatability", "models", "quickstart", "upkeep"]
