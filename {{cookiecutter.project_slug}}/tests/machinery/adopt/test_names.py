"""Every column has a name that the lifecycle takes; the source's stands in params.yaml."""

from __future__ import annotations

import polars as pl
import pytest

from lifecycle.adopt import names

STRANGE = ["class", "Total Amount (€)", "from", "a.b", "__proto__", "日付", "a_b", "x" * 300, "🙂",
           "1st", "status", "passengerId", "Survived", "", " ", "SELECT", "None", "a\nb", "A B",
           "a b", "Straße", 'with "quotes"', "a'b", "{" + "{x}}", "-", "é"]  # fmt: skip


def test_each_has_its_own_usable_name() -> None:
    found = names.of_source(STRANGE)
    assert list(found) == STRANGE
    assert len(set(found.values())) == len(STRANGE)
    assert [name for name in found.values() if not names.is_usable(name)] == []


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("日付", "日付"), ("Survived", "Survived"), ("a_b", "a_b"), ("a.b", "a_b_2"),
        ("Total Amount (€)", "total_amount"), ("class", "class_column"), ("__proto__", "proto"),
        ("from", "from_column"), ("1st", "column_1st"), ("status", "status_column"),
    ],
)  # fmt: skip
def test_what_can_stay_stays(raw: str, name: str) -> None:
    assert names.of_source(STRANGE)[raw] == name


def test_two_that_become_one_are_told_apart() -> None:
    assert list(names.of_source(["a b", "a-b", "a_b"]).values()) == ["a_b_2", "a_b_3", "a_b"]


def test_a_usable_name_is_one_in_sql() -> None:
    for name in names.of_source(STRANGE).values():
        assert pl.DataFrame({name: [1]}).sql(f"select *, {name} + 1 as more from self").width == 2


@pytest.mark.parametrize("name", ["date", "time", "key", "month", "value", "target", "type"])
def test_common_names_stay(name: str) -> None:
    assert names.of_source([name]) == {name: name}
    assert pl.DataFrame({name: [1]}).sql(f"select *, {name} + 1 as more from self").width == 2
