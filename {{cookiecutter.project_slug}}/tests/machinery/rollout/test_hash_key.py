"""The key of hashed columns is written for its owner only, and comes to no process by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.contract.errors import StageError
from lifecycle.rollout import key_file
from lifecycle.rollout.supervisor import Supervisor


def test_deploy_writes_it_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log_hash_key"
    monkeypatch.delenv("LOG_HASH_KEY", raising=False)
    assert not key_file.update_hash_key(path, 0o600)
    assert not path.exists()
    monkeypatch.setenv("LOG_HASH_KEY", "one")
    key_file.require_hash_key(path)
    assert [key_file.update_hash_key(path, 0o600) for _ in range(2)] == [True, False]
    assert path.stat().st_mode & 0o777 == 0o600
    key_file.require_hash_key(path)
    for wrong in ("x" * 65, "two\nlines", "end\n"):
        monkeypatch.setenv("LOG_HASH_KEY", wrong)
        with pytest.raises(StageError, match="LOG_HASH_KEY is longer than 64 bytes or than a line"):
            key_file.update_hash_key(path, 0o600)
        with pytest.raises(StageError, match="is not the key that the service hashes with"):
            key_file.require_hash_key(path)
    assert path.read_text(encoding="utf-8") == "one\n"


def test_what_runs_has_nothing_of_the_caller_but_what_a_process_needs(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    for name in ("LOG_HASH_KEY", "API_KEYS", "OMP_NUM_THREADS", "BENTOML_CONFIG", "MAKEFLAGS"):
        monkeypatch.setenv(name, "of the caller")
    monkeypatch.setenv("LANG", "C.UTF-8")
    folder = tmp_path_factory.mktemp("s")
    (folder / "s").mkdir()
    supervisor = Supervisor(folder, folder / "s")
    supervisor.start()
    try:
        number = int((folder / "supervisor.pid").read_text(encoding="ascii"))
        found = psutil.Process(number).environ()
        assert found["LANG"] == "C.UTF-8"
        assert "of the caller" not in found.values()
    finally:
        supervisor.shut_down()
