"""The type of a column, told from its text as ingest would read it."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import polars as pl
import pytest
from adopt.made import profiled, typed

MANY = 40


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2", "-3"], "integer"), (["1", "2.0", "3"], "integer"), (["1", None, "3"], "float"),
        (["1.5", "2", "1e3"], "float"), (["true", "False", "TRUE"], "boolean"),
        (["0", "1", "1"], "boolean"), (["0.0", "1.0", "1"], "boolean"),
        (["0.5", "1.0", "0.0"], "float"), (["2013-05-31", "2013-06-01 10:00"], "datetime"),
        (["2013-05-31T10:00:00Z", "2013-06-01T10:00:00+02:00"], "datetime"),
        (["a", "b", "a"] * MANY, "category"), ([f"text {n}" for n in range(MANY)], "string"),
        (["01", "02", "03"] * MANY, "category"), ([None, "", "NA"], "string"),
        (["9007199254740993", "9007199254740995"] * 3, "category"),
    ],
)  # fmt: skip
def test_text_has_the_type_that_ingest_reads(values: list[Any], kind: str) -> None:
    assert typed(values).type == kind


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([f"{n:02d}/05/2013" for n in range(1, 29)], "dates as text"),
        (["May 1, 2013", "June 2, 2013", "July 3, 2013"], "dates as text"),
        (["2013-05-31", "31.05.2013", "05/31/2013"], "in several forms"),
        ([str(n) for n in range(MANY)] + ["x"], "mixed: 40 of 41"),
        ([f"{n},5" for n in range(MANY)], "decimal comma"),
        (["007", "008", "009"], "leading zeros"),
        (["9007199254740993", "9007199254740995"], "beyond 2^53"),
        ([None, "", "NA"], "it is empty"),
        ([str(n) for n in range(MANY)] + ["inf"], "infinite"),
        ([f"201305{n:02d}" for n in range(1, 29)], "YYYYMMDD"),
        (["2013-05-31T10:00:00Z", "2013-06-01T10:00:00"], "1 of 2 moments name a zone"),
    ],
)
def test_what_is_odd_is_said(values: list[Any], said: str) -> None:
    assert said in typed(values).said


def test_typed_columns_keep_their_types() -> None:
    frame = pl.DataFrame({
        "whole": [1, 2, 3], "bit": [0, 1, 0], "part": [1.5, 2.5, None], "flag": [True, False, None],
        "once": [1.0, 0.0, None], "wide": [1.0, 0.0, float("inf")],
        "day": [date(2013, 5, 31)] * 3, "moment": [datetime(2013, 5, 31)] * 3,
        "text": ["1", "2", "3"], "list": [[1], [2], [3]], "clock": [time(1)] * 3,
        "bytes": [b"a", b"b", b"c"],
    })  # fmt: skip
    found = profiled(frame, is_text=False)[1]
    assert {raw: column.type for raw, column in found.items()} == {
        "whole": "integer", "bit": "boolean", "part": "float", "flag": "boolean",
        "once": "boolean", "day": "datetime", "moment": "datetime",
        "text": "string",
    }  # fmt: skip
    assert "ingest would refuse" in found["text"].said
