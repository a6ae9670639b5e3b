"""The pictures of clues: image URLs in, rows of `clue_images` out.

A picture is fetched only where the licence of its clue is an open one and neither the page nor the
picture's own answer reserves pictures; each from the site that it lies on, whose robots.txt counts.
What is left out is counted by reason.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urldefrag

from georeasoner.lake import Lake
from georeasoner.lake.writer import Sums
from scrapers.fetch.crawl import LEFT_OUT, USABLE, CrawlSettings, fetch_images
from scrapers.fetch.pages import PageStore
from scrapers.fetch.rights import Rights, is_open, rights_of, site_words

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
_PIXELS = 100_000_000


@dataclass(frozen=True)
class Picture:
    """A picture that a clue refers to; `refusal` says why it must not be fetched."""

    url: str
    license: str | None
    source_url: str
    refusal: str | None

    @classmethod
    def of(cls, url: str, license: str | None, source_url: str, rights: Rights) -> Picture:
        """By the clue's licence and the rights of its page."""
        refusal = None if is_open(license) else "licence does not allow"
        return cls(url, license, source_url, refusal or (None if rights.images else "reserved"))


def add_pictures(
    lake: Lake,
    source: str,
    pictures: Mapping[str, Picture],
    meant: Sequence[str],
    settings: CrawlSettings,
) -> Sums:
    """Fetch what may be fetched and is not there yet; `meant` are the URLs that a person gave."""
    name = source.partition(":")[0]
    store = PageStore(lake.root / "pages" / name)
    known = lake.keys("clue_images")
    wanted = [p.url for p in pictures.values() if not p.refusal and p.url not in known]
    outcomes: dict[str, str] = {}
    landed: dict[str, str] = {}
    if wanted:
        report = fetch_images(source, sorted(wanted), meant, store, settings)
        outcomes, landed = report.outcomes, report.landed
    with lake.writing(f"images-{name}", {"source": source}) as out:
        for url, picture in sorted(pictures.items()):
            asked = urldefrag(url).url
            outcome = picture.refusal or ("already known" if url in known else outcomes[asked])
            if picture.refusal or outcome in (*LEFT_OUT, "already known"):
                out.exclude(outcome)
            elif outcome not in USABLE:
                out.reject(url, outcome)
            elif isinstance(row := _row(picture, store, landed[asked]), str):
                out.reject(url, row)
            elif not row:
                out.exclude("reserved")
            else:
                out.add("clue_images", [row])
                out.accept(url)
    return out.sums


def _row(picture: Picture, store: PageStore, landed: str) -> dict[str, Any] | str:
    """The row of a fetched picture; {} where its answer reserves it, else what is wrong with it."""
    page = store.load(landed)
    if page is None:
        return "gone from the store"
    if not rights_of(page, site_words(store.documents, landed)).images:
        return {}
    shape = _shape(page.body)
    if shape is None:
        return "not an image"
    media_type, width, height = shape
    return {
        "image_url": picture.url,
        "bytes": page.body,
        "media_type": media_type,
        "width": width,
        "height": height,
        "sha256": page.content_sha256,
        "license": picture.license,
        "source_url": picture.source_url,
        "retrieved_at": page.retrieved_at,
    }


def _shape(body: bytes) -> tuple[str, int, int] | None:
    """(media type, width, height) of a picture that decodes, None of anything else."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(body), formats=_FORMATS) as image:
            width, height = image.size
            if width * height > _PIXELS:
                return None
            image.load()
            return Image.MIME[str(image.format)], width, height
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
