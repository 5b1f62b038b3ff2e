"""The key of hashed columns stands in a file that a worker follows: another needs no restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from waiting import wait_for
from workers import make_home, start

from lifecycle.contract import seal
from lifecycle.contract.columns import Schema
from lifecycle.contract.privacy import hashed

FIRST, SECOND = "first key\n", "second key\n"
SETTINGS = {
    "flush_seconds": 0.05, "rotate_bytes": 10**9, "rotate_seconds": 3600, "keep_days": 1,
}  # fmt: skip


@pytest.fixture
def column(schema: Schema) -> str:
    """A column that requests have and that may be hashed."""
    return next(name for name in schema.request if name != schema.clock)


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
        # The last line may be half there, where it is being written while it is read here.
        whole = [path.read_bytes().rpartition(b"\n")[0] for path in log.glob("*.jsonl")]
        lines = [line for part in whole for line in part.splitlines()]
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
