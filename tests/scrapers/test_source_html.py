"""Any page: saved in a file or folder, or on the web; its licence stated or named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from georeasoner.errors import ConfigError, InputError
from georeasoner.lake import Lake
from scrapers.fetch.siteserver import Answer
from scrapers.source import Passage, open_source
from scrapers.stage import scrape

NOTES = Path(__file__).parent / "sites" / "html" / "notes.html"
LASTING = "https://notes.example/south/notes.html"
PICTURE = "https://notes.example/south/pic/shingles.jpg"


def test_a_saved_page(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "lake")
    result = scrape(lake, f"html:{NOTES}")
    assert result.urls is None and result.sentences.rejected == {"no place": 1}
    rows = lake.read("clues").to_pylist()
    assert sorted(
        (r["text"], r["countries"], r["image_url"], r["source_url"], r["license"]) for r in rows
    ) == [
        ("Gravel is common in Argentina.", ["AR"], None, LASTING, "CC0 1.0"),
        ("Roofs are steep.", ["CL"], PICTURE, LASTING, "CC0 1.0"),
        ("Tin, mostly.", ["CL"], PICTURE, LASTING, "CC0 1.0"),
        ("Wooden shingles cover whole walls in the south.", ["CL"], PICTURE, LASTING, "CC0 1.0"),
    ]
    assert all(row["ai_training_allowed"] for row in rows)
    passages = [p for page in _pages(f"html:{NOTES}") for p in page]
    assert [p.topic for p in passages] == ["Houses", "Houses", "Houses", "Roads", "Roads"]


def _pages(spec: str) -> list[list[Passage]]:
    source: Any = open_source(spec)
    return [list(source.parse(page)) for page in source.pages()]


def test_a_folder_with_a_licence_named(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "b.htm").write_text("<h1>Japan</h1><p>Poles are striped.", encoding="utf-8")
    (tmp_path / "deep" / "a.html").write_text(
        '<link rel="canonical" href="https://a.example/x"><title>Peru</title><p>Walls are brown.',
        encoding="utf-8",
    )
    (tmp_path / "notes.json").write_text("{}")
    (first,), (second,) = _pages(f"html:{tmp_path}#license=CC BY 4.0")
    assert (first.text, first.page_countries, first.license) == (
        "Poles are striped.",
        ("JP",),
        "CC BY 4.0",
    )
    assert first.source_url == "file:b.htm"  # no address of its own, and no folder of ours
    assert (second.source_url, second.page_countries) == ("https://a.example/x", ("PE",))


def test_pages_below_a_url(scrape_site: Callable[..., Any]) -> None:
    page = '<a rel="license" href="https://l.example/by">CC BY 4.0</a><h1>{}</h1><p>{}</p>{}'
    links = '<a href="b.html">b</a><a href="../up.html">up</a><a href="https://l.example/">l</a>'

    def html(*parts: str) -> Answer:
        return Answer(200, {"Content-Type": "text/html"}, page.format(*parts).encode())

    found = scrape_site(
        "html",
        "notes/a.html",
        {
            "/notes/a.html": html("Chile", "Roofs are steep.", links),
            "/notes/b.html": html("Peru", "Walls are brown.", ""),
        },
    )
    assert found.urls.excluded == {"not followed": 1, "off-site": 1}  # up.html; l, not the licence
    assert found.rows("text", "countries", "source_url", "license") == [
        ("Roofs are steep.", ["CL"], f"{found.url}notes/a.html", "CC BY 4.0"),
        ("Walls are brown.", ["PE"], f"{found.url}notes/b.html", "CC BY 4.0"),
    ]


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        ("html", ConfigError, "html without a page"),
        ("html:{}/none.html", InputError, "there is no .*none.html"),
        ("html:{}", InputError, "holds no page; expected files .htm, .html, .xhtml"),
    ],
)
def test_a_clear_line_for_what_is_not_there(
    tmp_path: Path, spec: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        _pages(spec.format(tmp_path))


BY = '<a rel="license" href="https://creativecommons.org/licenses/by/4.0/">this licence</a>'
BY_NC = '<link rel="license" href="https://creativecommons.org/licenses/by-nc/4.0/">'


@pytest.mark.parametrize(
    ("html", "license_name"),
    [
        (BY, "CC BY 4.0"),
        ('<a rel="license" href="/terms">CC BY 4.0, no trade</a>', "CC BY 4.0, no trade"),
        (f"{BY_NC}{BY}", "CC BY-NC 4.0"),  # the strictest
        (f"{BY}<a rel='license' href='/terms'>Terms</a>", "Terms"),
        (f"{BY_NC}<figure>{BY}</figure>", "CC BY-NC 4.0"),
        (f"{BY}<figure><figcaption>{BY_NC}</figcaption></figure>", "CC BY 4.0"),
        (f"<blockquote>{BY}</blockquote><aside>{BY}</aside><figure>{BY}</figure>", "named"),
        ("", "named"),
    ],
)
def test_the_licence_of_a_page(tmp_path: Path, html: str, license_name: str) -> None:
    """Its own one, not that of a picture or quotation; the one that is named where it has none."""
    (tmp_path / "a.html").write_text(f"<title>Japan</title><p>Poles are striped.{html}")
    ((passage, *_),) = _pages(f"html:{tmp_path}#license=named")
    assert passage.license == license_name


def test_a_folder_is_read_without_its_pages_that_state_no_licence(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "a.html").write_text(f"<h1>Japan</h1><p>Poles are striped.</p>{BY}")
    (folder / "b.html").write_text("<h1>Peru</h1><p>Walls are brown.")
    (folder / "c.html").write_text(f"<h1>Chile</h1><p>Roofs are steep.</p>{BY}")
    lake = Lake.create(tmp_path / "lake")
    sums = scrape(lake, f"html:{folder}").sentences
    assert (sums.accepted, sums.rejected) == (2, {"missing piece": 1})
    assert {row["countries"][0] for row in lake.read("clues").to_pylist()} == {"JP", "CL"}
    (reject,) = lake.read("rejects").to_pylist()
    assert (reject["input_id"], reject["reason"]) == ("file:b.html", "missing piece")
    for used in ("a.html", "c.html"):
        (folder / used).unlink()
    with pytest.raises(InputError, match=r"file:b.html states no licence"):
        scrape(lake, f"html:{folder}")


def test_texts_that_are_links_are_no_passages(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        f"""<h1>Japan</h1><ul><li><a href="x">Roads of Chile</a><ul><li>Poles are striped.</ul></ul>
        <p><a href="y">Peru</a> | <a href="z">Japan</a></p><p>{BY}</p>
        <p>Roofs are <a href="r">steep</a>.<br><br><a href="n">Next: Peru</a></p>
        <p><a href="b">A<br><br>b</a></p>
        <p><a name="k">Walls are brown.</a></p>"""
    )
    (page,) = _pages(f"html:{tmp_path}")
    assert [p.text for p in page] == ["Poles are striped.", "Roofs are steep.", "Walls are brown."]


def test_a_page_without_a_licence_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<h1>Japan</h1><p>Poles are striped.")
    with pytest.raises(InputError, match=r"file:a.html states no licence.*#license=NAME"):
        _pages(f"html:{tmp_path}")
