"""ClueWorld: a drawn world of street views with a known truth.

Goes in: the table, a seed, a role and an index. Comes out: scenes, each alone from those numbers,
with picture, mask, visible clues and the exact posterior over countries and cities. A seed
changes the draws, never the table.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import h3
import numpy as np
from numpy.typing import NDArray

from georeasoner.clueworld.scene import BROKEN_KINDS, ROLES, Role, Scene, check_role
from georeasoner.clueworld.table import TABLE_FILE, ClueKind, ClueTable, WorldCity, load_table
from georeasoner.errors import InputError
from georeasoner.geodesy import LatLon, destination

FIRST_DAY = datetime(2016, 1, 1, tzinfo=UTC)
DAYS = 3650
LOOK_BACK = 20


@dataclass(frozen=True)
class Best:
    """The best possible answer to a scene, and the probability that it is right."""

    country: str
    country_probability: float
    city: str
    city_country: str
    city_probability: float


class World:
    """The table and the draws from it; see `scene` and `posterior`."""

    def __init__(self, table: ClueTable) -> None:
        self.table = table
        self.kinds: tuple[ClueKind, ...] = table.kinds
        self.countries: tuple[str, ...] = table.countries
        self.cities: tuple[WorldCity, ...] = table.cities
        self._cumulative = {k: np.cumsum(p, axis=1) for k, p in table.probabilities.items()}
        self._scene_kinds = tuple(table.file.scenes)
        self._scene_shares = np.cumsum([s.share for s in table.file.scenes.values()])

    @staticmethod
    def load(path: Path = TABLE_FILE) -> World:
        """The world of that table (read once). Raises `InputError` where the table is wrong."""
        return _load(path)

    def scene(self, index: int, seed: int = 0, role: str = "build") -> Scene:
        """The scene of that number, the same whether or not others are drawn.

        Raises `InputError` for a negative index or seed, or an unknown role.
        """
        if index < 0 or seed < 0:
            raise InputError(f"scene index {index}, seed {seed}", "numbers that are not negative")
        known_role = check_role(role)
        original, offset_deg, broken = self._oddity(index, seed, known_role)
        scene = self._plain_scene(index if original is None else original, seed, known_role)
        if original is not None:
            scene = replace(
                scene,
                index=index,
                view_id=view_id(index, seed, known_role),
                near_duplicate_of=scene.view_id,
                captured_at=scene.captured_at + timedelta(seconds=2),
                heading_deg=(scene.heading_deg + offset_deg) % 360.0,
                turned_deg=offset_deg,
            )
        return replace(scene, broken=BROKEN_KINDS[broken]) if broken is not None else scene

    def posterior(self, clues: dict[str, str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Exact (C,) posterior over `countries` and (S,) over `cities` given visible clues."""
        return self.table.posterior(clues)

    def best(self, clues: dict[str, str]) -> Best:
        """The most probable country and city given the clues: no model can do better."""
        countries, cities = self.posterior(clues)
        c, s = int(countries.argmax()), int(cities.argmax())
        city = self.cities[s]
        return Best(
            self.countries[c], float(countries[c]), city.name, city.country, float(cities[s])
        )

    def ceiling(self, n_scenes: int, seed: int = 0, role: str = "build") -> dict[str, float]:
        """Best possible country and city accuracy, by Monte Carlo over `n_scenes` scenes.

        The mean of the largest posterior is the accuracy of the best answer in expectation (less
        noisy than counting hits); `*_locatable` is over the scenes of kind "open".
        """
        scenes = [self.scene(i, seed, role) for i in range(n_scenes)]
        best = [self.best(scene.clues) for scene in scenes]
        is_open = np.array([scene.kind == "open" for scene in scenes])
        country = np.array([b.country_probability for b in best])
        city = np.array([b.city_probability for b in best])
        return {
            "country": float(country.mean()),
            "city": float(city.mean()),
            "country_locatable": float(country[is_open].mean()),
            "city_locatable": float(city[is_open].mean()),
            "country_unlocatable": float(country[~is_open].mean()),
        }

    def phrases(
        self, clues: dict[str, str], rng: np.random.Generator | None = None
    ) -> tuple[str, ...]:
        """One phrase per visible clue in the table's order; canonical, or any with `rng`."""
        chosen = []
        for kind in self.kinds:
            if kind.name in clues:
                options = kind.phrases[clues[kind.name]]
                chosen.append(options[0 if rng is None else int(rng.integers(len(options)))])
        return tuple(chosen)

    def cell_role(self, lat: float, lon: float) -> Role:
        """Whether the h3 cell of a position is for building or held out, by a hash of its id."""
        return self._cell_role(h3.latlng_to_cell(lat, lon, self.table.file.cell_resolution))

    def _cell_role(self, cell: str) -> Role:
        digest = hashlib.sha256(f"clueworld {cell}".encode()).digest()
        share = int.from_bytes(digest[:4], "big") / 2**32
        return "heldout" if share < self.table.file.heldout_share else "build"

    def _oddity(self, index: int, seed: int, role: Role) -> tuple[int | None, float, int | None]:
        """(index of the scene that this one repeats, turn in degrees, kind of damage)."""
        own, back, turn, side, kind = self._odd_draws(index, seed, role)
        file = self.table.file
        if own < file.broken_share:
            return None, 0.0, int(kind * len(BROKEN_KINDS))
        original = index - 1 - int(back * LOOK_BACK)
        repeats = own < file.broken_share + file.near_duplicate_share and original >= 0
        if repeats:
            first = self._odd_draws(original, seed, role)[0]
            if first >= file.broken_share + file.near_duplicate_share:
                return original, (2.0 + 3.0 * turn) * (1 if side < 0.5 else -1), None
        return None, 0.0, None

    @staticmethod
    def _odd_draws(index: int, seed: int, role: Role) -> list[float]:
        rng = np.random.default_rng([seed, ROLES.index(role), index, 2])
        return [float(u) for u in rng.random(5)]

    def _plain_scene(self, index: int, seed: int, role: Role) -> Scene:
        rng = np.random.default_rng([seed, ROLES.index(role), index, 0])
        s = int(rng.choice(len(self.cities), p=self.table.city_prior))
        city = self.cities[s]
        position = self._position(city, role, rng)
        kind = self._scene_kinds[int(np.searchsorted(self._scene_shares, rng.random()))]
        clues = self._clues(s, kind, rng)
        heading_deg = float(rng.uniform(0, 360))
        if "sun_side" in clues:  # the camera looks at the sun that it shows
            middle_deg = 0.0 if clues["sun_side"] == "north" else 180.0
            heading_deg = (middle_deg + heading_deg / 12 - 15.0) % 360.0
        own_id = view_id(index, seed, role)
        return Scene(
            seed=seed,
            index=index,
            role=role,
            view_id=own_id,
            sequence_id=f"drive-{own_id}",
            captured_at=FIRST_DAY + timedelta(seconds=int(rng.integers(DAYS * 86400))),
            kind=kind,
            country=city.country,
            city=city.name,
            lat=position.lat,
            lon=position.lon,
            heading_deg=heading_deg,
            clues=clues,
            locatability=float(self.posterior(clues)[0].max()),
            picture_index=index,
        )

    def _clues(self, s: int, scene_kind: str, rng: np.random.Generator) -> dict[str, str]:
        shows = self.table.file.scenes[scene_kind].visible
        clues: dict[str, str] = {}
        draws = rng.random((len(self.kinds), 2))
        for kind, (seen, drawn) in zip(self.kinds, draws, strict=True):
            share = kind.visible_share if shows is None else shows.get(kind.name, 0.0)
            if seen < share and (kind.needs is None or kind.needs in clues):
                row = self._cumulative[kind.name][s]
                value = int(np.searchsorted(row, drawn * row[-1], side="right"))
                clues[kind.name] = kind.values[value]
        return clues

    def _position(self, city: WorldCity, role: Role, rng: np.random.Generator) -> LatLon:
        """Uniform over the disc around the centre, within cells of the role."""
        while True:
            bearing_deg, share = rng.uniform(0, 360), rng.random()
            distance_km = self.table.file.city_radius_km * math.sqrt(share)
            position = destination(city.lat, city.lon, float(bearing_deg), distance_km)
            if self.cell_role(position.lat, position.lon) == role:
                return position


def view_id(index: int, seed: int, role: Role) -> str:
    """Id of a scene; says nothing of the place."""
    return f"clueworld-{seed}-{role}-{index:06d}"


def describe(clues: dict[str, str], rng: np.random.Generator | None = None) -> str:
    """The visible clues as text: one short phrase each, in the table's order, joined by "; ".

    Canonical phrases, or any of each value's with `rng`. Empty where nothing can be seen.
    """
    return "; ".join(World.load().phrases(clues, rng))


@cache
def _load(path: Path) -> World:
    return World(load_table(path))
