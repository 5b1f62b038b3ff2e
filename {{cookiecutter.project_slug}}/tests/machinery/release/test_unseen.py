"""Without time as well, two models compare by rows that the champion was not trained on."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest
import timeless

from lifecycle.core.params import Params
from lifecycle.records.registry import Version
from lifecycle.release import unseen

VERSION = Version(3, {"git_commit": "a" * 40}, "")


def trained_on(patch: pytest.MonkeyPatch, trained: pl.DataFrame) -> None:
    """Let the champion's commit have this training part."""
    content = io.BytesIO()
    trained.write_parquet(content)

    def content_at(root: Path, commit: str, path: Path, what: str) -> bytes:
        assert commit == VERSION.tags["git_commit"]
        return content.getvalue()

    patch.setattr(unseen, "content_at", content_at)


@pytest.mark.parametrize(
    ("seen", "group", "left", "passed"),
    [
        (range(0), False, range(20), True),
        # Of its rows those that were trained on are left out, as long as half of them stay.
        (range(5), False, range(5, 20), True),
        (range(10), False, range(10, 20), True),
        # Too few: it fails, and all are compared by.
        (range(11), False, range(20), False),
        # Of a group the others as well: wards 0 and 1 have five rows each. No ward is no group.
        (range(1), True, range(5, 20), True),
        (range(15, 16), True, [*range(15), *range(16, 20)], True),
    ],
)
def test_rows_that_were_trained_on_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, real_params: Params,
    seen: range, group: bool, left: list[int], passed: bool,
) -> None:  # fmt: skip
    holdout = timeless.rows(20).with_columns(
        ward=pl.when(pl.col("number") < 15).then(pl.format("ward {}", pl.col("number") // 5))
    )
    others = timeless.rows(40)[20:].with_columns(ward=pl.lit("elsewhere"))
    trained_on(monkeypatch, pl.concat([holdout[list(seen)], others]))
    schema = timeless.schema_of(group=group)
    verdict, rows = unseen.unseen(tmp_path, VERSION, holdout, real_params, schema)
    assert (verdict.passed, verdict.rule) == (passed, "holdout unseen by the champion")
    assert verdict.required == ">= 10 of 20 rows"
    assert rows.nonzero()[0].tolist() == list(left)


def test_another_key_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, real_params: Params
) -> None:
    holdout = timeless.rows(20)
    trained_on(monkeypatch, timeless.rows(5).with_columns(pl.col("number").cast(pl.String)))
    verdict, rows = unseen.unseen(tmp_path, VERSION, holdout, real_params, timeless.schema_of())
    assert (verdict.passed, verdict.measured) == (False, "its training part has no such number")
    assert rows.all()
