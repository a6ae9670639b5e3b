"""Clues that their site or licence keeps out of training, and who overrides that.

A clue with `ai_training_allowed` false goes into a data set marked so, and no training takes it.
Whoever builds the data set may override that for a source, by its name; the rows and the card then
say so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from georeasoner.errors import ConfigError
from georeasoner.lake import Lake

OVERRIDDEN = "overridden by who built this data set: ai_training_allowed"


def check_overrides(lake: Lake, sources: Sequence[str]) -> None:
    """Raises `ConfigError` for a source of which the lake has no reserved clues."""
    reserved: Counter[str] = Counter()
    if sources:
        for batch in lake.unique_clues(["source", "ai_training_allowed"]):
            rows = batch.to_pylist()
            reserved.update(row["source"] for row in rows if not row["ai_training_allowed"])
    for source in sources:
        if source not in reserved:
            known = ", ".join(f"{name} ({n:,})" for name, n in sorted(reserved.items()))
            raise ConfigError(
                f"--allow-training {source}: the lake has no reserved clues of it",
                f"one of {known}" if known else "a lake with clues that are reserved",
            )


def override(row: dict[str, Any], sources: Sequence[str]) -> dict[str, Any]:
    """A row of `clues` as the data set has it: unchanged unless its source is overridden."""
    if row["ai_training_allowed"] or row["source"] not in sources:
        return row
    return row | {"ai_training_allowed": True, "rights": [*(row["rights"] or ()), OVERRIDDEN]}
