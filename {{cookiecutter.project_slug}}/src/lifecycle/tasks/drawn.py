"""Figures of weighed rows, and the paired bootstrap by blocks that draws them.

Whole blocks (days) are drawn, because rows of one day are not independent: the block bootstrap of
Künsch (1989).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lifecycle.core.metric_names import SIGN
from lifecycle.core.params import ChampionRule

Array = NDArray[Any]
Weighed = Callable[[Array], float]


class Drawn(Protocol):
    """A figure that can be taken of rows with weights."""

    def plain(self, label: Array, scores: Array) -> float:
        """Return the figure of all rows."""

    def weighed(self, label: Array, scores: Array) -> Weighed:
        """Return what gives the figure for a weight of each row."""

    def by_block(self, label: Array, scores: Array, index: Array) -> Weighed:
        """Return what gives it for a weight of each block; `index` says which each row is of.

        It is NaN where what was drawn says nothing.
        """


def itself(value: float) -> float:
    """Return the mean as it is."""
    return float(value)


@dataclass(frozen=True)
class Mean:
    """A mean of something of each row, or what is made of that mean."""

    per_row: Callable[[Array, Array], Array]
    finish: Callable[[float], float] = itself

    def plain(self, label: Array, scores: Array) -> float:
        """Return the figure of all rows."""
        return self.finish(float(self.per_row(label, scores).mean()))

    def weighed(self, label: Array, scores: Array) -> Weighed:
        """Return what gives the figure for a weight of each row."""
        rows = self.per_row(label, scores)
        return lambda weight: self.finish(float((rows * weight).sum() / weight.sum()))

    def by_block(self, label: Array, scores: Array, index: Array) -> Weighed:
        """Return what gives it for a weight of each block: of each, the sum is all that counts."""
        sums, count = np.bincount(index, self.per_row(label, scores)), np.bincount(index)
        return lambda draw: self.finish(float((sums * draw).sum() / (count * draw).sum()))


def weighted_roc_auc(order: Array, ties: Array, label: Array, weight: Array) -> float:
    """Return the area under the ROC curve with integer weights, ties counted half.

    `order` sorts the scores upwards, `ties` holds where each group of equal scores begins in it.
    (Hanley and McNeil, 1982: the Wilcoxon statistic.)
    """
    positive = np.add.reduceat((weight * label)[order], ties)
    negative = np.add.reduceat((weight * (1 - label))[order], ties)
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / (positive.sum() * negative.sum()))


class RocAuc:
    """The area under the ROC curve."""

    def plain(self, label: Array, scores: Array) -> float:
        """Return the area of all rows."""
        return self.weighed(label, scores)(np.ones(len(label)))

    def weighed(self, label: Array, scores: Array) -> Weighed:
        """Return what gives the area for a weight of each row; scores are sorted once."""
        order = np.argsort(scores, kind="stable")
        ties = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
        return lambda weight: weighted_roc_auc(order, ties, label, weight)

    def by_block(self, label: Array, scores: Array, index: Array) -> Weighed:
        """Return what gives it for a weight of each block; of one class alone there is none."""
        area = self.weighed(label, scores)

        def of(draw: Array) -> float:
            weight = draw[index]
            if not (weight * label).any() or not (weight * (1 - label)).any():
                return float("nan")
            return area(weight)

        return of


class R2:
    """The share of the target's variance that is explained."""

    def plain(self, label: Array, scores: Array) -> float:
        """Return the share of all rows."""
        return self.weighed(label, scores)(np.ones(len(label)))

    def weighed(self, label: Array, scores: Array) -> Weighed:
        """Return what gives the share for a weight of each row."""
        return self.by_block(label, scores, np.arange(len(label)))

    def by_block(self, label: Array, scores: Array, index: Array) -> Weighed:
        """Return what gives it for a weight of each block; of one value alone there is none."""
        # Around one value, so that squares of large numbers that are alike lose no digits.
        centred = label - label.mean()
        count, first = np.bincount(index), np.bincount(index, centred)
        second, error = np.bincount(index, centred**2), np.bincount(index, (scores - label) ** 2)

        def of(draw: Array) -> float:
            rows = (count * draw).sum()
            spread = (second * draw).sum() - (first * draw).sum() ** 2 / rows
            return float(1 - (error * draw).sum() / spread) if spread > 0 else float("nan")

        return of


def draws(block: Array, resamples: int, seed: int) -> tuple[Array, list[Array]]:
    """Return which block each row is of, and how often each block is drawn in each resample."""
    blocks, index = np.unique(block, return_inverse=True)
    generator = np.random.default_rng(seed)
    drawn = [np.bincount(generator.integers(0, len(blocks), len(blocks)), minlength=len(blocks))
             for _ in range(resamples)]  # fmt: skip
    return index, drawn


def interval(drawn: Array, confidence: float) -> tuple[float, float]:
    """Return the percentile interval of what was drawn; draws that say nothing are NaN."""
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def gain_draws(
    figure: Drawn, label: Array, challenger: Array, champion: Array, block: Array,
    rule: ChampionRule, seed: int,
) -> tuple[float, Array]:  # fmt: skip
    """Return the challenger's gain over the champion, and the gain in each of the draws.

    Both models are scored on the same draw each time. `figure` is that of `rule.metric`.
    """
    ours, theirs = (figure.weighed(label, scores.astype(np.float64))
                    for scores in (challenger, champion))  # fmt: skip

    def gain(weight: Array) -> float:
        return SIGN[rule.metric] * (ours(weight) - theirs(weight))

    index, drawn = draws(block, rule.resamples, seed)
    return gain(np.ones(len(label))), np.array([gain(draw[index]) for draw in drawn])


def bootstrap_gain(
    figure: Drawn, label: Array, challenger: Array, champion: Array, block: Array,
    rule: ChampionRule, seed: int,
) -> tuple[float, float, float]:  # fmt: skip
    """Return the challenger's gain over the champion and its paired bootstrap interval."""
    value, drawn = gain_draws(figure, label, challenger, champion, block, rule, seed)
    return (value, *interval(drawn, rule.confidence))
