"""What adopt writes, as plain values: schema, expectations, parameters, an example request."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from lifecycle.adopt import ranges
from lifecycle.adopt.asked import Said
from lifecycle.adopt.columns import Typed
from lifecycle.adopt.floors import GAIN, Measured
from lifecycle.adopt.roles import Roles
from lifecycle.adopt.spans import Span, monitored
from lifecycle.adopt.splits import HELD_OUT
from lifecycle.adopt.target import Target
from lifecycle.core.metric_names import WITH_THRESHOLD
from project.hyperparameters import Train

# What of the hyper-parameters depends on the data.
FITTING = ("early_stopping_share", "learning_rate", "maximum_depth", "minimum_child_weight",
           "column_share")  # fmt: skip


@dataclass
class Plan:
    """Everything that is written; `params` by dotted keys."""

    schema: dict[str, dict[str, Any]]
    suite: dict[str, Any]
    params: dict[str, Any]
    request: dict[str, Any] = field(default_factory=dict)
    facts: list[tuple[str, str]] = field(default_factory=list)
    # Columns that are called otherwise in the source.
    renamed: dict[str, str] = field(default_factory=dict)


def described(raw: str, name: str) -> str:
    """Return what a column is called by people: its name in the source."""
    if raw != name:
        return " ".join(raw.split())[:200] or name
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_+", " ", raw).split()
    # PID and TVnews stay as they are.
    text = " ".join(word.lower() if word.istitle() else word for word in words)
    return text[:1].upper() + text[1:]


def schema_of(
    columns: dict[str, Typed], roles: Roles, target: Target, values: pl.DataFrame
) -> dict[str, dict[str, Any]]:
    """Return the columns of schema.yaml, in order; a row's number where it is the key."""
    found: dict[str, dict[str, Any]] = {}
    if not roles.key:
        found[roles.row] = {"type": "integer", "roles": ["key"], "minimum": 0,
                            "description": "Number of the row in the source"}  # fmt: skip
    for raw, column in columns.items():
        one: dict[str, Any] = {"type": column.type, "roles": roles.of[raw],
                               "description": described(raw, column.name)}  # fmt: skip
        if raw == target.column.raw:
            found[column.name] = one | target.definition
            if target.definition["type"] in ("integer", "float"):
                found[column.name] |= ranges.limits(column, values[raw])
            continue
        if column.is_zoned:
            one["zone"] = "UTC"
        if column.type == "category":
            one |= ranges.categories(column)
        elif set(one["roles"]) & {"key", "group"} and column.type == "integer":
            # Identifiers grow; what was never negative stays so.
            if (column.tally.minimum or 0) >= 0:
                one["minimum"] = 0
        else:
            one |= ranges.limits(column, values[raw])
        if share := ranges.null_share(column):
            one["null_share"] = share
        if raw in roles.private:
            one["private"] = roles.private[raw]
        found[column.name] = one
    return found


def suite_of(columns: dict[str, Typed], orders: list[tuple[str, str]]) -> dict[str, Any]:
    """Return what is expected between columns: each order held in every row that was read."""
    return {"expectations": [
        {"type": "expect_column_pair_values_a_to_be_greater_than_b",
         "kwargs": {"column_A": columns[b].name, "column_B": columns[a].name, "or_equal": True,
                    "ignore_row_if": "either_value_is_missing"},
         "notes": "Held in every row when the data was adopted: is it so by its meaning?"}
        for a, b in orders
    ]}  # fmt: skip


def params_of(
    source: dict[str, Any],
    rows: int,
    train: Train,
    columns: dict[str, Typed],
    target: Target,
    span: Span | None,
    measured: Measured,
) -> dict[str, Any]:
    """Return the parameters that depend on the data."""
    held = max(1, int(rows * HELD_OUT))
    found: dict[str, Any] = {"data.source": source}
    if span is not None:
        found["data.window"] = span.window
        if span.unit != "month":
            found["data.unit"] = span.unit
        found["validate.maximum_row_count_change"] = min(1.0, span.change)
        found["prepare.holdout_days"] = span.holdout_days
    else:
        found["prepare.holdout_share"] = HELD_OUT
    found |= {f"train.{name}": getattr(train, name) for name in FITTING if hasattr(train, name)}
    found |= _of_evaluation(held, columns, target, measured)
    found |= monitored(span, rows)
    found |= _of_gate(measured)
    # Those of the example are of its features.
    found["ablate.groups"] = {}
    return found


