"""Does a locatability foretell errors: a lake's scores and several models' predictions in; measures
of every score against every model out, with bootstrap intervals.

Scores are compared on the same views only: those that every score has and the model was asked
about, with a known position. "all models" pools them: each pair of view and model counts as one,
and the views' mean error is what Spearman's rho is with. A view that a model did not answer is not
within any threshold, and its error is half the Earth's circumference, 20,015 km.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from benchmark.metric import Floats
from benchmark.score import Scoring
from benchmark.selective import (
    Order,
    auroc,
    brier,
    calibration_error,
    risk_coverage,
    spearman,
)
from benchmark.statistics import Estimate, Resampling, clusters_of
from georeasoner.clueworld.exact import exact_locatability, exact_within
from georeasoner.errors import EmptyResultError
from georeasoner.geodesy import EARTH_RADIUS_KM, haversine_km
from georeasoner.lake import Lake
from georeasoner.progress import log, track
from scoring.choose import choose_score
from scoring.learned.model import THRESHOLDS_KM
from scoring.locatability import published_weights
from scoring.weights import weights_hash

FARTHEST_KM = float(np.pi * EARTH_RADIUS_KM)
COVERAGES = np.linspace(0.1, 1.0, 10)
ALL = "all models"


@dataclass(frozen=True)
class Score:
    """What one score says of N views."""

    score_id: str
    locatability: Floats  # (N,)
    p_within: Floats | None  # (N, 3), where the scorer states probabilities


@dataclass(frozen=True)
class Target:
    """What a score should foretell on N views."""

    model: str
    error_km: Floats  # (N,)
    within: Floats  # (N, 3) share of models within each threshold


@dataclass(frozen=True)
class Row:
    """One score against one model: measures by name, and those of it minus the baseline's."""

    score_id: str
    model: str
    views: int
    values: dict[str, Estimate]
    differences: dict[str, Estimate]  # empty for the baseline
    risk: dict[str, list[Estimate]]  # threshold to the risk at each of `COVERAGES`


@dataclass(frozen=True)
class Report:
    """All rows; `excluded` counts views of the lake that are compared with no model, by reason."""

    rows: tuple[Row, ...]
    baseline: str
    scoring: Scoring
    excluded: dict[str, int]
    shares_within: dict[str, list[float]]  # model to its share of views within each threshold
    best_area: dict[str, list[float]]  # model to the area of a score that knew the outcomes


def validate(
    lake: Lake, predictions: pa.Table, scores: Sequence[str] = (), scoring: Scoring | None = None
) -> Report:
    """Every named score (all of the lake's where none is) against every model.

    `predictions` is of `benchmark.predicted.PREDICTED`. The first score is the baseline; where none
    is named, that is the paper's formula by the published weights. Raises `EmptyResultError` where
    no view is left, `UnknownNameError` for a score that the lake lacks.
    """
    scoring = scoring or Scoring(cluster="sequence")
    ids = [choose_score(lake, s) for s in scores] or _all_scores(lake)
    views, found, excluded = _common_views(lake, ids)
    rows: list[Row] = []
    within: dict[str, list[float]] = {}
    best: dict[str, list[float]] = {}
    for model, kept, target in track(list(_targets(views, predictions)), "validate (models)"):
        truth = views.take(pa.array(kept))
        clusters = _clusters(truth, scoring)
        resampling = Resampling(len(kept), scoring.seed, scoring.resamples, clusters)
        mine = [_take(score, kept) for score in found]
        exact = _exact(truth["extra"].to_pylist())
        rows += _compare(mine, target, exact, resampling)
        within[model] = [float(w) for w in target.within.mean(axis=0)]
        ones = np.ones((1, len(kept)))
        best[model] = [
            float(risk_coverage(Order.of(target.within[:, k]), target.within[:, k], ones).area[0])
            for k in range(len(THRESHOLDS_KM))
        ]
    return Report(tuple(rows), ids[0], scoring, excluded, within, best)


def _all_scores(lake: Lake) -> list[str]:
    """The lake's score ids, those by the published weights first."""
    if not lake.count("scores"):
        choose_score(lake)  # raises, and says what to run first
    known = sorted(set(lake.read("scores", ["score_id"])["score_id"].to_pylist()))
    published = f":{weights_hash(published_weights())}"
    return sorted(known, key=lambda s: (not s.endswith(published), s))


