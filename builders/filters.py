"""Which views a data set takes: a view in, None or the reason to leave it out.

Reasons are tried in the order of `FILTERS`; the first counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """What the filters look at. `keep` is None for a view that is in no group of duplicates,
    `leak` names the overlap with a benchmark, if there is one."""

    country: str | None
    country_conflict: bool | None
    locatability: float | None
    keep: bool | None
    leak: str | None = None


@dataclass(frozen=True)
class Rules:
    """What a data set wants. `percentile` says where `min_locatability` came from."""

    min_locatability: float
    percentile: float | None = None
    allow_no_country: bool = False
    exclude_conflicts: bool = False


Filter = Callable[[Candidate, Rules], str | None]


def _country(view: Candidate, rules: Rules) -> str | None:
    return "no_country" if view.country is None and not rules.allow_no_country else None


def _conflict(view: Candidate, rules: Rules) -> str | None:
    return "country_conflict" if rules.exclude_conflicts and view.country_conflict else None


def _score(view: Candidate, rules: Rules) -> str | None:
    return "no_score" if view.locatability is None else None


def _locatability(view: Candidate, rules: Rules) -> str | None:
    if view.locatability is None or view.locatability >= rules.min_locatability:
        return None
    return "below_min_locatability" if rules.percentile is None else "below_percentile"


def _duplicate(view: Candidate, rules: Rules) -> str | None:
    return "duplicate" if view.keep is False else None


def _leak(view: Candidate, rules: Rules) -> str | None:
    return None if view.leak is None else f"leak_{view.leak}"


FILTERS: tuple[Filter, ...] = (_leak, _country, _conflict, _score, _locatability, _duplicate)


def reason_against(view: Candidate, rules: Rules) -> str | None:
    """The first filter's reason to leave a view out, or None to take it."""
    return next((why for f in FILTERS if (why := f(view, rules)) is not None), None)
