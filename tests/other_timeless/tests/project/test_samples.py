"""The samples are what schema.yaml says they are."""

from __future__ import annotations

from lifecycle.contract.columns import load_schema
from project import source


def test_the_samples_have_the_columns_of_the_schema() -> None:
    assert source.samples().columns == [column.name for column in load_schema().columns]
