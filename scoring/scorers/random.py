"""The scorer "random": a number that knows nothing of the view, the control of every comparison."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from georeasoner.errors import ConfigError
from georeasoner.registry import register
from scoring.decode import Refusal
from scoring.scored import Prepared, Scored, Setup, ViewScorer


@register("scorer", "random")
class RandomScorer(ViewScorer):
    """A hash of the seed (`--model N`, else 0) and the view's id, uniform on [0, 1)."""

    weighted = False

    def __init__(self, setup: Setup) -> None:
        seed = setup.model or "0"
        if not seed.isdecimal():
            raise ConfigError(f"--scorer random --model {seed}", "a number, the seed")
        self._seed = int(seed)
        self.model_id = f"seed-{self._seed}@1"

    def read(self, row: dict[str, Any], root: Path) -> Prepared | Refusal:
        text = f"{self._seed}|{row['view_id']}".encode()
        digest = hashlib.blake2b(text, digest_size=6).digest()  # 48 bits fit a float exactly
        return Prepared(int.from_bytes(digest, "big") / 2**48)

    def score(self, inputs: Sequence[float]) -> Scored:
        return Scored(np.array(inputs, dtype=np.float64))
