"""More than two hundred odd and broken pictures, made by code: what each is, and what is expected.

`FINE` is a file that a person would call a good picture. Any other expectation is the set of
reasons with which it may be refused; `ANY` is for damage that may or may not be found.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, features

FINE: frozenset[str] = frozenset()
BROKEN = frozenset({"truncated_image", "undecodable_image", "not_an_image"})
ANY = BROKEN | {"", "too_many_pixels", "extreme_aspect_ratio"}
SEED = 0


@dataclass(frozen=True)
class Hostile:
    """A file by its name; `reasons` holds "" where it may be taken as well."""

    name: str
    data: bytes
    reasons: frozenset[str]
    upright: bool = False  # it shows `scene()` the right way up, in its colours


def one(*reasons: str) -> frozenset[str]:
    """Exactly these reasons."""
    return frozenset(reasons)


def scene(width: int = 160, height: int = 120) -> Image.Image:
    """A street that looks different in every corner: sky, road, a red house on the left."""
    image = Image.new("RGB", (width, height), (110, 160, 220))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height // 2, width, height), (90, 90, 95))
    draw.rectangle((0, height // 4, width // 3, height * 2 // 3), (190, 60, 50))
    draw.ellipse((width * 3 // 4, 4, width - 8, height // 4), (250, 230, 120))
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of a picture in a format of Pillow."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes, size: tuple[int, int] = (8, 8), bits: int = 8, colour: int = 2) -> bytes:
    """A PNG of that header and those chunks."""
    header = struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IEND", b"")


def segment(marker: int, data: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def files() -> Iterator[Hostile]:
    """All of them, always in the same order with the same bytes."""
    kinds = whole_files()
    for part in (truncated, misnamed, modes, animated, turned, giants, tiny, no_pictures, metadata):
        yield from part(kinds)
    yield from fuzzed(kinds)


def whole_files() -> dict[str, bytes]:
    """The scene in every format that is decoded."""
    picture = scene()
    found = {
        "jpg": encoded(picture, "JPEG", quality=90),
        "progressive.jpg": encoded(picture, "JPEG", quality=90, progressive=True),
        "png": encoded(picture, "PNG"),
        "lossy.webp": encoded(picture, "WEBP", quality=90),
        "lossless.webp": encoded(picture, "WEBP", lossless=True),
        "tif": encoded(picture, "TIFF"),
        "lzw.tif": encoded(picture, "TIFF", compression="tiff_lzw"),
        "gif": encoded(picture, "GIF"),
        "bmp": encoded(picture, "BMP"),
        "ppm": encoded(picture, "PPM"),
    }
    if features.check("avif"):
        found["avif"] = encoded(picture, "AVIF", quality=90)
    return found


def truncated(kinds: dict[str, bytes]) -> Iterator[Hostile]:
    """Cut at every tenth of their length; none is a whole picture."""
    for kind, data in kinds.items():
        for tenth in range(10):
            reasons = BROKEN if tenth else one("empty_file")
            yield Hostile(f"cut{tenth}.{kind}", data[: len(data) * tenth // 10], reasons)


def misnamed(kinds: dict[str, bytes]) -> Iterator[Hostile]:
    """Named like another format: it is the content that counts."""
    for kind, data in kinds.items():
        suffix = "jpg" if "jpg" not in kind else "png"
        yield Hostile(f"misnamed-{kind.replace('.', '-')}.{suffix}", data, FINE, upright=True)


def modes(_: dict[str, bytes]) -> Iterator[Hostile]:
    """Every way to store the same picture."""
    picture = scene()
    grey = np.asarray(picture.convert("L"))
    wide = Image.fromarray(grey.astype(np.uint16) * 257)
    clear = picture.copy()
    clear.putalpha(Image.new("L", picture.size, 255))
    palette = picture.quantize(64)
    yield Hostile("rgba.png", encoded(clear, "PNG"), FINE, upright=True)
    yield Hostile("rgba.webp", encoded(clear, "WEBP", lossless=True), FINE, upright=True)
    yield Hostile("palette.png", encoded(palette, "PNG"), FINE, upright=True)
    yield Hostile("palette-clear.png", encoded(palette, "PNG", transparency=63), FINE)
    yield Hostile("palette-clears.png", encoded(palette, "PNG", transparency=b"\xff" * 64), FINE)
    yield Hostile("palette-clear.gif", encoded(palette, "GIF", transparency=63), FINE)
    yield Hostile("rgb-clear.png", encoded(picture, "PNG", transparency=(1, 2, 3)), FINE, True)
    yield Hostile("grey.jpg", encoded(picture.convert("L"), "JPEG"), FINE)
    yield Hostile("grey16.png", encoded(wide, "PNG"), FINE)
    yield Hostile("grey16.tif", encoded(wide, "TIFF"), FINE)
    yield Hostile("bits.png", encoded(picture.convert("1"), "PNG"), FINE)
    yield Hostile("bits.tif", encoded(picture.convert("1"), "TIFF", compression="group4"), FINE)
    yield Hostile("la.png", encoded(picture.convert("LA"), "PNG"), FINE)
    yield Hostile("rgb16.png", rgb16(picture), FINE, upright=True)
    yield Hostile("rgba16.png", rgb16(picture, alpha=True), FINE, upright=True)
    yield Hostile("cmyk.jpg", encoded(picture.convert("CMYK"), "JPEG", quality=95), FINE, True)
    yield Hostile("cmyk.tif", encoded(picture.convert("CMYK"), "TIFF"), FINE, upright=True)
    yield Hostile("ycck.jpg", ycck(picture), FINE, upright=True)
    yield Hostile("ycbcr.tif", encoded(picture.convert("YCbCr"), "TIFF"), FINE, upright=True)
    yield Hostile("lab.tif", encoded(lab(picture), "TIFF"), FINE)
    yield Hostile("rgb-adobe.jpg", encoded(picture, "JPEG", keep_rgb=True), FINE, upright=True)
    yield Hostile("float.tif", encoded(Image.new("F", (64, 64)), "TIFF"), one("undecodable_image"))
    yield Hostile("int32.tif", encoded(Image.new("I", (64, 64)), "TIFF"), one("undecodable_image"))


def rgb16(picture: Image.Image, alpha: bool = False) -> bytes:
    """A PNG of 16 bits a channel, which Pillow cannot write."""
    pixels = np.asarray(picture.convert("RGBA" if alpha else "RGB")).astype(">u2") * 257
    lines = b"".join(b"\0" + row.tobytes() for row in pixels.astype(">u2"))
    size, colour = picture.size, 6 if alpha else 2
    return png(chunk(b"IDAT", zlib.compress(lines)), size=size, bits=16, colour=colour)


def ycck(picture: Image.Image) -> bytes:
    """A CMYK JPEG whose inks are stored as luma and chroma, as Adobe's programs write it."""
    inks = picture.convert("CMYK")
    luma = Image.merge("RGB", inks.split()[:3]).convert("YCbCr")
    # Pillow inverts as it saves
    planes = [plane.point(lambda v: 255 - v) for plane in luma.split()]
    data = encoded(Image.merge("CMYK", (*planes, inks.split()[3])), "JPEG", quality=95)
    at = data.index(b"Adobe") + 11
    assert data[at] == 0
    return data[:at] + b"\x02" + data[at + 1 :]


