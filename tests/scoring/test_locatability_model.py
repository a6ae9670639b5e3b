"""The learned locatability: cross-fitted over cells, calibrated, in order, in plain arrays."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import spearmanr

from georeasoner.errors import ConfigError, EmptyResultError, InputError, ModelError
from georeasoner.lake import Lake
from scoring.learned.fit import fit_locatability, platt
from scoring.learned.model import inputs_of, load_model
from scoring.learned.neighbourhoods import KINDS, Folds, cells_of
from scoring.scorers.entropy import certainty
from scoring.stage import score

PLACES = 40
EACH = 20
MODEL, SHARES = "clip-x@1", "clip:clip-x@1:abc"
PREDICTED = ("model", "view_id", "lat", "lon")


def place(n: int) -> tuple[float, float]:
    """Cities far from one another: 900 km and more."""
    return -40.0 + 10 * (n % 8), -150.0 + 12 * (n // 8)


def fill(root: Path, seed: int, leak: bool, signal: bool) -> tuple[Lake, pa.Table]:
    """PLACES cities with EACH views. `leak`: vectors tell the city, and a coin flipped once for
    each city says whether models find its views. `signal`: a number tells it for every view.
    """
    rng = np.random.default_rng(seed)
    codes = np.random.default_rng(7).normal(size=(PLACES, 16))  # the look of each city
    lucky = np.random.default_rng(8).random(PLACES) < 0.5
    lake = Lake.create(root)
    rows: dict[str, list] = {"views": [], "embeddings": [], "scores": []}
    said = []
    for n in range(PLACES * EACH):
        city, view_id, known = n % PLACES, f"s{seed}-{n:04d}", rng.random()
        lat, lon = (c + rng.normal(0, 0.02) for c in place(city))
        vector = codes[city] * leak + rng.normal(0, 0.3, 16)
        vector[0] = 3 * (known - 0.5) * signal
        q = known if signal else 0.9 * lucky[city] + 0.05
        rows["views"].append({"view_id": view_id, "lat": lat, "lon": lon, "synthetic": True})
        rows["embeddings"].append(
            {
                "view_id": view_id,
                "model": MODEL,
                "vector": (vector / np.linalg.norm(vector)).astype(np.float16),
            }
        )
        rows["scores"].append({"score_id": SHARES, "view_id": view_id, "locatability": 0.5,
                               "class_shares": [1.0] + [0.0] * 149, "phash": n,
                               "top_clues": [{"clue_id": "c", "similarity": 0.5}]})  # fmt: skip
        for model in ("one", "two"):
            u = rng.random()
            off = 0.1 if u < q * 0.7 else 4.0 if u < q else 60.0  # degrees: 11, 440, 6,600 km
            said.append((model, view_id, lat + off if lat < 25 else lat - off, lon))
    with lake.writing("test", {}) as out:
        for table, given in rows.items():
            out.add(table, given)
        out.accept(count=PLACES * EACH)
    columns = [list(c) for c in zip(*said, strict=True)]
    return lake, pa.table(dict(zip(PREDICTED, columns, strict=True)))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A model that has something to learn, and its lake."""
    root = tmp_path_factory.mktemp("learned")
    lake, said = fill(root / "lake", 0, leak=False, signal=True)
    result = fit_locatability(lake, said, root / "model", folds=4, features=64)
    return SimpleNamespace(lake=lake, said=said, result=result, folder=root / "model")


def test_it_learns_is_calibrated_and_in_order(fitted: SimpleNamespace) -> None:
    figures = fitted.result.figures
    assert fitted.result.sums.accepted == PLACES * EACH
    assert figures["spearman_750km"] > 0.5
    for name in ("25km", "750km"):
        assert figures[f"mean_p_{name}"] == pytest.approx(figures[f"mean_share_{name}"], abs=0.03)
        assert (
            figures[f"squared_error_{name}"] < 0.85 * figures[f"squared_error_of_the_mean_{name}"]
        )
    model = load_model(fitted.folder)
    rng = np.random.default_rng(0)
    inputs = inputs_of(rng.normal(size=(50, 16)), np.zeros((50, 150)))
    p = model.p_within(inputs, np.full(50, np.nan), np.full(50, np.nan))
    assert ((p >= 0) & (p <= 1)).all() and (np.diff(p, axis=1) >= 0).all()


