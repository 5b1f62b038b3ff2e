"""The whole lifecycle says where it stopped, and takes nothing older for that."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from failing import stop

from lifecycle.contract.errors import StageError
from lifecycle.core.lifecycle_report import Report
from lifecycle.core.params import Params
from lifecycle.whole_lifecycle import pipeline


def test_an_older_failure_is_not_taken_for_that_of_a_killed_pipeline(
    here: Path, real_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop("deploy", StageError("nothing is packaged"))
    python = here / "python"
    python.write_text("#!/bin/sh\nkill -9 $$\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(StageError, match=r"^stopped at the pipeline; ") as stopped:
        pipeline(here, real_params, Report())
    assert "packaged" not in stopped.value.reason
