"""What the audits of a lake say of its views: which ones a data set leaves out, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from builders.audit.overlaps import KINDS
from builders.audit.stage import state_of, tables_read
from georeasoner.errors import ConfigError, InputError, StaleError
from georeasoner.lake import Lake
from georeasoner.progress import log

# One author or one neighbourhood is not yet a leak: a city's views would all go.
DEFAULT_KINDS = tuple(k for k in KINDS if k not in ("same_author", "same_cell"))


@dataclass(frozen=True)
class Leaks:
    """The surest kind of overlap of each leaked view, and the audits that found them."""

    kinds: tuple[str, ...]
    of_view: dict[str, str]
    audits: tuple[dict[str, Any], ...]  # rows of `audits`

    def describe(self) -> list[dict[str, Any]]:
        """The audits for provenance and card: what was compared, without the paths of it."""
        columns = ("name", "revision", "against_views", "kinds", "model")
        return [{column: audit[column] for column in columns} for audit in self.audits]


def check_kinds(words: str | None) -> tuple[str, ...]:
    """Kinds separated by commas, in the order of `KINDS`. Raises `ConfigError`."""
    if words is None:
        return DEFAULT_KINDS
    wanted = {word.strip() for word in words.split(",")}
    if unknown := sorted(wanted - set(KINDS)):
        raise ConfigError(f"kinds of overlap {', '.join(map(repr, unknown))}", ", ".join(KINDS))
    return tuple(kind for kind in KINDS if kind in wanted)


def find_leaks(lake: Lake, kinds: Sequence[str]) -> Leaks:
    """The views that an audit found to overlap in one of these ways.

    Raises `InputError` where the lake was never audited and `StaleError` where its views or their
    pictures' traits have changed since.
    """
    audits = sorted(lake.read("audits").to_pylist(), key=lambda audit: audit["against"])
    if not audits:
        raise InputError("the lake has no audit", "", "run `audit LAKE --against TASK` first")
    for audit in audits:
        against, tables = audit["against"], tables_read(audit["kinds"])
        if audit["lake_state"] != state_of(lake, audit["kinds"], audit["model"]):
            raise StaleError(
                f"the lake's {' or '.join(tables)} have changed since the audit against {against}",
                "", f"run `audit {lake.root} --against {against}` again",
            )  # fmt: skip
        if missing := [kind for kind in kinds if kind not in audit["kinds"]]:
            log(f"build: the audit against {against} did not look for {', '.join(missing)}")
    known = {audit["against"] for audit in audits}
    rank = {kind: n for n, kind in enumerate(kinds)}
    of_view: dict[str, str] = {}
    for batch in lake.batches("overlaps", ["against", "overlap", "view_id"], 65536):
        for against, kind, view_id in zip(*(c.to_pylist() for c in batch.columns), strict=True):
            if against in known and kind in rank:
                before = of_view.get(view_id)
                if before is None or rank[kind] < rank[before]:
                    of_view[view_id] = kind
    return Leaks(tuple(kinds), of_view, tuple(audits))
