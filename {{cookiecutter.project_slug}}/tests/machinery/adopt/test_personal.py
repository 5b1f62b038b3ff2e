"""What is probably personal, and what only looks like it."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from adopt.made import profiled, settled, table

from lifecycle.adopt import personal

ROWS = 60
VALUES: dict[str, tuple[list[Any], str]] = {
    "contact": ([f"user{n}@example.org" for n in range(ROWS)], "mail address"),
    "reach": ([f"+49 30 1234{n:03d}" for n in range(ROWS)], "phone number"),
    "paid_with": (["4111 1111 1111 1111", "5500-0000-0000-0004"] * (ROWS // 2), "card number"),
    "paid_to": (["DE89370400440532013000", "GB29NWBK60161331926819"] * (ROWS // 2),
                "account number"),
    "full_name": ([f"Ann{'abcdefghij'[n % 10]} Smith{'klmnopqrst'[n // 10]}" for n in range(ROWS)],
                  "name"),
    "date_of_birth": ([date(1960, 1, 1 + n % 28) for n in range(ROWS)], "birth date"),
    "ssn": ([f"123-45-{n:04d}" for n in range(ROWS)], "social security number"),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_personal_data_is_proposed_as_private(name: str) -> None:
    values, what = VALUES[name]
    frame = table(ROWS).with_columns(pl.Series(name, values))
    plan, said = settled(frame, "bought")
    assert plan.schema[name]["private"] == "left_out"
    assert "feature" not in plan.schema[name]["roles"]
    assert [line for line in said.flagged if name in line and what in line]


def test_numbers_cities_and_products_are_not_personal() -> None:
    frame = pl.DataFrame({
        "amount": [4111111111111111 + n for n in range(ROWS)],
        "city": ["New York", "San Jose", "Los Angeles"] * (ROWS // 3),
        "file_name": [f"part{n}.csv" for n in range(ROWS)], "hostname": ["a.example"] * ROWS,
    })  # fmt: skip
    for raw, column in profiled(frame)[1].items():
        tally = column.tally
        found = personal.of_column(raw, tally.personal, tally.looked_at, kind=column.type,
                                   distinct=tally.distinct, rows=tally.known)  # fmt: skip
        assert found is None, raw


def test_checksums_are_those_of_the_standards() -> None:
    assert personal.luhn("79927398713")
    assert not personal.luhn("79927398714")
    assert personal.iban("GB82WEST12345698765432")
    assert not personal.iban("GB82WEST12345698765433")
