"""Why a release does not start is written down for whoever started it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.contract.errors import StageError
from lifecycle.serving import refusal


@refusal.recorded()
def starts(error: BaseException | None) -> None:
    if error is not None:
        raise error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (StageError("API_KEYS is missing: set it"), "API_KEYS is missing: set it"),
        (ValueError("no tree"), "ValueError: no tree"),
        (None, None),
        # Nobody's refusal.
        (KeyboardInterrupt(), None),
    ],
)
def test_the_reason_is_a_record(
    error: BaseException | None, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "refusal.json"
    monkeypatch.setenv(refusal.VARIABLE, str(path))
    if error is None:
        starts(error)
    else:
        with pytest.raises(type(error)):
            starts(error)
    assert refusal.read(path) == said
    assert path.exists() is (said is not None)


def test_nobody_who_asks_and_no_room_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(refusal.VARIABLE, raising=False)
    with pytest.raises(StageError, match=r"^closed$"):
        starts(StageError("closed"))
    monkeypatch.setenv(refusal.VARIABLE, str(tmp_path))
    with pytest.raises(StageError, match=r"^closed$"):
        starts(StageError("closed"))
    assert list(tmp_path.iterdir()) == []
