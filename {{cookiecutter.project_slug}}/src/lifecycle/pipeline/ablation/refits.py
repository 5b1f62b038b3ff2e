"""The models of one fold: whole, without a feature, and with a column of pure chance."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lifecycle.contract import features, model_file
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.model_file import Fit
from lifecycle.core import blocks
from lifecycle.core.frames import arrays, categories, labels, learn
from lifecycle.core.params import Params
from lifecycle.pipeline.ablation.settings import Ablate
from lifecycle.pipeline.prepare import with_features
from lifecycle.tasks import chosen as tasks
from lifecycle.tasks.drawn import gain_draws
from lifecycle.tasks.task import Array
from project.model import Target, fit

Columns = dict[str, Array]


@dataclass(frozen=True)
class Refit:
    """A model of a fold: what it gains over the first whole one, also by draw, and its bytes."""

    gain: float
    draws: Array
    size: int


@dataclass(frozen=True)
class Fold:
    """What was found in a fold: whole models, those with chance, and those without features."""

    rows: tuple[int, int]
    blocks: int
    whole: list[Refit]
    chance: list[Refit]
    without: dict[str, Refit]


class Bench:
    """The rows of a fold, on which one model after the other is fitted and asked."""

    def __init__(
        self, train: pl.DataFrame, asked: pl.DataFrame, params: Params, schema: Schema
    ) -> None:
        """Compute the features of both parts, as prepare does: learnt is of `train` alone."""
        self._params, self._schema = params, schema
        self._rule = params.gate.champion.model_copy(
            update={"resamples": params.part(Ablate).resamples}
        )
        seen, unseen = with_features(train, asked, schema)
        self.names = features.names(schema)
        self.columns, self.unseen = arrays(seen, self.names), arrays(unseen, self.names)
        self._label, self._known = labels(seen, schema), labels(unseen, schema)
        self.block = blocks.of_rows(unseen, schema)
        self._learnt = learn(train, schema)
        self._figure = tasks.require(params, schema).drawn[self._rule.metric]
        self._target = Target(schema.task, len(schema.classes))
        self._first: Array | None = None

    def refit(
        self, without: Collection[str] = (), *, seed: int = 0,
        more: tuple[Columns, Columns] = ({}, {}),
    ) -> Refit:  # fmt: skip
        """Fit a model and ask it; the first one that is fitted is the measure of all.

        Args:
            without: The features that it does not have.
            seed: Added to that of params.yaml.
            more: Columns that it has besides, of the rows to fit on and of those to ask about.

        Raises:
            StageError: the owner's model cannot do without them, or nothing can be measured.
        """
        names = [*(name for name in self.names if name not in without), *more[0]]
        columns, unseen = ({**part, **extra} for part, extra in
                           zip((self.columns, self.unseen), more, strict=True))  # fmt: skip
        content = self._fitted({name: columns[name] for name in names}, seed, without)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / self._params.paths.model.name
            path.write_bytes(content)
            model = model_file.load(path)
        scores = model.predict({name: unseen[name] for name in names})
        if self._first is None:
            self._first = scores
        # All with the same draws: so the gain of any over any other is the difference of theirs.
        with np.errstate(invalid="ignore", divide="ignore"):
            gain, draws = gain_draws(
                self._figure,
                self._known,
                scores,
                self._first,
                self.block,
                self._rule,
                self._params.train.seed,
            )
        if not np.isfinite(gain):
            raise StageError(
                f"{self._rule.metric} cannot be measured on the {len(self._known)} rows of a fold: "
                f"{self._schema.target} has too few values", "give ablate.folds less in params.yaml"
            )  # fmt: skip
        return Refit(gain, draws, len(content))

    def _fitted(self, columns: Columns, seed: int, without: Collection[str]) -> bytes:
        params = self._params.train
        needed = {str(node) for node in features.learnt(self._schema, without)}
        codes = categories(columns, self._schema.private_categories)
        try:
            made: Fit = fit(
                columns, self._label, list(columns), codes,
                params.model_copy(update={"seed": params.seed + seed}), self._target,
            )  # fmt: skip
        except (LookupError, TypeError, ValueError) as error:
            said = f"{type(error).__name__}: {(str(error).splitlines() or ['no message'])[0]}"
            left_out = f" without {', '.join(without)}" if without else ""
            raise StageError(
                f"src/project/model.py cannot fit a model{left_out} ({said})"
            ) from None
        return made.to_bytes({key: one for key, one in self._learnt.items() if key in needed})


def chance(bench: Bench, which: int, seed: int) -> tuple[Columns, Columns]:
    """Return a column like one of the features, whose values are on other rows by chance."""
    like = bench.names[which % len(bench.names)]
    name = "chance"
    while name in bench.names:
        name += "_"
    generator = np.random.default_rng([seed, which])
    seen, unseen = (generator.permutation(part[like]) for part in (bench.columns, bench.unseen))
    return {name: seen}, {name: unseen}


def measured(
    train: pl.DataFrame,
    asked: pl.DataFrame,
    candidates: Mapping[str, Sequence[str]],
    params: Params,
    schema: Schema,
    number: int,
    said: Callable[[], Any],
) -> Fold:
    """Fit every model of a fold, on the same rows and by the same seeds.

    Args:
        train: The rows to fit on.
        asked: The rows to ask about.
        candidates: What is left out together, by its name.
        params: The whole of params.yaml.
        schema: The whole of schema.yaml.
        number: Which fold it is.
        said: Called after each model.
    """
    bench, refits = Bench(train, asked, params, schema), params.part(Ablate).refits

    def made(*arguments: Any, **options: Any) -> Refit:
        found = bench.refit(*arguments, **options)
        said()
        return found

    whole = [made(seed=seed) for seed in range(refits)]
    by_chance = [
        made(seed=seed, more=chance(bench, number * refits + seed, params.train.seed))
        for seed in range(refits)
    ]
    without = {name: made(left_out) for name, left_out in candidates.items()}
    return Fold((train.height, asked.height), len(np.unique(bench.block)),
                whole, by_chance, without)  # fmt: skip
