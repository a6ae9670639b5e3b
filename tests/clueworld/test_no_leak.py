"""Nothing but the listed clues tells the country: a classifier on pixels and file sizes.

Two worlds with the same table: one in which every clue is hidden, where nothing can be learnt,
and the plain one as the control, where the same classifier must find the country.
"""

import io

import numpy as np
from PIL import Image
from scipy.stats import binom

from georeasoner.clueworld import World
from georeasoner.clueworld.table import ClueTable

TRAIN, TEST = 800, 500


def hidden_world() -> World:
    """The world with nothing visible; every scene is open, so the picture is as full as can be."""
    file = World.load().table.file
    kinds = {n: k.model_copy(update={"visible": 0.0}) for n, k in file.kinds.items()}
    scenes = {n: s.model_copy(update={"share": float(n == "open")}) for n, s in file.scenes.items()}
    changed = {"kinds": kinds, "scenes": scenes, "near_duplicate_share": 0.0, "broken_share": 0.0}
    return World(ClueTable(file.model_copy(update=changed)))


def visible_world() -> World:
    """The control: the same, with the clues as visible as the table says."""
    file = World.load().table.file
    return World(ClueTable(hidden_world().table.file.model_copy(update={"kinds": file.kinds})))


def hits(world: World) -> int:
    """How many of TEST countries a logistic regression on the files of TRAIN scenes gets right."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    features, countries = [], []
    for index in range(TRAIN + TEST):
        scene = world.scene(index, seed=21)
        data = scene.jpeg()
        pixels = Image.open(io.BytesIO(data)).reduce(14)  # 16 x 16 means
        features.append([*np.asarray(pixels, dtype=float).ravel(), len(data)])
        countries.append(scene.country)
    x, y = StandardScaler().fit_transform(np.array(features)), np.array(countries)
    model = LogisticRegression(C=0.003, max_iter=200).fit(x[:TRAIN], y[:TRAIN])
    return int((model.predict(x[TRAIN:]) == y[TRAIN:]).sum())


def test_hidden_clues_leave_the_country_at_its_prior_and_visible_ones_do_not() -> None:
    low, high = binom.interval(0.999, TEST, 1 / 18)  # 18 countries, equally likely
    world = hidden_world()
    assert all(not world.scene(i, seed=21).clues for i in range(50))
    assert low <= hits(world) <= high
    assert hits(visible_world()) > 3 * high  # about 0.3 of TEST
