"""What cannot be a key does not come into the file that the service reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from serving.key_cases import WRONG

from lifecycle.contract.errors import StageError
from lifecycle.rollout import key_file


@pytest.mark.parametrize("key", WRONG)
def test_what_cannot_be_a_key_does_not_replace_those_that_are(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "api_keys"
    place.write_text("first\n", encoding="utf-8")
    monkeypatch.setenv("API_KEYS", key)
    with pytest.raises(StageError, match="cannot be one"):
        key_file.update(place, 0o600)
    assert place.read_text(encoding="utf-8") == "first\n"


def test_keys_that_are_none_do_not_leave_the_old_ones_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unset or empty, as CI passes a secret that is missing, says nothing about keys."""
    place = tmp_path / "api_keys"
    monkeypatch.setenv("API_KEYS", "first")
    assert key_file.update(place, 0o600)
    for none in (",", " ", " , ,", ",,"):
        monkeypatch.setenv("API_KEYS", none)
        with pytest.raises(StageError, match="API_KEYS names no key: set it to"):
            key_file.update(place, 0o600)
    monkeypatch.setenv("API_KEYS", "")
    assert not key_file.update(place, 0o600)
    monkeypatch.delenv("API_KEYS")
    assert not key_file.update(place, 0o600)
    assert place.read_text() == "first\n"
