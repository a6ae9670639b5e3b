"""Bytes of unknown origin in, an upright RGB picture or the reason why not out.

Street views come from anywhere: truncated, empty, mislabelled, rotated by EXIF, 16-bit, CMYK, or
made to exhaust memory. Nothing here raises for what a file holds.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 89_478_485  # Pillow's own limit: a quarter of a GiB as RGB
MAX_ASPECT = (
    100  # a thinner strip becomes a giant when its short side is resized to a model's input
)
# Formats decoded in process; EPS would call an interpreter, others are no photographs.
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "PPM")


@dataclass(frozen=True)
class Refusal:
    """Why some bytes are no usable picture: a short countable reason, and what was found."""

    reason: str
    detail: str = ""


def safe_open(
    data: bytes, max_pixels: int = MAX_PIXELS, min_side: int | None = None
) -> Image.Image | Refusal:
    """Decode the first frame to RGB with the EXIF orientation applied, or say why it cannot be.

    With `min_side` (pixels) a JPEG is decoded at 1/2, 1/4 or 1/8 of its size, as long as its
    shorter side keeps at least that many. Reasons: empty_file, not_an_image, too_many_pixels
    (declared size, so before any memory is taken), extreme_aspect_ratio, truncated_image,
    undecodable_image.
    """
    from PIL import Image, UnidentifiedImageError

    if not data:
        return Refusal("empty_file")
    try:
        with Image.open(io.BytesIO(data), formats=decodable()) as image:
            width, height = image.size
            if width * height > max_pixels:
                return Refusal("too_many_pixels", f"{width} x {height}, at most {max_pixels:,}")
            if max(width, height) > MAX_ASPECT * min(width, height):
                return Refusal("extreme_aspect_ratio", f"{width} x {height}")
            if min_side is not None:
                image.draft("RGB", (min_side, min_side))
            image.load()
            return _upright(_rgb(image), _orientation(image))
    except UnidentifiedImageError:
        return Refusal("not_an_image", f"starts with {data[:8]!r}")
    except Image.DecompressionBombError as error:
        return Refusal("too_many_pixels", str(error))
    except Exception as error:  # Pillow's decoders raise nearly every type on damaged files
        reason = "truncated_image" if "truncated" in str(error).lower() else "undecodable_image"
        return Refusal(reason, f"{type(error).__name__}: {error}"[:200])


def decodable() -> list[str]:
    """The formats that are decoded, by Pillow's names; AVIF is missing from some builds of it."""
    from PIL import Image

    Image.init()  # idempotent
    return [name for name in _FORMATS if name in Image.OPEN]


def upright_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels of what `safe_open` takes, as the picture is to be seen."""
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=decodable()) as image:
        width, height = image.size
        # of a TIFF Pillow gives the size after turning
        turned = image.format != "TIFF" and _orientation(image) >= 5
    return (height, width) if turned else (width, height)


def _orientation(image: Image.Image) -> int:
    """How the EXIF says the picture lies, from 1 (upright) to 8; 1 where the EXIF is damaged."""
    try:
        value = image.getexif().get(0x0112)
    except Exception:  # of its own formats Pillow raises nearly every type; the pixels are good
        return 1
    return value if value in range(1, 9) else 1


def _upright(image: Image.Image, lies: int) -> Image.Image:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }  # fmt: skip
    return image.transpose(turns[lies]) if lies in turns else image


def _rgb(image: Image.Image) -> Image.Image:
    """RGB from any mode; 16-bit grey is scaled (Pillow would clip it to white)."""
    import numpy as np
    from PIL import Image

    if image.mode.startswith("I;16"):
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of mode {image.mode} have no known scale")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA"):
        rgba = image.convert("RGBA")
        flat = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(flat, rgba).convert("RGB")
    return image.convert("RGB")
