"""A file is whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.command import StageError
from lifecycle.files import md5, read_json, replacing, write_json


def test_a_new_file_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "below" / "file"
    for text in ("old", "new"):
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
            assert not path.exists() or path.read_text(encoding="utf-8") == "old"
    assert path.read_text(encoding="utf-8") == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "file"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(error), replacing(path) as temporary:
        temporary.write_text("half of the ne", encoding="utf-8")
        raise error
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_without_a_number_is_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "report.json", {"roc_auc": value})
    assert list(tmp_path.iterdir()) == []


def test_json_comes_back_as_it_was(tmp_path: Path) -> None:
    value = {"rule": "Überschuss", "measured": 0.1 + 0.2}
    write_json(tmp_path / "report.json", value)
    assert read_json(tmp_path / "report.json") == value


def test_a_missing_or_broken_report_says_what_to_run(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with pytest.raises(StageError, match="is missing: run `make pipeline`"):
        read_json(path)
    with pytest.raises(StageError, match="is missing: run `make pipeline`"):
        md5(path)
    path.write_text('{"verdict": ', encoding="utf-8")
    with pytest.raises(StageError, match="is no valid JSON"):
        read_json(path)


def test_a_hash_is_of_the_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert md5(path) == "900150983cd24fb0d6963f7d28e17f72"  # pragma: allowlist secret