def test_what_leaks_within_a_neighbourhood_cannot_be_used(tmp_path: Path) -> None:
    lake, said = fill(tmp_path / "lake", 0, leak=True, signal=False)
    fit_locatability(lake, said, tmp_path / "model", folds=4, features=256)
    model = load_model(tmp_path / "model")
    other, asked = fill(tmp_path / "other", 1, leak=True, signal=False)  # new views, same cities
    score(other, scorer="learned", model=str(tmp_path / "model"))
    rows = {r["view_id"]: r for r in other.read("scores").to_pylist() if r["p_within_25km"]}
    views = {r["view_id"]: r for r in other.read("views").to_pylist()}
    vectors = {r["view_id"]: r["vector"] for r in other.read("embeddings").to_pylist()}
    ids = sorted(rows)
    near = {r["view_id"]: abs(r["lat"] - views[r["view_id"]]["lat"]) < 5
            for r in asked.to_pylist() if r["model"] == "one"}  # fmt: skip
    truth = [near[i] for i in ids]
    said_of = np.array([rows[i]["locatability"] for i in ids])
    inputs = inputs_of(np.array([vectors[i] for i in ids], np.float32), np.eye(150)[[0] * len(ids)])
    nowhere = np.full(len(ids), np.nan)  # without a position all heads speak, those that saw it too
    leaked = model.p_within(inputs, nowhere, nowhere).mean(axis=1)
    assert spearmanr(leaked, truth).statistic > 0.5
    # forty coins: a score that knows none of them is within 2 / sqrt(40) of zero
    assert abs(spearmanr(said_of, truth).statistic) < 0.32


