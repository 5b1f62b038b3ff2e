"""The Great Expectations suite: what schema.yaml says of each column, then expectations/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from lifecycle.contract.columns import Column, Schema
from lifecycle.contract.section import Section, parse
from lifecycle.core.params import Validate
from lifecycle.core.window import Unit, Window

# pandas' own names of what ingest writes; Great Expectations compares with them.
PANDAS_TYPES = {
    "integer": "int64", "float": "float64", "boolean": "bool",
    "category": "str", "string": "str", "datetime": "datetime64",
}  # fmt: skip


class Expectation(Section):
    """One expectation by its Great Expectations name."""

    type: str
    kwargs: dict[str, Any]
    notes: str = ""


class Beyond(Section):
    """The content of expectations/suite.yaml."""

    derived: dict[str, str] = Field(default_factory=dict)
    expectations: tuple[Expectation, ...] = ()


def load_beyond(path: Path = Path("expectations/suite.yaml")) -> Beyond:
    """Read the expectations that no single column carries."""
    beyond = parse(Beyond, path)
    assert isinstance(beyond, Beyond)
    return beyond


def _expect(kind: str, notes: str = "", **kwargs: Any) -> Expectation:
    return Expectation(type=f"expect_{kind}", kwargs=kwargs, notes=notes)


def of_column(column: Column) -> list[Expectation]:
    """Return what the schema says of one column."""
    name, found = column.name, []
    # A column with nulls has no integers or booleans in pandas: its type says nothing there.
    if column.null_share == 0 or column.type not in ("integer", "boolean"):
        found.append(
            _expect("column_values_to_be_of_type", column=name, type_=PANDAS_TYPES[column.type])
        )
    found.append(
        _expect("column_values_to_not_be_null", column=name, mostly=round(1 - column.null_share, 6))
    )
    if column.minimum is not None or column.maximum is not None:
        limits: dict[str, Any] = {"min_value": column.minimum, "max_value": column.maximum}
        found.append(_expect("column_values_to_be_between", column=name, **limits))
    if column.categories:
        found.append(
            _expect(
                "column_values_to_be_in_set", column=name,
                value_set=list(column.categories), mostly=round(1 - column.unknown_share, 6),
            )
        )  # fmt: skip
    return found


def of_key(names: list[str]) -> Expectation:
    """Return that a key names one row: Great Expectations has a rule of its own for one column."""
    notes = "The key names one row."
    if len(names) == 1:
        return _expect("column_values_to_be_unique", notes, column=names[0])
    return _expect("compound_columns_to_be_unique", notes, column_list=names)


def of_snapshot(schema: Schema, window: Window | None, beyond: Beyond) -> list[Expectation]:
    """Return every expectation of the snapshot."""
    whole = [
        _expect("table_columns_to_match_set", column_set=[
            *(column.name for column in schema.columns), *beyond.derived,
        ]),
        of_key(schema.names("key")),
    ]  # fmt: skip
    if window is not None:
        whole.append(
            _expect("column_values_to_be_between", column=schema.clock,
                    min_value=f"{window.since}T00:00:00",
                    max_value=f"{window.until}T00:00:00", strict_max=True,
                    notes="data.window of params.yaml")
        )  # fmt: skip
    columns = [expectation for column in schema.columns for expectation in of_column(column)]
    return [*whole, *columns, *beyond.expectations]


def of_periods(params: Validate, unit: Unit = "month") -> list[Expectation]:
    """Return what is expected of each month, or another unit, against the one before it."""
    change = params.maximum_row_count_change
    return [
        _expect("column_values_to_be_between", column="row_count_change",
                min_value=-change, max_value=change,
                notes=f"Rows a day against the {unit} before; "
                      "validate.maximum_row_count_change"),
    ]  # fmt: skip
