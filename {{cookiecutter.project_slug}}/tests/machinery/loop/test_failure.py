"""A retrain says why its step stopped as that recorded it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from failing import stop

from lifecycle.contract.errors import StageError
from lifecycle.loop import retrain

# Its first lines are those that were once taken for the reason.
STEP = """
import sys
from lifecycle.contract.errors import StageError
from lifecycle.core.command import run

def main():
    print("deploy: version 7 was rolled back", file=sys.stderr)
    raise StageError("failed: roc_auc; nothing is released", reason="failed: roc_auc",
                     about=["roc_auc"], advice="make gate")

run("gate", main)
"""


@pytest.fixture
def step(here: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let a retrain run what is written here, whichever step it runs."""
    python = here / "python"
    python.write_text(f"#!/bin/sh\nexec {sys.executable} step.py\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))

    def write(text: str) -> None:
        (here / "step.py").write_text(text)

    return write


def test_a_retrain_says_what_its_step_recorded_and_not_what_that_printed(
    here: Path, step: Callable[[str], None]
) -> None:
    step(STEP)
    with pytest.raises(StageError) as stopped:
        retrain._run(here, "gate")
    error = stopped.value
    assert str(error) == "gate: failed: roc_auc; nothing is released"
    assert (error.step, error.about, error.reason) == ("gate", ("roc_auc",), "failed: roc_auc")
    assert error.advice == "make gate"


def test_of_a_step_that_left_no_record_the_first_line_is_quoted(
    here: Path, step: Callable[[str], None]
) -> None:
    # That of a step before says nothing about this one.
    stop("gate", StageError("failed"))
    step("raise SystemExit('\\nERROR: no record\\nmore')")
    with pytest.raises(StageError) as stopped:
        retrain._run(here, "gate")
    assert str(stopped.value) == "ERROR: no record"
    assert stopped.value.about == ()
    step("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(StageError, match=r"^gate failed$"):
        retrain._run(here, "gate")
