"""What a lake's clues speak of: how many there are of each country and category.

In: the table `clues`. Out: counts, a table for people, a CSV file and a world map (SVG). A clue
counts for each country that it speaks of.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from georeasoner.errors import EmptyResultError
from georeasoner.gazetteer import Gazetteer
from georeasoner.lake import Lake
from georeasoner.lake.files import write_bytes

STEPS = (1, 3, 10, 30, 100)
"""A country's shade on the map: at least so many clues."""

_SHADES = ("#dbe9f6", "#a9cbe6", "#6ba5d3", "#2f7ab8", "#0b4a86")
_BARE = "#eeeeee"
_OTHER = "other"


@dataclass(frozen=True)
class Coverage:
    """Clues by (country, category); of these, how many may be trained on."""

    clues: Counter[tuple[str, str]]
    trainable: Counter[tuple[str, str]]

    @property
    def countries(self) -> Counter[str]:
        """Clues by country, those that speak of several counted for each."""
        found: Counter[str] = Counter()
        for (country, _), count in self.clues.items():
            found[country] += count
        return found

    def categories(self) -> list[tuple[str, int, int, int]]:
        """(category, clues, trainable, countries), the most frequent first."""
        names = {category for _, category in self.clues}
        rows = [
            (
                name,
                sum(n for (_, c), n in self.clues.items() if c == name),
                sum(n for (_, c), n in self.trainable.items() if c == name),
                sum(c == name for _, c in self.clues),
            )
            for name in names
        ]
        return sorted(rows, key=lambda row: (-row[1], row[0]))

    def without(self) -> list[str]:
        """The names of countries and territories that no clue speaks of."""
        gazetteer, spoken = Gazetteer.load(), self.countries
        return sorted(gazetteer.name(c) for c in gazetteer.countries() if c not in spoken)


def coverage(lake: Lake) -> Coverage:
    """Count the clues. Raises `EmptyResultError` where there are none."""
    found = Coverage(Counter(), Counter())
    columns = ["countries", "category", "ai_training_allowed"]
    for batch in lake.batches("clues", columns, 65536):
        for row in batch.to_pylist():
            for country in row["countries"] or ():
                key = (country, row["category"] or _OTHER)
                found.clues[key] += 1
                found.trainable[key] += row["ai_training_allowed"] is True
    if not found.clues:
        raise EmptyResultError("the lake has no clues", "", "run `scrape` first")
    return found


def write_coverage(found: Coverage, out: Path) -> None:
    """coverage.csv (a row for each country and category) and coverage.svg in a folder."""
    gazetteer, text = Gazetteer.load(), io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["country", "name", "category", "clues", "trainable"])
    for (country, category), count in sorted(found.clues.items()):
        name = gazetteer.name(country)
        writer.writerow([country, name, category, count, found.trainable[country, category]])
    write_bytes(out / "coverage.csv", text.getvalue().encode())
    write_bytes(out / "coverage.svg", coverage_map(found).encode())


def coverage_map(found: Coverage) -> str:
    """Countries shaded by their number of clues; those too small for an outline are dots."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from georeasoner.gazetteer.worldmap import WIDTH_PX, country_paths, height_px, project

    gazetteer, paths, counts = Gazetteer.load(), country_paths(), found.countries
    shapes = [
        {"path": path, "fill": shade(counts[code]), "title": _title(gazetteer, code, counts[code])}
        for code, path in paths.items()
    ]
    dots = []
    for code in sorted(set(counts) - set(paths)):
        town = gazetteer.largest_city(code)
        if town is not None:
            x, y = project(town.lat, town.lon)
            dots.append({
                "x": f"{float(x):.1f}", "y": f"{float(y):.1f}", "fill": shade(counts[code]),
                "title": _title(gazetteer, code, counts[code]),
            })  # fmt: skip
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    legend = [("none", _BARE), *((f"{n} or more", s) for n, s in zip(STEPS, _SHADES, strict=True))]
    return environment.get_template("coverage.svg.j2").render(
        shapes=shapes, dots=dots, legend=legend, width=WIDTH_PX, height=round(height_px())
    )


def shade(clues: int) -> str:
    """The colour of a country with so many clues."""
    return next((s for n, s in zip(STEPS[::-1], _SHADES[::-1], strict=True) if clues >= n), _BARE)


def _title(gazetteer: Gazetteer, code: str, clues: int) -> str:
    return f"{gazetteer.name(code)}: {clues:,}"
