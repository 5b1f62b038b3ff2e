"""One pass knows rows, nulls, limits and repeats, in memory that does not grow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from adopt.made import as_text, profiled

from lifecycle.adopt import profile, sketch


def test_counts_are_those_of_the_table() -> None:
    rows = 30_000
    frame = pl.DataFrame({
        "id": np.arange(rows), "twice": [0, *range(rows - 1)],
        "some": [None if n % 4 == 0 else n % 7 for n in range(rows)],
    })  # fmt: skip
    found = profiled(frame)[0]
    some, identity = found.columns["some"], found.columns["id"]
    assert found.rows == rows
    assert (some.nulls, some.distinct, some.minimum, some.maximum) == (7_500, 7, 0, 6)
    assert identity.is_unique
    assert not found.columns["twice"].is_unique
    assert abs(identity.distinct / rows - 1) < 0.06


def test_a_value_that_comes_again_in_another_part_is_no_identifier(tmp_path: Path) -> None:
    repeats = sketch.Repeats(tmp_path)
    repeats.add(sketch.hashes(pl.Series(range(1_000))))
    repeats.add(sketch.hashes(pl.Series(range(1_000, 2_000))))
    assert repeats.is_unique()
    repeats.add(sketch.hashes(pl.Series([500])))
    assert not repeats.is_unique()


@pytest.mark.parametrize("distinct", [10, 4_000, 100_000])
def test_many_values_are_counted_within_a_few_hundredths(distinct: int) -> None:
    count = sketch.Count()
    for begin in range(0, distinct, 1_000):
        count.add(sketch.hashes(pl.Series(range(begin, min(begin + 1_500, distinct)))))
    assert abs(count.value / distinct - 1) < 0.06


def test_the_sample_is_spread_over_all_rows_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "SAMPLE_ROWS", 1_000)
    monkeypatch.setattr(profile, "ROWS_AT_ONCE", 700)
    frame = as_text(pl.DataFrame({"n": range(20_000)}))
    found = profile.of_source(frame.lazy(), is_text=True).sample["n"].cast(pl.Int64)
    assert found.len() == 1_000
    assert found.is_sorted()
    assert found[0] == 0
    assert found[-1] > 19_900


def test_a_cell_of_ten_million_letters_is_not_kept() -> None:
    frame = pl.DataFrame({"x": ["a", "b" * 10_000_000, "c"] * 4})
    found, typed = profiled(frame, is_text=False)
    assert typed["x"].type == "string"
    assert found.columns["x"].values is None
