"""What stands beside the road: barriers, bollards, poles, signs, boards."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from georeasoner.clueworld.classes import FENCE, POLE, SIGN, WALL
from georeasoner.clueworld.drawing.canvas import Colour
from georeasoner.clueworld.drawing.glyphs import GLYPHS, draw_glyph
from georeasoner.clueworld.drawing.road import BLACK, RED, WHITE, YELLOW
from georeasoner.clueworld.drawing.view import View, mix

STEEL: Colour = (150, 156, 162)


def barrier(view: View, value: str) -> None:
    """A fence, rail or low wall along the right roadside, in perspective."""
    u, height = 122.0, 50.0
    cls = WALL if value in ("stone", "concrete") else FENCE

    def band(low: float, high: float, colour: Colour, span: tuple[float, float]) -> None:
        corners = []
        for depth, share in ((span[0], low), (span[1], low), (span[1], high), (span[0], high)):
            x, y = view.ground(u, depth)
            corners.append((x, y - share * height * depth))
        view.canvas.polygon(corners, colour, cls)

    whole = (0.1, 1.0)
    posts = [float(d) for d in np.geomspace(0.13, 0.98, 9)]
    if value == "guardrail":
        _posts(view, u, posts, 0.6 * height, 5, (110, 114, 118), cls)
        band(0.45, 0.95, (186, 192, 198), whole)
        band(0.62, 0.76, (120, 126, 132), whole)
    elif value == "wooden":
        _posts(view, u, posts, 1.1 * height, 9, (112, 70, 34), cls)
        for low in (0.2, 0.5, 0.8):
            band(low, low + 0.2, (158, 104, 54), whole)
    elif value == "wire":
        _posts(view, u, posts, 1.25 * height, 5, (84, 78, 70), cls)
        for low in (0.3, 0.6, 0.9, 1.15):
            band(low, low + 0.04, (70, 72, 76), whole)
    elif value == "concrete":
        cuts = [float(d) for d in np.geomspace(0.1, 1.0, 7)]
        for i, span in enumerate(pairwise(cuts)):
            band(0, 0.9, (206, 202, 194) if i % 2 else (182, 178, 170), span)
            band(0, 0.25, (150, 147, 140), span)
    else:
        band(0, 0.95, (104, 98, 90), whole)
        cuts = [float(d) for d in np.geomspace(0.1, 1.0, 15)]
        for i, (far, near) in enumerate(pairwise(cuts)):
            for row in range(3):
                shift = (near - far) * (0.5 if row % 2 else 0.0)
                span = (far + shift, min(1.0, near + shift) - 0.12 * (near - far))
                tone = (150, 140, 122) if (i + row) % 3 else (176, 168, 150)
                band(row * 0.32 + 0.03, row * 0.32 + 0.27, tone, span)


def _posts(
    view: View, u: float, depths: list[float], height: float, width: float, colour: Colour, cls: int
) -> None:
    for depth in depths:
        x, y = view.ground(u, depth)
        w = max(1.0, width * depth)
        view.canvas.box(x - w / 2, y - height * depth, w, height * depth, colour, cls)


def bollards(view: View, value: str) -> None:
    """A row of marker posts along the left edge of the road."""
    for depth in (0.26, 0.38, 0.56, 0.82):
        x, y = view.ground(-101.0, depth)
        w, h = 15 * depth + 1, 60 * depth + 2
        plain = {"orange": (250, 116, 10), "green": (20, 140, 66), "striped": YELLOW}
        body = plain.get(value, WHITE)
        c = view.canvas
        c.box(x - w / 2, y - h, w, h, body, POLE)
        c.oval(x, y - h, w / 2, w / 3, body, POLE)
        c.box(x + w * 0.25, y - h, w * 0.25, h, mix(body, -28), POLE)
        if value in ("red_band", "black_band"):
            band = RED if value == "red_band" else BLACK
            c.box(x - w / 2, y - h * 0.85, w, h * 0.38, band, POLE)
        elif value == "striped":
            for k in range(4):
                c.box(x - w / 2, y - h * (0.25 * k + 0.12), w, h * 0.125, BLACK, POLE)


def pole(view: View, value: str) -> None:
    """A tall utility pole on the right."""
    x, base = 160.0 + view.jitter(3), view.horizon + 26 + view.jitter(3)
    top = 6.0 + float(view.rng.uniform(0, 5))
    c = view.canvas
    if value == "wooden":
        wood: Colour = (112, 74, 40)
        c.box(x - 3, top, 6, base - top, wood, POLE)
        for y, reach in ((top + 7, 20), (top + 20, 15)):
            c.box(x - reach, y, 2 * reach, 4, mix(wood, -14), POLE)
            for k in (-1, 1):
                c.box(x + k * (reach - 4) - 1.5, y - 4, 3, 4, (206, 210, 206), POLE)
    elif value == "concrete":
        pale: Colour = (222, 216, 204)
        c.polygon(
            [(x - 3.5, top), (x + 3.5, top), (x + 7, base), (x - 7, base)], (120, 116, 108), POLE
        )
        c.polygon(
            [(x - 2.7, top + 1), (x + 2.7, top + 1), (x + 6, base), (x - 6, base)], pale, POLE
        )
        c.box(x - 14, top + 4, 28, 4, pale, POLE)
        for k in range(6):
            y = top + 16 + k * (base - top - 20) / 6
            c.box(x - 1.8, y, 3.6, 9, (70, 70, 72), POLE)
    elif value == "lattice":
        _lattice(view, x, top, base)
    else:
        c.box(x - 4, top, 8, base - top, (46, 46, 50), POLE)
        step = (base - top) / 13
        for k in range(0, 13, 2):
            c.box(x - 4, top + k * step, 8, step, YELLOW, POLE)


def _lattice(view: View, x: float, top: float, base: float) -> None:
    c = view.canvas
    steel: Colour = (92, 100, 108)

    def half(y: float) -> float:
        return 2.5 + 9 * (y - top) / (base - top)

    for side in (-1, 1):
        c.line([(x + side * half(top), top), (x + side * half(base), base)], steel, POLE, 1.6)
    levels = [top + (base - top) * k / 8 for k in range(9)]
    for a, b in pairwise(levels):
        c.line([(x - half(a), a), (x + half(b), b)], steel, POLE, 1.1)
        c.line([(x + half(a), a), (x - half(b), b)], steel, POLE, 1.1)
    for y in (top + 6, top + 20):
        c.line([(x - 20, y + 3), (x, y), (x + 20, y + 3)], steel, POLE, 2)


def road_sign(view: View, value: str) -> None:
    """A traffic sign on its own post, close by on the left."""
    x, y = 26.0 + view.jitter(3), view.horizon + 34 + view.jitter(3)
    r = 18.0
    c = view.canvas
    c.box(x - 1.5, y, 3, 52, STEEL, POLE)
    if value == "yellow_diamond":
        c.polygon([(x, y - r - 2), (x + r + 2, y), (x, y + r + 2), (x - r - 2, y)], BLACK, SIGN)
        c.polygon([(x, y - r), (x + r, y), (x, y + r), (x - r, y)], YELLOW, SIGN)
        c.box(x - 1.8, y - 9, 3.6, 11, BLACK, SIGN)
        c.oval(x, y + 6, 2.2, 2.2, BLACK, SIGN)
    elif value.endswith("triangle"):
        inner = YELLOW if value.startswith("yellow") else WHITE
        c.polygon([(x, y - r), (x + r + 2, y + r - 2), (x - r - 2, y + r - 2)], RED, SIGN)
        c.polygon([(x, y - 9), (x + 11.5, y + 11), (x - 11.5, y + 11)], inner, SIGN)
        c.box(x - 1.5, y - 3, 3, 7.5, BLACK, SIGN)
        c.oval(x, y + 7.5, 1.7, 1.7, BLACK, SIGN)
    else:
        round_sign = value == "blue_disc"
        if round_sign:
            c.oval(x, y, r, r, WHITE, SIGN)
            c.oval(x, y, r - 1.8, r - 1.8, (20, 84, 200), SIGN)
        else:
            c.box(x - r, y - r, 2 * r, 2 * r, WHITE, SIGN)
            c.box(x - r + 2, y - r + 2, 2 * r - 4, 2 * r - 4, (8, 122, 62), SIGN)
        c.box(x - 2.2, y - 3, 4.4, 13, WHITE, SIGN)
        c.polygon([(x, y - 12), (x + 8, y - 2), (x - 8, y - 2)], WHITE, SIGN)


def board(view: View, script: str) -> None:
    """A large board with four letters of a script, high on the left."""
    left, top = 6.0 + view.jitter(3), 8.0 + view.jitter(3)
    w, h = 84.0, 40.0
    c = view.canvas
    for x in (left + 3, left + w - 6):
        c.box(x, top + h - 2, 3, view.horizon + 14 - top - h, STEEL, POLE)
    c.box(left - 2, top - 2, w + 4, h + 4, (236, 238, 240), SIGN)
    c.box(left, top, w, h, (44, 54, 78), SIGN)
    glyphs = GLYPHS[script]
    chosen = view.rng.choice(len(glyphs), 4, replace=len(glyphs) < 4)
    start, c.flip = min(c.x(left), c.x(left + w)), False
    step = (w - 8) / 4
    joined = script in ("arabic", "devanagari")
    for i, number in enumerate(chosen):
        size = (step if joined else step - 4.5, h - 18)
        corner = (start + 4 + i * step + (0 if joined else 2.2), top + 9)
        draw_glyph(c, glyphs[int(number)], corner, size, (250, 250, 250), SIGN, 2.5)
    if script == "arabic":
        c.box(start + 6, top + 21, w - 12, 2.5, (250, 250, 250), SIGN)
