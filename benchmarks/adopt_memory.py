"""Measures how long `make adopt` and ingest take, and how much memory, by the number of rows.

`make benchmark-adopt` generates a project and sets it up; for each number of rows it writes a CSV
file, adopts it and lets ingest read it. It writes docs/reference/adopt-benchmark.md; nothing is
asserted. With other numbers of rows (arguments) it only prints.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lifecycle import Run, timed

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "adopt-benchmark.md"
ROWS = (100_000, 1_000_000, 10_000_000)
# Keys of their own, a moment, numbers that say something of the target, categories, text, nulls.
MAKE_ROWS = """
import sys
import polars as pl

id = pl.col("id")
noise = [id * prime % 1_000_003 / 1_000_003 for prime in (2_654_435_761, 40_503, 69_069, 7_919)]
pl.LazyFrame().select(pl.int_range(int(sys.argv[2])).alias("id")).select(
    "id",
    (pl.datetime(2020, 1, 1) + pl.duration(minutes=id * 7_919 % 1_000_000)).alias("at"),
    (noise[0] * 100).round(2).alias("amount"),
    pl.when(noise[1] > 0.1).then(noise[1] * 50).alias("share"),
    (noise[2] * 1_000).cast(pl.Int64).alias("count"),
    pl.format("place {}", (noise[3] * 40).cast(pl.Int64)).alias("place"),
    pl.format("note {}", id).alias("note"),
    (noise[0] + (noise[1] + noise[2]) / 2 + (id * 48_271 % 1_000_003) / 1_000_003 > 1.4)
    .alias("late"),
).sink_csv(sys.argv[1])
"""
# As `make pipeline` runs its stages.
STAGE = {"PYTHONPATH": "src", "ARROW_DEFAULT_MEMORY_POOL": "system",
         "MALLOC_TRIM_THRESHOLD_": "65536"}  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """What was measured of a file."""

    rows: int
    megabytes: float
    adopt: Run
    ingest: Run


def measured(project: Path, rows: int, environment: dict[str, str]) -> Figures:
    """Adopt a file of so many rows and ingest it, in a project as it was generated."""
    subprocess.run(["git", "checkout", "--quiet", "."], cwd=project, check=True)
    shutil.rmtree(project / "data", ignore_errors=True)
    file = project / "rows.csv"
    python = str(project / ".venv/bin/python")
    timed([python, "-c", MAKE_ROWS, str(file), str(rows)], project, environment)
    print(f"{rows:,} rows", flush=True)
    adopt = timed(["make", "adopt", "SOURCE=rows.csv", "TARGET=late"], project, environment)
    print(f"adopt: {adopt}", flush=True)
    ingest = timed([python, "-m", "lifecycle", "ingest"], project, {**environment, **STAGE})
    print(f"ingest: {ingest}", flush=True)
    return Figures(rows, file.stat().st_size / 1e6, adopt, ingest)


def page(found: list[Figures]) -> str:
    """Return the page with every figure."""
    first = found[0]
    lines = [
        "# What adopting a file costs",
        "",
        f"Made by `make benchmark-adopt` on {os.cpu_count()} cores, Python "
        f"{platform.python_version()}: a CSV file of eight columns, of which one names the row and "
        "one is text that never comes twice. Peak memory is that of all processes together; in "
        "brackets as a multiple of that for the smallest file.",
        "",
        "| rows | file | `make adopt` | its peak memory | ingest | its peak memory |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in found:
        memory = [
            f"{run.peak_megabytes:.0f} MB ({run.peak_megabytes / least.peak_megabytes:.2f})"
            for run, least in ((one.adopt, first.adopt), (one.ingest, first.ingest))
        ]
        lines.append(f"| {one.rows:,} | {one.megabytes:.0f} MB | {one.adopt.seconds:.0f} s | "
                     f"{memory[0]} | {one.ingest.seconds:.0f} s | {memory[1]} |")  # fmt: skip
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure, print the page, and write it where the numbers of rows are those of the page."""
    counts = tuple(int(one) for one in sys.argv[1:]) or ROWS
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(
            [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", "-o", scratch],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        (project,) = Path(scratch).iterdir()
        timed(["make", "setup"], project, environment)
        # Once unmeasured: the first imports compile every library.
        measured(project, 1_000, environment)
        found = [measured(project, rows, environment) for rows in counts]
    text = page(found)
    print(text)
    if counts == ROWS:
        mark = "## Where it goes"
        kept = PAGE.read_text(encoding="utf-8").partition(mark) if PAGE.is_file() else ("",) * 3
        PAGE.write_text(text + "\n" + "".join(kept[1:]) if kept[1] else text, encoding="utf-8")


if __name__ == "__main__":
    main()
