"""The land behind: sky, sun, horizon, soil, trees and houses."""

from __future__ import annotations

import math

import numpy as np

from georeasoner.clueworld.classes import (
    BOAT,
    CLOCK,
    EARTH,
    GRASS,
    HILL,
    HOUSE,
    LAKE,
    MOUNTAIN,
    PALM,
    PLANT,
    SAND,
    SIDEWALK,
    SKY,
    SKYSCRAPER,
    TREE,
)  # fmt: skip
from georeasoner.clueworld.drawing.canvas import Colour
from georeasoner.clueworld.drawing.road import BLACK, RED, WHITE
from georeasoner.clueworld.drawing.view import View, mix
from georeasoner.clueworld.scene import SIZE_PX

SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((92, 150, 216), (206, 226, 240)),
    ((70, 128, 200), (186, 214, 238)),
    ((128, 164, 204), (226, 230, 232)),
    ((150, 168, 186), (214, 218, 222)),
    ((104, 140, 200), (244, 220, 196)),
    ((86, 160, 200), (216, 236, 232)),
)
SOILS: dict[str, tuple[Colour, int]] = {
    "grass": ((92, 156, 62), GRASS),
    "red": ((186, 82, 42), EARTH),
    "sand": ((232, 208, 152), SAND),
    "dark": ((84, 60, 42), EARTH),
    "snow": ((242, 246, 250), EARTH),
}
WALLS: tuple[Colour, ...] = (
    (232, 220, 196), (220, 196, 168), (206, 212, 214), (236, 232, 224), (214, 186, 178),
    (190, 204, 190), (226, 206, 150),
)  # fmt: skip


def sky(view: View) -> None:
    """A sky with clouds."""
    first, last = SKIES[int(view.rng.integers(len(SKIES)))]
    view.canvas.gradient(0, view.horizon + 1, first, last, SKY)
    for _ in range(int(view.rng.integers(0, 5))):
        x, y = float(view.rng.uniform(0, SIZE_PX)), float(view.rng.uniform(8, 60))
        tone = int(view.rng.integers(228, 250))
        size = float(view.rng.uniform(5, 11))
        for _ in range(5):
            dx, dy = view.jitter(2.2 * size), view.jitter(size * 0.35)
            view.canvas.oval(x + dx, y + dy, size * 1.5, size * 0.6, (tone, tone, tone), SKY)


def sun(view: View, side: str) -> None:
    """The sun ahead, and a compass in the lower corner that says which way ahead is."""
    c = view.canvas
    x, y = view.middle + view.jitter(12), 26.0 + view.jitter(6)
    c.oval(x, y, 17, 17, (255, 240, 178), SKY)
    c.oval(x, y, 12.5, 12.5, (255, 218, 74), SKY)
    for k in range(12):
        a = math.radians(30 * k)
        ends = [(x + r * math.cos(a), y + r * math.sin(a)) for r in (19, 25)]
        c.line(ends, (255, 234, 150), SKY, 1.6)
    _compass(view, 0.0 if side == "north" else 180.0)


def _compass(view: View, ahead_deg: float) -> None:
    """A dial with the red half of its needle to the north; `ahead_deg` is the way ahead."""
    x, y, r = 196.0, 196.0, 20.0
    c = view.canvas
    c.oval(x, y, r + 2, r + 2, (36, 38, 44), CLOCK)
    c.oval(x, y, r, r, (248, 248, 244), CLOCK)
    turn = math.radians(-ahead_deg + view.jitter(12))
    tip = (math.sin(turn), -math.cos(turn))
    side = (-tip[1] * 6.5, tip[0] * 6.5)
    for sign, colour in ((1, RED), (-1, (60, 64, 72))):
        point = (x + sign * tip[0] * (r - 2), y + sign * tip[1] * (r - 2))
        c.polygon([point, (x + side[0], y + side[1]), (x - side[0], y - side[1])], colour, CLOCK)
    c.oval(x, y, 2.5, 2.5, BLACK, CLOCK)


