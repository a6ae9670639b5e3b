"""Letters of seven scripts as a few strokes each, so that no font is needed to draw them.

A glyph is a string of strokes on a grid of 10 x 10, y downwards: `L x y x y ...` a line,
`O cx cy rx ry` an ellipse, `C cx cy rx ry from to` an arc in degrees (clockwise from three
o'clock), `D x y` a dot. Stylised: made to look like their script from afar, not to be read.
"""

from __future__ import annotations

from functools import cache

from georeasoner.clueworld.drawing.canvas import Canvas, Colour

GLYPHS: dict[str, tuple[str, ...]] = {
    "latin": (
        "L 1 10 5 0 9 10;L 3 6.5 7 6.5",
        "L 9 0 2 0 2 10 9 10;L 2 5 8 5",
        "L 2 10 2 0 8 10 8 0",
        "L 0 0 10 0;L 5 0 5 10",
        "L 1 0 1 10;L 9 0 9 10;L 1 5 9 5",
        "L 2 0 2 10 9 10",
    ),
    "cyrillic": (
        "L 5 0 5 10;L 0 0 10 10;L 10 0 0 10",
        "L 1 0 1 10 9 10 9 0;L 5 0 5 10",
        "L 0 10 0 8 10 8 10 10;L 2 8 3 0 8 0 8 8",
        "L 8 0 8 10;C 6 2.7 4 2.7 90 270;L 6 0 8 0;L 6 5.4 8 5.4;L 6 5.4 2 10",
        "L 1 0 1 10;L 1 5 3 5;O 6.5 5 3.3 5",
        "L 5 0 5 10;O 5 4.5 4.8 3",
        "L 1 0 1 10 9 0 9 10",
    ),
    "arabic": (
        "C 5 4 5 4 0 180;D 5 10",
        "L 10 3 10 6 7.5 6 7.5 3;L 7.5 6 5 6 5 3;C 2.5 6 2.5 4 0 180",
        "O 7 3 2.5 2.5;C 4 3 5.5 6.5 0 130",
        "C 5 4 5 4 0 180;D 3.5 0;D 6.5 0",
        "C 6 6 4 4 90 270;L 6 2 10 2;D 6 7",
        "C 4 3 5 6 -10 110;D 7 -1",
    ),
    "devanagari": (
        "L 0 0 10 0;L 8 0 8 10;C 3.5 4 3 2.6 -120 170;L 5 6 8 6",
        "L 0 0 10 0;L 8 0 8 10;L 2 0 2 5 8 5",
        "L 0 0 10 0;L 5 0 5 10;C 3 5.5 2 2.2 0 360;C 7.5 5.5 2.2 2.2 -180 90",
        "L 0 0 10 0;L 8 0 8 10;C 5 4 3 3 90 270;L 5 7 8 7",
        "L 0 0 10 0;L 5 0 5 3;C 5 6 3.2 3.2 -90 150",
    ),
    "sinhala": (
        "C 5 5 4.8 4.8 -60 230;C 4 4.5 2 2 0 300",
        "O 3 6 2.8 2.8;O 7.5 6 2.3 2.3;C 5 5 4.5 4.8 190 330",
        "C 5 6 4.8 3.8 -170 170;O 5 6.5 1.8 1.8;C 5 2 3 2 180 340",
        "O 3 3.5 2.5 2.5;C 6 5.5 3.8 4 -120 180",
    ),
    "kana": (
        "L 1 1 9 1 6 5;L 5 3 4 7 2 10",
        "L 3 0 3 10;L 3 4 8 7",
        "L 0 3 10 2;L 0 6.5 10 5.5;L 4 0 7 10",
        "L 1 2 4 3.5;L 1 5.5 3.5 7;L 9 1 7 6 1 10",
        "L 5 0 5 10;L 0 3 10 3;L 5 3 0 8;L 5 3 10 8",
        "L 2 0 2 10 8 10 8 0 2 0;L 2 5 8 5",
        "L 1 1 9 1;L 8 1 6 6 1 10;L 3 3 8 8",
    ),
    "hangul": (
        "L 2 0 5 0;L 0 2 6.5 2;O 3.2 4.2 2 1.6;L 8.5 0 8.5 6;L 8.5 3 10 3;L 1.5 7 1.5 10 9 10",
        "O 3 3 2.7 2.7;L 8.5 0 8.5 6;O 6 8.7 2.5 1.6",
        "L 0 0 5 0 5 5.5;L 8.5 0 8.5 10;L 8.5 5 10 5",
        "L 3 0 0 6;L 3 0 6 6;L 8.5 0 8.5 10;L 6.5 4 8.5 4",
        "L 1 0 1 4 8 4;L 4.5 4 4.5 6;L 0 6 10 6;O 5 8.5 2.2 1.6",
        "L 0 0 6 0 6 5 0 5 0 0;L 8.5 0 8.5 10;L 8.5 3 10 3",
    ),
}


@cache
def _strokes(glyph: str) -> tuple[tuple[str, tuple[float, ...]], ...]:
    parts = [stroke.split() for stroke in glyph.split(";")]
    return tuple((part[0], tuple(float(n) for n in part[1:])) for part in parts)


def draw_glyph(
    canvas: Canvas,
    glyph: str,
    corner: tuple[float, float],
    size: tuple[float, float],
    colour: Colour,
    cls: int,
    width: float,
) -> None:
    """Draw one glyph with its upper left corner and (width, height) in px."""
    (left, top), (gx, gy) = corner, (size[0] / 10, size[1] / 10)
    for kind, numbers in _strokes(glyph):
        x, y = left + numbers[0] * gx, top + numbers[1] * gy
        if kind == "L":
            points = [
                (left + a * gx, top + b * gy)
                for a, b in zip(numbers[::2], numbers[1::2], strict=True)
            ]
            canvas.line(points, colour, cls, width)
        elif kind == "D":
            canvas.oval(x, y, width * 0.75, width * 0.75, colour, cls)
        else:
            degrees = (0.0, 360.0) if kind == "O" else (numbers[4], numbers[5])
            radii = (numbers[2] * gx + width / 2, numbers[3] * gy + width / 2)
            canvas.arc((x, y), radii, degrees, colour, cls, width)
