"""The places that a classifier chooses among: countries, and cities of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmark.task import Task, load_task
from georeasoner.errors import EmptyResultError, InputError
from georeasoner.gazetteer import Gazetteer
from georeasoner.provenance import fingerprint

CITIES_PER_COUNTRY = 30


@dataclass(frozen=True)
class Candidates:
    """Countries (ISO codes) and the cities of each, most populous or most frequent first."""

    cities: dict[str, tuple[str, ...]]
    source: str

    def __post_init__(self) -> None:
        if not self.cities:
            raise EmptyResultError(f"{self.source} names no countries", "at least one")

    @property
    def id(self) -> str:
        """The source and a hash of the list."""
        return f"{self.source}@{fingerprint(self.cities)}"

    @classmethod
    def of_the_world(cls, gazetteer: Gazetteer) -> Candidates:
        """Every country with its 30 most populous cities, StreetCLIP's protocol."""
        cities = {
            code: tuple(city.name for city in gazetteer.cities(code, n=CITIES_PER_COUNTRY))
            for code in gazetteer.countries()
        }
        return cls(cities, f"gazetteer {gazetteer.version}")

    @classmethod
    def of_pairs(cls, pairs: Iterable[tuple[str | None, str | None]], source: str) -> Candidates:
        """From (country, city) pairs, at most 30 cities a country, frequent ones first."""
        counts: dict[str, Counter[str]] = {}
        for country, city in pairs:
            if country is not None:
                counts.setdefault(country, Counter()).update([city] if city else [])
        cities = {
            country: tuple(
                name for name, _ in sorted(found.items(), key=lambda item: (-item[1], item[0]))
            )[:CITIES_PER_COUNTRY]
            for country, found in sorted(counts.items())
        }
        return cls(cities, source)

    @classmethod
    def of_task(cls, task: Task) -> Candidates:
        """The places of a task, which may only be one that is not being asked."""
        countries, cities = (task.truth[c].to_pylist() for c in ("country", "city"))
        return cls.of_pairs(zip(countries, cities, strict=True), task.name)

    @classmethod
    def load(cls, specification: str, gazetteer: Gazetteer) -> Candidates:
        """From a CSV with the columns country and city, or from a task (its training split)."""
        path = Path(specification)
        if path.suffix != ".csv" or not path.is_file():
            return cls.of_task(load_task(specification))
        import csv

        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if "country" not in (reader.fieldnames or []):
                raise InputError(f"{path} has no column country", "columns country and city")
            rows = [(row["country"], row.get("city") or None) for row in reader]
        codes = {name: gazetteer.country(name) for name, _ in rows}
        unknown = sorted(name for name, code in codes.items() if code is None)
        if unknown:
            raise InputError(f"{path} names countries {unknown[:5]}", "ISO codes or English names")
        return cls.of_pairs([(codes[name], city) for name, city in rows], path.name)
