"""A canvas that draws colour and class at once, so that a mask fits its picture exactly.

Everything is drawn at twice the size on an RGBA image whose fourth channel is not transparency
but the ADE20K class of the pixel. The colours are then averaged over 2 x 2 pixels, and the mask
takes one pixel of the four.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from georeasoner.clueworld.scene import SIZE_PX

SCALE = 2
Colour = tuple[int, int, int]
Point = tuple[float, float]


class Canvas:
    """Shapes in pixels of the finished picture; `flip` mirrors what is drawn left to right."""

    def __init__(self) -> None:
        side = SIZE_PX * SCALE
        self.image = Image.new("RGBA", (side, side))
        self._draw = ImageDraw.Draw(self.image)
        self.flip = False

    def x(self, x: float) -> float:
        """Where x lies in the finished picture."""
        return SIZE_PX - x if self.flip else x

    def _at(self, points: Sequence[Point]) -> list[Point]:
        return [(self.x(x) * SCALE, y * SCALE) for x, y in points]

    def polygon(self, points: Sequence[Point], colour: Colour, cls: int) -> None:
        """A filled polygon."""
        self._draw.polygon(self._at(points), fill=(*colour, cls))

    def line(self, points: Sequence[Point], colour: Colour, cls: int, width: float = 1) -> None:
        """A line through points, with rounded joints."""
        width_px = max(1, round(width * SCALE))
        joint = "curve" if len(points) > 2 and width_px > 2 else None
        self._draw.line(self._at(points), fill=(*colour, cls), width=width_px, joint=joint)

    def box(
        self, x: float, y: float, width: float, height: float, colour: Colour, cls: int
    ) -> None:
        """A filled rectangle from its upper left corner."""
        left, right = sorted((self.x(x), self.x(x + width)))
        corners = (left * SCALE, y * SCALE, right * SCALE - 1, (y + height) * SCALE - 1)
        if corners[2] >= corners[0] and corners[3] >= corners[1]:
            self._draw.rectangle(corners, fill=(*colour, cls))

    def oval(self, x: float, y: float, rx: float, ry: float, colour: Colour, cls: int) -> None:
        """A filled ellipse around (x, y)."""
        self._draw.ellipse(self._bounds(x, y, rx, ry), fill=(*colour, cls))

    def ring(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, cls: int, width: float
    ) -> None:
        """The outline of an ellipse around (x, y)."""
        self._draw.ellipse(
            self._bounds(x, y, rx, ry), outline=(*colour, cls), width=round(width * SCALE)
        )

    def arc(
        self,
        centre: Point,
        radii: Point,
        degrees: Point,
        colour: Colour,
        cls: int,
        width: float,
    ) -> None:
        """Part of an outline, clockwise from three o'clock; never mirrored in its angles."""
        self._draw.arc(
            self._bounds(*centre, *radii), *degrees, fill=(*colour, cls), width=round(width * SCALE)
        )

    def _bounds(self, x: float, y: float, rx: float, ry: float) -> tuple[float, ...]:
        x = self.x(x)
        return (
            (x - rx) * SCALE, (y - ry) * SCALE, (x + rx) * SCALE - 1, (y + ry) * SCALE - 1
        )  # fmt: skip

    def gradient(self, top: float, bottom: float, first: Colour, last: Colour, cls: int) -> None:
        """Full-width rows from `top` to `bottom` that pass from one colour to another."""
        y0, y1 = round(top * SCALE), round(bottom * SCALE)
        share = np.linspace(0, 1, y1 - y0)[:, None]
        rows = np.asarray(first) * (1 - share) + np.asarray(last) * share
        column = np.full((y1 - y0, 1, 4), cls, np.uint8)
        column[:, 0, :3] = rows.round()
        strip = Image.fromarray(column).resize(
            (self.image.width, y1 - y0), Image.Resampling.NEAREST
        )
        self.image.paste(strip, (0, y0))

    def finish(self) -> tuple[Image.Image, NDArray[np.uint8]]:
        """The picture at its size, and its mask (H, W)."""
        mask = np.asarray(self.image.getchannel("A"))[1::SCALE, 1::SCALE]
        return self.image.convert("RGB").reduce(SCALE), np.ascontiguousarray(mask)
