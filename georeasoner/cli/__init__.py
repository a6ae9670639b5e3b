"""The command line. Every command imports what it needs inside its function."""

from georeasoner.cli.main import main

__all__ = ["main"]
