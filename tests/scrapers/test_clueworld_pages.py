"""ClueWorld's clue site and its parser: what is committed, what a page yields, what is missing."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.request import urlopen

import pytest
from PIL import Image

from georeasoner.clueworld import World
from georeasoner.errors import InputError
from scrapers.clueworld_site import PAGES, serve_site
from scrapers.clueworld_site.make_site import common_values, make_pages
from scrapers.fetch.pages import Page, content_sha256
from scrapers.source import Passage, open_source
from scrapers.text.read import Clue, read

PAGE = """<html><head><link rel="canonical" href="https://a.example/jp.html"></head><body>
<p>Not in the main part.</p><main><h2>Japan</h2><p>Before any topic.</p>
<h4>Centre line</h4><figure><img class="lazy" src="data:," data-src="img/1.jpg"></figure>
<p>Yellow centre lines are common in <b>Japan</b>, and
also seen in Norway. They never break.</p>
<h4>Pole</h4><figure><img src="/img/2.jpg"></figure>
<ul><li>Banded: common in Japan.<ul><li>Wooden ones: South Korea.</li></ul></li></ul>
</main><footer><a rel="license" href="x">CC0 1.0</a></footer></body></html>"""


def page(html: str) -> Page:
    body = html.encode()
    now = datetime(2025, 1, 1, tzinfo=UTC)
    return Page("http://127.0.0.1:9/jp.html", 200, {}, body, "utf-8", now, content_sha256(body))


def parse(html: str) -> Sequence[Clue]:
    passages = open_source("clueworld").parse(page(html))
    return list(read(p for p in passages if isinstance(p, Passage)))


def test_a_page_yields_its_sentences_verbatim() -> None:
    clues = parse(PAGE)
    assert [(c.text, c.countries, c.category, c.passage.image_url) for c in clues] == [
        (
            "Yellow centre lines are common in Japan, and also seen in Norway.",
            ("JP", "NO"),
            "centre_line",
            "https://a.example/img/1.jpg",
        ),
        ("They never break.", ("JP",), "centre_line", "https://a.example/img/1.jpg"),
        ("Banded: common in Japan.", ("JP",), "pole", "https://a.example/img/2.jpg"),
        ("Wooden ones: South Korea.", ("KR",), "pole", "https://a.example/img/2.jpg"),
    ]
    assert {c.passage.source_url for c in clues} == {"https://a.example/jp.html"}
    assert {(c.passage.license, c.passage.synthetic) for c in clues} == {("CC0 1.0", True)}
    assert clues[0].ade20k_classes == ("road, route",) and clues[2].ade20k_classes == ("pole",)


def test_a_page_without_a_country_leaves_its_sentences_without_a_place() -> None:
    general = PAGE.replace("<h2>Japan</h2>", "<h2>In general</h2>")
    assert parse(general)[1].countries == ()


@pytest.mark.parametrize(
    ("piece", "instead", "word"),
    [
        ("main>", "div>", "no <main>"),
        ('rel="license"', "", "no licence"),
        ('rel="canonical"', "", "no canonical link"),
        ("<h4>Pole", "<h4>Dragons", "no known topic 'dragons'"),
        ('<img src="/img/2.jpg">', "", "no image"),
    ],
)
def test_a_page_of_another_structure_is_an_error_that_names_the_piece(
    piece: str, instead: str, word: str
) -> None:
    assert piece in PAGE
    with pytest.raises(InputError, match=word):
        parse(PAGE.replace(piece, instead))


def test_the_committed_pages_are_what_the_script_makes() -> None:
    committed = {
        str(path.relative_to(PAGES)): path.read_text(encoding="utf-8")
        for path in PAGES.rglob("*")
        if path.is_file()
    }
    assert committed == make_pages(World.load()), "run python -m scrapers.clueworld_site.make_site"


def test_every_value_of_the_world_is_common_somewhere() -> None:
    world = World.load()
    for kind in world.kinds:
        spoken_of = {v for c in world.countries for v in common_values(world, kind.name, c)}
        assert spoken_of == set(kind.values)


def test_what_the_table_says_is_what_is_common() -> None:
    world = World.load()
    assert common_values(world, "driving_side", "JP") == ["left"]
    # road_sign in Japan: yellow_diamond 0.8, the other four values 0.05 each, and no city leans.
    assert common_values(world, "road_sign", "JP") == ["yellow_diamond"]
    # vegetation in Kenya: acacia 0.75 and five others 0.05; Nairobi leans to broadleaf and Eldoret
    # to conifer with 0.6: 0.05 * (1 + 2 * 0.4) / 3 + 0.6 / 3 = 0.23 for each, below the 0.3.
    assert common_values(world, "vegetation", "KE") == ["acacia"]


def test_the_site_draws_the_pictures_it_names() -> None:
    with serve_site() as (url,):
        with urlopen(url + "img/JP-roof.jpg") as answer:
            picture = Image.open(io.BytesIO(answer.read()))
        assert answer.headers["Content-Type"] == "image/jpeg" and picture.format == "JPEG"
        with pytest.raises(OSError, match="404"):
            urlopen(url + "img/JP-dragons.jpg")
