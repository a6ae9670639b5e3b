"""Views in, train, validation and test out, so that nothing in one split gives another away.

Views of one neighbourhood (an H3 cell of about 36 km2), one drive (a sequence) or one group of
near-duplicates are tied together; what is tied, directly or by way of others, is one component and
goes to one split as a whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from georeasoner.errors import ConfigError

SPLITS = ("train", "test", "validation")  # in the order in which they are served
FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}
H3_RESOLUTION = 6


def assign_splits(
    lat: Sequence[float],
    lon: Sequence[float],
    sequence_id: Sequence[str | None],
    group_id: Sequence[str | None],
    fractions: dict[str, float] | None = None,
    seed: int = 0,
) -> list[str]:
    """The split of each of N views, in their order.

    Components are taken in an order drawn by `seed`, each to the split that lacks most of its
    share. With few components the shares are only neared, yet train is never empty, and no split
    is while another has two components to give. Raises `ConfigError` for fractions that are
    negative, do not add up to 1, or leave train without any.
    """
    shares = check_fractions(FRACTIONS if fractions is None else fractions)
    if not len(lat):
        return []
    names, component = components(lat, lon, sequence_id, group_id)
    sizes = np.bincount(component, minlength=len(names))
    order = sorted(range(len(names)), key=lambda n: _draw(seed, names[n]))
    lacking = {split: shares[split] * len(lat) for split in SPLITS}
    held: dict[str, list[int]] = {split: [] for split in SPLITS}
    for n in order:
        split = max(SPLITS, key=lambda s: lacking[s])
        held[split].append(n)
        lacking[split] -= sizes[n]
    _fill_empty(held, shares, sizes)
    of = {n: split for split, members in held.items() for n in members}
    return [of[int(n)] for n in component]


def check_fractions(fractions: dict[str, float]) -> dict[str, float]:
    """All three fractions. Raises `ConfigError` as `assign_splits` says."""
    unknown = set(fractions) - set(SPLITS)
    shares = {split: float(fractions.get(split, 0.0)) for split in SPLITS}
    total = sum(shares.values())
    if unknown or min(shares.values()) < 0 or shares["train"] <= 0 or abs(total - 1) > 1e-9:
        raise ConfigError(
            f"split fractions {fractions}", "train > 0, validation and test >= 0, 1 in all"
        )
    return shares


def _fill_empty(
    held: dict[str, list[int]], shares: dict[str, float], sizes: NDArray[np.int64]
) -> None:
    """Give an empty split the smallest component of the one that has most of them."""
    for split in SPLITS:
        donor = max(SPLITS, key=lambda s: len(held[s]))
        if shares[split] > 0 and not held[split] and (len(held[donor]) > 1 or split == "train"):
            smallest = min(held[donor], key=lambda n: sizes[n])
            held[donor].remove(smallest)
            held[split].append(smallest)


def components(
    lat: Sequence[float],
    lon: Sequence[float],
    sequence_id: Sequence[str | None],
    group_id: Sequence[str | None],
) -> tuple[list[str], NDArray[np.int64]]:
    """What is tied together: each component's name (its first cell), and the one of each view."""
    import h3
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(lat)
    nodes: dict[tuple[str, str], int] = {}
    ends: list[tuple[int, int]] = []
    cells = [h3.latlng_to_cell(a, b, H3_RESOLUTION) for a, b in zip(lat, lon, strict=True)]
    for kind, keys in (("cell", cells), ("sequence", sequence_id), ("group", group_id)):
        for view, key in enumerate(keys):
            if key is not None:
                ends.append((view, nodes.setdefault((kind, key), n + len(nodes))))
    rows, columns = np.array(ends, dtype=np.int64).T
    size = n + len(nodes)
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(size, size))
    count, labels = connected_components(graph, directed=False)
    first: list[str] = [""] * count
    for view, cell in enumerate(cells):
        label = labels[view]
        first[label] = min(first[label], cell) if first[label] else cell
    return first, labels[:n].astype(np.int64)


def _draw(seed: int, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}|{name}".encode(), digest_size=16).digest()
