"""What ClueWorld knows and no real data set does, beside what the stages found.

The exact information locatability of a view is the largest posterior over countries given its
visible clues; the exact duplicates are those that the generator made.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from georeasoner.errors import IntegrityError
from georeasoner.lake import Lake
from georeasoner.progress import log


def compare_locatability(lake: Lake, score_id: str, threshold: float) -> dict[str, Any]:
    """Exact information of what a threshold on the scores keeps and drops, with Spearman's rho."""
    from scipy.stats import spearmanr

    from georeasoner.clueworld.exact import exact_locatability

    scores = {
        row["view_id"]: row["locatability"]
        for row in lake.read("scores", ["score_id", "view_id", "locatability"]).to_pylist()
        if row["score_id"] == score_id
    }
    views = lake.read("views", ["view_id", "extra"]).to_pylist()
    scored = [row for row in views if row["view_id"] in scores]
    truth = exact_locatability([row["extra"] for row in scored])
    if truth is None:
        raise IntegrityError("a view of the quickstart does not say which clues it shows")
    score = np.array([scores[row["view_id"]] for row in scored])
    kept = score >= threshold
    said = {
        "threshold": threshold,
        "kept": int(kept.sum()),
        "dropped": int((~kept).sum()),
        "exact_kept": float(truth[kept].mean()) if kept.any() else None,
        "exact_dropped": float(truth[~kept].mean()) if (~kept).any() else None,
        "spearman": float(spearmanr(score, truth).statistic),
    }
    log(
        f"locatability >= {threshold:.3f} keeps {said['kept']:,} views (exact information"
        f" {_number(said['exact_kept'])}) and drops {said['dropped']:,}"
        f" ({_number(said['exact_dropped'])}); Spearman with the exact one {said['spearman']:.2f}"
    )
    return said


def compare_duplicates(lake: Lake) -> dict[str, Any]:
    """Precision and recall of pairs: found in one group, against made from one scene."""
    made = {}
    for row in lake.read("views", ["view_id", "extra"]).to_pylist():
        made[row["view_id"]] = json.loads(row["extra"]).get("near_duplicate_of")
    scenes: dict[str, list[str]] = {}
    for view_id, original in made.items():
        scenes.setdefault(original or view_id, []).append(view_id)
    groups: dict[str, list[str]] = {}
    for row in lake.read("duplicates", ["view_id", "group_id"]).to_pylist():
        groups.setdefault(row["group_id"], []).append(row["view_id"])
    true, found = _pairs(scenes), _pairs(groups)
    right = len(true & found)
    said = {
        "true_pairs": len(true),
        "found_pairs": len(found),
        "precision": right / len(found) if found else None,
        "recall": right / len(true) if true else None,
    }
    log(
        f"duplicates: {len(found):,} pairs found, {len(true):,} made;"
        f" precision {_number(said['precision'])}, recall {_number(said['recall'])}"
    )
    return said


def _pairs(groups: dict[str, list[str]]) -> set[tuple[str, str]]:
    return {
        (a, b)
        for members in groups.values()
        for i, a in enumerate(sorted(members))
        for b in sorted(members)[i + 1 :]
    }


def _number(value: Any) -> str:
    return "undefined" if value is None else f"{value:.3f}"
