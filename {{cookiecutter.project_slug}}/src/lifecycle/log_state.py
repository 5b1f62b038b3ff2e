"""How the prediction log itself is: torn lines, duplicates, and clocks that went wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from lifecycle.predictions import NAMES, STAMP, STAMP_LENGTH, Log

TOLERATED = timedelta(seconds=60)


def _first_moment(path: Path) -> datetime | None:
    """Return the earliest time of a log file's whole lines."""
    if path.suffix == ".parquet":
        found = pl.scan_parquet(path).select(pl.col("logged_at").min()).collect().item()
    else:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        times = (
            pl.Series(lines, dtype=pl.String)
            .str.extract(r'"time":"([^"]+)"')
            .str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
        )
        found = times.min()
    return found if isinstance(found, datetime) else None


def backwards(folder: Path) -> int:
    """Count the files with a record from before the file was begun: its clock was set back."""
    count = 0
    for path in folder.glob(NAMES):
        begun = datetime.strptime(path.name[:STAMP_LENGTH], STAMP).replace(tzinfo=UTC)
        first = _first_moment(path)
        count += first is not None and first < begun - TOLERATED
    return count


def sentences(log: Log, folder: Path, now: datetime) -> list[str]:
    """Return a sentence for each thing that is wrong with the log, none where all is well."""
    found = []
    if log.torn:
        found.append(
            f"{log.torn} line{'s are' if log.torn > 1 else ' is'} torn (a crash or a full disk cut "
            "them off) and left out"
        )
    if log.duplicates:
        found.append(f"{log.duplicates} rows stand in the log twice and count once")
    late = now + TOLERATED
    ahead = sum(int((part["logged_at"] > late).sum()) for part in (log.predictions, log.refusals))
    if ahead:
        found.append(f"clock skew: {ahead} records are dated after now ({now:%Y-%m-%d %H:%M} UTC)")
    back = backwards(folder)
    if back:
        found.append(f"clock skew: in {back} files of the log the time goes backwards")
    return found
