"""Every exception the project raises on purpose, as one tree.

GeoReasonerError
├── UserError                 a mistake the user can mend: one line, exit code 2
│   ├── ConfigError           a recipe, flag or environment variable
│   ├── UnknownNameError      a name that no registry knows; carries the nearest ones
│   ├── InputError            a file, table or column that is not what it should be
│   ├── LakeError             a directory that is not a lake, or one of another format
│   │   └── LakeLockedError   another process is writing
│   ├── StaleError            results made from other inputs, settings or models
│   ├── ModelError            a model folder or id that cannot be used
│   ├── QueryError            SQL that is refused or wrong
│   ├── PublishError          what may not be published, or did not arrive
│   ├── ClusterError          a Ray cluster that cannot be joined or used, or loses its workers
│   └── EmptyResultError      nothing is left after filtering
└── IntegrityError            the lake contradicts itself: a bug, exit code 1
"""

from __future__ import annotations


class GeoReasonerError(Exception):
    """Base of everything raised on purpose."""


class UserError(GeoReasonerError):
    """A mistake the user can mend.

    `found` says what was there, `expected` what should have been, `fix` how to get from one to
    the other; together they make the one line that the command line prints.
    """

    def __init__(self, found: str, expected: str = "", fix: str = "") -> None:
        self.found, self.expected, self.fix = found, expected, fix
        parts = [found]
        if expected:
            parts.append(f"expected {expected}")
        if fix:
            parts.append(fix)
        super().__init__("; ".join(part.rstrip(".") for part in parts).replace("\n", " "))


class ConfigError(UserError):
    """A recipe, flag or environment variable is wrong."""


class UnknownNameError(UserError):
    """A name that no registry knows."""


class InputError(UserError):
    """A file, table or column is not what it should be."""


class LakeError(UserError):
    """A directory is not a lake, or one of another format."""


class LakeLockedError(LakeError):
    """Another process is writing to the lake."""


class StaleError(UserError):
    """Results on disk were made from other inputs, settings or models."""


class ModelError(UserError):
    """A model folder or id cannot be used."""


class QueryError(UserError):
    """A query is refused or wrong."""


class PublishError(UserError):
    """Something may not be published, or did not arrive whole."""


class ClusterError(UserError):
    """A Ray cluster cannot be joined or used, or keeps losing its workers."""


class EmptyResultError(UserError):
    """Nothing is left after filtering."""


class IntegrityError(GeoReasonerError):
    """The lake contradicts itself: a bug, not a mistake of the user."""