def test_saved_loaded_and_applied_are_the_same(fitted: SimpleNamespace, tmp_path: Path) -> None:
    again = fit_locatability(fitted.lake, fitted.said, tmp_path / "model", folds=4, features=64)
    assert again.revision == fitted.result.revision  # the same rows and seed, the same bytes
    result = score(fitted.lake, scorer="learned", model=str(fitted.folder), batch_size=7)
    assert result.score_id == f"learned:model@{again.revision}"
    assert score(fitted.lake, scorer="learned", model=str(fitted.folder)).sums.accepted == 0
    rows = {r["view_id"]: r for r in fitted.lake.read("scores").to_pylist()
            if r["score_id"] == result.score_id}  # fmt: skip
    view = fitted.lake.read("views").to_pylist()[11]
    vector = next(r["vector"] for r in fitted.lake.read("embeddings").to_pylist()
                  if r["view_id"] == view["view_id"])  # fmt: skip
    row = rows[view["view_id"]]
    inputs = inputs_of(np.array([vector], np.float32), np.eye(150)[:1])
    place = np.array([view["lat"]]), np.array([view["lon"]])
    p = load_model(fitted.folder).p_within(inputs, *place)[0]
    found = [row[f"p_within_{t}km"] for t in (25, 200, 750)]
    assert found == pytest.approx(p, abs=1e-6)
    assert row["locatability"] == pytest.approx(p.mean(), abs=1e-6)
    assert row["phash"] == 11 and row["top_clues"][0]["clue_id"] == "c"
    names = {p.name for p in fitted.folder.iterdir()}
    assert names == {"README.md", "config.json", "model.safetensors", "provenance.json"}
    card = (fitted.folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name") and "800 views" in card and "Synthetic" in card


def test_folds_hold_out_neighbourhoods() -> None:
    rng = np.random.default_rng(0)
    lat, lon = rng.uniform(40, 55, 3000), rng.uniform(-5, 20, 3000)  # a continent full of views
    folds = Folds.of_views(lat, lon, 4, seed=0)
    fold, near = folds.of(lat, lon), folds.near(lat, lon)
    assert set(fold) == {0, 1, 2, 3} and near[np.arange(3000), fold].all()
    assert 0 < (near.sum(axis=1) > 1).mean() < 0.6  # those beside a border are in fewer fits
    new_lat, new_lon = rng.uniform(40, 55, 500), rng.uniform(-5, 20, 500)
    for a, b, f in zip(new_lat, new_lon, folds.of(new_lat, new_lon), strict=True):
        clear = ~near[:, f]  # what the fit for this view saw is at least some 20 km away
        apart = np.hypot((lat - a) * 111, (lon - b) * 111 * np.cos(np.radians(a)))[clear]
        assert f < 0 or apart.min() > 15
    assert folds.of(np.array([-30.0, np.nan]), np.array([140.0, 0.0])).tolist() == [-1, -1]


def test_a_neighbourhood_may_be_the_cell_of_the_splits() -> None:
    """Views of one cell of 36 km2 are in one fold; what lies in the next one may be learnt from."""
    rng = np.random.default_rng(0)
    lat, lon = rng.uniform(48, 48.4, 800), rng.uniform(2, 2.6, 800)  # about 2,000 km2
    folds = Folds.of_views(lat, lon, 4, seed=0, kind=KINDS["cell"])
    cells, fold = cells_of(lat, lon, 6), folds.of(lat, lon)
    assert set(fold) == {0, 1, 2, 3}
    assert all(len(set(fold[cells == cell])) == 1 for cell in np.unique(cells))
    assert (folds.near(lat, lon).sum(axis=1) == 1).all()
    far = np.array([48.9]), np.array([2.3])  # no training view in its cell: every fit is clear
    assert folds.of(*far).tolist() == [-1]


def test_platt_finds_the_logistic_function_and_stands_constants() -> None:
    raw = np.linspace(-1, 1, 4000)
    slope, offset = platt(raw, 1 / (1 + np.exp(-(3 * raw - 1))))
    assert (slope, offset) == pytest.approx((3, -1), abs=0.02)
    slope, offset = platt(raw, np.zeros(4000))  # no view within: about 1 of 4,002
    assert 1 / (1 + np.exp(-offset)) == pytest.approx(1 / 4002, rel=0.3)


def test_scorers_without_pictures(fitted: SimpleNamespace, tmp_path: Path) -> None:
    assert certainty(np.zeros((1, 8))) == pytest.approx([0])
    # p = 0.75, 0.25 of two: H = 0.5623, log 2 = 0.6931
    assert certainty(np.log([[0.75, 0.25]])) == pytest.approx([1 - 0.56234 / 0.69315], abs=1e-4)
    assert score(fitted.lake, scorer="random").score_id == "random:seed-0@1"
    drawn = [r["locatability"] for r in fitted.lake.read("scores").to_pylist()
             if r["score_id"] == "random:seed-0@1"]  # fmt: skip
    assert np.mean(drawn) == pytest.approx(0.5, abs=0.04) and len(set(drawn)) == PLACES * EACH
    weights = tmp_path / "weights.json"
    weights.write_text(f'{{"weights": {[0.25] + [0.0] * 149}}}')
    result = score(fitted.lake, scorer="area", model=SHARES, weights=str(weights))
    assert result.score_id.startswith("area:clip:clip-x@1:")
    row = next(r for r in fitted.lake.read("scores").to_pylist()
               if r["score_id"] == result.score_id)  # fmt: skip
    assert row["locatability"] == 0.25 and row["class_shares"][0] == 1 and row["top_clues"]


def test_mistakes_are_named(fitted: SimpleNamespace, tmp_path: Path) -> None:
    lake, said = fitted.lake, fitted.said
    with pytest.raises(ConfigError, match=r"model is there already.*--out"):
        fit_locatability(lake, said, fitted.folder, folds=4, features=64, scores=SHARES)
    truth = lake.read("views", ["view_id", "lat", "lon"])
    right = pa.table({"model": ["m"] * len(truth), **{c: truth[c] for c in truth.column_names}})
    with pytest.raises(InputError, match="equally well at every distance"):
        fit_locatability(lake, right, tmp_path / "b", scores=SHARES)
    nobody = said.set_column(1, "view_id", pa.array(["x"] * len(said)))
    with pytest.raises(EmptyResultError, match="not_asked 800"):
        fit_locatability(lake, nobody, tmp_path / "a", scores=SHARES)
    with pytest.raises(InputError, match="at least 50, one for each fold"):
        fit_locatability(lake, said, tmp_path / "a", folds=50, features=16, scores=SHARES)
    assert not (tmp_path / "a").exists()
    with pytest.raises(ModelError, match="holds no locatability model"):
        score(lake, scorer="learned", model=str(tmp_path))
    with pytest.raises(ModelError, match="without a --model"):
        score(lake, scorer="learned")
    with pytest.raises(ConfigError, match="the score_id whose class shares"):
        score(lake, scorer="area")
    bare = Lake.create(tmp_path / "bare")
    with bare.writing("test", {}) as out:
        out.add("views", [{"view_id": "v"}])
        out.accept("v")
    with pytest.raises(InputError, match="no class shares by clip:clip-x@1"):
        score(bare, scorer="learned", model=str(fitted.folder))
