"""Text in HTML: lists inside lists, breaks, lazy pictures, menus, depth, charsets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from bs4 import BeautifulSoup

from georeasoner.errors import InputError
from scrapers.markup import address, embedded_json, image_of, json_of, markdown_text, sections
from scrapers.source import page_text, soup

BASE = "https://a.example/x/page.html"


def read(html: str, *, loose: bool = False) -> list[tuple[dict[int, str], list[str], list[str]]]:
    tree = BeautifulSoup(html, "lxml")
    found = sections(tree, BASE, loose=loose)
    return [(s.headings, s.texts, s.images) for s in found if s.texts or s.images]


def test_a_text_is_what_its_block_holds_itself() -> None:
    html = """<ul><li>One <b>bold</b> word
      <ul><li>inner<ol><li>innermost</li></ol> end</li></ul> tail</li><li><p>own</p></li></ul>"""
    assert read(html) == [({}, ["One bold word tail", "inner end", "innermost", "own"], [])]


def test_headings_stand_over_what_follows_until_their_like() -> None:
    html = "<h1>A</h1><p>1<h2>B</h2><p>2<h4>C</h4><p>3<h3>D</h3><p>4<h2>E <i>e</i></h2><p>5"
    assert [(headings, texts) for headings, texts, _ in read(html)] == [
        ({1: "A"}, ["1"]),
        ({1: "A", 2: "B"}, ["2"]),
        ({1: "A", 2: "B", 4: "C"}, ["3"]),
        ({1: "A", 2: "B", 3: "D"}, ["4"]),
        ({1: "A", 2: "E e"}, ["5"]),
    ]


def test_countries_and_topic_come_from_the_nearest_heading_that_has_one() -> None:
    tree = BeautifulSoup("<h1>Norway</h1><h2>Poles</h2><h3>In the woods</h3><p>x", "lxml")
    last = list(sections(tree, BASE))[-1]
    assert (last.countries, last.topic) == (("NO",), "In the woods")


def test_one_break_is_a_space_and_two_part_texts() -> None:
    assert read("<p>a<br>b<br> <br/>c<br><br><br>d</p>")[0][1] == ["a b", "c", "d"]


def test_menus_scripts_tables_and_comments_are_no_text() -> None:
    html = """<nav><p>menu</nav><script>"<p>x"</script><style>p{}</style><p>text<!-- no --></p>
      <form><p>search</form><table><tr><td><p>cell</table><aside><p>aside</aside><footer><p>f"""
    assert read(html) == [({}, ["text"], [])]


def test_loose_words_count_only_where_asked_for() -> None:
    html = "<div>loose<div>inner <p>paragraph</p></div></div>"
    assert read(html)[0][1] == ["paragraph"]
    assert read(html, loose=True)[0][1] == ["loose", "inner", "paragraph"]


@pytest.mark.parametrize(
    ("tag", "url"),
    [
        ('<img src="1.jpg">', "https://a.example/x/1.jpg"),
        ('<img src="data:," data-src="/2.jpg">', "https://a.example/2.jpg"),
        ('<img data-lazy-src="//b.example/3.jpg">', "https://b.example/3.jpg"),
        ('<img src="thumb.jpg" data-original="4.jpg">', "https://a.example/x/4.jpg"),
        ('<img src="data:,">', None),
        ("<img>", None),
    ],
)
def test_a_picture_where_a_lazy_one_hides_it(tag: str, url: str | None) -> None:
    image = BeautifulSoup(tag, "lxml").img
    assert image is not None and image_of(image, BASE) == url


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("**Bold**, *slanted*, _slanted_ and `code`.", "Bold, slanted, slanted and code."),
        ("see [Peru](https://m.example/x_(y) and ![a pole](p.png)", "see Peru and a pole"),
        ("## Poles\n> quoted", "Poles quoted"),
        ("- one", "one"),
        ("  * one", "one"),
        ("2. one", "one"),
        ("a snake_case word, 3 * 4 and \\*stars\\*", "a snake_case word, 3 * 4 and *stars*"),
        ("~~gone~~ &amp; back&#x200B;", "gone & back"),
        ("Opened in 1994. Closed.", "Opened in 1994. Closed."),
        (" \n ", ""),
    ],
)
def test_markdown_as_a_reader_sees_it(markdown: str, text: str) -> None:
    assert markdown_text(markdown) == text


def test_a_lazy_picture_and_its_copy_for_the_scriptless_are_one() -> None:
    html = '<p><img data-src="1.jpg"><noscript><img src="1.jpg"></noscript></p><img src="2.jpg">'
    assert read(html) == [({}, [], ["https://a.example/x/1.jpg", "https://a.example/x/2.jpg"])]


def test_a_page_nested_ten_thousand_deep_is_read() -> None:
    deep = "<div>" * 10_000 + "<p>bottom</p>" + "</div>" * 10_000
    assert read(f"<p>top</p>{deep}") == [({}, ["top", "bottom"], [])]


@pytest.mark.parametrize(
    ("body", "declared", "text"),
    [
        ("Straße".encode(), "cp1252", "Straße"),  # UTF-8, declared to be another
        ("Straße".encode("cp1252"), "utf-8", "Straße"),  # and the reverse
        ("\ufeffStraße".encode(), None, "Straße"),
        ("улица".encode("cp1251"), "cp1251", "улица"),
        ('<meta charset="cp1251">улица'.encode("cp1251"), None, '<meta charset="cp1251">улица'),
        ("улица".encode("utf-16"), "utf-16", "улица"),
        (b"plain", "no-such-charset", "plain"),
        (b"\x81\xfe", "utf-8", "\ufffdþ"),  # neither: 0x81 is nothing in Windows-1252
    ],
)
def test_bytes_are_read_as_what_they_are(
    saved_page: Callable[..., Any], body: bytes, declared: str | None, text: str
) -> None:
    assert page_text(replace(saved_page(""), body=body, encoding=declared)) == text


def test_the_lasting_address(saved_page: Callable[..., Any]) -> None:
    page = saved_page('<link rel="canonical" href="/lasting">', BASE)
    assert address(page, soup(page)) == "https://a.example/lasting"
    assert address(saved_page("", BASE), soup(saved_page(""))) == BASE


def test_data_that_is_not_there_is_an_error(saved_page: Callable[..., Any]) -> None:
    assert embedded_json(saved_page('<script id="d">{"a": "<b>"}</script>'), "#d") == {"a": "<b>"}
    with pytest.raises(InputError, match="has no #d"):
        embedded_json(saved_page("<p>"), "#d")
    with pytest.raises(InputError, match="the data in #d is no JSON"):
        embedded_json(saved_page('<script id="d">{</script>'), "#d")
    assert json_of(saved_page('{"a": 1}'), dict[str, int], "{}") == {"a": 1}
    with pytest.raises(InputError, match="has no usable a in its data"):
        json_of(saved_page('{"a": "b"}'), dict[str, int], "{}")
    with pytest.raises(InputError, match="has no JSON"):
        json_of(saved_page("<p>"), dict[str, int], "{}")
