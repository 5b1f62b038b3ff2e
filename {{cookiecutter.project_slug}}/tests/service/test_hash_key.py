"""The key of hashed columns stands in a file that a worker follows: another needs no restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from service.workers import make_home, start
from waiting import wait_for

from lifecycle.contract import seal
from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.privacy import hashed
from lifecycle.monitoring.predictions import as_logged
from lifecycle.rollout import key_file
from lifecycle.rollout.supervisor import Supervisor

FIRST, SECOND = "first key\n", "second key\n"
SETTINGS = {
    "flush_seconds": 0.05, "rotate_bytes": 10**9, "rotate_seconds": 3600, "keep_days": 1,
}  # fmt: skip


@pytest.fixture
def column(schema: Schema) -> str:
    """A column that requests have and that may be hashed."""
    return next(name for name in schema.request if name != schema.time)


def test_another_key_is_taken_up_while_requests_go_on(
    release: Path, column: str, records: list[Any], tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    home = make_home(release, tmp_path / "home", prediction_log=SETTINGS)
    content = yaml.safe_load((home / "release/schema.yaml").read_text(encoding="utf-8"))
    content["columns"][column]["private"] = "hashed"
    text = yaml.safe_dump(content, sort_keys=False)
    (home / "release/schema.yaml").write_text(text, encoding="utf-8")
    # As if it had been packaged so.
    seal.write(home)
    file, log = tmp_path / "log_hash_key", tmp_path / "log"
    file.write_text(FIRST, encoding="utf-8")
    record = next(one for one in records if one[column] is not None)
    worker = start(
        home, tmp_path_factory.mktemp("w"), "a", PREDICTION_LOG=str(log),
        LOG_HASH_KEY_FILE=str(file), LOG_HASH_KEY="that of the parent",
    )  # fmt: skip

    def logs(key: str | None) -> bool:
        worker.predict([record])
        lines = [line for path in log.glob("*.jsonl") for line in path.read_bytes().splitlines()]
        last = json.loads(lines[-1])["received"][column] if lines else None
        return last == hashed(column, record[column], key.strip().encode() if key else b"")

    try:
        worker.wait_until_ready()
        wait_for(lambda: logs(FIRST))
        file.write_text(SECOND, encoding="utf-8")
        wait_for(lambda: logs(SECOND))
        # Never without a key, and never with one that the hash cannot use.
        for broken in (None, "", "x" * 65):
            file.unlink() if broken is None else file.write_text(broken, encoding="utf-8")
            for _ in range(10):
                worker.predict([record])
            wait_for(lambda: logs(SECOND))
        assert worker.process.poll() is None
    finally:
        worker.process.kill()
        worker.process.wait()


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