def lab(picture: Image.Image) -> Image.Image:
    """The picture in CIE L*a*b*."""
    from PIL import ImageCms

    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    turned = ImageCms.profileToProfile(picture, *profiles, outputMode="LAB")
    assert turned is not None
    return turned


def animated(_: dict[str, bytes]) -> Iterator[Hostile]:
    """The first frame is the picture."""
    frames = [scene(), Image.new("RGB", (160, 120), "magenta")]
    for kind, name in (("GIF", "gif"), ("WEBP", "webp"), ("PNG", "png"), ("TIFF", "tif")):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        yield Hostile(f"animated.{name}", data, FINE, upright=kind != "WEBP")
    yield Hostile("stereo.jpg", encoded(frames[0], "MPO", save_all=True, append_images=frames[1:]),
                  FINE, upright=True)  # fmt: skip


def turned(_: dict[str, bytes]) -> Iterator[Hostile]:
    """Stored turned or mirrored, with the EXIF that says so; the last ones say nonsense."""
    flip, turn = Image.Transpose, scene().transpose
    stored = {
        1: scene(), 2: turn(flip.FLIP_LEFT_RIGHT), 3: turn(flip.ROTATE_180),
        4: turn(flip.FLIP_TOP_BOTTOM), 5: turn(flip.TRANSPOSE), 6: turn(flip.ROTATE_90),
        7: turn(flip.TRANSVERSE), 8: turn(flip.ROTATE_270), 0: scene(), 9: scene(), 65535: scene(),
    }  # fmt: skip
    for value, image in stored.items():
        exif = Image.Exif()
        exif[0x0112] = value
        data = encoded(image, "JPEG", quality=95, exif=exif)
        yield Hostile(f"orientation{value}.jpg", data, FINE, upright=True)
        if value in (6, 7):
            for kind in ("PNG", "WEBP", "TIFF"):
                options = {"lossless": True} if kind == "WEBP" else {}
                data = encoded(image, kind, exif=exif, **options)
                yield Hostile(f"orientation{value}.{kind.lower()}", data, FINE, upright=True)


