"""Intervals and paired comparisons: outcomes in; values with how sure they are out.

Intervals are 95 % percentile bootstrap (Efron 1979) over views, or over clusters of views that are
not independent: those of one sequence, or of one H3 cell. A share of exactly 0 or 1 has no spread
to resample and gets Wilson's score interval; `method` says which was used. All seeds are explicit:
the same seed gives the same draws to every model, which is what pairs them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmark.metric import Floats, Metric, Share
from benchmark.outcomes import Outcomes
from georeasoner.errors import ConfigError, InputError

Cluster = Literal["view", "sequence", "cell"]
CELL_RESOLUTION = 5  # H3 cells of about 250 km2
_CHUNK_VALUES = 4_000_000


@dataclass(frozen=True)
class Resampling:
    """How draws are made; `clusters` (N,) numbers the group of each view, None: each its own."""

    n: int
    seed: int = 0
    resamples: int = 2000
    clusters: NDArray[np.int64] | None = None

    @property
    def groups(self) -> NDArray[np.int64]:
        """(N,) the group of each view."""
        return np.arange(self.n) if self.clusters is None else self.clusters

    def weights(self) -> Iterator[Floats]:
        """Chunks (b, N) of how often each view is drawn; `resamples` rows in all."""
        rng = np.random.default_rng(self.seed)
        groups = self.groups
        count = int(groups.max()) + 1 if self.n else 0
        rows = max(1, _CHUNK_VALUES // max(self.n, 1))
        for start in range(0, self.resamples, rows):
            size = min(rows, self.resamples - start)
            drawn = rng.integers(0, count, (size, count)) + np.arange(size)[:, None] * count
            times = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count)
            yield times[:, groups].astype(np.float64)


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; None where the metric is undefined."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str


@dataclass(frozen=True)
class Difference:
    """`value` = ours - theirs on the same views, its 95 % interval, and a two-sided p.

    `test` is exact McNemar for shares, sign flips of the views' (or clusters') differences for
    other means, and None (p too) where the metric is no mean over the same views.
    """

    value: float | None
    low: float | None
    high: float | None
    p: float | None
    test: str | None


def clusters_of(truth: pa.Table, by: Cluster) -> NDArray[np.int64] | None:
    """(N,) the cluster number of each view, or None for views.

    A view without a sequence, or without a position, is a cluster of its own. Raises `InputError`
    where no view has one, `ConfigError` for an unknown kind.
    """
    if by == "view":
        return None
    ids = truth["view_id"].to_pylist()
    if by == "sequence":
        found = truth["sequence_id"].to_pylist() if "sequence_id" in truth.column_names else []
    elif by == "cell":
        import h3

        places = zip(truth["lat"].to_pylist(), truth["lon"].to_pylist(), strict=True)
        found = [
            None if None in place else h3.latlng_to_cell(*place, CELL_RESOLUTION)
            for place in places
        ]
    else:
        raise ConfigError(f"cluster {by!r}", "view, sequence or cell")
    if not any(found):
        raise InputError(f"no view has a {by} to cluster by", "", "cluster by view")
    names = [("own", i) if f is None else (by, f) for i, f in zip(ids, found, strict=True)]
    number = {name: k for k, name in enumerate(dict.fromkeys(names))}
    return np.asarray([number[name] for name in names], dtype=np.int64)


def estimate(
    metrics: Mapping[str, Metric], outcomes: Outcomes, resampling: Resampling
) -> dict[str, Estimate]:
    """Every metric's value and interval, from one set of draws.

    Draws in which a metric is undefined (nothing answered, say) are left out of its interval.
    """
    draws: dict[str, list[Floats]] = {name: [] for name in metrics}
    for weights in resampling.weights():
        for name, metric in metrics.items():
            draws[name].append(metric.compute(outcomes, weights))
    return {
        name: _estimate(metric, outcomes, np.concatenate(draws[name]), resampling)
        for name, metric in metrics.items()
    }


def _estimate(
    metric: Metric, outcomes: Outcomes, draws: Floats, resampling: Resampling
) -> Estimate:
    counted = metric.counted(outcomes)
    n = int(counted.sum())
    value = _plain(metric, outcomes)
    if np.isnan(value):
        return Estimate(None, None, None, n, "undefined")
    units = len(np.unique(resampling.groups[counted]))
    bound = metric.at_the_bound(outcomes, units)
    if bound is not None:
        return Estimate(value, *bound, n, "wilson")
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return Estimate(value, float(low), float(high), n, "bootstrap")


def _plain(metric: Metric, outcomes: Outcomes) -> float:
    return float(metric.compute(outcomes, np.ones((1, len(outcomes))))[0])


def compare(metric: Metric, ours: Outcomes, theirs: Outcomes, resampling: Resampling) -> Difference:
    """How much better or worse `ours` is than `theirs` on the same N views."""
    value = _plain(metric, ours) - _plain(metric, theirs)
    if np.isnan(value):
        return Difference(None, None, None, None, None)
    draws = np.concatenate(
        [metric.compute(ours, w) - metric.compute(theirs, w) for w in resampling.weights()]
    )
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    p, test = _paired_p(metric, ours, theirs, resampling)
    return Difference(value, float(low), float(high), p, test)


def _paired_p(
    metric: Metric, ours: Outcomes, theirs: Outcomes, resampling: Resampling
) -> tuple[float | None, str | None]:
    counted = metric.counted(ours)
    if not np.array_equal(counted, metric.counted(theirs)):
        return None, None
    if isinstance(metric, Share):
        right = metric.right(ours)[counted], metric.right(theirs)[counted]
        if resampling.clusters is None:
            return mcnemar_exact(*right), "exact McNemar"
        gain = right[0].astype(float) - right[1]
    else:
        values = metric.per_view(ours), metric.per_view(theirs)
        if values[0] is None or values[1] is None:
            return None, None
        gain = (values[0] - values[1])[counted]
    sums = np.bincount(resampling.groups[counted], weights=gain).astype(np.float64)
    return sign_flip(sums, resampling.seed), "sign flips"


def mcnemar_exact(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> float:
    """Two-sided exact McNemar: a fair coin over the views that only one of the two got right."""
    from scipy.stats import binomtest

    only_ours, only_theirs = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    if not only_ours + only_theirs:
        return 1.0
    return float(binomtest(only_ours, only_ours + only_theirs, 0.5).pvalue)


def sign_flip(gains: Floats, seed: int, flips: int = 9999) -> float:
    """Two-sided p of a mean gain of zero: how often random signs give as large a sum.

    The sum as observed is one of the flips, so p is at least 1 / (flips + 1).
    """
    rng = np.random.default_rng(seed)
    gains = gains[gains != 0]
    observed = abs(float(gains.sum()))
    as_large = 0
    rows = max(1, _CHUNK_VALUES // max(len(gains), 1))
    for start in range(0, flips, rows):
        signs = rng.choice((-1.0, 1.0), (min(rows, flips - start), len(gains)))
        as_large += int((np.abs(signs @ gains) >= observed - 1e-9).sum())
    return (as_large + 1) / (flips + 1)
