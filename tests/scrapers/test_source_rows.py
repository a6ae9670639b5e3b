"""Clues that one has: JSON lines and CSV; a bad line is refused by its number."""

from __future__ import annotations

from pathlib import Path

import pytest

from georeasoner.errors import ConfigError, InputError
from georeasoner.lake import Lake
from scrapers.stage import scrape

JSONL = """\
{"text": "Poles in Japan are striped. So are those in Taiwan.", "source_url": "https://a.example/1", "license": "CC0-1.0", "topic": "poles", "note": "left"}

{"text": "A roof like this one, again.", "source_url": "https://a.example/2", "license": "CC BY 4.0", "countries": ["PE", "BO"], "category": "architecture", "image_url": "https://a.example/2.jpg"}
{"text": "Broken
{"text": "Chile is long.", "source_url": "https://a.example/3"}
{"text": 5, "source_url": "https://a.example/3", "license": "CC0-1.0"}
{"text": "Chile is long.", "source_url": "page 3", "license": "CC0-1.0"}
{"text": "Chile is long.", "source_url": "https://a.example/3", "license": "CC0-1.0", "countries": ["Chile"]}
{"text": "Chile is long.", "source_url": "https://a.example/3", "license": "CC0-1.0", "countries": "CL"}
["Chile is long."]
"""  # noqa: E501


def test_json_lines(tmp_path: Path) -> None:
    file = tmp_path / "clues.jsonl"
    file.write_text(JSONL, encoding="utf-8")
    lake = Lake.create(tmp_path / "lake")
    result = scrape(lake, f"jsonl:{file}")
    assert result.sentences.accepted == 3 and result.sentences.rejected == {"bad line": 7}
    rows = lake.read("clues").to_pylist()
    assert [
        (r["text"], r["countries"], r["image_url"], r["source_url"], r["license"]) for r in rows
    ] == [
        ("Poles in Japan are striped.", ["JP"], None, "https://a.example/1", "CC0-1.0"),
        ("So are those in Taiwan.", ["TW"], None, "https://a.example/1", "CC0-1.0"),
        (
            "A roof like this one, again.",
            ["PE", "BO"],
            "https://a.example/2.jpg",
            "https://a.example/2",
            "CC BY 4.0",
        ),
    ]
    assert rows[2]["category"] == "architecture"
    details = {r["input_id"]: r["detail"] for r in lake.read("rejects").to_pylist()}
    assert details.pop("file:clues.jsonl:4").startswith("no JSON: ")
    assert details == {
        "file:clues.jsonl:5": "license is None, expected text",
        "file:clues.jsonl:6": "text is 5, expected text",
        "file:clues.jsonl:7": "source_url is 'page 3', expected an absolute address",
        "file:clues.jsonl:8": "country 'Chile', expected an ISO 3166-1 alpha-2 code",
        "file:clues.jsonl:9": "countries is 'CL', expected a list of codes",
        "file:clues.jsonl:10": 'no object: ["Chile is long."]',
    }


CSV = """\
\ufefftext,source_url,license,countries
"Poles in Japan
are striped.",https://a.example/1,CC0-1.0,
A roof like this one.,https://a.example/2,CC0-1.0,PE; BO
Too short,https://a.example/3
,https://a.example/4,CC0-1.0,PE
"""


def test_csv(tmp_path: Path) -> None:
    file = tmp_path / "clues.csv"
    file.write_text(CSV, encoding="utf-8")
    lake = Lake.create(tmp_path / "lake")
    scrape(lake, f"csv:{file}")
    rows = lake.read("clues").to_pylist()
    assert [(r["text"], r["countries"]) for r in rows] == [
        ("Poles in Japan are striped.", ["JP"]),
        ("A roof like this one.", ["PE", "BO"]),
    ]
    # The first row takes the lines 2 and 3.
    assert {r["input_id"]: r["detail"] for r in lake.read("rejects").to_pylist()} == {
        "file:clues.csv:5": "not as many fields as the header has",
        "file:clues.csv:6": "text is None, expected text",
    }


def test_a_text_that_is_no_passage_costs_only_its_line(tmp_path: Path) -> None:
    file = tmp_path / "clues.csv"
    long = "x" * 200_000  # more than the csv module reads by itself
    lines = ["text,source_url,license,countries", f"{long},https://a.example/,CC0-1.0,PE",
             'A roof.,https://a.example/2,CC0-1.0,"PE,BO"',
             "A roof like this one.,javascript:alert(1),CC0-1.0,PE",
             "A roof like this one.,https://a.example/2,CC0-1.0,PE"]  # fmt: skip
    file.write_text("\n".join(lines))
    lake = Lake.create(tmp_path / "lake")
    assert scrape(lake, f"csv:{file}").sentences.accepted == 1
    assert [r["detail"] for r in lake.read("rejects").to_pylist()] == [
        "text has 200,000 characters, expected at most 10,000",
        "country 'PE,BO', expected an ISO 3166-1 alpha-2 code, in csv parted by ;",
        "source_url is 'javascript:alert(1)', expected an absolute address",
    ]


def test_rejects_of_lines_that_were_mended_are_lifted(tmp_path: Path) -> None:
    file, lake = tmp_path / "clues.csv", Lake.create(tmp_path / "lake")
    good = "A roof like this one.,https://a.example/2,CC0-1.0,PE"
    file.write_text(f"text,source_url,license,countries\n{good}\n,u,CC0-1.0,PE\nA,b,,PE\n")
    scrape(lake, f"csv:{file}")
    assert [r["input_id"] for r in lake.read("rejects").to_pylist()] == [
        "file:clues.csv:3", "file:clues.csv:4",
    ]  # fmt: skip
    file.write_text(f"text,source_url,license,countries\n{good}\n,u,CC0-1.0,PE\n")
    scrape(lake, f"csv:{file}")
    assert [r["input_id"] for r in lake.read("rejects").to_pylist()] == ["file:clues.csv:3"]


@pytest.mark.parametrize(
    ("spec", "content", "error", "words"),
    [
        ("csv", b"", ConfigError, "csv without a file"),
        ("jsonl", b"", ConfigError, "jsonl without a file"),
        ("csv:{}", b"text,license\n", InputError, "has the columns text, license.*add source_url"),
        ("csv:{}", b"", InputError, r"has the columns \(none\)"),
        (
            "csv:{}",
            b'text,source_url,license\n"a"b,c,d\n',
            InputError,
            r"file:rows:2: .*expected quoted CSV",
        ),
        ("csv:{}", b'a,"b":c\n', InputError, "file:rows:1: .*expected quoted CSV"),
        ("jsonl:{}", b"\xff\xfe", InputError, "expected text in UTF-8"),
        ("jsonl:{}.none", b"", InputError, "cannot be read"),
    ],
)
def test_a_clear_line_for_a_file_of_another_kind(
    tmp_path: Path, spec: str, content: bytes, error: type[Exception], words: str
) -> None:
    file = tmp_path / "rows"
    file.write_bytes(content)
    with pytest.raises(error, match=words):
        scrape(Lake.create(tmp_path / "lake"), spec.format(file))