def giants(kinds: dict[str, bytes]) -> Iterator[Hostile]:
    """A few bytes that declare gigapixels, one picture just below the limit, and thin strips."""
    few = chunk(b"IDAT", zlib.compress(b"\0" * 99))
    too_many = one("too_many_pixels")
    yield Hostile("giant.png", png(few, size=(60_000, 60_000)), too_many)
    yield Hostile("giant16.png", png(few, size=(60_000, 60_000), bits=16, colour=6), too_many)
    yield Hostile("giant-below-pillows-limit.png", png(few, size=(9_500, 9_500)), too_many)
    largest = 2**31 - 1
    yield Hostile("giant31.png", png(few, size=(largest, largest)), too_many | BROKEN)
    yield Hostile("giant0.png", png(few, size=(0, 0)), BROKEN)
    jpeg = bytearray(kinds["jpg"])
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 60_000, 60_000)
    yield Hostile("giant.jpg", bytes(jpeg), too_many)
    bmp = bytearray(kinds["bmp"])
    bmp[18:26] = struct.pack("<ii", 60_000, 60_000)
    yield Hostile("giant.bmp", bytes(bmp), too_many)
    gif = bytearray(kinds["gif"])
    gif[6:10] = struct.pack("<HH", 60_000, 60_000)
    yield Hostile("giant.gif", bytes(gif), too_many)
    yield Hostile("giant.ppm", b"P6 60000 60000 255\n" + b"\0" * 99, too_many)
    yield Hostile("digits.ppm", b"P6 " + b"9" * 5000 + b" 1 255\n", too_many | BROKEN)
    tiff = kinds["tif"]
    for tag, side in ((0x0100, 160), (0x0101, 120)):  # width and height, as a long in their place
        short = struct.pack("<HHII", tag, 3, 1, side), struct.pack("<HHII", tag, 4, 1, side)
        at = max(tiff.find(entry) for entry in short)
        tiff = tiff[:at] + struct.pack("<HHII", tag, 4, 1, 60_000) + tiff[at + 12 :]
    yield Hostile("giant.tif", tiff, too_many)
    # 80 megapixels in a few kB: allowed, and decoded in bounded memory
    yield Hostile("blank.png", encoded(Image.new("1", (10_000, 8_000), 1), "PNG"), FINE)
    for size in ((1, 5000), (5000, 1)):
        data = encoded(Image.new("RGB", size, "green"), "PNG")
        yield Hostile(f"strip{size[0]}x{size[1]}.png", data, one("extreme_aspect_ratio"))


def tiny(kinds: dict[str, bytes]) -> Iterator[Hostile]:
    """One pixel is a picture."""
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM"):
        data = encoded(Image.new("RGB", (1, 1), (0, 128, 0)), kind)
        yield Hostile(f"pixel.{kind.lower()}", data, FINE)
    yield Hostile("line.png", encoded(Image.new("RGB", (1, 100), "green"), "PNG"), FINE)


def no_pictures(kinds: dict[str, bytes]) -> Iterator[Hostile]:
    """What is named like a photograph and is none, or in a format that is not decoded."""
    found = {
        "zero.jpg": b"", "zero.png": b"", "text.jpg": b"not a picture at all\n" * 9,
        "page.jpg": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        "drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "paper.jpg": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n",
        "script.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) print\n%%EOF\n",
        "eps.jpg": encoded(scene(), "EPS"), "answer.jpg": b'{"error": "quota"}',
        "archive.jpg": b"PK\x03\x04" + b"\0" * 40, "gzip.jpg": b"\x1f\x8b\x08" + b"\0" * 40,
        "nulls.jpg": b"\0" * 4096, "ones.jpg": b"\xff" * 4096,
        "heic.jpg": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64,
        "film.jpg": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 64,
        "icon.png": encoded(scene(32, 32), "ICO"), "targa.jpg": encoded(scene(), "TGA"),
        "jpeg2000.jpg": encoded(scene(), "JPEG2000"), "pcx.jpg": encoded(scene(), "PCX"),
        "python.jpg": b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x07pickled\x94.",
        "late.jpg": b"HTTP/1.1 200 OK\r\n\r\n" + kinds["jpg"],
    }  # fmt: skip
    for name, data in found.items():
        yield Hostile(name, data, one("not_an_image") if data else one("empty_file"))
    for name, data in {
        "start.jpg": b"\xff\xd8", "start2.jpg": b"\xff\xd8\xff\xe0",
        "start.png": b"\x89PNG\r\n\x1a\n", "start.gif": b"GIF89a",
        "start.webp": b"RIFF\x04\0\0\0WEBP", "start.bmp": b"BM",
        "start.tif": b"II*\0\x08\0\0\0", "loop.tif": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
    }.items():  # fmt: skip
        yield Hostile(name, data, BROKEN)


