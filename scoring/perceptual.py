"""Perceptual hashes: a picture in, 64 bits out that change little when it is recompressed.

The hash is pHash's (Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions",
2010): the picture in grey at 32 x 32, its discrete cosine transform, and of the 8 x 8 lowest
frequencies whether each is above their median. The number of bits that differ (Hamming distance)
says how unlike two pictures are; unrelated ones differ in about 32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 32
_LOW = 8
BITS = _LOW * _LOW


def perceptual_hash(image: Image) -> int:
    """The hash of an RGB picture as a signed 64-bit integer, which is what Parquet keeps."""
    from PIL.Image import Resampling
    from scipy.fft import dctn

    small = image.resize((_SIDE, _SIDE), Resampling.BILINEAR, reducing_gap=2.0).convert("L")
    low = dctn(np.asarray(small, dtype=np.float64), norm="ortho")[:_LOW, :_LOW].ravel()
    bits = low > np.median(low[1:])  # the first is the mean brightness and says nothing of shape
    return int(np.packbits(bits).view(">i8")[0])
