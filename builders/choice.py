"""Which views of a lake go into a data set, and into which split: metadata in, a plan out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from builders.filters import Candidate, Rules, reason_against
from builders.splits import assign_splits
from georeasoner.errors import EmptyResultError
from georeasoner.lake import Lake

_QUERY = """
SELECT v.view_id, v.lat, v.lon, v.country, v.country_conflict, v.sequence_id,
       s.locatability, d.keep, d.group_id
FROM views v
LEFT JOIN (SELECT view_id, locatability FROM scores WHERE score_id = $score_id) s USING (view_id)
LEFT JOIN duplicates d USING (view_id)
ORDER BY v.view_id
"""


@dataclass
class Plan:
    """The views taken, in the order in which the lake has their pictures, and the others' reasons.

    `kept` has the columns view_id, split, at: the picture's number in `lake.batches("images")`.
    """

    kept: pa.Table
    rules: Rules
    excluded: Counter[str] = field(default_factory=Counter)
    without_picture: list[str] = field(default_factory=list)
    components: int = 0


def choose_views(
    lake: Lake,
    score_id: str,
    min_locatability: float,
    percentile: float | None,
    fractions: dict[str, float],
    seed: int,
    leaks: Mapping[str, str] | None = None,
    **rules: bool,
) -> Plan:
    """Filter the views and assign splits. Raises `EmptyResultError` where none is left.

    With `percentile` the threshold is that percentile of all locatabilities under this score.
    `leaks` has the overlap with a benchmark of each view that has one.
    """
    rows = lake.connect().sql(_QUERY, params={"score_id": score_id}).to_arrow_table().to_pylist()
    scores = [r["locatability"] for r in rows if r["locatability"] is not None]
    if percentile is not None and scores:
        min_locatability = float(np.percentile(scores, percentile))
    rule = Rules(min_locatability, percentile, **rules)
    place = _picture_numbers(lake)
    plan = Plan(pa.table({}), rule)
    kept = []
    for row in rows:
        view = Candidate(
            row["country"], row["country_conflict"], row["locatability"], row["keep"],
            (leaks or {}).get(row["view_id"]),
        )  # fmt: skip
        reason = reason_against(view, rule)
        if reason is not None:
            plan.excluded[reason] += 1
        elif row["view_id"] not in place:
            plan.without_picture.append(row["view_id"])
        else:
            kept.append(row)
    if not kept:
        raise EmptyResultError(*_nothing_left(len(rows), plan, scores))
    columns = {name: [row[name] for row in kept] for name in kept[0]}
    tied = (columns["lat"], columns["lon"], columns["sequence_id"], columns["group_id"])
    plan.kept = pa.table(
        {
            "view_id": pa.array(columns["view_id"], pa.string()),
            "split": assign_splits(*tied, fractions=fractions, seed=seed),
            "at": [place[view_id] for view_id in columns["view_id"]],
        }
    ).sort_by("at")
    return plan


def _picture_numbers(lake: Lake) -> dict[str, int]:
    ids = (i for b in lake.batches("images", ["view_id"], 65536) for i in b["view_id"].to_pylist())
    return {view_id: at for at, view_id in enumerate(ids)}


def _nothing_left(count: int, plan: Plan, scores: Sequence[float]) -> tuple[str, str, str]:
    if not count:
        return "the lake has no views", "", "run `ingest` first"
    reasons: dict[str, Any] = dict(plan.excluded)
    if plan.without_picture:
        reasons["image_missing"] = len(plan.without_picture)
    why = ", ".join(f"{reason} {n:,}" for reason, n in sorted(reasons.items()))
    hint = "run `score` first"
    if scores:
        low, middle, high, top = np.percentile(scores, [10, 50, 90, 100])
        hint = (
            f"locatability here: 10 % are below {low:.3f}, half below {middle:.3f}, 90 % below"
            f" {high:.3f}, the highest is {top:.3f}; lower --min-locatability or use --percentile"
        )
    return f"none of {count:,} views is left ({why})", "", hint
