"""At a terminal it is seen how far long work is; a log has plain lines and nothing else."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from folders import ROOT

from lifecycle.core.terminal import table

SOURCE = ROOT / "src"
WORKS = """
from lifecycle.core.terminal import working
with working("train [x]", 4) as done:
    done(2)
    print("a line [of] it " + 100 * "x")
"""
LINE = f"a line [of] it {'x' * 100}"
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def seen(*arguments: str, terminal: bool, folder: Path, both: bool = True) -> tuple[str, int]:
    """Run Python; return what it wrote to a terminal, or to a pipe, and its exit code."""
    variables = {**os.environ, "PYTHONPATH": str(SOURCE), "TERM": "xterm", "COLUMNS": "80"}
    variables.pop("NO_COLOR", None)
    command = [sys.executable, *arguments]
    if not terminal:
        done = subprocess.run(command, cwd=folder, env=variables, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)  # fmt: skip
        return done.stdout, done.returncode
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, cwd=folder, env=variables, stdin=theirs, stdout=theirs,
        stderr=theirs if both else subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs)
    found = b""
    try:
        while piece := os.read(ours, 65_536):
            found += piece
    except OSError:
        # So Linux says that the other end is closed; elsewhere nothing more is read.
        pass
    finally:
        os.close(ours)
    return found.decode(), process.wait()


def test_at_a_terminal_it_is_seen_how_far_it_is(tmp_path: Path) -> None:
    found, code = seen("-c", WORKS, terminal=True, folder=tmp_path)
    assert code == 0
    assert "\x1b[?25h" in found
    plain = CODES.sub("", found)
    assert f"{LINE}\r\n" in plain
    assert re.search(r"train \[x\] .* 50% 0:00:0", plain)
    # The last that is done to its line is that it is erased.
    assert found.rstrip().endswith("\x1b[2K")


@pytest.mark.parametrize(("terminal", "both"), [(False, True), (True, False)])
def test_a_log_has_the_lines_alone(terminal: bool, both: bool, tmp_path: Path) -> None:
    found, code = seen("-c", WORKS, terminal=terminal, folder=tmp_path, both=both)
    assert (found.splitlines(), code) == ([LINE], 0)


def test_the_reason_stays_when_long_work_fails(tmp_path: Path) -> None:
    found, code = seen("-m", "lifecycle", "lineage", terminal=True, folder=tmp_path)
    assert code == 1
    plain = CODES.sub("", found)
    assert "lineage 0:00:0" in plain
    assert "lineage: " in plain
    assert "holds no params.yaml: run this from the project's folder\r\n" in plain
    found, code = seen("-m", "lifecycle", "lineage", terminal=False, folder=tmp_path)
    assert code == 1
    assert found.startswith("lineage: ")
    assert found.count("\n") == 1


def test_a_table_is_as_wide_as_it_needs_and_its_text_is_no_style() -> None:
    long = "x" * 300
    rows = [["[bold]a[/bold]", "1"], [long, "10"], [":smile:", ""]]
    head, first, second, third = table(["name", "rows"], rows, numbers=["rows"]).splitlines()
    assert head == f"{'name':300}  rows"
    assert first == f"{'[bold]a[/bold]':300}     1"
    assert second == f"{long}    10"
    assert third == ":smile:"
