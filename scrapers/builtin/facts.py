"""Facts as they stand in their tables: CSV and YAML files in, checked records out.

A table `facts/KIND.csv` has the column `country`, the columns of its values, `source` (names in
`sources.yaml`, joined by a space: the first bears the fact, the others bear it too) and `note`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from georeasoner.errors import InputError
from scrapers.builtin import FACTS, FOLDER

_FRAME = ("country", "source", "note")


@dataclass(frozen=True)
class Fact:
    """One row: what is so in one country, and who says so."""

    kind: str
    country: str
    values: dict[str, str]
    sources: tuple[str, ...]
    note: str


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_Record = TypeVar("_Record", bound=_Strict)


class Wording(_Strict):
    """Sentences of which each fact takes one; `when` gives the values that they are for.

    `ade20k_classes` stand in place of the kind's, where it is another thing that one sees.
    """

    texts: list[str]
    when: dict[str, str] = {}
    ade20k_classes: list[str] | None = None


class Kind(_Strict):
    """A table of facts: its columns, and what its clues are about.

    `once` says that a country has one row only; otherwise rows differ in their first value.
    """

    title: str
    category: str
    ade20k_classes: list[str]
    values: list[str]
    once: bool = True
    wordings: list[Wording]


class Source(_Strict):
    """What was opened: its lasting address, its licence and where that was read."""

    title: str
    url: str
    license: str
    license_read: str
    opened: str
    use: str


@cache
def kinds() -> dict[str, Kind]:
    """Every kind of fact by its name, in the order of the file."""
    return {name: _read(Kind, name, facts) for name, facts in _yaml("kinds.yaml").items()}


@cache
def sources() -> dict[str, Source]:
    """Every source by its name."""
    return {name: _read(Source, name, facts) for name, facts in _yaml("sources.yaml").items()}


def _yaml(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return found


def _read(model: type[_Record], name: str, facts: dict[str, Any]) -> _Record:
    try:
        return model(**facts)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{name}: {'.'.join(map(str, first['loc']))}", first["msg"]) from error


def table(kind: str) -> Path:
    """The file of a kind's facts."""
    return FACTS / f"{kind}.csv"


def read_facts(kind: str) -> list[Fact]:
    """The facts of a kind, in the order of its table. Raises `InputError`."""
    file = table(kind)
    return list(parse_facts(kind, file.read_text(encoding="utf-8"), str(file)))


def parse_facts(kind: str, text: str, where: str) -> Iterator[Fact]:
    """The facts of a table's text; `where` names it in errors."""
    rows = csv.DictReader(io.StringIO(text))
    columns = ["country", *kinds()[kind].values, "source", "note"]
    if rows.fieldnames != columns:
        raise InputError(f"{where}: columns {rows.fieldnames}", str(columns))
    for row in rows:
        if None in row or None in row.values():
            raise InputError(f"{where}, line {rows.line_num}: {len(columns)} columns expected")
        values = {name: value for name, value in row.items() if name not in _FRAME}
        yield Fact(kind, row["country"], values, tuple(row["source"].split()), row["note"])