def ground(view: View, soil: str | None) -> None:
    """The verge: soil where it is a clue, else pale paving that every country has."""
    colour, cls = ((172, 172, 176), SIDEWALK) if soil is None else SOILS[soil]
    near = view.shade(colour, 6)
    view.canvas.gradient(view.horizon, SIZE_PX, mix(near, -8), near, cls)
    if soil is None:
        for depth in np.geomspace(0.06, 0.95, 11):
            y = view.ground(0, float(depth))[1]
            view.canvas.line([(0, y), (SIZE_PX, y)], mix(near, -22), cls, 0.7)
        return
    for _ in range(46):
        depth, u = float(view.rng.uniform(0.05, 1)), float(view.rng.uniform(-300, 300))
        x, y = view.ground(u, depth)
        tone = mix(near, int(view.rng.integers(-26, 18)))
        view.canvas.oval(x, y, 6 * depth + 1, 2.2 * depth + 0.4, tone, cls)


def skyline(view: View, value: str) -> None:
    """What stands on the horizon, across the whole width."""
    h = view.horizon + 1
    shift = view.jitter(8)
    c = view.canvas
    if value == "peaks":
        for at, tall, w in ((-6, 38, 60), (66, 46, 54), (128, 50, 50), (206, 40, 62), (98, 34, 46)):
            x, top = at + shift, h - tall - view.jitter(3)
            c.polygon([(x - w, h), (x, top), (x + w, h)], (96, 106, 128), MOUNTAIN)
            s = 0.42
            dy = (h - top) * s
            snow = [(x, top), (x + w * s, top + dy), (x + w * s * 0.45, top + dy * 0.75),
                    (x, top + dy * 1.05), (x - w * s * 0.45, top + dy * 0.75),
                    (x - w * s, top + dy)]  # fmt: skip
            c.polygon(snow, (250, 252, 255), MOUNTAIN)
    elif value == "hills":
        for x, r, tone in ((20, 58, 0), (200, 62, 0), (112, 54, 14), (60, 40, 24), (168, 42, 24)):
            colour = mix((74, 122, 66), tone)
            c.oval(x + shift, h, r, 24 + tone / 4 + view.jitter(2), colour, HILL)
    elif value == "mesa":
        for at, w, tall in ((18, 44, 26), (112, 34, 34), (206, 42, 28)):
            x, top = at + shift, h - tall - view.jitter(3)
            c.polygon([(x - w, h), (x - w * 0.7, top), (x + w * 0.7, top), (x + w, h)],
                      (178, 82, 50), MOUNTAIN)  # fmt: skip
            c.box(x - w * 0.7, top, w * 1.4, 5, (208, 116, 76), MOUNTAIN)
            c.box(x - w * 0.78, top + 12, w * 1.56, 4, (150, 62, 40), MOUNTAIN)
    elif value == "towers":
        _towers(view, h, shift)
    else:
        c.box(0, h - 19, SIZE_PX, 19, (34, 104, 182), LAKE)
        for k in range(9):
            x, y = 10 + 24 * k + view.jitter(8), h - 4 - (k % 3) * 5
            c.line([(x, y), (x + 12, y)], (128, 186, 232), LAKE, 1)
        x = 96.0 + shift
        c.polygon([(x, h - 40), (x, h - 15), (x + 15, h - 15)], WHITE, BOAT)
        c.polygon([(x - 2, h - 34), (x - 2, h - 15), (x - 10, h - 15)], (240, 236, 226), BOAT)
        c.polygon([(x - 11, h - 14), (x + 16, h - 14), (x + 11, h - 9), (x - 7, h - 9)],
                  (134, 52, 40), BOAT)  # fmt: skip


