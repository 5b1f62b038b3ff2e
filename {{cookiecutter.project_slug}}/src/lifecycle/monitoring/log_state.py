"""How the prediction log itself is: torn lines, duplicates, and clocks that went wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from lifecycle.monitoring.predictions import NAMES, STAMP, STAMP_LENGTH, Log

TOLERATED = timedelta(seconds=60)


def _moments(path: Path) -> pl.Series:
    """Return the times of a log file's whole lines, in its order."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path, columns=["logged_at"], glob=False)["logged_at"]
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return (
        pl.Series(lines, dtype=pl.String)
        .str.extract(r'"time":"([^"]+)"')
        .str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    )


def backwards(folder: Path) -> int:
    """Count the files in which a clock was set back: a record is older than one before it.

    A file is begun with its first record, so none may be older than the file's name says either.
    """
    count = 0
    for path in folder.glob(NAMES):
        begun = datetime.strptime(path.name[:STAMP_LENGTH], STAMP).replace(tzinfo=UTC)
        times = _moments(path).drop_nulls()
        behind = (times.cum_max() - times).max()
        first = times.min()
        count += bool(
            (isinstance(behind, timedelta) and behind > TOLERATED)
            or (isinstance(first, datetime) and first < begun - TOLERATED)
        )
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
        found.append(f"{_number(log.duplicates, 'row')} stood in the log once more: counted once")
    late = now + TOLERATED
    ahead = sum(int((part["logged_at"] > late).sum()) for part in (log.predictions, log.refusals))
    if ahead:
        records = f"{_number(ahead, 'record')} {'is' if ahead == 1 else 'are'}"
        found.append(f"clock skew: {records} dated after now ({now:%Y-%m-%d %H:%M} UTC)")
    back = backwards(folder)
    if back:
        found.append(f"clock skew: in {_number(back, 'file')} of the log the time goes backwards")
    return found


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
