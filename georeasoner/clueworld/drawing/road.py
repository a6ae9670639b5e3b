"""The road and what lies on it: lines, kerbs, cars and their plates."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from georeasoner.clueworld.classes import CAR, ROAD, SIDEWALK
from georeasoner.clueworld.drawing.canvas import Colour
from georeasoner.clueworld.drawing.view import HALF_ROAD, View, mix

WHITE: Colour = (245, 245, 242)
YELLOW: Colour = (246, 196, 20)
BLACK: Colour = (24, 24, 26)
RED: Colour = (208, 30, 34)
PAINTS: tuple[Colour, ...] = (
    (70, 100, 150), (150, 60, 60), (90, 120, 90), (120, 122, 128), (60, 66, 78),
    (186, 178, 160), (64, 120, 128), (122, 84, 120),
)  # fmt: skip
DASHES = ((0.02, 0.05), (0.08, 0.14), (0.2, 0.32), (0.42, 0.6), (0.74, 1.02))


def strip(
    view: View, u: float, width: float, span: tuple[float, float], colour: Colour, cls: int
) -> None:
    """A band on the ground along the road, `width` across at depth 1."""
    near, far = span[1], span[0]
    half = max(width / 2, 0.0)
    view.canvas.polygon(
        [
            view.ground(u - half, far),
            view.ground(u + half, far),
            view.ground(u + half, near),
            view.ground(u - half, near),
        ],
        colour,
        cls,
    )


def road(view: View) -> None:
    """The bare carriageway."""
    grey = int(view.rng.integers(86, 112))
    strip(view, 0, 2 * HALF_ROAD, (0.0, 1.01), (grey, grey, grey + 3), ROAD)
    strip(view, view.jitter(50), 26, (0.1, 1.01), mix((grey, grey, grey + 3), -5), ROAD)


def centre_line(view: View, value: str) -> None:
    """The line in the middle of the road."""
    colour = YELLOW if value.startswith("yellow") else WHITE
    if value.endswith("dashed"):
        for span in DASHES:
            strip(view, 0, 9, span, colour, ROAD)
    elif value.endswith("double"):
        for u in (-6.5, 6.5):
            strip(view, u, 7, (0.0, 1.01), colour, ROAD)
    else:
        strip(view, 0, 9, (0.0, 1.01), colour, ROAD)


def edge_line(view: View, value: str) -> None:
    """Lines or painted kerbs along both edges of the road."""
    for side in (-1, 1):
        if value.startswith("kerb"):
            other = BLACK if value == "kerb_black_white" else RED
            cuts = np.geomspace(0.04, 1.02, 17)
            for i, (far, near) in enumerate(pairwise(cuts)):
                colour = WHITE if i % 2 else other
                span = (float(far), float(near))
                strip(view, side * (HALF_ROAD + 3), 13, span, colour, SIDEWALK)
        elif value == "white_dashed":
            for far, near in DASHES:
                strip(view, side * (HALF_ROAD - 8), 8, (far, near), WHITE, ROAD)
        else:
            colour = YELLOW if value == "yellow" else WHITE
            strip(view, side * (HALF_ROAD - 8), 8, (0.0, 1.01), colour, ROAD)


def traffic(view: View, side: str, plate: str | None) -> None:
    """The car ahead (seen from behind) in the own lane, and one that comes the other way."""
    view.canvas.flip = False
    lane = -1 if side == "left" else 1
    front, rear = view.rng.choice(len(PAINTS), 2, replace=False)
    _oncoming(view, -lane * 43, 0.36 + view.jitter(0.02), PAINTS[int(front)])
    _ahead(view, lane * 44, 0.75 + view.jitter(0.02), PAINTS[int(rear)], plate)


def _body(view: View, u: float, depth: float, paint: Colour, glass: Colour) -> tuple[float, ...]:
    """Wheels, body and window of a car; gives (x, y) of its middle on the ground, and its size."""
    x, y = view.ground(u, depth)
    w = 68 * depth + 4
    h = w * 0.86
    c = view.canvas
    c.polygon(
        [(x - w * 0.56, y), (x - w * 0.48, y - 3), (x + w * 0.48, y - 3), (x + w * 0.56, y)],
        (58, 58, 62), CAR,
    )  # fmt: skip
    for wheel in (-0.44, 0.28):
        c.box(x + wheel * w, y - h * 0.2, w * 0.16, h * 0.2, BLACK, CAR)
    roof = [
        (x - w * 0.44, y - h * 0.55), (x - w * 0.32, y - h), (x + w * 0.32, y - h),
        (x + w * 0.44, y - h * 0.55),
    ]  # fmt: skip
    c.polygon(roof, mix(paint, -12), CAR)
    window = [
        (x - w * 0.37, y - h * 0.57), (x - w * 0.28, y - h * 0.93), (x + w * 0.28, y - h * 0.93),
        (x + w * 0.37, y - h * 0.57),
    ]  # fmt: skip
    c.polygon(window, glass, CAR)
    c.box(x - w * 0.5, y - h * 0.57, w, h * 0.45, paint, CAR)
    c.box(x - w * 0.5, y - h * 0.16, w, h * 0.06, mix(paint, -34), CAR)
    return x, y, w, h


def _oncoming(view: View, u: float, depth: float, paint: Colour) -> None:
    x, y, w, h = _body(view, u, depth, paint, (176, 206, 222))
    c = view.canvas
    c.box(x - w * 0.22, y - h * 0.42, w * 0.44, h * 0.18, (40, 40, 44), CAR)
    for side in (-1, 1):
        c.oval(x + side * w * 0.36, y - h * 0.36, w * 0.12, w * 0.11, (255, 250, 205), CAR)


def _ahead(view: View, u: float, depth: float, paint: Colour, plate: str | None) -> None:
    x, y, w, h = _body(view, u, depth, paint, (52, 62, 74))
    c = view.canvas
    for left in (-0.5, 0.35):
        c.box(x + left * w, y - h * 0.54, w * 0.15, h * 0.15, (226, 22, 26), CAR)
    if plate is not None:
        _plate(view, x, y - h * 0.25, plate)


def _plate(view: View, x: float, y: float, value: str) -> None:
    w, h = 40.0, 16.0
    fills = {"yellow": YELLOW, "black": BLACK, "red": RED}
    fill = fills.get(value, WHITE)
    ink = WHITE if value in ("black", "red") else (40, 40, 46)
    c = view.canvas
    c.box(x - w / 2 - 1, y - h / 2 - 1, w + 2, h + 2, mix(ink, 60) if ink == WHITE else ink, CAR)
    c.box(x - w / 2, y - h / 2, w, h, fill, CAR)
    if value == "blue_band":
        for left in (x - w / 2, x + w / 2 - 9):
            c.box(left, y - h / 2, 9, h, (24, 70, 190), CAR)
    for i in range(4):
        tall = float(view.rng.uniform(5, 8))
        c.box(x - 9.5 + i * 5.2, y - tall / 2, 3, tall, ink, CAR)