def _common_views(lake: Lake, ids: list[str]) -> tuple[pa.Table, list[Score], dict[str, int]]:
    columns = ["view_id", "lat", "lon", "sequence_id", "extra"]
    views = lake.read("views", columns).sort_by("view_id")
    number = {v: n for n, v in enumerate(views["view_id"].to_pylist())}
    names = [f"p_within_{t:.0f}km" for t in THRESHOLDS_KM]
    values = {i: np.full((len(number), 4), np.nan) for i in ids}
    for batch in lake.batches("scores", ["score_id", "view_id", "locatability", *names], 65536):
        table = [batch[c].to_pylist() for c in ("score_id", "view_id")]
        numbers = np.column_stack([
            batch[c].to_numpy(zero_copy_only=False).astype(np.float64)
            for c in ("locatability", *names)
        ])  # fmt: skip
        for score_id, view_id, row in zip(*table, numbers, strict=True):
            if score_id in values and view_id in number:
                values[score_id][number[view_id]] = row
    known = [~pc.is_null(views[c]).to_numpy() for c in ("lat", "lon")]
    placed = known[0] & known[1]
    scored = np.all([np.isfinite(v[:, 0]) for v in values.values()], axis=0)
    excluded = {
        "no_position": int((~placed).sum()),
        "not_scored_by_all": int((placed & ~scored).sum()),
    }
    kept = np.flatnonzero(placed & scored)
    if not len(kept):
        raise EmptyResultError(
            f"no view of {lake.root} has a position and all of {', '.join(ids)}",
            "", "score the same views by each, or name fewer by --scores",
        )  # fmt: skip
    scores = []
    for score_id, rows in values.items():
        p = rows[kept, 1:]
        scores.append(Score(score_id, rows[kept, 0], p if np.isfinite(p).all() else None))
    return views.take(pa.array(kept)), scores, excluded


def _targets(
    views: pa.Table, predictions: pa.Table
) -> Iterator[tuple[str, NDArray[np.int64], Target]]:
    """(model, rows of `views` that it was asked about, its errors there), then all pooled."""
    number = {v: n for n, v in enumerate(views["view_id"].to_pylist())}
    lat, lon = (views[c].to_numpy() for c in ("lat", "lon"))
    said: dict[str, Floats] = {}
    for row in predictions.to_pylist():
        places = said.setdefault(row["model"], np.full((len(number), 3), np.nan))
        if row["view_id"] in number:
            answered = row["lat"] is not None and row["lon"] is not None
            place = (row["lat"], row["lon"]) if answered else (np.nan, np.nan)
            places[number[row["view_id"]]] = (*place, 1.0)
    asked = {model: ~np.isnan(places[:, 2]) for model, places in said.items()}
    for model in [m for m in said if not asked[m].any()]:
        log(f"validate: {model} was asked about no view of the lake")
        del said[model], asked[model]
    if not said:
        raise EmptyResultError(
            "no model was asked about a view that the lake has scores of",
            f"view ids such as {views['view_id'][0].as_py()!r}",
        )
    error, within = {}, {}
    for model, places in said.items():
        distance = haversine_km(lat, lon, places[:, 0], places[:, 1])
        error[model] = np.where(np.isnan(distance), FARTHEST_KM, distance)
        within[model] = (distance[:, None] < np.array(THRESHOLDS_KM)).astype(np.float64)
    for model in sorted(said):
        kept = np.flatnonzero(asked[model])
        yield model, kept, Target(model, error[model][kept], within[model][kept])
    every = np.flatnonzero(np.all(list(asked.values()), axis=0))
    if len(said) > 1 and len(every):
        pooled = [np.mean(list(part.values()), axis=0)[every] for part in (error, within)]
        yield ALL, every, Target(ALL, *pooled)


def _exact(extra: list[str | None]) -> dict[str, Floats]:
    """What is known of the views themselves, by measure; nothing but for ClueWorld's."""
    country, within = exact_locatability(extra), exact_within(extra, THRESHOLDS_KM)
    if country is None or within is None:
        return {}
    near = {f"spearman_exact_{t:.0f}km": within[:, k] for k, t in enumerate(THRESHOLDS_KM)}
    return {"spearman_exact": country} | near


