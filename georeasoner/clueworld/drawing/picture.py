"""A scene's clues and chances to a picture and its mask.

Goes in: the kind of scene, the visible clues, a random generator that knows nothing of the place.
Comes out: an RGB image of 224 x 224 and a mask of ADE20K class indices that fits it exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from georeasoner.clueworld.drawing import closed, land, road, roadside
from georeasoner.clueworld.drawing.view import View
from georeasoner.clueworld.scene import SIZE_PX

NOISE_SIDE = 512
PX_PER_DEG = 1.6


@dataclass(frozen=True)
class Picture:
    """An RGB image of (H, W) and its mask, (H, W) uint8 of ADE20K class indices 0 to 149."""

    image: Image.Image
    mask: NDArray[np.uint8]


def draw(kind: str, clues: dict[str, str], rng: np.random.Generator) -> Picture:
    """Draw a scene of that kind with exactly these clues in it."""
    view = View.draw(rng)
    if kind in closed.BACKDROPS:
        closed.BACKDROPS[kind](view)
    else:
        _open_backdrop(view, clues)
    _on_road(view, clues, bare=kind == "wall")
    image, mask = view.canvas.finish()
    haze = closed.fog_shares(view) if kind == "fog" else None
    return Picture(_weather(image, rng, haze), mask)


def _open_backdrop(view: View, clues: dict[str, str]) -> None:
    land.sky(view)
    if "skyline" in clues:
        land.skyline(view, clues["skyline"])
    land.ground(view, clues.get("soil"))


def _on_road(view: View, clues: dict[str, str], bare: bool) -> None:
    """Everything from the road upwards, far things first."""
    flip = view.canvas.flip
    if not bare:
        road.road(view)
    if "edge_line" in clues:
        road.edge_line(view, clues["edge_line"])
    if "centre_line" in clues:
        road.centre_line(view, clues["centre_line"])
    for kind, thing in (
        ("vegetation", land.trees),
        ("pole", roadside.pole),
        ("barrier", roadside.barrier),
        ("script", roadside.board),
        ("roof", land.house),
        ("road_sign", roadside.road_sign),
        ("bollard", roadside.bollards),
    ):
        view.canvas.flip = flip
        if kind in clues:
            thing(view, clues[kind])
    if "driving_side" in clues:
        road.traffic(view, clues["driving_side"], clues.get("plate"))
    view.canvas.flip = flip
    if "sun_side" in clues:
        land.sun(view, clues["sun_side"])


def _weather(
    image: Image.Image, rng: np.random.Generator, haze: NDArray[np.float32] | None
) -> Image.Image:
    """Grain, brightness and haze: the same chances for every place."""
    pixels = np.asarray(image).astype(np.float32)
    if haze is not None:
        fog = np.float32(rng.uniform(200, 222))
        pixels += (fog - pixels) * haze[:, None, None]
    y, x = rng.integers(0, NOISE_SIDE - SIZE_PX, 2)
    pixels *= np.float32(rng.uniform(0.92, 1.06))
    pixels += _grain()[y : y + SIZE_PX, x : x + SIZE_PX, None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


@cache
def _grain() -> NDArray[np.float32]:
    """(NOISE_SIDE, NOISE_SIDE) of film grain, in grey levels."""
    noise = np.random.default_rng(7).normal(0, 3.0, (NOISE_SIDE, NOISE_SIDE))
    return noise.astype(np.float32)


def turn(picture: Picture, turned_deg: float) -> Picture:
    """The same place a few degrees to the side: a crop that is moved and enlarged a little."""
    shift_px = round(abs(turned_deg) * PX_PER_DEG)
    left = shift_px if turned_deg > 0 else 0
    box = (left, shift_px // 2, SIZE_PX - shift_px + left, SIZE_PX - shift_px + shift_px // 2)
    size = (SIZE_PX, SIZE_PX)
    image = picture.image.resize(size, Image.Resampling.BILINEAR, box)
    mask = Image.fromarray(picture.mask).resize(size, Image.Resampling.NEAREST, box)
    return Picture(image, np.asarray(mask))
