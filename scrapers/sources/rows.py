"""Clues that one already has: `jsonl:FILE`, an object a line, or `csv:FILE`, with a header.

Needed are text, source_url and license; countries (codes, in csv parted by ";"), category, topic
and image_url are taken where they stand, other columns are left. A text with countries is one
sentence and taken as such; in one without, sentences and places are searched for. A line that is
not right is refused with its number, and the others count; a file that is no CSV is an error.
"""

from __future__ import annotations

import csv
import io
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from georeasoner.errors import ConfigError, InputError
from georeasoner.registry import register
from scrapers.fetch.pages import Page
from scrapers.fetch.saved import file_page
from scrapers.source import Passage, Refused
from scrapers.text.names import gazetteer

_NEEDED = ("text", "source_url", "license")
_OPTIONAL = ("category", "topic", "image_url")
_LONGEST = 10_000
"""Characters of a text. Longer ones are no passage but a file that went wrong."""
_WIDEST = 1 << 30
"""Characters of a field of csv, whose reader would else stop at 131,072."""
_ADDRESS = re.compile(r"https?://[^/\s]+|(doi|urn|pkg):\S+")


class _Rows(ABC):
    """A file of rows. Raises `ConfigError` without one."""

    kind = ""

    def __init__(self, argument: str | None = None) -> None:
        if not argument:
            raise ConfigError(f"{self.kind} without a file", f"{self.kind}:FILE")
        self.file = Path(argument).expanduser()

    def pages(self) -> Iterator[Page]:
        """The file as it is."""
        yield file_page(self.file)

    def parse(self, page: Page) -> Iterator[Passage | Refused]:
        """A passage for each line that is right, a refusal for each other."""
        try:
            text = page.body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"{page.url}: {error}", "text in UTF-8") from None
        for line, row in self._rows(page, text):
            problem = row if isinstance(row, str) else _problem(row)
            if problem:
                yield Refused(f"{page.url}:{line}", "bad line", problem)
            elif isinstance(row, dict):
                yield _passage(row)

    @abstractmethod
    def _rows(self, page: Page, text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
        """Number of the line and its row, or what is wrong with it."""


@register("clue_source", "jsonl")
class JsonLines(_Rows):
    """One JSON object a line; empty lines are skipped."""

    kind = "jsonl"

    def _rows(self, page: Page, text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                yield number, f"no JSON: {error}"
                continue
            yield number, row if isinstance(row, dict) else f"no object: {line[:80]}"


@register("clue_source", "csv")
class Csv(_Rows):
    """Comma-separated values with a header line."""

    kind = "csv"

    def _rows(self, page: Page, text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
        csv.field_size_limit(_WIDEST)
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        number = 1
        try:
            names = list(reader.fieldnames or ())
            if absent := [name for name in _NEEDED if name not in names]:
                raise InputError(
                    f"{page.url} has the columns {', '.join(names) or '(none)'}",
                    ", ".join(_NEEDED),
                    f"add {', '.join(absent)}",
                )
            number = reader.line_num + 1
            for row in reader:
                yield number, _of_csv(row)
                number = reader.line_num + 1
        except csv.Error as error:
            raise InputError(f"{page.url}:{number}: {error}", "quoted CSV") from None


def _of_csv(row: dict[str | Any, Any]) -> dict[str, Any] | str:
    if None in row or None in row.values():
        return "not as many fields as the header has"
    full = {name: value for name, value in row.items() if value.strip()}
    if "countries" in full:
        full["countries"] = [code.strip() for code in full["countries"].split(";")]
    return full


def _problem(row: dict[str, Any]) -> str | None:
    """What is wrong with a row, if anything."""
    for name in _NEEDED:
        if not isinstance(row.get(name), str) or not row[name].strip():
            return f"{name} is {row.get(name)!r}, expected text"
    if len(row["text"]) > _LONGEST:
        return f"text has {len(row['text']):,} characters, expected at most {_LONGEST:,}"
    if not _ADDRESS.match(row["source_url"]):
        return f"source_url is {row['source_url'][:80]!r}, expected an absolute address"
    for name in _OPTIONAL:
        if not isinstance(row.get(name), str | None):
            return f"{name} is {row[name]!r}, expected text"
    codes = row.get("countries")
    if codes is not None and not isinstance(codes, list):
        return f"countries is {codes!r}, expected a list of codes"
    for code in codes or ():
        if code not in gazetteer().countries():
            parted = ", in csv parted by ;" if "," in str(code) else ""
            return f"country {code!r}, expected an ISO 3166-1 alpha-2 code{parted}"
    return None


def _passage(row: dict[str, Any]) -> Passage:
    return Passage(
        text=" ".join(row["text"].split()),
        source_url=row["source_url"],
        license=row["license"],
        topic=row.get("topic"),
        image_url=row.get("image_url"),
        countries=tuple(row["countries"]) if row.get("countries") else None,
        category=row.get("category"),
    )
