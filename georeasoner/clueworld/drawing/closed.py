"""Scenes with few or no clues: a tunnel, fog, hedges, a wall."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from georeasoner.clueworld.classes import CEILING, PLANT, SIDEWALK, SKY, WALL
from georeasoner.clueworld.drawing import land
from georeasoner.clueworld.drawing.canvas import Colour
from georeasoner.clueworld.drawing.view import HALF_ROAD, View, mix
from georeasoner.clueworld.scene import SIZE_PX


def tunnel(view: View) -> None:
    """Concrete walls and ceiling, lights, and an opening far ahead."""
    c = view.canvas
    grey = int(view.rng.integers(88, 122))
    wall: Colour = (grey, grey - 4, grey - 12)
    far_x, far_y = view.ground(-HALF_ROAD, 0.12)[0], view.horizon
    right_x, floor_y = view.ground(HALF_ROAD, 0.12)
    top = far_y - 22
    c.box(0, 0, SIZE_PX, SIZE_PX, wall, WALL)
    c.gradient(view.ground(0, 0.12)[1], SIZE_PX, mix(wall, -26), mix(wall, -12), SIDEWALK)
    near = view.ground(-HALF_ROAD - 14, 1.0)[0], view.ground(HALF_ROAD + 14, 1.0)[0]
    for edge, far, out in ((near[0], far_x, 0.0), (near[1], right_x, float(SIZE_PX))):
        corners = [(far, top), (out, 0), (out, SIZE_PX), (edge, SIZE_PX), (far, floor_y)]
        c.polygon(corners, wall, WALL)
        c.polygon([(far, floor_y - 6), (out, 118), (out, 136), (far, floor_y - 3)],
                  mix(wall, 30), WALL)  # fmt: skip
    c.polygon([(0, 0), (SIZE_PX, 0), (right_x, top), (far_x, top)], mix(wall, -34), CEILING)
    for k in range(5):
        share = 0.16 * 1.62**k
        x = view.middle + view.jitter(0.5)
        y = far_y - 22 - share * 72
        c.box(x - 26 * share, y, 52 * share, 6 * share + 1, (255, 240, 190), CEILING)
    c.box(far_x, top, right_x - far_x, floor_y - top, (232, 240, 246), SKY)


def fog_shares(view: View) -> NDArray[np.float32]:
    """(H,) how much of each row is fog: all of it at the horizon, little at the camera."""
    y = np.arange(SIZE_PX, dtype=np.float32)
    depth = np.clip((y - view.horizon) / (SIZE_PX - view.horizon), 0, 1)
    return np.asarray(np.exp(-2.6 * depth), dtype=np.float32)


def hedges(view: View) -> None:
    """Hedges close by on both sides, with a strip of sky between them."""
    land.sky(view)
    land.ground(view, None)
    c = view.canvas
    leaf = view.shade((58, 104, 48), 16)
    for side in (-1, 1):
        points = [view.ground(side * (HALF_ROAD + 12), depth) for depth in (0.03, 0.3, 1.0)]
        far_x, far_y = points[0]
        edge = 0.0 if side < 0 else float(SIZE_PX)
        outline = [(far_x, far_y - 8), (edge, 6 + view.jitter(5)), (edge, SIZE_PX), *points[::-1]]
        c.polygon(outline, leaf, PLANT)
        for _ in range(90):
            share = float(view.rng.uniform(0.06, 1))
            x = far_x + (edge - far_x) * share
            reach = share * (SIZE_PX - 60)
            y = far_y - 10 * (1 - share) - share * 86 + float(view.rng.random()) * reach
            if abs(x - view.middle) > (HALF_ROAD + 22) * max(0.0, y - far_y) / (SIZE_PX - far_y):
                tone = mix(leaf, int(view.rng.integers(-26, 30)))
                c.oval(x, y, 7 * share + 1, 4 * share + 1, tone, PLANT)


def wall(view: View) -> None:
    """A blank wall across the whole view, with a strip of pavement before it."""
    c = view.canvas
    base = 178.0 + view.jitter(12)
    tones: tuple[Colour, ...] = (
        (168, 108, 88), (196, 186, 170), (150, 150, 152), (206, 198, 160), (140, 120, 108),
    )  # fmt: skip
    tone = view.shade(tones[int(view.rng.integers(len(tones)))], 12)
    c.box(0, 0, SIZE_PX, SIZE_PX, mix(tone, -22), WALL)
    high, wide = float(view.rng.uniform(11, 20)), float(view.rng.uniform(26, 44))
    for row in range(int(base / high) + 1):
        offset = (row % 2) * wide / 2
        for k in range(-1, int(SIZE_PX / wide) + 2):
            bottom = min(high - 1.2, base - row * high)
            if bottom > 0:
                brick = mix(tone, int(view.rng.integers(-9, 10)))
                c.box(k * wide - offset, row * high, wide - 1.4, bottom, brick, WALL)
    c.gradient(base, SIZE_PX, (150, 150, 152), (176, 176, 178), SIDEWALK)


BACKDROPS: dict[str, Callable[[View], None]] = {
    "tunnel": tunnel, "hedge": hedges, "wall": wall,
}  # fmt: skip
