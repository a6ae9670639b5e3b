"""Fitting a learned locatability: a lake and several models' predictions in, a model folder out.

What is learnt of a view is the share of the models that placed it within 25, 200 and 750 km; an
unanswered view counts as not within. The learner is ridge regression on random Fourier features
(Rahimi and Recht 2007), one for every pair of folds on views whose neighbourhood has no cell of the
two, its penalty chosen on the second fold and its result calibrated there (Platt 1999). So
what is said of a view never comes from a fit, a penalty or a calibration that saw its neighbourhood
(see `neighbourhoods`). Ridge has one solution, so the same rows and seed give the same model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, permutations
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from georeasoner.errors import ConfigError, EmptyResultError, InputError
from georeasoner.geodesy import haversine_km
from georeasoner.lake import Lake, Sums
from georeasoner.progress import log, track
from georeasoner.provenance import fingerprint, provenance
from scoring.choose import choose_model, choose_score
from scoring.derived import joined_views, shares_key
from scoring.learned.card import card
from scoring.learned.model import (
    FORMAT,
    THRESHOLDS_KM,
    LocatabilityModel,
    fourier_features,
    inputs_of,
    locatability_of,
    refuse_used,
    save_model,
)
from scoring.learned.neighbourhoods import KINDS, Folds

STAGE = "fit-locatability"
FOLDS = 10
FEATURES = 1024
PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0)
_WIDTH = 0.3  # of the kernel: exp(-_WIDTH * d^2 / median d^2)
_CHUNK = 4096
_FEWEST = 20  # views for a fit of one pair of folds

Neighbourhood = Literal["wide", "cell"]
Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Examples:
    """N views to learn from: what is known of each, and the share of models that came near."""

    view_id: list[str]
    inputs: Vectors  # (N, D + 150)
    lat: Floats
    lon: Floats
    within: Floats  # (N, 3)


@dataclass(frozen=True)
class FitResult:
    """What a fit gives: where it is, its revision, the sums, and how well it does cross-fitted."""

    folder: Path
    revision: str
    sums: Sums
    figures: dict[str, Any]


def fit_locatability(
    lake: Lake,
    predictions: pa.Table,
    out: Path,
    *,
    model: str | None = None,
    scores: str | None = None,
    seed: int = 0,
    folds: int = FOLDS,
    features: int = FEATURES,
    neighbourhood: Neighbourhood = "wide",
) -> FitResult:
    """Fit on the views of a lake that every model of `predictions` was asked about.

    `predictions` has model, view_id, lat and lon (null: no answer). `model` names the embeddings,
    `scores` the class shares; both may be left out where the lake has one. What a
    `neighbourhood` is, `neighbourhoods` tells. Takes 4 N (D + 150)
    bytes, and 4 (K^2 + K + 2) F^2 for K folds and F features (0.5 GB).
    Raises `InputError` for views without truth or in too few places and where there is nothing to
    learn, `ConfigError` where `out` is there already.
    """
    if folds < 3:
        raise ConfigError(f"{folds} folds", "at least 3: to fit on, to calibrate on, to score")
    if features < 1:
        raise ConfigError(f"--features {features}", "at least 1")
    refuse_used(out)
    model_id = choose_model(lake, model)
    score_id = choose_score(lake, scores, model_id)
    examples, synthetic, sums = read_examples(lake, predictions, model_id, score_id)
    log(sums.line(STAGE))
    if len(examples.within) and not examples.within.std(axis=0).any():
        raise InputError(
            f"the models place all {len(examples.within):,} views equally well at every distance",
            "views of which some are placed and some are not",
        )
    config = {
        "format": FORMAT, "embeddings": model_id, "shares": shares_key(score_id),
        "thresholds_km": list(THRESHOLDS_KM), "folds": folds, "seed": seed,
        "neighbourhood": neighbourhood,
        "features": features, "synthetic_only": synthetic, "views": len(examples.view_id),
        "models": sorted(set(predictions["model"].to_pylist())),
        "data": fingerprint(examples.view_id, examples.within.tolist(), examples.lat.tolist()),
    }  # fmt: skip
    fitted = fit(examples, config)
    figures = cross_fitted_figures(fitted, examples)
    record = provenance(config, seed) | {"sums": sums.as_dict(), "figures": figures}
    revision = save_model(fitted, out, card(out.name, record), record)
    spearman = figures["spearman_750km"]
    told = "undefined, since it is the same for all" if spearman is None else f"{spearman:.3f}"
    log(
        f"{STAGE}: {out}, revision {revision}; Spearman of the cross-fitted locatability with the"
        f" share of models within 750 km {told}"
    )
    return FitResult(out, revision, sums, figures)


def read_examples(
    lake: Lake, predictions: pa.Table, model_id: str, score_id: str
) -> tuple[Examples, bool, Sums]:
    """The views to learn from, whether all are synthetic, and what became of the others."""
    truth = lake.read("views", ["view_id", "lat", "lon", "synthetic"]).to_pylist()
    said: dict[str, dict[str, tuple[float | None, float | None]]] = {}
    for row in predictions.to_pylist():
        said.setdefault(row["view_id"], {})[row["model"]] = (row["lat"], row["lon"])
    models = sorted(set(predictions["model"].to_pylist()))
    sums, asked = Sums(), {}
    for view in truth:
        if view["view_id"] not in said:
            sums.excluded["not_asked"] += 1
        elif len(said[view["view_id"]]) < len(models):
            sums.excluded["not_asked_of_every_model"] += 1
        elif view["lat"] is None or view["lon"] is None:
            sums.excluded["no_position"] += 1
        else:
            asked[view["view_id"]] = view
    rows = [
        (row["view_id"], inputs_of(row["vector"][None], row["class_shares"][None])[0])
        for row in track(joined_views(lake, model_id, score_id), f"{STAGE}: reading views")
        if row["view_id"] in asked
    ]
    if missing := len(asked) - len(rows):
        sums.excluded["no_embedding_or_shares"] = missing
    sums.accepted = len(rows)
    if not rows:
        raise EmptyResultError(
            f"no view of {lake.root} can be learnt from ({sums.line(STAGE)})",
            "views with a position, an embedding, class shares and an answer of every model",
            "run `score`, and predict the views of this lake",
        )
    ids = [view_id for view_id, _ in rows]
    lat, lon = (np.array([asked[i][c] for i in ids]) for c in ("lat", "lon"))
    within = np.zeros((len(ids), len(THRESHOLDS_KM)))
    for name in models:
        answers = np.array([said[i][name] for i in ids], dtype=np.float64)  # None becomes NaN
        distance_km = haversine_km(lat, lon, answers[:, 0], answers[:, 1])
        within += distance_km[:, None] < np.array(THRESHOLDS_KM)  # NaN is not within
    examples = Examples(ids, np.stack([v for _, v in rows]), lat, lon, within / len(models))
    return examples, all(asked[i]["synthetic"] for i in ids), sums


def fit(examples: Examples, config: dict[str, Any]) -> LocatabilityModel:
    """The heads of every ordered pair of folds. Raises `InputError` for too few places or views."""
    from sklearn.kernel_approximation import RBFSampler

    folds = Folds.of_views(
        examples.lat, examples.lon, config["folds"], config["seed"], KINDS[config["neighbourhood"]]
    )
    near = folds.near(examples.lat, examples.lon)
    own = folds.of(examples.lat, examples.lon)
    gamma = _WIDTH / _median_squared_distance(examples.inputs, config["seed"])
    sampler = RBFSampler(
        gamma=gamma, n_components=config["features"], random_state=config["seed"]
    ).fit(examples.inputs[:1])
    projection = sampler.random_weights_.astype(np.float32)
    phase = sampler.random_offset_.astype(np.float32)
    bases = _fit_pairs(examples, near, folds.count, projection, phase)
    coefficients, intercepts, scored = [], [], []
    for f, g in permutations(range(folds.count), 2):
        held = (own == g) & ~near[:, f]
        if not held.any():
            raise InputError(
                f"no view of fold {g} is clear of fold {f}", "more places", "fit on more views"
            )
        features = fourier_features(examples.inputs[held], projection, phase)
        weights, bias = _calibrated(bases[frozenset((f, g))], features, examples.within[held])
        coefficients.append(weights)
        intercepts.append(bias)
        scored.append(f)
    return LocatabilityModel(
        config, projection, phase, np.concatenate(coefficients, axis=1).astype(np.float32),
        np.stack(intercepts).astype(np.float32), np.array(scored), folds,
    )  # fmt: skip


Base = tuple[Floats, Floats]  # (F, 3) weights and (3,) intercepts of a linear regression


def _fit_pairs(
    examples: Examples, near: NDArray[np.bool_], count: int, projection: Vectors, phase: Vectors
) -> dict[frozenset[int], list[Base]]:
    """For every pair of folds, and every penalty, ridge on the views that are near neither.

    Their moments are those of all views, less those near the one and those near the other, plus
    those near both: so every view is summed a few times, however many pairs there are.
    """
    pairs = [frozenset(pair) for pair in combinations(range(count), 2)]
    few = [frozenset[int](), *(frozenset({f}) for f in range(count)), *pairs]
    near_all = {folds: _Moments.empty(len(phase)) for folds in few}
    signatures, group = np.unique(near, axis=0, return_inverse=True)
    for number, signature in enumerate(signatures):
        folds = set(np.flatnonzero(signature).tolist())
        for rows in _chunks(np.flatnonzero(group.ravel() == number)):
            features = fourier_features(examples.inputs[rows], projection, phase)
            part = _Moments.of(features, examples.within[rows])
            for subset in (s for s in few if s <= folds):
                near_all[subset].add(part)
    for pair in pairs:  # from what is near both to what is near neither
        f, g = sorted(pair)
        near_all[pair].add(near_all[frozenset()])
        near_all[pair].add(near_all[frozenset({f})], -1)
        near_all[pair].add(near_all[frozenset({g})], -1)
    moments = {pair: near_all[pair] for pair in pairs}
    for pair, found in moments.items():
        if found.views < _FEWEST:
            raise InputError(
                f"only {found.views} views are clear of the folds {sorted(pair)}",
                f"at least {_FEWEST}",
                "fit on more views in more places",
            )
    log(f"{STAGE}: {len(pairs)} fits on {min(m.views for m in moments.values()):,} views or more")
    return {pair: moments[pair].solve() for pair in track(pairs, f"{STAGE}: fits")}


@dataclass
class _Moments:
    """Sums over views, from which ridge regression is solved."""

    views: int
    outer: Floats  # (F, F)
    total: Floats  # (F,)
    cross: Floats  # (F, 3)
    target: Floats  # (3,)

    @classmethod
    def empty(cls, size: int) -> _Moments:
        """Of no views."""
        k = len(THRESHOLDS_KM)
        return cls(0, np.zeros((size, size)), np.zeros(size), np.zeros((size, k)), np.zeros(k))

    @classmethod
    def of(cls, features: Vectors, target: Floats) -> _Moments:
        """Of (N, F) features and (N, 3) targets."""
        wide = features.astype(np.float64)
        return cls(
            len(wide), wide.T @ wide, wide.sum(axis=0), wide.T @ target, target.sum(axis=0)
        )  # fmt: skip

    def add(self, other: _Moments, sign: int = 1) -> None:
        """More views, or fewer."""
        self.views += sign * other.views
        for name in ("outer", "total", "cross", "target"):
            ours, theirs = getattr(self, name), getattr(other, name)
            (np.add if sign > 0 else np.subtract)(ours, theirs, out=ours)

    def solve(self) -> list[Base]:
        """Weights and intercepts, for each of the penalties."""
        from scipy.linalg import solve

        mean, level = self.total / self.views, self.target / self.views
        outer = self.outer - self.views * np.outer(mean, mean)
        cross = self.cross - self.views * np.outer(mean, level)
        found = []
        for penalty in PENALTIES:
            weights = solve(outer + penalty * np.eye(len(mean)), cross, assume_a="pos")
            found.append((weights, level - mean @ weights))
        return found


def _calibrated(bases: list[Base], features: Vectors, within: Floats) -> Base:
    """Of the penalties the one with the least squared error here, turned into probabilities."""
    raw = [features @ weights + bias for weights, bias in bases]
    best = int(np.argmin([((r - within) ** 2).sum() for r in raw]))
    weights, bias = bases[best]
    slope, offset = np.array([platt(raw[best][:, k], within[:, k]) for k in range(3)]).T
    return weights * slope, bias * slope + offset


def platt(raw: Floats, share: Floats) -> tuple[float, float]:
    """(slope, offset) of the logistic function of (N,) raw values that fits (N,) shares best.

    Shares are drawn in as Platt's (1999) targets are, so that none is exactly 0 or 1.
    """
    from sklearn.linear_model import LogisticRegression

    yes = float(share.sum())
    no = len(share) - yes
    target = share * (yes + 1) / (yes + 2) + (1 - share) / (no + 2)
    fitted = LogisticRegression(C=np.inf, max_iter=1000).fit(
        np.concatenate([raw, raw])[:, None],
        np.repeat([1, 0], len(raw)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def cross_fitted_figures(model: LocatabilityModel, examples: Examples) -> dict[str, Any]:
    """How well each view is foretold by the heads that did not see its neighbourhood."""
    from scipy.stats import spearmanr

    found = np.concatenate([
        model.p_within(examples.inputs[r], examples.lat[r], examples.lon[r])
        for r in _chunks(np.arange(len(examples.view_id)))
    ])  # fmt: skip
    figures: dict[str, Any] = {}
    score = locatability_of(found)
    for k, threshold in enumerate(THRESHOLDS_KM):
        name, share = f"{threshold:.0f}km", examples.within[:, k]
        rho = float(spearmanr(score, share).statistic) if share.std() > 0 else float("nan")
        figures |= {
            f"spearman_{name}": None if np.isnan(rho) else rho,
            f"mean_share_{name}": float(share.mean()),
            f"mean_p_{name}": float(found[:, k].mean()),
            f"squared_error_{name}": float(((found[:, k] - share) ** 2).mean()),
            f"squared_error_of_the_mean_{name}": float(share.var()),
        }
    return figures


def _median_squared_distance(inputs: Vectors, seed: int) -> float:
    """Between pairs drawn at random; 1 where all views are alike."""
    one, other = np.random.default_rng(seed).integers(0, len(inputs), (2, 10_000))
    median = float(np.median(((inputs[one] - inputs[other]) ** 2).sum(axis=1)))
    return median if median > 0 else 1.0


def _chunks(rows: Any) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(rows), _CHUNK):
        yield np.asarray(rows[start : start + _CHUNK])
