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
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "PPM")


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
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not data:
        return Refusal("empty_file")
    Image.init()  # idempotent; AVIF is missing from some builds of Pillow
    formats = [name for name in FORMATS if name in Image.OPEN]
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            width, height = image.size
            if width * height > max_pixels:
                return Refusal("too_many_pixels", f"{width} x {height}, at most {max_pixels:,}")
            if max(width, height) > MAX_ASPECT * min(width, height):
                return Refusal("extreme_aspect_ratio", f"{width} x {height}")
            if min_side is not None:
                image.draft("RGB", (min_side, min_side))
            image.load()
            return _rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError:
        return Refusal("not_an_image", f"starts with {data[:8]!r}")
    except Image.DecompressionBombError as error:
        return Refusal("too_many_pixels", str(error))
    except Exception as error:  # Pillow's decoders raise nearly every type on damaged files
        reason = "truncated_image" if "truncated" in str(error).lower() else "undecodable_image"
        return Refusal(reason, f"{type(error).__name__}: {error}"[:200])


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
