"""The camera of a scene and the chances of its picture: all that is drawn but is no clue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from georeasoner.clueworld.drawing.canvas import Canvas, Colour
from georeasoner.clueworld.scene import SIZE_PX

HALF_ROAD = 86.0


@dataclass(frozen=True)
class View:
    """A canvas seen through a camera: (u, depth) on the ground to (x, y) in the picture.

    Depth 1 is the lower edge of the picture and 0 the horizon; u is the distance from the middle
    of the road, in pixels at depth 1.
    """

    canvas: Canvas
    rng: np.random.Generator
    horizon: float
    middle: float

    @staticmethod
    def draw(rng: np.random.Generator) -> View:
        """A camera with a little roll of the dice; roadsides are mirrored half of the time."""
        canvas = Canvas()
        canvas.flip = bool(rng.random() < 0.5)
        return View(
            canvas, rng, 98.0 + float(rng.uniform(-4, 5)), 112.0 + float(rng.uniform(-4, 4))
        )

    def ground(self, u: float, depth: float) -> tuple[float, float]:
        """Where a point on the ground appears."""
        return self.middle + u * depth, self.horizon + depth * (SIZE_PX - self.horizon)

    def jitter(self, size: float) -> float:
        """A number between -size and size."""
        return float(self.rng.uniform(-size, size))

    def shade(self, colour: Colour, spread: int = 10) -> Colour:
        """A colour a little lighter or darker, the same in all channels."""
        step = int(self.rng.integers(-spread, spread + 1))
        return mix(colour, step)


def mix(colour: Colour, step: int) -> Colour:
    """A colour with `step` added to each channel."""
    r, g, b = (min(255, max(0, c + step)) for c in colour)
    return r, g, b
