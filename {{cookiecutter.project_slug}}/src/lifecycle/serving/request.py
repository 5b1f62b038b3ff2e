"""The body of a prediction request, made from schema.yaml: what is not known before is refused.

Every column that a prediction needs is a named, typed field: forgotten, unknown and impossible
values are errors that name the field. A null is only accepted where schema.yaml allows nulls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    create_model,
)

from lifecycle.contract import values
from lifecycle.contract.columns import Column, Schema
from lifecycle.contract.features import Arrays

# Exactly the moments that are accepted, so that the document promises no others: the years
# above, months with their days, 29 February in leap years only.
_YEAR = "(19[7-9][0-9]|2[01][0-9]{2}|22[0-5][0-9]|226[01])"
_LEAP_YEAR = (
    "(19(7[26]|8[048]|9[26])|2000|2[01](0[48]|[2468][048]|[13579][26])"
    "|22(0[48]|[24][048]|[135][26]|60))"
)
_DAY = (
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    "|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_ZONED_YEAR = "(19[7-9][0-9]|20[0-9]{2})"
_ZONED_LEAP_YEAR = "(19(7[26]|8[048]|9[26])|20([02468][048]|[13579][26]))"


def _pattern(column: Column) -> str:
    year, leap_year, zone = _YEAR, _LEAP_YEAR, ""
    if column.zone:
        year, leap_year, zone = _ZONED_YEAR, _ZONED_LEAP_YEAR, f"({values.ZONE})?"
    day = f"({year}-{_DAY}|{leap_year}-02-29)"
    return f"^{day}([T ]{values.CLOCK}({values.SECOND})?{zone})?$"


def _limits(column: Column) -> tuple[float, float]:
    lowest, highest = values.bounds(column)
    lowest = lowest if column.minimum is None else column.minimum
    highest = highest if column.maximum is None else column.maximum
    return lowest, highest


def _type(column: Column) -> Any:
    """Return the type of the column's field, without its null."""
    if column.type == "datetime":
        # OpenAPI's own format date-time has a zone.
        shape: dict[str, Any] = {"type": "string", "pattern": _pattern(column)}
        if column.epoch:
            first, last = values.epochs(column)
            shape = {"anyOf": [{"type": "integer", "minimum": first, "maximum": last}, shape]}
        read = BeforeValidator(values.moment_of(column))
        return Annotated[datetime, read, WithJsonSchema(shape)]
    if column.type == "integer":
        low, high = _limits(column)
        limits = Field(strict=True, ge=math.ceil(low), le=math.floor(high))
        return Annotated[int, limits, BeforeValidator(values.whole)]
    if column.type == "float":
        low, high = _limits(column)
        return Annotated[float, Field(strict=True, allow_inf_nan=False, ge=low, le=high)]
    if column.type == "boolean":
        return Annotated[bool, Field(strict=True), BeforeValidator(values.flag)]
    if column.type == "category" and column.unknown_share == 0:
        return Literal[column.categories]
    text = Field(strict=True, min_length=1, max_length=values.LONGEST_TEXT)
    if not values.is_null_word(column):
        return Annotated[str, text]
    return Annotated[str, text, AfterValidator(values.text)]


def _example(column: Column) -> Any:
    if column.type == "datetime":
        return values.example(column)
    if column.type == "boolean":
        return True
    if column.type in ("integer", "float"):
        value = ((column.minimum or 0) + (column.maximum or 100)) // 2
        return int(value) if column.type == "integer" else float(value)
    return column.categories[0] if column.categories else "text"


def _field(column: Column) -> tuple[Any, Any]:
    kind = _type(column) | None if column.null_share > 0 else _type(column)
    described = column.description + (f", in {column.unit}" if column.unit else "")
    if column.epoch:
        described += f"; {column.epoch} since 1970 began in UTC, or local time as ISO 8601 has it"
    if column.categories and column.unknown_share > 0:
        described += "; a value that training did not see counts as missing"
    extra: dict[str, Any] = {"example": _example(column)}
    is_open = column.type == "string" or (column.categories and column.unknown_share > 0)
    if is_open and values.is_null_word(column):
        extra["not"] = {"const": values.NULL_WORD}
    return kind, Field(description=described, json_schema_extra=extra)


def record_model(schema: Schema) -> type[BaseModel]:
    """Return the model of one record: every column of the request, and no other."""
    fields: dict[str, Any] = {name: _field(schema[name]) for name in schema.request}
    return create_model(
        "Record",
        __config__=ConfigDict(extra="forbid", frozen=True, protected_namespaces=()),
        __doc__="What is known when the prediction is made.",
        **fields,
    )


def to_arrays(records: Sequence[BaseModel], schema: Schema) -> Arrays:
    """Return the columns of `records` as the features want them, with the pipeline's values."""
    return {
        name: _array(schema[name], [getattr(record, name) for record in records])
        for name in schema.request
    }


def _array(column: Column, values: list[Any]) -> np.ndarray[Any, Any]:
    if column.type == "datetime":
        return np.array(values, "datetime64[us]")
    if column.type in ("category", "string"):
        return np.array(values, object)
    if column.null_share > 0 or column.type != "integer":
        # None becomes NaN, and a boolean 1 or 0, as the model and the log have them.
        return np.array(values, np.float64)
    return np.array(values, np.int64)


def request_model(schema: Schema, maximum_rows: int, base: type[BaseModel]) -> type[BaseModel]:
    """Return the model of the whole body, on BentoML's `base`."""
    records = Field(
        min_length=1, max_length=maximum_rows, description="The rows to predict, in order."
    )
    explain = Field(
        False, strict=True, description="Whether to add each feature's contribution (slower)."
    )
    kind: Any = record_model(schema)
    fields: dict[str, Any] = {"records": (list[kind], records), "explain": (bool, explain)}
    text = "Records to predict."
    return create_model("PredictionRequest", __base__=base, __doc__=text, **fields)
