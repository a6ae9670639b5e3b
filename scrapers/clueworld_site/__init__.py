"""ClueWorld's clue pages: a small community site, made by `make_site` and committed.

The pages are files; their pictures are scenes that ClueWorld draws when they are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scrapers.fetch.siteserver import Answer, serve

PAGES = Path(__file__).parent / "pages"
ADDRESS = "https://clueworld.example/"
"""Where the site would live if it were on the web (`.example` never resolves)."""

_PICTURE = re.compile(r"/img/([A-Z]{2})-(\w+)\.jpg$")


@contextmanager
def serve_site() -> Iterator[tuple[str]]:
    """The start URL of the site on loopback, for as long as the block lasts."""
    with serve(PAGES, _picture) as url:
        yield (url,)


def _picture(path: str) -> Answer | None:
    from scrapers.clueworld_site.make_site import picture

    wanted = _PICTURE.match(path)
    drawn = picture(*wanted.groups()) if wanted else None
    return Answer(200, {"Content-Type": "image/jpeg"}, drawn) if drawn else None
