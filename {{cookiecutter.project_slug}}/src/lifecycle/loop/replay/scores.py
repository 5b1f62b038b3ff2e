"""Scores of a replay: the live service by month against models that nobody touched again.

`frozen` is the first model; `settled` the first retrained one that went live;
`constant` the share of the target in the months of the first model. Intervals by drawing whole
days, all on the same draw each time (rules.gain_draws).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.contract.model_file import Model
from lifecycle.core.blocks import of_rows
from lifecycle.core.frames import arrays, labels
from lifecycle.core.params import Params
from lifecycle.tasks import metrics, rules

Array = NDArray[Any]
METRICS = ("roc_auc", "log_loss")
BINS = 10


class Scores:
    """The models that are compared with, and the gains drawn so far."""

    def __init__(self, params: Params, schema: Schema, base_rate: float) -> None:
        """Compare with a constant only, until models are added."""
        self.params, self.schema, self.base_rate = params, schema, base_rate
        self.models: dict[str, Model] = {}
        # By what live is compared with and the metric: a row of draws for each month.
        self.drawn: dict[tuple[str, str], list[Array]] = {}

    def of_month(self, rows: pl.DataFrame) -> dict[str, Any]:
        """Return how the answers (`probability`) and each model did on the labelled rows."""
        judged = rows.filter(
            pl.col(self.schema.target).is_not_null() & pl.col("probability").is_not_null()
        )
        others = {
            name: model.predict(arrays(
                features.on_frame(self.schema, judged, model.fitted), list(model.names)
            ))
            for name, model in self.models.items()
        }  # fmt: skip
        return self.compare(
            labels(judged, self.schema),
            judged["probability"].to_numpy(), others,
            of_rows(judged, self.schema),
        )  # fmt: skip

    def compare(
        self, label: Array, live: Array, others: dict[str, Array], day: Array
    ) -> dict[str, Any]:
        """Return each one's metrics, and the gain of `live` over the others with intervals."""
        others = {**others, "constant": np.full(len(label), self.base_rate)}
        found: dict[str, Any] = {"rows": len(label), "base_rate": float(label.mean()), "gains": {}}
        for name, values in {"live": live, **others}.items():
            scored = metrics.score(label, values, BINS)
            found[name] = {metric: scored[metric] for metric in METRICS}
        for name, values in others.items():
            found["gains"][name] = {
                metric: self._gain(name, metric, label, live, values, day) for metric in METRICS
            }
        # Half of the pairs is what a constant ranks right: the gain over it is the area above that.
        over = found["gains"]["constant"]["roc_auc"]
        found["live"].update(roc_auc_low=0.5 + over["low"], roc_auc_high=0.5 + over["high"])
        return found

    def _gain(
        self, name: str, metric: str, label: Array, live: Array, other: Array, day: Array
    ) -> dict[str, float]:
        rule = self.params.gate.champion.model_copy(update={"metric": metric})
        value, drawn = rules.gain_draws(label, live, other, day, rule, self.params.train.seed)
        self.drawn.setdefault((name, metric), []).append(drawn)
        low, high = rules.interval(drawn, rule.confidence)
        return {"value": value, "low": low, "high": high}

    def overall(self, months: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the mean over the months of each gain, with its interval.

        Days are drawn within each month, so the interval is about these months and not of others.
        """
        found: dict[str, Any] = {}
        for (name, metric), draws in self.drawn.items():
            values = [one["gains"][name][metric]["value"] for one in months if name in one["gains"]]
            low, high = rules.interval(np.mean(draws, axis=0), self.params.gate.champion.confidence)
            found.setdefault(name, {})[metric] = {
                "value": float(np.mean(values)), "low": low, "high": high, "months": len(values)
            }  # fmt: skip
        return found