def metadata(kinds: dict[str, bytes]) -> Iterator[Hostile]:
    """Good pixels beside damaged or excessive metadata."""
    jpeg, rest = kinds["jpg"][:2], kinds["jpg"][2:]
    noise = np.random.default_rng(SEED).bytes(600)
    bad = {
        "exif-noise": segment(0xE1, b"Exif\0\0" + noise),
        "exif-short": segment(0xE1, b"Exif\0\0II*\0"),
        "exif-counts": segment(
            0xE1, b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x0112, 3, 2**31, 2**31)
        ),
        "exif-loop": segment(
            0xE1, b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIII", 0x8769, 4, 1, 8, 8)
        ),
        "exif-text": segment(
            0xE1,
            b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHI4sI", 0x0112, 2, 4, b"top\0", 0),
        ),
        "icc-noise": segment(0xE2, b"ICC_PROFILE\0\x01\x01" + noise),
        "icc-parts": segment(0xE2, b"ICC_PROFILE\0\x02\x09" + noise),
        "xmp-noise": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + noise),
        "xmp-bomb": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XML_BOMB),
        "comment": segment(0xFE, b"\xff" * 60_000),
        "photoshop": segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04" + noise),
        "mpf-noise": segment(0xE2, b"MPF\0" + noise),
    }
    for name, data in bad.items():
        # Pillow reads a second picture's place from MPF, and may refuse to
        reasons = FINE if name != "mpf-noise" else ANY
        yield Hostile(f"{name}.jpg", jpeg + data + rest, reasons, upright=name != "mpf-noise")
    yield Hostile("trailing.jpg", kinds["jpg"] + noise, FINE, upright=True)
    yield Hostile("trailing.png", kinds["png"] + noise, FINE, upright=True)
    yield Hostile("twice.jpg", kinds["jpg"] * 2, FINE, upright=True)
    head, tail = kinds["png"][:33], kinds["png"][33:]
    bomb = zlib.compress(b"\0" * (1 << 24))
    yield Hostile("text-bomb.png", head + chunk(b"zTXt", b"k\0\0" + bomb) + tail, ANY)
    yield Hostile("icc-bomb.png", head + chunk(b"iCCP", b"k\0\0" + bomb) + tail, ANY)
    yield Hostile("exif-noise.png", head + chunk(b"eXIf", noise) + tail, FINE, upright=True)
    wrong = bytearray(chunk(b"tEXt", b"k\0v"))
    wrong[-1] ^= 1
    yield Hostile("text-crc.png", head + bytes(wrong) + tail, ANY)
    webp = encoded(scene(), "WEBP", lossless=True, exif=noise)
    yield Hostile("exif-noise.webp", webp, FINE, upright=True)


XML_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(8))
    + b']><x:xmpmeta xmlns:x="adobe:ns:meta/">&i;</x:xmpmeta>'
)


def fuzzed(kinds: dict[str, bytes]) -> Iterator[Hostile]:
    """Random bytes behind a good beginning, and a few wrong bytes anywhere."""
    rng = np.random.default_rng(SEED)
    for kind, data in kinds.items():
        for number in range(3):
            start = int(rng.integers(12, len(data) // 2))
            noise = rng.bytes(len(data) - start)
            yield Hostile(f"noise{number}.{kind}", data[:start] + noise, ANY)
            flipped = np.frombuffer(data, np.uint8).copy()
            places = rng.integers(0, len(data), 12)
            flipped[places] = rng.integers(0, 256, 12)
            yield Hostile(f"flipped{number}.{kind}", flipped.tobytes(), ANY)
