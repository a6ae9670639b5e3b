"""Scorers that break in ways a test asks for, importable by the workers of a cluster.

What they do is told by files beside the lake's pictures, since a worker is another process.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from georeasoner.registry import register
from scoring.decode import Refusal
from scoring.scored import Prepared, Scored, Setup, ViewScorer
from scoring.scorers.clip import ClipScorer


def jpeg(seed: int) -> bytes:
    """A noisy picture of 64 x 48 pixels."""
    pixels = np.random.default_rng(seed).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


@register("scorer", "mortal")
class FragileClip(ClipScorer):
    """CLIP; a file `kill-V` in `marks` beside the model's folder kills whoever reads view V, once.

    What Ray starts leaves a file `node-ID` there.
    """

    def read(self, row: dict[str, Any], root: Path) -> Prepared | Refusal:
        if in_worker():
            _die(Path(str(self._setup.model)).parent / "marks", row["view_id"])
        return super().read(row, root)


def in_worker() -> bool:
    """Whether this is a process that Ray started."""
    return "default_worker" in sys.argv[0]


def _die(marks: Path, view_id: str) -> None:
    import ray

    (marks / f"node-{ray.get_runtime_context().get_node_id()}").touch()
    once, always = marks / f"kill-{view_id}", marks / f"poison-{view_id}"
    if always.exists() or once.exists():
        once.unlink(missing_ok=True)
        os.kill(os.getpid(), signal.SIGKILL)


@register("scorer", "ray-test")
class Fragile(ViewScorer):
    """The number in a view's id as its locatability; the model is a folder of marker files.

    A file `kill-V` kills the process that comes to view V once, `poison-V` always, `nan-V` gives
    NaN for it; with `memory` no more than 3 views fit, with `slow` a view takes 0.1 s. `node-ID`
    is left by every node that scores.
    """

    def __init__(self, setup: Setup) -> None:
        self.model_id = "fragile@1"
        self._marks = Path(str(setup.model))

    def read(self, row: dict[str, Any], root: Path) -> Prepared | Refusal:
        view_id = row["view_id"]
        if view_id.startswith("bad"):
            return Refusal("no_number", f"{view_id} has none")
        return Prepared(view_id)

    def score(self, inputs: list[str]) -> Scored:
        if (self._marks / "memory").exists() and len(inputs) > 3:
            raise torch.OutOfMemoryError
        if in_worker():
            self._fail(inputs)
        values = np.array([float(i[1:]) / 1000 for i in inputs])
        for at, view_id in enumerate(inputs):
            if (self._marks / f"nan-{view_id}").exists():
                values[at] = np.nan
        return Scored(values)

    def _fail(self, inputs: list[str]) -> None:
        sys.stdout.write("a word on stdout\n")
        if (self._marks / "slow").exists():
            time.sleep(0.1 * len(inputs))
        for view_id in inputs:
            _die(self._marks, view_id)
