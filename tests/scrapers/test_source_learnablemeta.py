"""Learnable Meta: a list in pages, and metas in a JavaScript literal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from georeasoner.errors import InputError
from scrapers.source import open_source

MAP = "https://metas.example/maps/0123456789abcdef01234567"


def test_the_notes_of_every_map(scrape_site: Callable[..., Any]) -> None:
    found = scrape_site(
        "learnablemeta",
        "maps",
        {
            "/maps": "maps.html",
            "/maps?page=2": "maps2.html",
            "/maps/0123456789abcdef01234567": "andes.html",
            "/maps/89abcdef0123456789abcdef": "empty.html",
        },
    )
    assert found.urls.accepted == 4 and found.urls.excluded == {"not followed": 1}
    picture = "https://img.example/1.webp"
    assert found.rows("text", "countries", "image_url", "source_url", "license") == [
        ('Concrete, with "windows" in it.', ["PE"], picture, MAP, None),
        ("Poles are painted: white, then black.", ["PE"], picture, MAP, None),
        ("White plates, blue letters.", ["BO"], None, MAP, None),
    ]
    assert [(r["reason"], r["detail"]) for r in found.rejects] == [
        ("no place", "Grass grows in tufts.")
    ]
    assert [p.topic for p in found.passages] == ["Poles", "Poles", "Plates", "High plain"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("start({data: []})", "has no list of metas"),
        ('start({metaList:[{id:1,name:"Peru]})', "has no readable list of metas"),
        ('start({metaList:[{id:1,name:"Peru - Poles"}]})', "has no 0.note in its data"),
    ],
)
def test_another_structure_is_an_error(
    saved_page: Callable[..., Any], script: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        list(open_source("learnablemeta").parse(saved_page(f"<script>{script}</script>", MAP)))
