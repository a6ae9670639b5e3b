"""The scorer "table": the paper's locatability from class shares that the views' source states.

Some data sets come with the share of every class in each picture, such as the `share_road`,
`share_building` ... of Global Streetscapes. `ingest` keeps such columns in `views.extra`; this
scorer reads them through the mapping of `scoring.labels`, without a model or a picture.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from georeasoner.progress import log
from georeasoner.registry import register
from scoring.decode import Refusal
from scoring.labels import LabelMap, map_labels
from scoring.locatability import area_locatability
from scoring.scored import Prepared, Scored, Setup, ViewScorer

_PREFIX = "share_"
_ROUNDING = 0.02  # by which stated shares may sum to more than one


@register("scorer", "table")
class TableScorer(ViewScorer):
    """Shares stated in columns with a prefix: `share_`, or what `--model` says."""

    def __init__(self, setup: Setup) -> None:
        self._prefix = setup.model or _PREFIX
        self.model_id = f"{self._prefix}columns@1"
        self._weights = setup.weights

    def read(self, row: dict[str, Any], root: Path) -> Prepared | Refusal:
        extra = json.loads(row["extra"] or "{}")
        stated = {name: v for name, v in extra.items() if name.startswith(self._prefix)}
        if not stated:
            return Refusal("no_shares", f"no column of the source starts with {self._prefix}")
        try:
            shares = {n.removeprefix(self._prefix): float(v or 0) for n, v in stated.items()}
        except (TypeError, ValueError) as error:
            return Refusal("bad_shares", str(error))
        if not all(0 <= share <= 1 for share in shares.values()):
            return Refusal("bad_shares", "a share is outside 0 to 1")
        if (total := sum(shares.values())) > 1 + _ROUNDING:
            return Refusal("bad_shares", f"the shares sum to {total:.3f}")
        return Prepared(shares)

    def score(self, inputs: Sequence[dict[str, float]]) -> Scored:
        found = []
        for shares in inputs:
            labels = _known(tuple(shares))
            found.append(labels.shares(np.array([list(shares.values())]))[0])
        shares = np.stack(found)
        return Scored(area_locatability(shares, self._weights), class_shares=shares)


@cache
def _known(names: tuple[str, ...]) -> LabelMap:
    labels = map_labels(names)
    if labels.unmatched:
        log(f"columns that are no ADE20K class: {', '.join(labels.unmatched)}")
    return labels
