"""Sources that a test writes itself; the spider finds them as it does those of other packages."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from georeasoner import registry
from georeasoner.lake import Lake
from georeasoner.lake.writer import Sums
from scrapers.fetch.pages import Page, PageStore, content_sha256
from scrapers.fetch.siteserver import Answer, Asked, serve
from scrapers.source import Passage, open_source
from scrapers.stage import scrape

Install = Callable[[str, str], None]

_HEAD = """
from contextlib import nullcontext

from georeasoner.registry import register
from scrapers.source import Passage, html_links, missing, soup
"""


@pytest.fixture
def install_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """(name, text of a class `Source`): makes it a clue source of another, installed package."""

    def install(name: str, code: str) -> None:
        registry.names("clue_source")  # what ships is found before, and stays
        monkeypatch.setattr(registry, "_known", dict(registry._known))
        package = tmp_path / f"package-{name}"
        facts = package / f"{name}-1.dist-info"
        facts.mkdir(parents=True)
        (package / f"{name}_source.py").write_text(
            f"{_HEAD}\n{code}\n\nregister('clue_source', {name!r})(Source)\n"
        )
        (facts / "METADATA").write_text(f"Name: {name}\nVersion: 1\n")
        (facts / "entry_points.txt").write_text(
            f"[georeasoner.clue_source]\n{name} = {name}_source:Source\n"
        )
        paths = [str(package), os.environ.get("PYTHONPATH", "")]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in paths if p))
        monkeypatch.syspath_prepend(package)
        importlib.invalidate_caches()
        monkeypatch.delitem(sys.modules, f"{name}_source", raising=False)  # of another test
        importlib.import_module(f"{name}_source")

    return install


SITES = Path(__file__).parent / "sites"


@dataclass(frozen=True)
class Scraped:
    """What came of scraping a small site: the lake's rows, and the passages of its kept pages."""

    url: str
    clues: list[dict[str, Any]]
    rejects: list[dict[str, Any]]
    urls: Sums
    passages: list[Passage]
    asked: list[Asked]

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        """These columns of the clues, sorted."""
        return sorted(tuple(row[column] for column in columns) for row in self.clues)


ScrapeSite = Callable[..., Scraped]


@pytest.fixture
def scrape_site(tmp_path: Path) -> ScrapeSite:
    """(source, path of its start, answers by path): scrapes `sites/SOURCE` through the spider.

    An answer is an `Answer`, or the name of a file of the site.
    """

    def run(source: str, start: str, answers: dict[str, Answer | str], **more: Any) -> Scraped:
        folder, asked = SITES / source, []

        def answer(path: str) -> Answer:
            made = answers.get(path, Answer(404))
            if isinstance(made, str):
                made = Answer(200, {"Content-Type": "text/html"}, (folder / made).read_bytes())
            return made

        lake = Lake.create(tmp_path / "lake")
        with serve(tmp_path, answer, asked) as url:
            spec = f"{source}:{url}{start}"
            result = scrape(lake, spec, delay_s=0, **more)
            pages = PageStore(lake.root / "pages" / source).pages()
            parsed = [found for page in pages for found in open_source(spec).parse(page)]
        assert result.urls is not None
        return Scraped(
            url,
            lake.read("clues").to_pylist(),
            lake.read("rejects").to_pylist(),
            result.urls,
            [found for found in parsed if isinstance(found, Passage)],
            asked,
        )

    return run


def saved(body: str, url: str = "https://site.example/page", encoding: str = "utf-8") -> Page:
    """A page as it is kept."""
    bytes_, now = body.encode(encoding), datetime(2026, 1, 1, tzinfo=UTC)
    return Page(url, 200, {}, bytes_, encoding, now, content_sha256(bytes_))


@pytest.fixture
def saved_page() -> Callable[..., Page]:
    """(body, url): a page as it is kept."""
    return saved
