"""What pipeline, gate, monitor and reports ask of a task, whichever it is.

One module a task has one object with all that it decides from data; what it decides while it
serves is said by its `contract/outcome`. `label` is a number a row: 0 or 1, the number of a class,
or a value. `scores` are what the model gives: a number a row, or one for each row and class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from lifecycle.tasks.drawn import Drawn

Array = NDArray[Any]
Groups = list[dict[str, Any]]
Fits = Callable[[slice], Callable[[slice], Array]]


class Task(Protocol):
    """Everything that a kind of problem decides from data."""

    @property
    def name(self) -> str:
        """The task, as `Schema.task` has it."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that is measured."""

    @property
    def drawn(self) -> Mapping[str, Drawn]:
        """The metrics that a bootstrap can draw, with how."""

    @property
    def loss(self) -> str:
        """The loss that quality watches beside the metric of gate.champion."""

    @property
    def shown(self) -> tuple[str, str]:
        """What a replay shows: a metric and a loss, both of them drawn."""

    @property
    def needs(self) -> str:
        """How labels must be so that metrics of them mean anything: `is_judgeable` in words."""

    @property
    def observed(self) -> str:
        """What a calibration holds against what was predicted, in a word or two."""

    @property
    def rates(self) -> tuple[str, ...]:
        """What may differ between groups: the rules `disparity of ..., ...` of the gate."""

    def score(self, label: Array, scores: Array, bins: int) -> dict[str, float]:
        """Return every metric of some rows, of which `is_judgeable` holds."""

    def is_judgeable(self, label: Array) -> bool:
        """Say whether metrics of rows with these labels mean anything."""

    def own_figures(self, label: Array, scores: Array, deciding: Any) -> dict[str, float]:
        """Return metrics that the model has alone, and its baselines have not."""

    def facts(self, label: Array) -> dict[str, float]:
        """Return what else the evaluation keeps of the holdout's labels."""

    def group_rates(self, label: Array, decided: Array, scale: float) -> dict[str, float | None]:
        """Return the rates of a group by name; None where there is nothing to make one of.

        `decided` is what was decided, in the numbers of `label`.
        """

    @property
    def has_classes(self) -> bool:
        """Whether the numbers of labels are those of classes, and no amounts."""

    def of_columns(self, columns: Array) -> Array:
        """Return the scores of rows x classes, or of rows x one where there are no classes."""

    def skill(self, label: Array, scores: Array) -> float:
        """Return how much is known, in one measure for all tasks: 0 is nothing, 1 is all."""

    def noise(self, label: Array) -> float:
        """Return the standard error of `shown`'s metric of so many rows where nothing is known."""

    def constant(self, label: Array, rows: int) -> Array:
        """Return the scores of who knows the training part's labels alone."""

    def estimator(self, seed: int) -> Any:
        """Return the linear model of scikit-learn that a model must beat."""

    def estimated(self, fitted: Any, rows: Array) -> Array:
        """Return its scores."""

    def bias(self, label: Array, scores: Array, scale: float) -> Array:
        """Return by how much each row's prediction is too high."""

    def bias_sentence(self, predicted: float, known: float) -> str:
        """Say what was predicted on average, and what came."""

    def said(self, known: float) -> str:
        """Return what came on average as people write it."""

    def figure(self, scores: Array) -> Array:
        """Return one number a row: what was predicted, for means and spreads."""

    def outcome(self, label: Array, scores: Array) -> Array:
        """Return one number a row that `figure` should be on average."""

    def curves(self, label: Array, scores: Array, bins: int) -> dict[str, Any]:
        """Return what the evaluation tells of predictions against labels, by the plot's name."""

    def plots(self, label: Array, scores: Array) -> dict[str, Any]:
        """Return the data of plots that stand in files of their own."""

    def learnt(self, fit: Fits, label: Array) -> dict[str, Any]:
        """Return what a model of this task must carry beside itself, by the names of `Deciding`.

        Args:
            fit: Fits a model on a part of the training rows; what it returns predicts others.
            label: The labels of all training rows, in their order.
        """


def differences(groups: Groups, rates: Sequence[str]) -> dict[str, float]:
    """Return the largest difference between groups in each rate.

    Equalised odds: Hardt, Price and Srebro, "Equality of Opportunity in Supervised Learning"
    (2016), section 2. (ML Test Score, Model 7.)
    """
    found = {}
    for rate in rates:
        values = [group[rate] for group in groups if group[rate] is not None]
        found[rate] = float(max(values) - min(values)) if values else 0.0
    return found
