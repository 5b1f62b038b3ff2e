"""Scores of a replay: the live service by month against models that nobody touched again.

`frozen` is the first model; `settled` the first retrained one that went live;
`constant` what is known of the target from the months of the first model. Intervals by drawing
whole days, all on the same draw each time (drawn.gain_draws).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.contract.model_file import Model
from lifecycle.contract.outcome import chosen as outcomes
from lifecycle.core.blocks import of_rows
from lifecycle.core.frames import arrays, labels, scores
from lifecycle.core.params import ChampionRule, Params
from lifecycle.tasks import chosen as tasks
from lifecycle.tasks.drawn import draws, gain_draws, interval

Array = NDArray[Any]
BINS = 10


class Scores:
    """The models that are compared with, and the gains drawn so far."""

    def __init__(self, params: Params, schema: Schema, known: Array) -> None:
        """Compare with a constant made of the `known` labels only, until models are added."""
        self.params, self.schema, self.known = params, schema, known
        self.task, self.outcome = tasks.of(schema), outcomes.of(schema)
        self.models: dict[str, Model] = {}
        # By what live is compared with and the metric: a row of draws for each month.
        self.drawn: dict[tuple[str, str], list[Array]] = {}

    def of_month(self, rows: pl.DataFrame) -> dict[str, Any]:
        """Return how the answers (their scores) and each model did on the labelled rows."""
        score = self.outcome.score.name
        judged = rows.filter(pl.col(self.schema.target).is_not_null() & pl.col(score).is_not_null())
        others = {
            name: model.predict(arrays(
                features.on_frame(self.schema, judged, model.fitted), list(model.names)
            ))
            for name, model in self.models.items()
        }  # fmt: skip
        return self.compare(
            labels(judged, self.schema), scores(judged, self.outcome), others,
            of_rows(judged, self.schema),
        )  # fmt: skip

    def compare(
        self, label: Array, live: Array, others: dict[str, Array], day: Array
    ) -> dict[str, Any]:
        """Return each one's metrics, and the gain of `live` over the others with intervals."""
        task, shown = self.task, self.task.shown
        others = {**others, "constant": task.constant(self.known, len(label))}
        base = float(task.outcome(label, live).mean())
        found: dict[str, Any] = {
            "rows": len(label), "base_rate": base, "base_said": task.said(base),
            "metrics": shown, "gains": {},
        }  # fmt: skip
        for name, values in {"live": live, **others}.items():
            scored = task.score(label, values, BINS)
            found[name] = {metric: scored[metric] for metric in shown}
        for name, values in others.items():
            found["gains"][name] = {
                metric: self._gain(name, metric, label, live, values, day) for metric in shown
            }
        index, drawn = draws(day, self._rule(shown[0]).resamples, self.params.train.seed)
        own = task.drawn[shown[0]].by_block(label, live.astype(np.float64), index)
        low, high = interval(np.array([own(one) for one in drawn]), self._rule(shown[0]).confidence)
        found["live"].update({f"{shown[0]}_low": low, f"{shown[0]}_high": high})
        return found

    def _rule(self, metric: str) -> ChampionRule:
        return self.params.gate.champion.model_copy(update={"metric": metric})

    def _gain(
        self, name: str, metric: str, label: Array, live: Array, other: Array, day: Array
    ) -> dict[str, float]:
        rule = self._rule(metric)
        value, drawn = gain_draws(
            self.task.drawn[metric], label, live, other, day, rule, self.params.train.seed
        )
        self.drawn.setdefault((name, metric), []).append(drawn)
        low, high = interval(drawn, rule.confidence)
        return {"value": value, "low": low, "high": high}

    def overall(self, months: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the mean over the months of each gain, with its interval.

        Days are drawn within each month, so the interval is about these months and not of others.
        """
        found: dict[str, Any] = {}
        for (name, metric), drawn in self.drawn.items():
            values = [one["gains"][name][metric]["value"] for one in months if name in one["gains"]]
            low, high = interval(np.mean(drawn, axis=0), self.params.gate.champion.confidence)
            found.setdefault(name, {})[metric] = {
                "value": float(np.mean(values)), "low": low, "high": high, "months": len(values)
            }  # fmt: skip
        return found
