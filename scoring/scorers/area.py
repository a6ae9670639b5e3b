"""The scorer "area": the paper's formula by other weights, from class shares in the lake.

The shares of a picture do not depend on the weights, so comparing weights costs no pass of a model:
`--model SCORE_ID` names the score whose shares are weighed, `--weights` the new weights. A row is
what that scorer would have written by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from georeasoner.errors import ConfigError, InputError
from georeasoner.lake import KeySet, Lake
from georeasoner.registry import register
from scoring.choose import choose_score
from scoring.decode import Refusal
from scoring.derived import shares_key
from scoring.locatability import area_locatability
from scoring.scored import Prepared, Scored, Scorer, Setup

_COLUMNS = ["score_id", "view_id", "class_shares", "top_clues", "phash"]


@register("scorer", "area")
class AreaScorer(Scorer):
    """`--model` names a score of the lake that has class shares."""

    missing = Refusal("no_shares", "the score that is weighed anew has no class shares of it")

    def __init__(self, setup: Setup) -> None:
        if setup.model is None or ":" not in setup.model:
            given = "without --model" if setup.model is None else f"--model {setup.model}"
            raise ConfigError(
                f"--scorer area {given}",
                "the score_id whose class shares are weighed",
                'see `georeasoner sql "SELECT DISTINCT score_id FROM scores"`',
            )
        self._source, self._weights = setup.model, setup.weights
        self.model_id = shares_key(setup.model)

    def keys(self, lake: Lake) -> KeySet:
        choose_score(lake, self._source)
        keys = KeySet(row["view_id"] for row in self.rows(lake, 4096))
        if not len(keys):
            raise InputError(f"{self._source} has no class shares", "a score with class shares")
        return keys

    def rows(self, lake: Lake, batch_rows: int) -> Iterator[dict[str, Any]]:
        for batch in lake.batches("scores", _COLUMNS, batch_rows):
            mine = pc.and_(
                pc.equal(batch["score_id"], self._source), pc.is_valid(batch["class_shares"])
            )
            yield from batch.filter(mine).to_pylist()

    def read(self, row: dict[str, Any], root: Path) -> Prepared | Refusal:
        return Prepared(row, row["phash"])

    def score(self, inputs: Sequence[dict[str, Any]]) -> Scored:
        shares = np.array([row["class_shares"] for row in inputs], dtype=np.float32)
        clues = [row["top_clues"] for row in inputs]
        return Scored(
            area_locatability(shares, self._weights), class_shares=shares, top_clues=clues
        )
