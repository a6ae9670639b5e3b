"""The table behind ClueWorld: `world.yaml`, checked, and turned into probabilities.

Goes in: the YAML file. Comes out: for each kind of clue an (S, V) array, the probability of each
of its V values in each of the S cities. The same arrays draw scenes and give the posterior, so
what is drawn and what can be inferred agree by construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from georeasoner.clueworld.classes import CLASS_INDEX
from georeasoner.config import Recipe
from georeasoner.errors import InputError

TABLE_FILE = Path(__file__).with_name("world.yaml")
TROPIC_DEG = 23.44


class KindEntry(Recipe):
    """One kind of clue as written: how often it shows, its class, phrases per value."""

    visible: float = Field(ge=0, le=1)
    ade20k: str
    values: dict[str, tuple[str, ...]]
    needs: str | None = None
    source: str | None = None
    from_latitude: bool = False


class CityEntry(Recipe):
    """One city as written: its centre in WGS84 degrees and the values it leans to."""

    name: str
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    tilt: dict[str, str] = Field(default_factory=dict)


class CountryEntry(Recipe):
    """One country as written: facts (certain values), weights of other clues, its cities."""

    facts: dict[str, str] = Field(default_factory=dict)
    clues: dict[str, dict[str, float]] = Field(default_factory=dict)
    cities: tuple[CityEntry, ...] = Field(min_length=1)


class SceneEntry(Recipe):
    """One kind of scene: its share, and the clues it can show (None: all, as kinds say)."""

    share: float = Field(ge=0, le=1)
    visible: dict[str, float] | None = None


class WorldFile(Recipe):
    """The whole of `world.yaml`. Names that do not fit together are an error."""

    format: int = Field(ge=1, le=1)
    city_tilt: float = Field(ge=0, le=1)
    city_radius_km: float = Field(gt=0)
    cell_resolution: int = Field(ge=0, le=15)
    heldout_share: float = Field(gt=0, lt=1)
    near_duplicate_share: float = Field(ge=0, lt=0.5)
    broken_share: float = Field(ge=0, lt=0.5)
    scenes: dict[str, SceneEntry]
    kinds: dict[str, KindEntry]
    countries: dict[str, CountryEntry] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_fit(self) -> WorldFile:
        if abs(sum(s.share for s in self.scenes.values()) - 1) > 1e-9:
            raise ValueError("the shares of the scenes do not sum to 1")
        seen: list[str] = []
        for name, kind in self.kinds.items():
            if kind.ade20k not in CLASS_INDEX:
                raise ValueError(f"kind {name}: unknown ADE20K class {kind.ade20k!r}")
            if kind.needs is not None and kind.needs not in seen:
                raise ValueError(f"kind {name} needs {kind.needs!r}, which must stand before it")
            seen.append(name)
        for scene, entry in self.scenes.items():
            for kind_name in entry.visible or {}:
                if kind_name not in self.kinds:
                    raise ValueError(f"scene {scene}: unknown kind {kind_name!r}")
        for iso2, country in self.countries.items():
            self._check_country(iso2, country)
        return self

    def _check_country(self, iso2: str, country: CountryEntry) -> None:
        named = [(kind, {value: 1.0}) for kind, value in country.facts.items()]
        named += list(country.clues.items())
        named += [(k, {v: 1.0}) for city in country.cities for k, v in city.tilt.items()]
        for kind, weights in named:
            if kind not in self.kinds:
                raise ValueError(f"{iso2}: unknown kind {kind!r}")
            if kind in country.facts and any(kind in city.tilt for city in country.cities):
                raise ValueError(f"{iso2}: {kind} is a fact, so no city can lean elsewhere")
            unknown = set(weights) - set(self.kinds[kind].values)
            if unknown:
                raise ValueError(f"{iso2}: {kind} has no value {sorted(unknown)[0]!r}")
            if sum(weights.values()) > 1 + 1e-9 or min(weights.values(), default=0) < 0:
                raise ValueError(f"{iso2}: the weights of {kind} sum to more than 1")


@dataclass(frozen=True)
class ClueKind:
    """A kind of clue: its values in order, phrases per value (the first is the canonical one)."""

    name: str
    values: tuple[str, ...]
    phrases: dict[str, tuple[str, ...]]
    ade20k: str
    visible_share: float
    needs: str | None
    source: str | None


@dataclass(frozen=True)
class WorldCity:
    """A real city: name, ISO 3166-1 alpha-2 country, centre in WGS84 degrees."""

    name: str
    country: str
    lat: float
    lon: float


def north_sun_share(lat: float) -> float:
    """Share of noons (over a year, linearly between the tropics) with the sun in the north."""
    return float(np.clip(0.5 - lat / (2 * TROPIC_DEG), 0.0, 1.0))


class ClueTable:
    """Cities, kinds and probabilities of one world file.

    `probabilities[kind]` is (S, V): value v in city s, rows sum to 1. `country_of_city` is (S,)
    indices into `countries`. Every country is equally likely, and so is every city within it.
    """

    def __init__(self, file: WorldFile) -> None:
        self.file = file
        self.countries = tuple(file.countries)
        self.cities = tuple(
            WorldCity(city.name, iso2, city.lat, city.lon)
            for iso2, country in file.countries.items()
            for city in country.cities
        )
        self.kinds = tuple(
            ClueKind(n, tuple(k.values), dict(k.values), k.ade20k, k.visible, k.needs, k.source)
            for n, k in file.kinds.items()
        )
        self.kind = {kind.name: kind for kind in self.kinds}
        order = {iso2: i for i, iso2 in enumerate(self.countries)}
        self.country_of_city = np.array([order[city.country] for city in self.cities])
        self.probabilities = {kind.name: self._kind_probabilities(kind) for kind in self.kinds}

    @cached_property
    def city_prior(self) -> NDArray[np.float64]:
        """(S,) prior of each city: uniform over countries, then over the country's cities."""
        sizes = np.bincount(self.country_of_city, minlength=len(self.countries))
        return np.asarray(1.0 / (len(self.countries) * sizes[self.country_of_city]))

    def _kind_probabilities(self, kind: ClueKind) -> NDArray[np.float64]:
        rows = [
            self._row(kind, country, city)
            for country in self.file.countries.values()
            for city in country.cities
        ]
        return np.asarray(rows, dtype=np.float64)

    def _row(self, kind: ClueKind, country: CountryEntry, city: CityEntry) -> NDArray[np.float64]:
        if self.file.kinds[kind.name].from_latitude:
            north = north_sun_share(city.lat)
            return np.array([{"north": north, "south": 1 - north}[v] for v in kind.values])
        if kind.name in country.facts:
            return np.array([float(v == country.facts[kind.name]) for v in kind.values])
        weights = country.clues.get(kind.name, {})
        unsaid = [v for v in kind.values if v not in weights]
        rest = (1 - sum(weights.values())) / max(1, len(unsaid))
        row = np.array([weights.get(v, rest) for v in kind.values])
        row /= row.sum()
        if kind.name in city.tilt:
            lean = np.array([float(v == city.tilt[kind.name]) for v in kind.values])
            row = (1 - self.file.city_tilt) * row + self.file.city_tilt * lean
        return row

    def posterior(self, clues: dict[str, str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Bayes' rule over visible clues: (C,) over countries and (S,) over cities, each sum 1.

        Which clues are visible, and the kind of scene, do not depend on the place, so they
        cancel. Raises `InputError` for a clue that the table does not know, or a combination
        that cannot occur.
        """
        cities = self.city_prior.copy()
        for name, value in clues.items():
            kind = self.kind.get(name)
            if kind is None or value not in kind.values:
                raise InputError(f"clue {name}={value!r}", "a kind and value of the world table")
            cities *= self.probabilities[name][:, kind.values.index(value)]
        total = cities.sum()
        if total <= 0:
            raise InputError(f"clues {clues}", "a combination that some city can show")
        cities /= total
        countries = np.zeros(len(self.countries))
        np.add.at(countries, self.country_of_city, cities)
        return countries, cities


def load_table(path: Path = TABLE_FILE) -> ClueTable:
    """Read and check a world file. Raises `InputError` that names the field at fault."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return ClueTable(WorldFile.model_validate(content))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"world table {path.name}: {error}", "a YAML file") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "table"
        raise InputError(f"world table {path.name}: {where}: {first['msg']}") from error
