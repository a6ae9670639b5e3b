"""Near-duplicates: embeddings, positions and file hashes in, the whole table `duplicates` out.

Files with the same SHA-256 are one picture. Two pictures are near-duplicates when the cosine of
their embeddings reaches `threshold` and they were taken within `near_km` of each other: streets
and fog look alike in many places, a second photograph of one place is taken beside the first.
From `far_threshold` on two pictures are taken for the same one wherever they claim to be, and the
distance is reported as a conflicting geotag.

Groups are connected components. A chain can join unlike ends, so a group keeps only members that
are near-duplicates of the view it keeps, the most locatable one; what is left is grouped again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georeasoner.errors import ConfigError, IntegrityError
from georeasoner.geodesy import haversine_km
from georeasoner.lake import Lake, Sums
from scoring.choose import choose_model, choose_score
from scoring.neighbours import neighbours
from scoring.vectors import read_vectors

STAGE = "dedup"

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Rule:
    """When two pictures are near-duplicates; a `far_threshold` above 1: never at a distance."""

    threshold: float
    near_km: float
    far_threshold: float

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"threshold {self.threshold}", "a cosine in (0, 1]")
        if self.near_km < 0:
            raise ConfigError(f"near_km {self.near_km}", "a distance of at least 0 km")

    def holds(self, similarity: Floats, distance_km: Floats) -> NDArray[np.bool_]:
        """For pairs; an unknown distance (NaN) counts as far."""
        same_place = distance_km <= self.near_km
        return (similarity >= self.threshold) & (same_place | (similarity >= self.far_threshold))


@dataclass(frozen=True)
class Views:
    """What is compared: N views in the order of their ids."""

    view_id: NDArray[np.object_]
    lat: Floats  # degrees, NaN where unknown
    lon: Floats
    file: Ints  # views with the same number have the same bytes
    locatability: Floats  # NaN where there is no score
    embedded: NDArray[np.bool_]
    vectors: NDArray[np.float32]  # (N, D) of unit length, zeros where there is no embedding

    def distance_km(self, one: int | Ints, other: int | Ints) -> Floats:
        """Between views given by their numbers."""
        return haversine_km(self.lat[one], self.lon[one], self.lat[other], self.lon[other])


def dedup(
    lake: Lake,
    model: str | None = None,
    scores: str | None = None,
    threshold: float = 0.95,
    near_km: float = 1.0,
    far_threshold: float = 0.99,
) -> Sums:
    """Find the duplicates of a lake and write the table anew; nothing happens when it is current.

    `model` names the embeddings and `scores` the locatability that picks the member to keep; both
    may be left out where the lake has one. Reasons: exact (the same bytes as the member kept) or
    embedding, with `_conflicting_geotag` where the two are more than `near_km` apart. Raises
    `InputError` or `UnknownNameError` without embeddings or scores of that name.
    """
    rule = Rule(threshold, near_km, far_threshold)
    model_id = choose_model(lake, model)
    score_id = choose_score(lake, scores, model_id)
    config = {
        "model": model_id, "scores": score_id, "threshold": threshold, "near_km": near_km,
        "far_threshold": far_threshold,
    }  # fmt: skip
    state = lake.state("views", "embeddings", "scores", "removals")
    if lake.is_current(STAGE, config, state) and (lake.root / "duplicates").is_dir():
        sums = (lake.last_run(STAGE) or {})["sums"]
        return Sums(
            sums["accepted"], *(Counter(sums[k]) for k in ("excluded", "rejected", "notes"))
        )
    with lake.writing(STAGE, config, whole=["duplicates"], inputs=state) as out:
        views = _read(lake, model_id, score_id)
        rows = list(find_duplicates(views, rule))
        out.add("duplicates", rows)
        bare = int((~views.embedded).sum())
        out.accept(count=len(views.view_id) - bare)
        if bare:
            out.exclude("no_embedding", bare)  # compared by their bytes alone
        kept = sum(row["keep"] for row in rows)
        conflicts = sum(row["reason"].endswith("conflicting_geotag") for row in rows)
        out.note("groups", kept)
        out.note("dropped", len(rows) - kept)
        out.note("conflicting_geotags", conflicts)
    return out.sums


def find_duplicates(views: Views, rule: Rule) -> Iterator[dict[str, Any]]:
    """Rows of `duplicates`, group by group; the group's id is the id of the view it keeps."""
    order = np.lexsort(
        (np.arange(len(views.file)), -np.nan_to_num(views.locatability, nan=-np.inf))
    )
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    first: dict[int, int] = {}  # of every file its best view
    copies: dict[int, list[int]] = {}
    for view in order.tolist():
        best = first.setdefault(int(views.file[view]), view)
        copies.setdefault(best, []).append(view)
    pictures = np.array(sorted(first.values()), dtype=np.int64)
    in_a_group: set[int] = set()
    for group in _groups(views, pictures, rank, rule):
        in_a_group.update(group)
        yield from _rows(views, [v for picture in group for v in copies[picture]], rule)
    for picture in pictures.tolist():
        if picture not in in_a_group and len(copies[picture]) > 1:
            yield from _rows(views, copies[picture], rule)


