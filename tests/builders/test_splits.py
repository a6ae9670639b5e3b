"""Nothing that gives another view away is in another split."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.splits import assign_splits, components
from georeasoner.errors import ConfigError


def test_cells_sequences_and_groups_tie_views_together():
    # 0 and 1: 0.0001 degrees (11 m) apart, one cell. 1 and 2: one sequence. 2 and 3: one group of
    # duplicates. 4 is alone, 10 degrees away.
    lat, lon = [0.5, 0.5001, 10.0, 20.0, 30.0], [5.0, 5.0, 5.0, 5.0, 5.0]
    sequence = [None, "s", "s", None, None]
    group = [None, None, "g", "g", None]
    names, of = components(lat, lon, sequence, group)
    assert len(names) == 2
    assert len(set(of[:4])) == 1 and of[4] != of[0]
    # A sequence and a group of the same name are different things.
    assert len(set(components(lat, lon, [None] * 4 + ["g"], group)[1][[3, 4]])) == 2


def test_shares_are_reached_and_seeds_differ():
    rng = np.random.default_rng(0)
    lat, lon = rng.uniform(-60, 60, 1000), rng.uniform(-180, 180, 1000)  # all in cells of their own
    none = [None] * 1000
    first = assign_splits(lat, lon, none, none, seed=1)
    assert Counter(first) == {"train": 800, "validation": 100, "test": 100}
    assert first == assign_splits(lat, lon, none, none, seed=1)
    assert first != assign_splits(lat, lon, none, none, seed=2)
    order = rng.permutation(1000)  # the order of the views changes nothing
    again = assign_splits(lat[order], lon[order], none, none, seed=1)
    assert again == [first[i] for i in order]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from([None, "a", "b"]), st.integers(0, 3)),
        min_size=1, max_size=30,
    ),
    st.integers(0, 10),
)  # fmt: skip
def test_no_leak_and_train_never_empty(rows, seed):
    lat, lon = [10.0 * cell for cell, _, _ in rows], [0.0] * len(rows)
    sequence, group = [s for _, s, _ in rows], [str(g) if g else None for _, _, g in rows]
    splits = assign_splits(lat, lon, sequence, group, seed=seed)
    for keys in (lat, sequence, group):
        seen: dict = {}
        for key, split in zip(keys, splits, strict=True):
            assert key is None or seen.setdefault(key, split) == split
    assert "train" in splits
    if len(components(lat, lon, sequence, group)[0]) >= 3:
        assert set(splits) == {"train", "validation", "test"}


def test_one_place_is_all_train_and_wrong_shares_are_refused():
    assert assign_splits([1.0] * 5, [1.0] * 5, [None] * 5, [None] * 5) == ["train"] * 5
    half = {"train": 0.1, "test": 0.9}
    assert assign_splits([1.0] * 5, [1.0] * 5, [None] * 5, [None] * 5, half) == ["train"] * 5
    for bad in (
        {"train": 0.5},
        {"train": 0.0, "test": 1.0},
        {"train": 1.1, "test": -0.1},
        {"dev": 1},
    ):
        with pytest.raises(ConfigError, match="split fractions"):
            assign_splits([1.0], [1.0], [None], [None], bad)
