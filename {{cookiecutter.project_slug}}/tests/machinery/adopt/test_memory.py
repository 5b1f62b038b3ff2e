"""Adopt reads a source of any size in the memory of a part of it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import polars as pl
from folders import CODE, ROOT

from lifecycle.pipeline import repro


def profiled(folder: Path) -> None:
    """Do what `make adopt` does with all rows; then it fits small models on some of them."""
    import re

    from lifecycle.adopt import adopt, columns, keys, names, opening, profile, ranges

    part = folder / "part"
    part.mkdir()
    opened = opening.source("rows.csv", folder, part)
    found = profile.of_source(opened.rows, is_text=opened.is_text)
    typed = columns.typed(found, names.of_source(found.columns))
    values = columns.values_of(typed, found)
    orders = ranges.orders(values, list(typed.values()))
    held = keys.hold(opened.rows, typed, [("at", "code"), ("at", "id")], orders, is_text=True)
    # (All of it is loaded, as there.)
    assert adopt.__doc__
    assert held.keys and ("count", "above") in held.orders, held
    most = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert most is not None
    print(found.rows, most[1])


CHILD = f"""
import sys
from pathlib import Path
{inspect.getsource(profiled)}
profiled(Path(sys.argv[1]))
"""


def peak(folder: Path, count: int) -> int:
    """Return the most memory that so many rows took, in kilobytes."""
    folder.mkdir()
    frame = pl.int_range(count, eager=True).alias("id").to_frame().with_columns(
        at=pl.datetime(2013, 1, 1) + pl.duration(minutes=pl.col("id") * 7919 % 500_000),
        amount=pl.col("id") * 2_654_435_761 % 1_000_003 / 7,
        count=pl.col("id") * 40_503 % 997,
        above=pl.col("id") * 40_503 % 997 + pl.col("id") % 5,
        place=pl.format("place {}", pl.col("id") * 31 % 50),
        code=pl.format("c{}", "id"),
        late=pl.col("id") % 3 == 0,
    )  # fmt: skip
    frame.write_csv(folder / "rows.csv")
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder)], capture_output=True, text=True, check=False,
        env={"PYTHONPATH": CODE, **repro.SPARING},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows, kilobytes = map(int, done.stdout.split())
    assert rows == count
    return kilobytes


def test_twenty_times_the_rows_take_half_more_memory_at_most(tmp_path: Path) -> None:
    small, large = (peak(tmp_path / str(count), count) for count in (50_000, 1_000_000))
    assert large < 1.5 * small, f"{small} and {large} kB"


def test_make_runs_it_as_stages_are_run() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert " ".join(f"{name}={value}" for name, value in repro.SPARING.items()) in makefile
