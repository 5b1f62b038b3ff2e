"""How good a model of this data is, and what the gate may ask: measured, not guessed.

The project's own model is measured several times, on other rows held out and with other seeds,
beside the constant and the linear one that the gate compares with. From the spread follows where
one more such figure will lie: no rule of the gate asks for more. Floors lie halfway between knowing
nothing and the worst of that, ceilings halfway between its best and what a planted copy of the
target has: a shuffled target falls below the first, a leak that is kept lies above the second.
Where chance reaches the floor, the data is too small to judge, and that is said.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from scipy import stats

from lifecycle.adopt import estimates, splits, trial
from lifecycle.adopt.estimates import Figures
from lifecycle.core.frames import arrays
from project.hyperparameters import Train

PERFECT = 1.0
ROWS = 20_000
# That one more figure of an honest model, or of a shuffled target, lies beyond a limit by chance;
# and that it gains less than is asked, where the floor stands below it anyway.
CHANCE, CHANCE_OF_GAIN = 0.005, 0.001
NORMAL = float(stats.norm.ppf(1 - CHANCE))
# What is asked above the linear model where the data bears that, as in the example.
GAIN = 0.01
# Splits on which a copy of the target is planted.
PLANTED = 3


def margin(values: Iterable[float], error: float = 0.0, chance: float = CHANCE) -> float:
    """Return how far below or above the mean of some figures one more may lie.

    Student's prediction interval, by the spread of the figures or by the error of each where that
    is wider: what is held out by time is nearly the same rows each time, and of few rows a few
    figures happen to be alike.
    """
    found = np.array(list(values))
    count = len(found)
    if count < 2:
        return 1.0
    spread = max(float(found.std(ddof=1)), error)
    return float(stats.t.ppf(1 - chance, count - 1)) * spread * math.sqrt(1 + 1 / count)


@dataclass(frozen=True)
class Measured:
    """What models of this data have, by the first metric that the task shows."""

    metric: str
    loss: str
    figures: list[Figures]
    # Metric and loss of models with a noisy copy of the target, and with an exact one.
    noisy: list[tuple[float, float]] = field(default_factory=list)
    copied: list[tuple[float, float]] = field(default_factory=list)
    slices: list[str] = field(default_factory=list)

    @property
    def values(self) -> list[float]:
        """The metric of each split."""
        return [one.value for one in self.figures]

    @property
    def linear(self) -> list[float]:
        """That of linear models."""
        return [one.linear for one in self.figures]

    @property
    def constant(self) -> float:
        """That of a constant."""
        return float(np.mean([one.constant for one in self.figures]))

    @property
    def noise(self) -> float:
        """What a model of a shuffled target may have by chance, above the constant."""
        return NORMAL * max(one.noise for one in self.figures)

    @property
    def held_out(self) -> int:
        """How many rows were held out."""
        return self.figures[0].held_out

    @property
    def error(self) -> float:
        """The error of one figure, by the rows that happen to be held out."""
        return float(np.mean([one.error for one in self.figures]))

    @property
    def lower(self) -> float:
        """What an honest model has at least."""
        return float(np.mean(self.values)) - margin(self.values, self.error)

    @property
    def upper(self) -> float:
        """What an honest model has at most, by how many times nearer to perfect it may be."""
        distance = np.maximum(PERFECT - np.array(self.values), 0.5 / self.held_out)
        error = self.error / float(distance.mean())
        nearer = margin(np.log(distance), error)
        least = math.exp(float(np.log(distance).mean()) - nearer)
        # Nearer than by one row: then all of them may be right.
        return PERFECT - least if least > 1 / self.held_out else PERFECT

    @property
    def is_known(self) -> bool:
        """Whether anything could be measured."""
        return bool(self.figures)

    @property
    def is_enough(self) -> bool:
        """Whether an honest model can be told from one that knows nothing."""
        return self.lower > self.constant + self.noise

    @property
    def floor(self) -> float:
        """The least that the gate lets through."""
        middle = (self.constant + self.lower) / 2
        return _up(max(middle, self.constant + self.noise), 2)

    @property
    def ceiling(self) -> float | None:
        """The most that it lets through; None where no leak would reach above honest models."""
        for leaky in (self.noisy, self.copied):
            least = min((value for value, _ in leaky), default=PERFECT)
            if leaky and least > self.upper:
                return _up((self.upper + least) / 2, 4)
        return None

    @property
    def least_loss(self) -> float | None:
        """The least loss that it lets through, where the ceiling stops no copy; else None."""
        if self.ceiling is not None or not self.copied:
            return None
        losses = [math.log(max(one.loss, 1e-12)) for one in self.figures]
        lower = float(np.mean(losses)) - margin(losses)
        most = max(math.log(max(loss, 1e-12)) for _, loss in self.copied)
        return float(f"{math.exp((lower + most) / 2):.2g}") if most < lower else None

    @property
    def gain(self) -> float:
        """By how much to beat baselines: what was measured bears it, or it is less than nought."""
        gains = [one.value - one.linear for one in self.figures]
        error = float(np.mean([one.gain_error for one in self.figures]))
        return min(GAIN, _down(float(np.mean(gains)) - margin(gains, error, CHANCE_OF_GAIN), 3))

    @property
    def slice_floor(self) -> float:
        """What each slice has at least, as far as the floor of them all.

        All of them together: each has its share of the chance (Dunn, 1961).
        """
        found: dict[tuple[str, str], list[float]] = {}
        for one in self.figures:
            for key, value in one.slices.items():
                found.setdefault(key, []).append(value)
        chance = CHANCE_OF_GAIN / max(1, len(found))
        worst = [np.mean(values) - margin(values, 2 * self.error, chance)
                 for values in found.values()]  # fmt: skip
        return _down(max(-10.0, min([self.floor, *map(float, worst)])), 2)

    @property
    def calibration(self) -> float | None:
        """The largest calibration error of an honest model; None where the task has none."""
        found = [one.calibration for one in self.figures if one.calibration is not None]
        return _up(min(1.0, float(np.mean(found)) + margin(found)), 2) if found else None


def measure(
    sample: pl.DataFrame,
    features: list[str],
    target: str,
    task: str,
    train: Train,
    *,
    positive: str | None = None,
    time: str | None = None,
    group: str | None = None,
    slices: list[str] = [],  # noqa: B006
    least: int = 20,
) -> Measured:
    """Measure models on rows that are held out as prepare holds them out.

    Args:
        sample: Rows with every column in its type.
        features: What the model is given.
        target: What is predicted.
        task: Its task.
        train: The hyper-parameters of the model.
        positive: Of two texts the one that is predicted.
        time: By which the newest rows are held out.
        group: Whose rows stay together, where there is no time.
        slices: Columns whose values are measured by themselves.
        least: How many rows of a slice are enough.
    """
    rows = sample.filter(pl.col(target).is_not_null())
    rows = rows.sort(time) if time else rows
    rows = rows.gather_every(max(1, -(-rows.height // ROWS)))
    label = trial.problem(rows[target], task, positive, is_ranked=False)
    columns = arrays(rows, features)
    figures, noisy, copied = [], [], []
    # Threads wait for each other longer than so few rows take.
    threads = {"threads": 1} if hasattr(train, "threads") else {}
    for number, part in enumerate(splits.of_rows(rows, label, time, group)):
        own = train.model_copy(update={"seed": number, **threads})
        figures.append(estimates.measure(rows, columns, label, part, own, slices, least))
        if number < PLANTED:
            noisy.append(estimates.with_leak(columns, label, part, own, noisy=True))
            copied.append(estimates.with_leak(columns, label, part, own, noisy=False))
    judged = {name for one in figures for name, _ in one.slices}
    return Measured(label.task.shown[0], label.task.loss, figures, noisy, copied,
                    [name for name in slices if name in judged])  # fmt: skip


def _down(value: float, digits: int) -> float:
    scale = float(10**digits)
    return math.floor(value * scale) / scale


def _up(value: float, digits: int) -> float:
    scale = float(10**digits)
    return math.ceil(value * scale) / scale