def least_slice(held: int) -> int:
    """Return how many rows of the holdout a slice must have to be judged."""
    return max(20, min(300, held // 20))


def _of_evaluation(
    held: int, columns: dict[str, Typed], target: Target, measured: Measured
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "evaluate.calibration_bins": max(2, min(10, held // 50)),
        "evaluate.slices": [columns[raw].name for raw in measured.slices],
        "evaluate.minimum_slice_rows": least_slice(held),
        "evaluate.attribution_rows": min(1_000, max(10, held)),
        "evaluate.profile_bins": 20 if held > 500 else 5,
    }
    if target.task in WITH_THRESHOLD:
        found["evaluate.threshold"] = round(max(0.01, min(0.99, positive_share(target))), 2)
    return found


def positive_share(target: Target) -> float:
    """Return how many rows of a binary target are positive, as a share."""
    positive = target.definition.get("positive")
    words = (positive,) if positive else ("true", "True", "TRUE", "1", "1.0")
    return sum(target.counts.get(word, 0) for word in words) / max(1, sum(target.counts.values()))


def _of_gate(measured: Measured) -> dict[str, Any]:
    limits: dict[str, float] = {"minimum": measured.floor}
    if measured.ceiling is not None:
        limits["maximum"] = measured.ceiling
    metrics: dict[str, dict[str, float]] = {measured.metric: limits}
    if measured.least_loss is not None:
        metrics[measured.loss] = {"minimum": measured.least_loss}
    if measured.calibration is not None:
        metrics["calibration_error"] = {"maximum": max(0.1, measured.calibration)}
    return {
        "gate.metrics": metrics,
        "gate.baselines.metric": measured.metric,
        "gate.baselines.minimum_gain": measured.gain,
        "gate.champion.metric": measured.metric,
        "gate.champion.tolerance": round(max(0.005, measured.error / 2), 3),
        "gate.slices": {"metric": measured.metric, "minimum": measured.slice_floor},
    }


def slice_candidates(columns: dict[str, Typed], roles: Roles, held: int) -> list[str]:
    """Return the features whose values may be slices: a few values, of which two have rows enough.

    Those of a sensitive column first.
    """
    least = least_slice(held)
    found = []
    for raw in roles.features:
        counts = columns[raw].tally.values
        if counts is None or not 2 <= len(counts) <= 12 or columns[raw].type == "float":
            continue
        total = columns[raw].tally.rows
        if sum(count / total * held >= 2 * least for count in counts.values()) >= 2:
            found.append(raw)
    found.sort(key=lambda raw: "sensitive" not in roles.of[raw])
    return found[:3]


def example(
    schema: dict[str, dict[str, Any]], columns: dict[str, Typed], values: pl.DataFrame
) -> dict[str, Any]:
    """Return a request with a row that is nobody's: each column's middle or commonest value."""
    raw = {column.name: column for column in columns.values()}
    row: dict[str, Any] = {}
    for name, one in schema.items():
        if not {"key", "time", "group", "feature"} & set(one["roles"]):
            continue
        row[name] = _typical(one, raw.get(name), values)
    return {"records": [row]}


def _typical(one: dict[str, Any], column: Typed | None, values: pl.DataFrame) -> Any:
    kind = one["type"]
    is_number = "key" in one["roles"] and kind == "integer"
    if column is None or "private" in one or is_number:
        return {"integer": int(one.get("minimum", 0)), "string": "example", "boolean": False,
                "category": (one.get("categories") or ["example"])[0]}.get(kind, 0)  # fmt: skip
    known = values[column.raw].drop_nulls()
    if kind == "datetime":
        last = known.max()
        return last.replace(microsecond=0).isoformat() if isinstance(last, datetime) else None
    if kind in ("category", "boolean"):
        top = known.value_counts(sort=True)[column.raw][0] if known.len() else None
        return top
    if kind == "string":
        return "example"
    middle = known.quantile(0.5, "nearest")
    return int(middle) if kind == "integer" else float(f"{middle:.6g}")  # type: ignore[arg-type]


def say(measured: Measured, said: Said) -> None:
    """Say how good a model is here, and what cannot be told from so few rows."""
    values = ", ".join(f"{value:.3f}" for value in measured.values)
    said.decided.append(f"floor and ceiling of {measured.metric}: {measured.floor} and "
                        f"{measured.ceiling}, since models have {values}, and a constant "
                        f"{measured.constant:.3f}")  # fmt: skip
    if float(np.mean(measured.values)) <= measured.constant + measured.noise / 3:
        said.flagged.append("models are no better than a constant: these columns say next to "
                            "nothing of the target, and the gate will refuse")  # fmt: skip
    elif not measured.is_enough:
        said.flagged.append(f"too small to judge: with {measured.held_out} rows held out a model "
                            "of a shuffled target may be as good by chance. The floor stays above "
                            "chance, so the gate may refuse an honest model: more rows are "
                            "needed")  # fmt: skip
    if measured.least_loss is not None:
        said.flagged.append(f"no ceiling: the target is easy to tell from the columns. A copy of "
                            f"it shows by a {measured.loss} below {measured.least_loss}, a noisy "
                            "one does not: ask of each column if it is known in time")  # fmt: skip
    elif measured.ceiling is None:
        said.flagged.append(
            "no ceiling: the target is so easy to tell from the columns, or the rows are so few, "
            "that a leak would not stand out; ask of each column whether it is known in time"
        )
    if measured.gain < GAIN:
        said.flagged.append(
            f"gate.baselines.minimum_gain is {measured.gain}: these rows tell no closer whether a "
            "model is better than a linear one; more rows, or features, may"
        )
