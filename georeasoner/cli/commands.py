"""Importing this module makes every command known."""

from georeasoner.cli import doctor

__all__ = ["doctor"]
