"""How well a score orders views by error: weighted measures for the plain value and the bootstrap.

Weights (B, N) say how often each of N views counts in each of B draws; every function gives (B,)
values, NaN where undefined. A view's outcome is the share of models within a threshold, so for one
model it is 0 or 1, and for several pooled ones every pair of view and model counts as one. Views of
equal score are tied: they share their ranks, and their order in the risk-coverage curve is random,
of which the expectation is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.metric import Floats, ratio

BINS = 10


@dataclass(frozen=True)
class Order:
    """N values sorted once: views of the same value are one of G groups."""

    at: NDArray[np.int64]  # (N,) the views from the least value to the greatest
    starts: NDArray[np.int64]  # (G,) where in `at` each group starts
    group: NDArray[np.int64]  # (N,) the group of each view

    @classmethod
    def of(cls, values: Floats) -> Order:
        """Of (N,) finite values."""
        at = np.argsort(values, kind="stable")
        new = np.r_[True, np.diff(values[at]) > 0]
        group = np.empty(len(at), np.int64)
        group[at] = np.cumsum(new) - 1
        return cls(at, np.flatnonzero(new), group)

    def sums(self, weights: Floats) -> Floats:
        """(B, N) to (B, G): the weight of each group, from the least value up."""
        return np.add.reduceat(weights[:, self.at], self.starts, axis=1)

    def ranks(self, weights: Floats) -> Floats:
        """(B, N) mid-ranks within each draw."""
        sums = self.sums(weights)
        return (np.cumsum(sums, axis=1) - sums / 2 + 0.5)[:, self.group]


def spearman(score: Order, other: Order, weights: Floats) -> Floats:
    """Spearman's rho: Pearson's r of mid-ranks."""
    x, y = score.ranks(weights), other.ranks(weights)
    total = weights.sum(axis=1, keepdims=True)
    x -= (weights * x).sum(axis=1, keepdims=True) / total
    y -= (weights * y).sum(axis=1, keepdims=True) / total
    wx = weights * x
    spread = np.sqrt((wx * x).sum(axis=1) * (weights * y * y).sum(axis=1))
    return ratio((wx * y).sum(axis=1), spread)


def auroc(score: Order, within: Floats, weights: Floats) -> Floats:
    """The probability that a view within scores above one that is not, ties counting half.

    (Hanley and McNeil 1982); 0.5 for a score that knows nothing.
    """
    yes = score.sums(weights * within)
    no = score.sums(weights * (1 - within))
    below = np.cumsum(no, axis=1) - no / 2
    return ratio((yes * below).sum(axis=1), yes.sum(axis=1) * no.sum(axis=1))


@dataclass(frozen=True)
class RiskCoverage:
    """The risk-coverage curve (El-Yaniv and Wiener 2010) of B draws.

    Risk is the share of views not within a threshold among the c most locatable ones.
    """

    area: Floats  # (B,) the mean risk over all coverages (AURC, Geifman and El-Yaniv 2017)
    risk: Floats  # (B, C) at the coverages asked for


def risk_coverage(
    score: Order, within: Floats, weights: Floats, coverages: Floats | None = None
) -> RiskCoverage:
    """Of (N,) outcomes and (B, N) whole weights, at (C,) coverages in (0, 1]."""
    taken = np.cumsum(score.sums(weights)[:, ::-1], axis=1)  # most locatable first
    wrong = np.cumsum(score.sums(weights * (1 - within))[:, ::-1], axis=1)
    n = taken[:, -1]
    before = np.concatenate([np.zeros((len(n), 1)), taken[:, :-1]], axis=1)
    wrong_before = np.concatenate([np.zeros((len(n), 1)), wrong[:, :-1]], axis=1)
    size = taken - before
    rate = np.divide(wrong - wrong_before, size, out=np.zeros_like(size), where=size > 0)
    # the sum over k in a group of (wrong_before + (k - before) * rate) / k
    harmonic = np.r_[0.0, np.cumsum(1 / np.arange(1, int(n.max()) + 1))]
    one_over_k = harmonic[taken.astype(np.int64)] - harmonic[before.astype(np.int64)]
    total = (rate * size + (wrong_before - before * rate) * one_over_k).sum(axis=1)
    wanted = np.zeros(0) if coverages is None else coverages
    risk = np.empty((len(n), len(wanted)))
    for row in range(len(n) if len(wanted) else 0):
        k = wanted * n[row]
        x, y = np.r_[0.0, taken[row]], np.r_[0.0, wrong[row]]
        risk[row] = np.interp(k, x, y) / k
    return RiskCoverage(ratio(total, n), risk)


def calibration_error(p: Floats, within: Floats, weights: Floats) -> Floats:
    """Expected calibration error over at most ten bins of equally many views (Nixon et al. 2019).

    The mean over the views of |mean p - mean outcome| of their bin; equal p are in one bin.
    """
    order = Order.of(p)
    sizes = np.diff(np.r_[order.starts, len(p)])
    middle = np.cumsum(sizes) - sizes / 2
    bins = np.minimum((middle * BINS / len(p)).astype(np.int64), BINS - 1)
    starts = order.starts[np.flatnonzero(np.r_[True, np.diff(bins) > 0])]
    gap = np.add.reduceat((weights * (p - within))[:, order.at], starts, axis=1)
    return ratio(np.abs(gap).sum(axis=1), weights.sum(axis=1))


def brier(p: Floats, within: Floats, weights: Floats) -> Floats:
    """Brier's score (1950): the mean of (p - outcome)^2 over pairs of view and model."""
    squared = within * (1 - p) ** 2 + (1 - within) * p**2
    return ratio(weights @ squared, weights.sum(axis=1))
