"""The limits of a column with a margin, and what holds between columns."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import polars as pl

from lifecycle.adopt.columns import Typed

# Beyond what was seen: a tenth of the range, or as much as the outermost hundredth takes, if more.
MARGIN, TAIL = 0.1, 0.01
# Whole numbers with fewer values are codes or a scale: those, and no others.
SCALE = 12
# Where a number ends just here, it ends by its meaning.
PERCENT = 100
# Values that a new row has for the first time, as a share: at least this where a category is open.
LEAST_UNKNOWN, MANY_CATEGORIES = 0.005, 30
# An order between two columns is plausible where they go together and have much of their ranges in
# common: else that one lies above the other says nothing.
TOGETHER, COMMON, PAIR_ROWS = 0.5, 0.5, 100
MOST_PAIRS, MOST_COLUMNS = 10, 60


def limits(column: Typed, values: pl.Series) -> dict[str, float]:
    """Return minimum and maximum of a number; `values` are those of the sample."""
    low, high = column.tally.minimum, column.tally.maximum
    if column.type not in ("integer", "float") or low is None or high is None:
        return {}
    if column.type == "integer" and column.tally.distinct <= SCALE:
        return {"minimum": int(low), "maximum": int(high)}
    known = values.drop_nulls().cast(pl.Float64)
    first, last = (known.quantile(share) for share in (TAIL, 1 - TAIL))
    span = high - low
    if column.type == "float" and low >= 0 and high <= 1:
        return {"minimum": 0, "maximum": 1}
    below = max(MARGIN * span, (low if first is None else first) - low)
    above = max(MARGIN * span, high - (high if last is None else last))
    lowest, highest = low - below, high + above
    # What was never negative stays so; and what is never positive.
    lowest = 0.0 if low >= 0 > lowest else lowest
    highest = 0.0 if high <= 0 < highest else highest
    step = _step(span or abs(high) or 1)
    found = {"minimum": math.floor(lowest / step) * step,
             "maximum": math.ceil(highest / step) * step}  # fmt: skip
    if high == PERCENT and low >= 0:
        found["maximum"] = PERCENT
    return {name: _plain(value, step) for name, value in found.items()}


def _step(span: float) -> float:
    """Return what limits are rounded to: a fiftieth of the range or less, as 1, 2 or 5."""
    power = 10.0 ** math.floor(math.log10(span / 20))
    return next((f * power for f in (5, 2) if f * power <= span / 20), power)


def _plain(value: float, step: float) -> float:
    digits = max(0, -math.floor(math.log10(step)))
    rounded = round(value, digits)
    return int(rounded) if rounded == int(rounded) and abs(rounded) < 1e15 else rounded


def null_share(column: Typed) -> float:
    """Return the share of nulls that is allowed: half as much again as the worst part had."""
    tally = column.tally
    share = max(tally.null_share, tally.worst_null_share)
    if not tally.nulls:
        return 0.0
    error = math.sqrt(share * (1 - share) / min(tally.rows, 1_000))
    more = min(share, 1 - share) / 2 + 2 * error
    return min(1.0, math.ceil((share + more) * 1000) / 1000)


def categories(column: Typed) -> dict[str, Any]:
    """Return the categories, and which share may be outside them.

    How much is still unseen is about the share of values that came once: Good, "The Population
    Frequencies of Species" (1953).
    """
    counts: Mapping[str, int] = column.tally.values or {}
    once = sum(count == 1 for count in counts.values())
    share = 2 * once / max(1, column.tally.known)
    if not once and len(counts) <= MANY_CATEGORIES:
        return {"categories": sorted(counts)}
    unknown = math.ceil(max(share, LEAST_UNKNOWN) * 1000) / 1000
    return {"categories": sorted(counts), "unknown_share": min(1.0, unknown)}


def orders(values: pl.DataFrame, columns: list[Typed]) -> list[tuple[str, str]]:
    """Return pairs (a, b) where a <= b in every row of the sample, and plausibly always."""
    chosen = [c for c in columns if c.type in ("integer", "float", "datetime")
              and c.tally.distinct > SCALE][:MOST_COLUMNS]  # fmt: skip
    found: list[tuple[float, str, str]] = []
    for one, other in itertools.combinations(chosen, 2):
        if (one.type == "datetime") != (other.type == "datetime"):
            continue
        pair = values.select(one.raw, other.raw).drop_nulls()
        if pair.height < PAIR_ROWS:
            continue
        for a, b in ((one.raw, other.raw), (other.raw, one.raw)):
            if (pair[a] <= pair[b]).all() and not (pair[a] == pair[b]).all():
                strength = _plausible(pair, a, b)
                if strength:
                    found.append((strength, a, b))
    found.sort(key=lambda one: (-one[0], one[1], one[2]))
    return [(a, b) for _, a, b in found[:MOST_PAIRS]]


def _plausible(pair: pl.DataFrame, a: str, b: str) -> float:
    """Return how strongly two columns go together; 0 where their order says nothing."""
    numbers = pair.select(pl.col(a, b).to_physical().cast(pl.Float64))
    low, high = numbers[a], numbers[b]
    span = float(high.max()) - float(low.min())  # type: ignore[arg-type]
    common = float(low.max()) - float(high.min())  # type: ignore[arg-type]
    if span <= 0 or common / span < COMMON:
        return 0.0
    together = numbers.select(pl.corr(a, b, method="spearman")).item()
    return float(together) if together is not None and together >= TOGETHER else 0.0
