"""A file is whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import (
    md5,
    move,
    read_json,
    read_state,
    replacing,
    write_json,
    write_text,
)


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


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is brought to the disk and renamed, in order; all of it is done as well."""
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        done.append(f"synced {Path(f'/proc/self/fd/{descriptor}').readlink().name.strip('.')}")
        fsync(descriptor)

    def replaced(source: Path, target: Path) -> Path:
        done.append(f"renamed to {target.name}")
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    return done


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="files are named by /proc here")
def test_a_name_is_given_when_the_content_is_with_the_disk(
    tmp_path: Path, order: list[str]
) -> None:
    write_text(tmp_path / "state", "text")
    part = f"state.{os.getpid()}.part"
    assert order == [f"synced {part}", "renamed to state", f"synced {tmp_path.name}"]
    order.clear()
    (tmp_path / "made" / "below").mkdir(parents=True)
    (tmp_path / "made" / "below" / "file").touch()
    move(tmp_path / "made", tmp_path / "kept")
    assert sorted(order[:2]) == ["synced below", "synced file"]
    assert order[2:] == ["synced made", "renamed to kept", f"synced {tmp_path.name}"]


def test_a_file_with_rights_is_never_more_open_than_they_are(tmp_path: Path) -> None:
    for mode in (0o600, 0o644):
        write_text(tmp_path / "keys", "secret", mode)
        assert (tmp_path / "keys").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"5", b"null", b"\x00\xff"])
def test_a_state_that_is_lost_or_broken_is_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "state.json"
    if content is not None:
        path.write_bytes(content)
    assert read_state(path) is None
    write_json(path, {"live": 1})
    assert read_state(path) == {"live": 1}
