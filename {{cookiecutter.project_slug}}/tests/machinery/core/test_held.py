"""A lock for one command at a time says who has it, and outlives nobody."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lifecycle.contract.errors import StageError
from lifecycle.core.held import Held


def held(folder: Path) -> Held:
    return Held(folder / "lock", folder / "holder.json", "the report", "wait for it")


def test_whoever_comes_second_is_told_who_is_first(tmp_path: Path) -> None:
    with held(tmp_path).hold("monitor"):
        said = (
            rf"the report is being changed by process {os.getpid()} of .*\(monitor, .*: wait for it"
        )
        with pytest.raises(StageError, match=said), held(tmp_path).hold("monitor"):
            pass
    with held(tmp_path).hold("monitor"):
        assert held(tmp_path).holding()


@pytest.mark.parametrize("note", [
    None, b"", b"{", b"[]", b"\xff\xfe", b'{"pid": 1}',
    json.dumps({"pid": 1, "started": 5.0, "what": "x", "since": "x", "by": "x"}).encode(),
])  # fmt: skip
def test_a_lost_note_or_one_of_a_dead_process_names_nobody(
    note: bytes | None, tmp_path: Path
) -> None:
    with held(tmp_path).hold("monitor"):
        (tmp_path / "holder.json").unlink()
        if note is not None:
            (tmp_path / "holder.json").write_bytes(note)
        assert held(tmp_path).holding() is None
        with (
            pytest.raises(StageError, match="another command changes the report: wait for it"),
            held(tmp_path).hold("monitor"),
        ):
            pass
