"""What the models of all folds say of a feature: its gain, the interval, and the verdict.

Two things make a gain uncertain. Other days: the paired block bootstrap of Künsch (1989), as in the
gate, in each fold by itself. And another fit: whoever leaves a column out, whichever it is, has
another model, better or worse by chance. How much that is, models tell that have one column more of
pure chance (as the shadow features of Kursa and Rudnicki, Journal of Statistical Software 36,
2010). Both variances together, by Student's t, give the interval; its degrees of freedom are those
of Welch (Biometrika 34, 1947). Of m features, groups included, each interval has the confidence
1 - (1 - c) / m, so that all of them hold together with c: Dunn, Journal of the American Statistical
Association 56 (1961), after Bonferroni.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from lifecycle.pipeline.ablation.refits import Fold, Refit
from lifecycle.records.ablation import EARNS, HARMS, UNPROVEN


@dataclass(frozen=True)
class Gain:
    """What the model has of a feature: in the metric, more is better; by fold; in bytes."""

    gain: float
    interval: tuple[float, float]
    verdict: str
    by_fold: list[float]
    size: int


def spread(fold: Fold, refit: Refit) -> float:
    """Return the variance, by other days, of what the whole models of a fold gain over a model."""
    draws = np.mean([one.draws for one in fold.whole], axis=0) - refit.draws
    # Of n blocks the bootstrap has (n - 1) / n of the variance.
    return float(np.nanvar(draws)) * fold.blocks / (fold.blocks - 1)


def over(fold: Fold, refit: Refit) -> float:
    """Return what the whole models of a fold gain over another, in the mean."""
    return float(np.mean([one.gain for one in fold.whole])) - refit.gain


def by_chance(folds: Sequence[Fold]) -> tuple[float, int]:
    """Return the variance of a gain in one fold by another fit alone, and of how many that is."""
    found = [over(fold, refit) for fold in folds for refit in fold.chance]
    return float(np.mean(np.square(found))), len(found)


def gain(folds: Sequence[Fold], name: str, confidence: float, comparisons: int) -> Gain:
    """Return what a feature, or a group, earns; `confidence` is of all comparisons together."""
    count = len(folds)
    each = [over(fold, fold.without[name]) for fold in folds]
    days = sum(spread(fold, fold.without[name]) for fold in folds) / count**2
    variance, freedom = by_chance(folds)
    fits = variance / count
    value, width = float(np.mean(each)), 0.0
    if days + fits > 0:
        blocks = sum(fold.blocks - 1 for fold in folds)
        degrees = (days + fits) ** 2 / (days**2 / blocks + fits**2 / freedom)
        tail = (1 - confidence) / comparisons / 2
        width = float(stdtrit(degrees, 1 - tail)) * math.sqrt(days + fits)
    interval = (value - width, value + width)
    sizes = [
        float(np.mean([one.size for one in fold.whole])) - fold.without[name].size for fold in folds
    ]
    verdict = EARNS if interval[0] > 0 else HARMS if interval[1] < 0 else UNPROVEN
    return Gain(value, interval, verdict, each, round(float(np.mean(sizes))))
