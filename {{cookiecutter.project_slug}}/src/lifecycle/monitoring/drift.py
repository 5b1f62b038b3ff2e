"""Drift of features and predictions as an effect size against the reference, never a p-value.

Numbers: Wasserstein distance in standard deviations of the reference; categories: Jensen-Shannon
distance; both the same as Evidently's. A week of one season differs from the whole training period
without being new, so a limit is made of what such weeks of the reference differ by. Formulas and
sources: docs/reference/monitor.md.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from numpy.typing import NDArray

from lifecycle.contract.files import read_state, write_json
from lifecycle.monitoring.settings import Monitor

Array = NDArray[Any]
# As in Evidently.
SMALLEST = 0.001
# So many rows stand for the whole where every block is compared with it: the largest effect of the
# example's columns differs by less than 0.05, and it takes an eighth of the time.
COMPARED_ROWS = 5_000
# Of a column: the largest effect of a block of the reference, and of its share that is missing.
Extent = dict[str, float]


def effect(reference: pl.Series, current: pl.Series) -> float | None:
    """Return the effect size between two columns, nulls left out; None where one has no values."""
    # A second, so only where there is something to compare.
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import wasserstein_distance

    old, new = reference.drop_nulls(), current.drop_nulls()
    if old.dtype != pl.String:
        old, new = (part.cast(pl.Float64).fill_nan(None).drop_nulls() for part in (old, new))
    if old.is_empty() or new.is_empty():
        return None
    if old.dtype == pl.String:
        every = pl.concat([old, new]).unique().sort()
        return float(jensenshannon(*(_shares(part, every) for part in (old, new))))
    values = old.to_numpy()
    # Of a constant column the deviation is nought.
    return float(wasserstein_distance(values, new.to_numpy()) / max(values.std(), SMALLEST))


def _shares(values: pl.Series, every: pl.Series) -> Array:
    """Return the share of each value of `every` among `values`."""
    counted = values.alias(every.name).value_counts(name="rows")
    found = every.to_frame().join(counted, on=every.name, how="left", maintain_order="left")
    return found["rows"].fill_null(0).to_numpy() / len(values)


def missing(column: pl.Series) -> float:
    """Return the share of a column that is null."""
    return column.null_count() / max(len(column), 1)


def widest(
    reference: pl.DataFrame, names: list[str], blocks: Callable[[], list[pl.DataFrame]], kept: Path
) -> dict[str, Extent]:
    """Return how far blocks of the reference are from the whole; computed once for a version."""
    known = read_state(kept) or {}
    if set(known) == set(names) and all(
        isinstance(one, dict) and all(type(one.get(key)) is float for key in ("effect", "missing"))
        for one in known.values()
    ):
        return known
    parts = blocks()
    thinned = reference.gather_every(max(1, reference.height // COMPARED_ROWS))
    found: dict[str, Extent] = {}
    for name in names:
        effects = [effect(thinned[name], part[name]) or 0.0 for part in parts]
        gaps = [abs(missing(part[name]) - missing(reference[name])) for part in parts]
        found[name] = {"effect": max(effects, default=0.0), "missing": max(gaps, default=0.0)}
    write_json(kept, found)
    return found


def of_window(
    reference: pl.DataFrame,
    rows: pl.DataFrame,
    name: str,
    largest: dict[str, Extent],
    rule: Monitor,
) -> dict[str, Any]:
    """Return how far a column of a window is from the reference, and whether that is too far."""
    least, factor = rule.drift.minimum_effect, rule.drift.reference_factor
    limit = max(least, factor * largest[name]["effect"])
    missing_limit = max(least, factor * largest[name]["missing"])
    measured = effect(reference[name], rows[name])
    gap = abs(missing(rows[name]) - missing(reference[name]))
    worst = max((measured or 0.0) / limit, gap / missing_limit)
    return {
        "effect": measured, "limit": limit, "missing": missing(rows[name]), "missing_effect": gap,
        "missing_limit": missing_limit, "fires": worst > 1, "sudden": worst > rule.sudden_factor,
    }  # fmt: skip


def sentence(name: str, found: dict[str, Any]) -> str:
    """Say in one sentence how far a column has drifted."""
    if found["missing_effect"] / found["missing_limit"] > (found["effect"] or 0) / found["limit"]:
        return (f"{name} is missing in {found['missing']:.1%} of the rows, "
                f"{found['missing_effect']:.1%} from the training period "
                f"(limit {found['missing_limit']:.1%})")  # fmt: skip
    return f"{name} has drifted: effect {found['effect']:.2f}, limit {found['limit']:.2f}"


def write_evidently(
    path: Path, reference: pl.DataFrame, rows: pl.DataFrame, limits: dict[str, float]
) -> None:
    """Write Evidently's own page of a window: each column's values beside the reference."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    names = list(limits)
    text = [name for name in names if reference[name].dtype == pl.String]
    definition = DataDefinition(
        categorical_columns=text, numerical_columns=[n for n in names if n not in text]
    )
    old, new = (
        Dataset.from_pandas(
            part.select(pl.col(n) if n in text else pl.col(n).cast(pl.Float64) for n in names)
            .to_pandas(), data_definition=definition,
        )
        for part in (reference, rows)
    )  # fmt: skip
    metrics = [
        ValueDrift(column=name, method="jensenshannon" if name in text else "wasserstein",
                   threshold=limits[name])
        for name in names
        if rows[name].null_count() < rows.height
    ]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    Report(metrics).run(new, old).save_html(str(path))
