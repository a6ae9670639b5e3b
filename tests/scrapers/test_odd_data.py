"""Data of another shape than known: each parser reads it or says what is missing, never crashes.

Each value in each site's data is replaced by values of other types, one at a time.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from georeasoner.errors import InputError
from scrapers.fetch.pages import Page
from scrapers.source import Passage, Refused, open_source

SITES = Path(__file__).parent / "sites"
ODD = (None, 5, "odd", [], {}, [None], {"odd": 1})
MAP = "https://metas.example/maps/0123456789abcdef01234567"


def embedded(name: str) -> Any:
    html = (SITES / "plonkit" / name).read_text(encoding="utf-8")
    return json.loads(html.partition('application/json">')[2].partition("</script>")[0])


def saved(name: str) -> Any:
    return json.loads((SITES / name).read_text(encoding="utf-8"))


def in_page(data: Any) -> str:
    return f'<script id="__PRELOADED_DATA__" type="application/json">{json.dumps(data)}</script>'


def in_script(data: Any) -> str:
    return f"<script>start({{metaList:{json.dumps(data)},mapName:1}})</script>"


METAS = [{"id": 1, "name": "Peru - Poles", "note": "<p>White.</p>", "images": ["/1.webp"]}]
ROW = {
    name: {"type": "literal", "value": value}
    for name, value in (
        ("property", "P38"),
        ("code", "NL"),
        ("item", "http://www.wikidata.org/entity/Q55"),
        ("value", "euro"),
    )
}
CASES: dict[str, tuple[str, Any, Callable[[Any], str], str]] = {
    "plonkit guide": ("plonkit", embedded("japan.html"), in_page, "https://a.example/japan"),
    "plonkit list": ("plonkit", embedded("guide.html"), in_page, "https://a.example/guide"),
    "learnablemeta": ("learnablemeta", METAS, in_script, MAP),
    "reddit": ("reddit", saved("reddit/1.json"), json.dumps, "https://a.example/r/x?t=all"),
    "wikidata": ("wikidata", {"results": {"bindings": [ROW]}}, json.dumps, "https://a.example/"),
    "article": ("wikipedia", saved("wikipedia/norway.json"), json.dumps, "https://a.example/"),
    "list": ("wikipedia", saved("wikipedia/list1.json"), json.dumps, "https://a/?apprefix=R"),
}


def variants(data: Any) -> Iterator[Any]:
    """The data with one of its values replaced, for each value and each odd one."""
    for path in paths(data):
        for odd in ODD:
            changed = copy.deepcopy(data)
            if not path:
                yield odd
                continue
            inner = changed
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = odd
            yield changed


def paths(data: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    inside = (
        data.items() if isinstance(data, dict) else enumerate(data) if type(data) is list else ()
    )
    for key, value in inside:
        yield from paths(value, (*at, key))


@pytest.mark.parametrize("case", CASES)
def test_odd_data_is_read_or_refused(case: str, saved_page: Callable[..., Page]) -> None:
    name, data, written, url = CASES[case]
    source: Any = open_source(name)
    refused = 0
    for changed in variants(data):
        page = saved_page(written(changed), url)
        for read in (source.parse, source.links):
            try:
                for found in read(page):
                    check(found)
            except InputError:
                refused += 1
    assert refused  # some of the values are needed


def check(found: Any) -> None:
    assert isinstance(found, Passage | Refused | str)
    if isinstance(found, Passage):
        assert found.text and type(found.text) is type(found.source_url) is str
        assert isinstance(found.topic, str | None)
        assert isinstance(found.image_url, str | None)
