"""What validation withholds: no report of it has a value of a column marked private."""

from __future__ import annotations

import re
from typing import Any

from lifecycle.contract.columns import Schema
from lifecycle.pipeline.suite import Beyond


def names(schema: Schema, beyond: Beyond) -> frozenset[str]:
    """Return the private columns, and what expectations/suite.yaml derives from any of them."""
    found = {column.name for column in schema.columns if column.private}
    # One derived column may be used by the next.
    for name, expression in beyond.derived.items():
        if found & set(re.findall(r"\w+", expression)):
            found.add(name)
    return frozenset(found)


def concerns(result: Any, private: frozenset[str]) -> bool:
    """Say whether a result of Great Expectations is about any of `private`."""
    given = result.expectation_config.kwargs.items()
    # Columns by name, in a list, or in a query; the set of all columns is about no value.
    said = [str(value) for key, value in given if key not in ("column_set", "value_set")]
    return bool(private & set(re.findall(r"\w+", " ".join(said))))


def withhold(result: Any) -> None:
    """Leave of a result only counts and shares: lists and extremes are values of rows."""
    result.result = {
        key: value
        for key, value in result.result.items()
        if key.endswith(("_count", "_percent", "_percent_total", "_percent_nonmissing"))
    }
    for info in (result.exception_info or {}).values():
        if isinstance(info, dict) and info.get("raised_exception"):
            said = "could not be checked (the column is private)"
            info.update(exception_message=said, exception_traceback="")
