"""Drift as an effect size, against limits made of what blocks of the reference differ by."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lifecycle.core import day_blocks
from lifecycle.core.params import Params
from lifecycle.monitoring import drift
from lifecycle.monitoring.settings import Monitor

TIME = "scheduled_departure"


@pytest.fixture(scope="module")
def reference() -> pl.DataFrame:
    """Ten weeks: a number that rises with the season, a category, a column with some nulls."""
    generator, each = np.random.default_rng(1), 100
    day = np.repeat(np.arange(70), each)
    gaps = pl.Series("gaps", generator.normal(0, 1, len(day)))
    return pl.DataFrame({
        TIME: [datetime(2013, 1, 1, 8) + timedelta(int(one)) for one in day],
        "steady": generator.normal(10, 2, len(day)),
        "season": day / 10 + generator.normal(0, 1, len(day)),
        "kind": generator.choice(["a", "b"], len(day), p=[0.7, 0.3]),
    }).with_columns(gaps=pl.when(pl.int_range(pl.len()) % 10 > 0).then(gaps))  # fmt: skip


NAMES = ["steady", "season", "kind", "gaps"]


@pytest.fixture(scope="module")
def widest(
    reference: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, drift.Extent]:
    kept = tmp_path_factory.mktemp("kept") / "7d.json"
    return drift.widest(reference, NAMES, partial(day_blocks.blocks, reference, TIME, 7), kept)


def test_the_effect_of_a_number_is_in_standard_deviations(reference: pl.DataFrame) -> None:
    steady = reference["steady"]
    deviation = steady.std()
    assert isinstance(deviation, float)
    assert drift.effect(steady, steady + 2 * deviation) == pytest.approx(2.0, rel=1e-3)
    assert drift.effect(steady, steady) == pytest.approx(0.0)


def test_the_effect_of_a_category_lies_between_none_and_one(reference: pl.DataFrame) -> None:
    other = pl.Series(["c"] * 100)
    assert drift.effect(reference["kind"], reference["kind"]) == pytest.approx(0.0)
    assert 0.8 < (drift.effect(reference["kind"], other) or 0) <= 1.0


@pytest.mark.parametrize("name", [*NAMES, "constant", "codes", "flag", "rare"])
def test_the_effect_is_that_of_evidently(reference: pl.DataFrame, name: str) -> None:
    from evidently.legacy.calculations import stattests
    from evidently.legacy.core import ColumnType

    rows = reference.with_columns(
        constant=7.0,
        codes=pl.int_range(pl.len()) % 23 * pl.col("season").cast(pl.Int64),
        flag=pl.col("season") > 4,
        rare=pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("rare")).otherwise("kind"),
    )
    for part in (rows, *day_blocks.blocks(rows, TIME, 7), rows[1:2], rows[5001:5003]):
        old, new = (one[name].drop_nulls() for one in (rows, part))
        if old.dtype == pl.String:
            test, kind = stattests.jensenshannon_stat_test, ColumnType.Categorical
        else:
            test, kind = stattests.wasserstein_stat_test, ColumnType.Numerical
            old, new = (one.cast(pl.Float64) for one in (old, new))
        wanted = test.func(old.to_pandas(), new.to_pandas(), kind, 0.0)[0]
        # The root of a last bit, where both are distributed alike.
        assert drift.effect(rows[name], part[name]) == pytest.approx(wanted, rel=1e-9, abs=1e-7)


def test_a_column_without_values_has_no_effect_but_is_missing(
    reference: pl.DataFrame, widest: dict[str, drift.Extent], real_params: Params
) -> None:
    empty = reference[:700].with_columns(steady=pl.lit(None, pl.Float64))
    assert drift.effect(reference["steady"], empty["steady"]) is None
    found = drift.of_window(reference, empty, "steady", widest, real_params.part(Monitor))
    assert (found["effect"], found["missing"], found["sudden"]) == (None, 1.0, True)
    assert drift.sentence("steady", found).startswith("steady is missing in 100.0% of the rows")


def test_blocks_are_whole_and_begin_on_any_day(reference: pl.DataFrame) -> None:
    """70 days: a window of the log may begin on any of them, and the last days are in one."""
    parts = day_blocks.blocks(reference, TIME, 7)
    # More than MOST_BLOCKS days to begin on, so one begins on every second.
    assert [part.height for part in parts] == [700] * 32
    assert [part.height for part in day_blocks.blocks(reference, TIME, 40)] == [4000] * 31
    assert day_blocks.blocks(reference, TIME, 80) == []
    begun = [part[TIME].dt.date().min() for part in parts[:2]]
    assert begun == [date(2013, 1, 2), date(2013, 1, 4)]
    assert parts[-1][TIME].max() == reference[TIME].max()


def test_no_block_of_the_reference_fires_against_it(
    reference: pl.DataFrame, widest: dict[str, drift.Extent], real_params: Params
) -> None:
    """Each is a week of one end of the season at most, and the limit knows of that."""
    for part in day_blocks.blocks(reference, TIME, 7):
        for name in NAMES:
            found = drift.of_window(reference, part, name, widest, real_params.part(Monitor))
            assert not found["fires"], (name, found)
    assert widest["season"]["effect"] > 5 * widest["steady"]["effect"]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("steady", pl.col("steady") * 1.6),
        ("season", pl.col("season") + 20),
        ("kind", pl.lit("c").alias("kind")),
        ("gaps", pl.when(pl.int_range(pl.len()) % 2 == 0).then("gaps").alias("gaps")),
    ],
)
def test_a_change_is_sudden(
    name: str, change: pl.Expr, reference: pl.DataFrame, widest: dict[str, drift.Extent],
    real_params: Params,
) -> None:  # fmt: skip
    week = day_blocks.blocks(reference, TIME, 7)[5].with_columns(change)
    found = drift.of_window(reference, week, name, widest, real_params.part(Monitor))
    assert found["sudden"], found
    assert name in drift.sentence(name, found)


def test_what_was_kept_is_not_computed_again(
    reference: pl.DataFrame, widest: dict[str, drift.Extent], tmp_path: Path
) -> None:
    """Another list of columns is another question."""
    kept = tmp_path / "kept.json"
    kept.write_text('{"steady": {"effect": 7.0, "missing": 0.0}}')
    blocks = partial(day_blocks.blocks, reference, TIME, 7)
    assert drift.widest(reference, ["steady"], blocks, kept)["steady"]["effect"] == 7.0
    found = drift.widest(reference, ["steady", "kind"], blocks, kept)
    assert found["steady"] == widest["steady"]