def _clusters(truth: pa.Table, scoring: Scoring) -> NDArray[np.int64] | None:
    sequences = scoring.cluster == "sequence"
    if sequences and truth["sequence_id"].null_count == truth.num_rows:
        log("validate: no view has a sequence; views are drawn one by one")
        return None
    return clusters_of(truth, scoring.cluster)


def _take(score: Score, kept: NDArray[np.int64]) -> Score:
    p = None if score.p_within is None else score.p_within[kept]
    return Score(score.score_id, score.locatability[kept], p)


Measure = Callable[[Floats], Floats]


def _measures(score: Score, target: Target, exact: dict[str, Floats]) -> dict[str, Measure]:
    """Each measure as a function of (B, N) weights.

    With the exact probability of a distance goes the score's own, where it states one.
    """
    order, error = Order.of(score.locatability), Order.of(-target.error_km)
    found: dict[str, Measure] = {"spearman_error": lambda w: spearman(order, error, w)}
    for k, threshold in enumerate(THRESHOLDS_KM):
        name, y = f"{threshold:.0f}km", target.within[:, k]
        found[f"auroc_{name}"] = lambda w, y=y: auroc(order, y, w)
        found[f"aurc_{name}"] = lambda w, y=y: risk_coverage(order, y, w).area
        if score.p_within is not None:
            p = score.p_within[:, k]
            found[f"ece_{name}"] = lambda w, y=y, p=p: calibration_error(p, y, w)
            found[f"brier_{name}"] = lambda w, y=y, p=p: brier(p, y, w)
    says = {f"spearman_exact_{t:.0f}km": k for k, t in enumerate(THRESHOLDS_KM)}
    for name, known in exact.items():
        stated = score.p_within is not None and name in says
        mine = Order.of(score.p_within[:, says[name]]) if stated else order
        truth = Order.of(known)
        found[name] = lambda w, mine=mine, truth=truth: spearman(mine, truth, w)
    return found


def _compare(
    scores: Sequence[Score], target: Target, exact: dict[str, Floats], resampling: Resampling
) -> list[Row]:
    """One row per score; all of them see the same draws, which is what pairs them."""
    measures = [_measures(score, target, exact) for score in scores]
    orders = [Order.of(score.locatability) for score in scores]
    n = len(target.error_km)
    plain = np.ones((1, n))
    values = [{name: m(plain)[0] for name, m in found.items()} for found in measures]
    draws: list[dict[str, list[Floats]]] = [{name: [] for name in m} for m in measures]
    curves: list[list[list[Floats]]] = [[[] for _ in THRESHOLDS_KM] for _ in scores]
    for weights in resampling.weights():
        for s, found in enumerate(measures):
            for name, measure in found.items():
                draws[s][name].append(measure(weights))
            for k in range(len(THRESHOLDS_KM)):
                curve = risk_coverage(orders[s], target.within[:, k], weights, COVERAGES)
                curves[s][k].append(curve.risk)
    joined = [{name: np.concatenate(d) for name, d in found.items()} for found in draws]
    rows = []
    for s, score in enumerate(scores):
        risk = {
            f"{t:.0f}km": _curve(orders[s], target.within[:, k], np.concatenate(curves[s][k]))
            for k, t in enumerate(THRESHOLDS_KM)
        }
        same = [name for name in values[s] if s and name in values[0]]
        rows.append(Row(
            score.score_id, target.model, n,
            {name: interval(v, joined[s][name], n) for name, v in values[s].items()},
            {
                name: interval(values[s][name] - values[0][name],
                               joined[s][name] - joined[0][name], n)
                for name in same
            },
            risk,
        ))  # fmt: skip
    return rows


def _curve(order: Order, within: Floats, draws: Floats) -> list[Estimate]:
    plain = risk_coverage(order, within, np.ones((1, len(within))), COVERAGES).risk[0]
    n = len(within)
    return [interval(v, d, round(c * n)) for v, d, c in zip(plain, draws.T, COVERAGES, strict=True)]


def interval(value: float, draws: Floats, n: int) -> Estimate:
    """A value with the 95 % percentile interval of its draws; undefined draws are left out."""
    if np.isnan(value):
        return Estimate(None, None, None, n, "undefined")
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return Estimate(float(value), float(low), float(high), n, "bootstrap")