def _rows(views: Views, members: list[int], rule: Rule) -> Iterator[dict[str, Any]]:
    """One group, the view to keep first."""
    kept = members[0]
    group = np.array(members)
    similarity = np.clip(views.vectors[group] @ views.vectors[kept], -1, 1)
    same_file = views.file[group] == views.file[kept]
    similarity[same_file] = 1.0
    apart = views.distance_km(group, kept) > rule.near_km
    for view, cosine, exact, far in zip(members, similarity, same_file, apart, strict=True):
        reason = ("exact" if exact else "embedding") + ("_conflicting_geotag" if far else "")
        yield {
            "view_id": views.view_id[view],
            "group_id": views.view_id[kept],
            "similarity": float(cosine),
            "keep": view == kept,
            "reason": "kept" if view == kept else reason,
        }


def _groups(views: Views, pictures: Ints, rank: Ints, rule: Rule) -> Iterator[list[int]]:
    """Groups of at least two pictures, each with the one to keep first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pictures = pictures[views.embedded[pictures]]
    pairs = list(_pairs(views, pictures, rule))
    if not pairs:
        return
    one, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
    shape = (len(pictures), len(pictures))
    graph = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=shape)
    _, label = connected_components(graph, directed=False)
    linked = np.unique(np.concatenate([one, other]))
    linked = linked[np.argsort(label[linked], kind="stable")]
    cuts = np.flatnonzero(np.diff(label[linked])) + 1
    for component in np.split(pictures[linked], cuts):
        rest = component[np.argsort(rank[component])]
        while len(rest) > 1:
            kept = int(rest[0])
            alike = rule.holds(
                (views.vectors[rest] @ views.vectors[kept]).astype(np.float64),
                views.distance_km(rest, kept),
            )
            alike[0] = True
            if alike.sum() > 1:
                yield rest[alike].tolist()
            rest = rest[~alike]


def _pairs(views: Views, pictures: Ints, rule: Rule) -> Iterator[tuple[Ints, Ints]]:
    """Pairs (i < j) of positions in `pictures` that are near-duplicates."""
    vectors = views.vectors[pictures]
    for hits in neighbours(vectors, vectors, rule.threshold, STAGE):
        later = hits.found > hits.query
        query, found, similarity = hits.query[later], hits.found[later], hits.similarity[later]
        distance = views.distance_km(pictures[query], pictures[found])
        holds = rule.holds(similarity.astype(np.float64), distance)
        yield query[holds], found[holds]


def _read(lake: Lake, model_id: str, score_id: str) -> Views:
    """Ids, positions, hashes and locatability of all views, and their vectors, in memory."""
    table = lake.read("views", ["view_id", "lat", "lon", "sha256"]).sort_by("view_id")
    view_id = table["view_id"].to_numpy()
    number = {v: n for n, v in enumerate(view_id)}
    if len(number) != len(view_id):
        raise IntegrityError(f"views has {len(view_id) - len(number)} ids twice")
    files: dict[str, int] = {}
    hashes = zip(table["sha256"].to_pylist(), view_id, strict=True)
    file = [files.setdefault(sha or f"view {v}", len(files)) for sha, v in hashes]
    locatability = np.full(len(view_id), np.nan)
    for batch in lake.batches("scores", ["score_id", "view_id", "locatability"], 65536):
        for row in batch.to_pylist():
            if row["score_id"] == score_id and row["view_id"] in number:
                locatability[number[row["view_id"]]] = row["locatability"]
    embeddings = read_vectors(lake, model_id)
    known = np.array([v in number for v in embeddings.view_id])
    at = [number[v] for v in embeddings.view_id[known]]
    found = embeddings.unit[known].astype(np.float32)
    vectors = np.zeros((len(view_id), found.shape[1]), dtype=np.float32)
    vectors[at] = found / np.linalg.norm(found, axis=1, keepdims=True)
    embedded = np.zeros(len(view_id), dtype=np.bool_)
    embedded[at] = True
    lat, lon = (table[c].to_numpy().astype(np.float64) for c in ("lat", "lon"))
    return Views(view_id, lat, lon, np.array(file), locatability, embedded, vectors)
