"""Hostile and odd files: a right picture or a countable reason, never an exception."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from scoring.decode import Refusal, safe_open


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noisy(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8))


def png_that_declares(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99))


JPEG = encoded(noisy(64, 48))
REFUSED = {
    "zero bytes": (b"", "empty_file"),
    "text": (b"not a picture at all", "not_an_image"),
    "html": (b"<html><body>404</body></html>", "not_an_image"),
    "half a jpeg": (JPEG[: len(JPEG) // 2], "truncated_image"),
    "half a png": ((p := encoded(noisy(64, 48), "PNG"))[: len(p) // 2], "truncated_image"),
    "a bomb for Pillow": (png_that_declares(60_000, 60_000), "too_many_pixels"),
    "a bomb below Pillow's": (png_that_declares(10_000, 9_000), "too_many_pixels"),
    "a thread": (encoded(Image.new("RGB", (2, 201)), "PNG"), "extreme_aspect_ratio"),
    "float pixels": (encoded(Image.new("F", (8, 8)), "TIFF"), "undecodable_image"),
    "postscript": (encoded(Image.new("RGB", (8, 8)), "EPS"), "not_an_image"),
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_its_reason(name: str) -> None:
    data, reason = REFUSED[name]
    answer = safe_open(data)
    assert isinstance(answer, Refusal) and answer.reason == reason, answer


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_every_prefix_is_a_picture_or_a_refusal(kind: str) -> None:
    data = encoded(noisy(64, 48), kind)
    for tenth in range(10):
        answer = safe_open(data[: len(data) * tenth // 10])
        assert isinstance(answer, Refusal | Image.Image)


def test_orientation_is_applied() -> None:
    """Orientation 6: the camera was turned; the stored left column is the upright top row."""
    stored = Image.new("RGB", (40, 20), "blue")
    stored.paste("red", (0, 0, 20, 20))  # left half
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = safe_open(encoded(stored, "PNG", exif=exif))
    assert isinstance(upright, Image.Image) and upright.size == (20, 40)
    assert upright.getpixel((10, 5)) == (255, 0, 0)  # red on top
    assert upright.getpixel((10, 35)) == (0, 0, 255)


def test_reduced_decoding_keeps_the_shorter_side() -> None:
    data = encoded(noisy(640, 480))
    small = safe_open(data, min_side=224)  # 480 / 2 = 240 >= 224, 480 / 4 is not
    assert isinstance(small, Image.Image) and small.size == (320, 240)
    exact = safe_open(data, min_side=120)
    assert isinstance(exact, Image.Image) and exact.size == (160, 120)
    whole = safe_open(data, min_side=481)
    assert isinstance(whole, Image.Image) and whole.size == (640, 480)


def test_odd_modes_become_rgb() -> None:
    deep = np.array([[0, 32768], [65535, 256]], dtype=np.uint16)  # // 256: 0, 128, 255, 1
    grey = safe_open(encoded(Image.fromarray(deep), "PNG"))
    assert isinstance(grey, Image.Image) and grey.mode == "RGB"
    assert np.asarray(grey)[..., 0].tolist() == [[0, 128], [255, 1]]
    for mode, kind in (("CMYK", "JPEG"), ("L", "JPEG"), ("1", "PNG"), ("LA", "PNG"), ("P", "GIF")):
        picture = safe_open(encoded(Image.new(mode, (9, 7)), kind))
        assert isinstance(picture, Image.Image), picture
        assert (picture.mode, picture.size) == ("RGB", (9, 7))
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))  # wholly transparent: white, not black
    picture = safe_open(encoded(clear, "PNG"))
    assert isinstance(picture, Image.Image) and picture.getpixel((0, 0)) == (255, 255, 255)
    frames = [Image.new("RGB", (6, 6), colour) for colour in ("red", "blue")]
    first = safe_open(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert isinstance(first, Image.Image) and first.getpixel((0, 0)) == (255, 0, 0)
    one = safe_open(encoded(Image.new("RGB", (1, 1), "lime"), "PNG"))
    assert isinstance(one, Image.Image) and one.getpixel((0, 0)) == (0, 255, 0)
