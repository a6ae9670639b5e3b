"""Small pictures for pages that people look at: encoded bytes in, a small JPEG out."""

from __future__ import annotations

import base64
import io

from scoring.decode import Refusal, safe_open

SIDE_PX = 200


def thumbnail(data: bytes, side_px: int = SIDE_PX) -> bytes | None:
    """A JPEG without metadata, at most `side_px` wide and high; None where `data` is no picture."""
    image = safe_open(data, min_side=side_px)
    if isinstance(image, Refusal):
        return None
    image.thumbnail((side_px, side_px))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def data_url(jpeg: bytes) -> str:
    """What an `img` of a self-contained page has as its source."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
