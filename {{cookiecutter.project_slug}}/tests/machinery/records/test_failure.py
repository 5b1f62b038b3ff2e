"""Why a command stopped is one record in a file: nobody looks for it in what was printed."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from failing import stop

from lifecycle.contract.errors import FULL_ADVICE, StageError
from lifecycle.core import failure
from lifecycle.core.command import run
from lifecycle.core.failure import Failure
from lifecycle.records import verdict


def test_a_failure_is_kept_with_all_that_it_is_about(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = StageError("2 columns: type `make pipeline`", reason="2 columns", about=("a", "b"),
                       advice="make pipeline", step="ingest")  # fmt: skip
    stop("lifecycle", error)
    assert capsys.readouterr().err == "lifecycle: 2 columns: type `make pipeline`\n"
    assert failure.read(here) == Failure(
        "lifecycle", "ingest", ("a", "b"), "2 columns", "make pipeline",
        "2 columns: type `make pipeline`",
    )  # fmt: skip
    assert set(json.loads((here / failure.FILE).read_text(encoding="utf-8"))) == {
        "command", "step", "about", "reason", "advice", "said",
    }  # fmt: skip


def test_where_no_more_is_known_the_line_is_the_reason(here: Path) -> None:
    stop("train", StageError("no rows"))
    assert failure.read(here) == Failure("train", "train", (), "no rows", "", "no rows")


def test_what_to_type_ends_the_line_and_stands_in_the_record(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stop("train", StageError("no rows", "run `make pipeline`", about=["day"]))
    assert capsys.readouterr().err == "train: no rows: run `make pipeline`\n"
    found = failure.read(here)
    assert found == Failure("train", "train", ("day",), "no rows", "run `make pipeline`",
                            "no rows: run `make pipeline`")  # fmt: skip
    # Whose step it was says the same, once.
    passed = failure.passed_on(found)
    assert str(passed) == "train: no rows: run `make pipeline`"
    assert (passed.reason, passed.advice) == ("no rows", "run `make pipeline`")


def test_what_the_system_refuses_is_kept_too(here: Path) -> None:
    stop("train", OSError(errno.ENOSPC, "No space left on device", "model.ubj"))
    found = failure.read(here)
    assert found is not None
    assert (found.step, found.advice) == ("train", FULL_ADVICE)
    assert found.said == f"model.ubj: {FULL_ADVICE}"


def test_a_command_that_begins_again_has_not_failed(here: Path) -> None:
    stop("gate", StageError("failed"))
    run("compare", lambda: None)
    assert failure.read(here) is not None
    run("gate", lambda: None)
    assert failure.read(here) is None


@pytest.mark.parametrize("spoil", [
    lambda path: path.write_bytes(b"{"), lambda path: path.write_bytes(b"[]"),
    lambda path: path.write_bytes(b'{"command": "gate"}'), lambda path: path.unlink(),
])  # fmt: skip
def test_a_record_that_cannot_be_read_is_none(here: Path, spoil: Callable[[Path], object]) -> None:
    stop("gate", StageError("failed"))
    spoil(here / failure.FILE)
    assert failure.read(here) is None
    failure.forget(here)


def test_outside_a_project_nothing_is_left(here: Path) -> None:
    (here / "params.yaml").unlink()
    stop("gate", StageError("this is no project"))
    assert list(here.iterdir()) == []


def test_a_record_that_cannot_be_written_changes_nothing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / ".lifecycle").write_text("a file")
    stop("gate", StageError("failed"))
    assert capsys.readouterr().err == "gate: failed\n"


def test_a_verdict_that_does_not_hold_names_its_rules() -> None:
    line = {"rule": "roc_auc", "measured": "", "required": "", "verdict": "fail"}
    found = {**dict.fromkeys(verdict.CONTENTS, ""), "verdict": "pass", "rules": [line],
             "champion": None, "base": None}  # fmt: skip
    with pytest.raises(StageError) as stopped:
        verdict.passed(found)
    assert stopped.value.about == ("roc_auc",)
    assert stopped.value.advice == verdict.AGAIN
    assert str(stopped.value) == f"{stopped.value.reason}: {verdict.AGAIN}"
