"""The paper's formula on its own worked example, and the files that weights may come from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from georeasoner.errors import ConfigError, InputError
from scoring.locatability import (
    area_locatability,
    class_names,
    published_weights,
)
from scoring.weights import load_weights, weights_hash

# the example that was published with the weights: shares by class number, and the result
EXAMPLE = {
    1: 0.19507864117622375, 2: 0.33347809314727783, 4: 0.046887848526239395,
    6: 0.36356136202812195, 9: 0.03862818703055382, 11: 0.012277703732252121,
    12: 0.00012078536383341998, 20: 0.0040527344681322575, 43: 0.0002300061605637893,
    53: 0.0013723273295909166, 59: 3.3408716262783855e-05, 87: 0.0002197265566792339,
    93: 0.002009662799537182, 138: 0.0020494963973760605,
}  # fmt: skip
RESULT = 0.48667102942170887


def test_worked_example() -> None:
    shares = np.zeros((2, 150))
    shares[0, list(EXAMPLE)] = list(EXAMPLE.values())
    locatability = area_locatability(shares, published_weights())
    assert locatability.dtype == np.float64 and locatability.shape == (2,)
    assert abs(locatability[0] - RESULT) < 1e-12
    assert locatability[1] == 0


def test_weights_are_the_published_ones(shared_data: Path) -> None:
    figures = json.loads((shared_data / "ade20k_locatability_weights.json").read_text())
    assert published_weights().tolist() == figures["weights"]
    assert list(class_names()) == [name.strip() for name in figures["labels"]]


def test_names_and_weights_belong_together() -> None:
    weights = dict(zip(class_names(), published_weights(), strict=True))
    assert len(weights) == 150  # no name twice
    assert max(weights, key=weights.__getitem__) == "road, route"
    assert weights["road, route"] == 1.0 and weights["wall"] == 0.10875312598137159
    assert published_weights().min() == 0.0


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(InputError, match=r"shares \(2, 149\)"):
        area_locatability(np.zeros((2, 149)), published_weights())
    with pytest.raises(InputError, match=r"weights \(3,\)"):
        area_locatability(np.zeros((2, 150)), np.zeros(3))


def test_weights_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"weights": [0.5] * 150}))
    mine = load_weights(str(file))
    assert area_locatability(np.full((1, 150), 1 / 150), mine)[0] == pytest.approx(0.5)
    assert weights_hash(mine) != weights_hash(load_weights("published"))
    assert weights_hash(mine) == weights_hash(np.full(150, 0.5)) and len(weights_hash(mine)) == 8
    with pytest.raises(ConfigError, match="weights 'publishd'"):
        load_weights("publishd")
    for content in ("[]", "{", '{"weights": [1, 2]}', '{"weights": "many"}'):
        file.write_text(content)
        with pytest.raises(ConfigError, match=r"mine\.json holds"):
            load_weights(str(file))