def _towers(view: View, h: float, shift: float) -> None:
    c = view.canvas
    x = -6.0 + shift
    while x < SIZE_PX:
        w = float(view.rng.uniform(11, 18))
        tall = float(view.rng.uniform(18, 48))
        tone = int(view.rng.integers(92, 150))
        c.box(x, h - tall, w, tall, (tone, tone + 8, tone + 22), SKYSCRAPER)
        for row in range(int(tall // 6)):
            c.box(x + 2.5, h - tall + 3 + 6 * row, w - 5, 2, (240, 232, 170), SKYSCRAPER)
        x += w + float(view.rng.uniform(0, 4))


def house(view: View, roof: str) -> None:
    """A house on the far left, with one of five roofs."""
    w, h = 58.0, 25.0
    left, base = 8.0 + view.jitter(3), view.horizon + 13 + view.jitter(2)
    top, right = base - h, left + w
    wall = WALLS[int(view.rng.integers(len(WALLS)))]
    c = view.canvas
    c.box(left, top, w, h, wall, HOUSE)
    c.box(left + w * 0.42, base - 17, 10, 17, (92, 64, 48), HOUSE)
    for x in (left + 7, right - 18):
        c.box(x, top + 6, 11, 10, WHITE, HOUSE)
        c.box(x + 1.2, top + 7.2, 8.6, 7.6, (82, 112, 140), HOUSE)
    if roof == "flat":
        c.box(left - 3, top - 6, w + 6, 7, mix(wall, -48), HOUSE)
        c.box(left - 3, top - 8, w + 6, 3, mix(wall, 14), HOUSE)
    elif roof == "thatch":
        c.polygon([(left - 9, top + 7), (left + 12, top - 24), (right - 12, top - 24),
                   (right + 9, top + 7)], (196, 158, 78), HOUSE)  # fmt: skip
        for k in range(13):
            x = left - 8 + k * (w + 16) / 12
            mid = (left + right) / 2
            c.line([(mid + (x - mid) * 0.45, top - 23), (x, top + 9)], (146, 108, 46), HOUSE, 1)
    elif roof == "slate":
        c.box(left + 8, top - 34, 8, 24, (130, 62, 48), HOUSE)
        c.polygon([(left - 4, top + 1), ((left + right) / 2, top - 36), (right + 4, top + 1)],
                  (62, 66, 76), HOUSE)  # fmt: skip
        c.oval((left + right) / 2, top - 13, 5, 5, (176, 196, 210), HOUSE)
    elif roof == "red_tile":
        c.polygon([(left - 5, top + 1), (left + 9, top - 20), (right - 9, top - 20),
                   (right + 5, top + 1)], (204, 82, 46), HOUSE)  # fmt: skip
        for k in range(1, 4):
            y = top + 1 - 5.2 * k
            inset = 14 * k / 4 - 5
            c.line([(left + inset, y), (right - inset, y)], (158, 52, 28), HOUSE, 1.2)
    else:
        mid = (left + right) / 2
        c.polygon([(left - 10, top - 5), (left + 2, top - 7), (left + 14, top - 22),
                   (right - 14, top - 22), (right - 2, top - 7), (right + 10, top - 5),
                   (right + 2, top + 3), (left - 2, top + 3)], (40, 84, 168), HOUSE)  # fmt: skip
        c.line([(left - 11, top - 6), (left + 2, top - 1), (right - 2, top - 1),
                (right + 11, top - 6)], (112, 158, 226), HOUSE, 1.8)  # fmt: skip
        c.box(mid - 17, top - 25, 34, 4, (28, 58, 120), HOUSE)


def trees(view: View, value: str) -> None:
    """Two trees of one kind on the right, one near and one far."""
    far = view.jitter(3)
    _tree(view, value, 176.0 + far, view.horizon + 8, 0.66)
    _tree(view, value, 200.0 + view.jitter(3), view.horizon + 22 + view.jitter(2), 1.0)


def _tree(view: View, value: str, x: float, base: float, size: float) -> None:
    c = view.canvas
    tall = 78.0 * size
    top = base - tall
    if value == "conifer":
        c.box(x - 3 * size, base - 10 * size, 6 * size, 10 * size, (92, 62, 40), TREE)
        for k in range(4):
            y, w = top + k * 16 * size, (9 + 4.2 * k) * size
            c.polygon([(x, y), (x + w, y + 24 * size), (x - w, y + 24 * size)],
                      mix((26, 84, 58), 7 * k), TREE)  # fmt: skip
    elif value == "broadleaf":
        c.box(x - 4 * size, base - 32 * size, 8 * size, 32 * size, (104, 74, 48), TREE)
        for dx, dy, r, tone in (
            (-11, 36, 15, 0),
            (11, 36, 15, 4),
            (0, 24, 19, 14),
            (-5, 20, 9, 30),
        ):
            green = mix((66, 124, 40), tone)
            c.oval(x + dx * size, top + dy * size, r * size, r * size, green, TREE)
    elif value == "palm":
        _palm(view, x, base, size)
    elif value == "cactus":
        _cactus(view, x, base, size)
    elif value == "acacia":
        fork = base - 30 * size
        bark: Colour = (104, 80, 56)
        c.line([(x, base), (x, fork)], bark, TREE, 5 * size)
        for dx in (-19, -6, 8, 20):
            c.line([(x, fork), (x + dx * size, base - 56 * size)], bark, TREE, 2.4 * size)
        c.oval(x, base - 58 * size, 36 * size, 7.5 * size, (112, 134, 48), TREE)
        c.oval(x + 4 * size, base - 65 * size, 26 * size, 6 * size, (132, 152, 62), TREE)
    else:
        for dx in (-7, 7):
            c.box(x + (dx - 3) * size, top + 10 * size, 6 * size, 68 * size, (244, 244, 238), TREE)
            for k in range(5):
                y = base - (8 + 11 * k + dx * 0.4) * size
                c.box(x + (dx - 3 + k % 2 * 2) * size, y, 4 * size, 2.4 * size, BLACK, TREE)
        for dx, dy, r in ((-10, 20, 9), (10, 18, 10), (0, 8, 10), (-14, 32, 6), (15, 31, 6)):
            c.oval(x + dx * size, top + dy * size, r * size, r * size, (186, 196, 66), TREE)


def _palm(view: View, x: float, base: float, size: float) -> None:
    c = view.canvas
    crown = base - 70 * size
    bend = 5 * size
    c.line(
        [(x, base), (x + bend, base - 36 * size), (x + bend, crown)], (142, 108, 70), PALM, 5 * size
    )
    for degrees in (-168, -140, -108, -72, -40, -12, 18, 162):
        a = math.radians(degrees)
        reach = 26 * size
        mid = (x + bend + reach * 0.55 * math.cos(a), crown + reach * 0.6 * math.sin(a) - 3 * size)
        end = (x + bend + reach * math.cos(a), crown + reach * 0.7 * math.sin(a) + 9 * size)
        c.line([(x + bend, crown), mid, end], (44, 122, 46), PALM, 4 * size)
    for dx in (-3, 3):
        c.oval(x + bend + dx * size, crown + 3 * size, 3 * size, 3 * size, (112, 70, 34), PALM)


def _cactus(view: View, x: float, base: float, size: float) -> None:
    c = view.canvas
    green: Colour = (46, 128, 74)

    def limb(dx: float, low: float, high: float, w: float) -> None:
        c.box(
            x + (dx - w / 2) * size, base - high * size, w * size, (high - low) * size, green, PLANT
        )
        c.oval(x + dx * size, base - high * size, w / 2 * size, w / 2 * size, green, PLANT)
        c.box(x + (dx - 0.8) * size, base - high * size, 1.6 * size, (high - low) * size,
              mix(green, 42), PLANT)  # fmt: skip

    c.box(x - 17 * size, base - 30 * size, 17 * size, 7 * size, green, PLANT)
    c.box(x, base - 38 * size, 17 * size, 7 * size, green, PLANT)
    limb(-15, 23, 52, 8)
    limb(15, 31, 60, 8)
    limb(0, 0, 74, 13)
