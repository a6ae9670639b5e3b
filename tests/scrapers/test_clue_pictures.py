"""`scrape --images`: pictures come only where the clue's licence and no word forbids it."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image

from georeasoner.lake import Lake
from scrapers.fetch.siteserver import Answer, Asked, serve

HTML = {"Content-Type": "text/html"}
JPEG = {"Content-Type": "image/jpeg"}


def picture(size: tuple[int, int] = (40, 30), form: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, form)
    return out.getvalue()


SOURCE = '''
class Source:
    """Items of a list: text, licence and picture."""

    def __init__(self, argument=None):
        self.start = argument

    def start_urls(self):
        return nullcontext((self.start,))

    def links(self, page):
        return html_links(page)

    def parse(self, page):
        for item in soup(page).select("li"):
            yield Passage(
                item.get_text(" ", strip=True), page.url, item.get("data-license"),
                page_countries=("JP",), image_url=item["data-image"],
            )
'''


@pytest.mark.parametrize("meta", ["", '<meta name="robots" content="noimageai">'])
def test_what_is_fetched_and_what_is_refused(
    georeasoner, tmp_path: Path, install_source, meta: str
) -> None:
    install_source("pictured", SOURCE)
    asked: list[Asked] = []
    good, small = picture(), picture((8, 8), "PNG")
    answers = {
        "/robots.txt": Answer(body=b"User-agent: *\nDisallow: /closed/\n"),
        "/good.jpg": Answer(200, JPEG, good),
        "/moved.png": Answer(302, {"Location": "/small.png"}),
        "/small.png": Answer(200, {"Content-Type": "image/png"}, small),
        "/reserved.jpg": Answer(200, JPEG | {"X-Robots-Tag": "noimageai"}, good),
        "/page.jpg": Answer(200, HTML, b"<p>no picture"),
        "/text.jpg": Answer(200, JPEG, b"no picture either"),
        "/cut.jpg": Answer(200, JPEG, good[: len(good) // 2]),
        "/nc.jpg": Answer(200, JPEG, good),
    }
    lake = tmp_path / "lake"
    with serve(tmp_path, answers.get, asked) as url:
        images = [
            ("good.jpg", "CC0 1.0"), ("good.jpg", "CC0 1.0"), ("moved.png", "CC BY 4.0"),
            ("reserved.jpg", "CC0 1.0"), ("page.jpg", "CC0 1.0"), ("text.jpg", "CC0 1.0"),
            ("cut.jpg", "CC0 1.0"), ("nc.jpg", "CC BY-NC 4.0"), ("gone.jpg", "CC0 1.0"),
            ("closed/x.jpg", "CC0 1.0"),
        ]  # fmt: skip
        items = "".join(
            f'<li data-image="{url}{file}" data-license="{said}">Bollard number {n} is red.</li>'
            for n, (file, said) in enumerate(images)
        )
        inside = '<li data-image="http://10.0.0.1/x.jpg" data-license="CC0 1.0">A wall.</li>'
        answers["/"] = Answer(200, HTML, f"{meta}<ul>{items}{inside}</ul>".encode())

        def run() -> str:
            done = georeasoner("scrape", "pictured", "--lake", lake, "--start-url", url, "--images")
            assert done.code == 0, done.err
            (line,) = [ln for ln in done.err.splitlines() if ln.startswith("images-pictured: ")]
            return line.removeprefix("images-pictured: ")

        line = run()
        rows = Lake.open(lake).read("clue_images").to_pylist()
        if meta:
            assert line == (
                "10 inputs = 0 accepted + 10 excluded (licence does not allow 1, reserved 9)"
                " + 0 rejected"
            )
            assert not [a.path for a in asked if a.path.endswith(("jpg", "png"))]
            return
        assert line == (
            "10 inputs = 2 accepted + 4 excluded (licence does not allow 1, private address 1,"
            " reserved 1, robots-forbidden 1) + 4 rejected (http 404 1, not an image 3)"
        )
        assert {r["image_url"].removeprefix(url): r["media_type"] for r in rows} == {
            "good.jpg": "image/jpeg",
            "moved.png": "image/png",
        }
        (row,) = [r for r in rows if r["image_url"].endswith("good.jpg")]
        assert (row["width"], row["height"], row["bytes"]) == (40, 30, good)
        assert row["sha256"] == hashlib.sha256(good).hexdigest()
        assert (row["license"], row["source_url"]) == ("CC0 1.0", url)
        paths = [a.path for a in asked]
        assert "/nc.jpg" not in paths and "/closed/x.jpg" not in paths
        assert paths.count("/good.jpg") == 1

        asked.clear()
        assert run().startswith("10 inputs = 0 accepted + 6 excluded (already known 2, licence")
        assert not {"/good.jpg", "/small.png"} & {a.path for a in asked}
        assert Lake.open(lake).count("clue_images") == 2


def test_without_the_option_no_picture_is_fetched(
    georeasoner, tmp_path: Path, install_source
) -> None:
    install_source("pictured", SOURCE)
    asked: list[Asked] = []
    answers = {
        "/": Answer(
            200, HTML, b'<li data-image="/a.jpg" data-license="CC0 1.0">Bollards are red here.</li>'
        )
    }
    with serve(tmp_path, answers.get, asked) as url:
        done = georeasoner("scrape", "pictured", "--lake", tmp_path / "lake", "--start-url", url)
    assert done.code == 0, done.err
    assert "/a.jpg" not in [a.path for a in asked] and "images-" not in done.err
