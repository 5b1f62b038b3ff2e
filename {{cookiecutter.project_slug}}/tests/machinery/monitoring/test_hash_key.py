"""Labels are hashed with the key that the service hashes with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.privacy import hashed
from lifecycle.monitoring.predictions import as_logged

FIRST, SECOND = "first key\n", "second key\n"


@pytest.fixture
def column(schema: Schema) -> str:
    """A column that requests have and that may be hashed."""
    return next(name for name in schema.request if name != schema.clock)


def test_labels_are_hashed_with_the_key_of_the_file(
    release: Path, column: str, records: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import polars as pl

    text = (release / "schema.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    content["columns"][column]["private"] = "hashed"
    (tmp_path / "schema.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    hidden, file = load_schema(tmp_path / "schema.yaml"), tmp_path / "log_hash_key"
    monkeypatch.setenv("LOG_HASH_KEY_FILE", str(file))
    monkeypatch.setenv("LIFECYCLE_ENVIRONMENT", "production")
    monkeypatch.delenv("LOG_HASH_KEY", raising=False)
    value = next(one[column] for one in records if one[column] is not None)
    frame = pl.DataFrame({column: [value]})
    for key in (FIRST, SECOND):
        file.write_text(key, encoding="utf-8")
        found = as_logged(frame, hidden)[column].to_list()
        assert found == [hashed(column, value, key.strip().encode())]
    file.unlink()
    with pytest.raises(StageError, match="set LOG_HASH_KEY"):
        as_logged(frame, hidden)
