"""Broken data stops the line at validate or prepare, and changes nothing that is released.

The source is broken as it breaks in reality, in a project that has a champion; then the real
target runs. Of each failure there is one line on stderr; of each failed expectation one line in
the printed table and an entry with examples in reports/validation.json.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from breaking import (
    LIFECYCLE,
    VALIDATION,
    Columns,
    Unchanged,
    edit_json,
    flights,
    git,
    keep,
    md5,
    month_up_to,
    read_json,
    rows_of,
    slipped,
    stopped,
    weather,
)  # fmt: skip
from running import Project

pytestmark = pytest.mark.slow

NEWEST = 3
# A check on the whole example takes 6 seconds on two quiet cores.
SECONDS = 20
# Run by the project's Python: each column of the snapshot slips by one row, one at a time. The
# columns are checked by what ties them to others; their own limits hold as before.
SLIP = """
import json, sys
from pathlib import Path
import polars as pl
from lifecycle.pipeline import validate
from lifecycle.contract.columns import load_schema
from lifecycle.pipeline.suite import load_beyond
schema, beyond = load_schema(), load_beyond()
frame = pl.read_parquet("data/snapshot.parquet").head(10_000)
frames = {"nothing": (validate.with_derived(frame, beyond), beyond.expectations, [])}
for name in frame.columns:
    slipped = frame.with_columns(pl.concat([frame[name].tail(1), frame[name].head(-1)]))
    frames[name] = (validate.with_derived(slipped, beyond), beyond.expectations, [])
failed = {name: [] for name in frames}
for result in validate.check(frames, Path(sys.argv[1]), 0):
    if not result["passed"]:
        failed[result["data"]].append(result["column"])
print(json.dumps(failed))
"""


def one_column_null(columns: Columns) -> None:
    for row in rows_of(columns, NEWEST)[:40]:
        columns["distance"][row] = "NA"


def closed_category(columns: Columns) -> None:
    for row in rows_of(columns, NEWEST)[:3]:
        columns["carrier"][row] = "ZZ"


def open_category(columns: Columns) -> None:
    for row in rows_of(columns, NEWEST)[:400]:
        columns["dest"][row] = "ZZZ"


def out_of_limits(columns: Columns) -> None:
    for row in rows_of(columns, NEWEST)[:5]:
        columns["dep_delay"][row] = "2500"
        columns["arr_delay"][row] = "2500"


def negated(columns: Columns) -> None:
    columns["distance"] = [f"-{value}" for value in columns["distance"]]


def doubled_rows(columns: Columns) -> None:
    twice = rows_of(columns, NEWEST)[:6]
    for values in columns.values():
        values += [values[row] for row in twice]


def half_of_the_newest_month(columns: Columns) -> None:
    lost = set(rows_of(columns, NEWEST)[::2])
    keep(columns, lambda row: row not in lost)


def slipped_distance(columns: Columns) -> None:
    columns["distance"] = slipped(columns["distance"])


# What is done to the flights; then column, rule and number of rows of the expectation that fails.
FAILURES = [
    (closed_category, "carrier", "column_values_to_be_in_set", 3),
    (open_category, "destination", "column_values_to_be_in_set", 400),
    (out_of_limits, "arrival_delay", "column_values_to_be_between", 5),
    (negated, "distance", "column_values_to_be_between", None),
    (
        doubled_rows, "scheduled_departure, carrier, flight_number",
        "compound_columns_to_be_unique", 12,
    ),
    (half_of_the_newest_month, "row_count_change", "column_values_to_be_between", 1),
    (slipped_distance, "speed_in_miles_an_hour", "column_values_to_be_between", None),
]  # fmt: skip


def failure(project: Project, column: str, rule: str) -> dict[str, Any]:
    """Return the entry of the one failed expectation for a column and rule."""
    report = read_json(project, VALIDATION)
    assert report["passed"] is False
    (found,) = [
        one
        for one in report["failed"]
        if (one["column"], one["rule"]) == (column, f"expect_{rule}")
    ]
    return dict(found)


@pytest.mark.parametrize(
    ("harm", "column", "rule", "count"), FAILURES, ids=[case[0].__name__ for case in FAILURES]
)
def test_a_failing_expectation_names_column_rule_and_count(
    harm: Callable[[Columns], None], column: str, rule: str, count: int | None,
    champion: Project, unchanged: Unchanged,
) -> None:  # fmt: skip
    with flights(champion) as columns:
        harm(columns)
    with unchanged(champion, "ingest"):
        done = champion.make("pipeline")
    stopped(done, "validate", "expectations failed", VALIDATION)
    found = failure(champion, column, rule)
    assert found["count"] == count if count else found["count"] > 1000
    (line,) = [
        line
        for line in done.stdout.splitlines()
        if line.startswith(column[:32]) and rule[:44] in line
    ]
    assert str(found["count"]) in line
    assert 1 <= len(found["examples"]) <= 5
    key = (
        {"month"}
        if found["data"] == "months"
        else {"scheduled_departure", "carrier", "flight_number"}
    )
    assert all(set(example) == key for example in found["examples"])


def test_a_weather_file_cut_between_two_lines_shows_as_nulls(
    champion: Project, unchanged: Unchanged
) -> None:
    with weather(champion) as columns:
        keep(columns, month_up_to(columns, NEWEST - 1))
    with unchanged(champion, "ingest"):
        done = champion.make("pipeline")
    stopped(done, "validate", "expectations failed, first temperature")
    assert failure(champion, "temperature", "column_values_to_not_be_null")["share"] > 0.3


def test_a_time_outside_the_window_is_named(champion: Project, unchanged: Unchanged) -> None:
    # Ingest lets none through: the snapshot itself is changed.
    champion.python("-c", (
        "import polars as pl; path = 'data/snapshot.parquet'; frame = pl.read_parquet(path);"
        "late = pl.col('scheduled_departure').dt.offset_by('1y');"
        "first = pl.int_range(pl.len()) < 2;"
        "frame.with_columns(pl.when(first).then(late).otherwise(pl.col('scheduled_departure')))"
        ".write_parquet(path)"
    ))  # fmt: skip
    with unchanged(champion):
        done = champion.python("-m", "lifecycle", "validate")
    stopped(done, "validate", "expectations failed")
    assert failure(champion, "scheduled_departure", "column_values_to_be_between")["count"] == 2


def test_every_column_that_slips_against_the_others_is_caught(
    champion: Project, tmp_path: Path
) -> None:
    done = champion.python("-c", SLIP, str(tmp_path / "docs"))
    assert done.returncode == 0, done.stderr
    failed = json.loads(done.stdout.splitlines()[-1])
    assert len(failed) == 1 + 21
    # A flight's number says nothing about the flight: it is seen only where keys collide.
    assert [name for name, columns in failed.items() if not columns] == ["nothing", "flight_number"]


def test_a_column_that_slips_in_the_weather_file_is_caught(
    champion: Project, unchanged: Unchanged
) -> None:
    # As are dew point and humidity. An hour's wind, precipitation, pressure and visibility are tied
    # to no other column: slipped by an hour in the source, they are like any other weather.
    with weather(champion) as columns:
        columns["temp"] = slipped(columns["temp"])
    with unchanged(champion, "ingest"):
        done = champion.make("pipeline")
    stopped(done, "validate", "expectations failed")
    assert failure(champion, "humidity_off_formula", "column_values_to_be_between")["count"] > 1000


def test_a_failing_check_of_the_whole_example_ends_within_seconds(
    project: Project, unchanged: Unchanged
) -> None:
    with flights(project) as columns:
        one_column_null(columns)
    project.python("-m", "lifecycle", "ingest")
    with unchanged(project):
        began = time.monotonic()
        done = project.python("-m", "lifecycle", "validate")
        seconds = time.monotonic() - began
    stopped(done, "validate", "distance: expect_column_values_to_not_be_null, 40 rows")
    found = failure(project, "distance", "column_values_to_not_be_null")
    assert (found["count"], len(found["examples"])) == (40, 5)
    assert seconds < SECONDS, f"{seconds:.1f} s"


def test_the_champion_serves_on_and_the_last_good_data_can_be_had(
    champion: Project, unchanged: Unchanged
) -> None:
    good = md5(champion.root / "data/snapshot.parquet")
    champion.must("deploy")
    try:
        with flights(champion) as columns:
            closed_category(columns)
        with unchanged(champion, "ingest"):
            done = champion.make("lifecycle")
            stopped(done, "lifecycle", "stopped at validate", "nothing is released")
            stopped(done, "validate", "carrier: expect_column_values_to_be_in_set, 3 rows")
            assert '"model_version": "1"' in champion.must("predict")
    finally:
        champion.must("stop")
    steps = {step["name"]: step["status"] for step in read_json(champion, LIFECYCLE)["steps"]}
    assert steps == {"ingest": "ran", "validate": "failed"}
    git(champion, "checkout", "--", "dvc.lock")
    assert champion.python("-m", "dvc", "checkout", "--force").returncode == 0
    assert md5(champion.root / "data/snapshot.parquet") == good


@pytest.mark.parametrize(
    ("column", "role"), [("departure_delay", "leak"), ("arrival_delay", "leak"), ("late", "target")]
)
def test_a_feature_of_a_column_known_later_is_refused(
    column: str, role: str, champion: Project, unchanged: Unchanged
) -> None:
    champion.change(
        "src/project/features.py",
        '"weekday": functions.weekday(departure),',
        f'"weekday": functions.weekday(departure), "known_later": column("{column}") * 1,',
    )
    with unchanged(champion):
        done = champion.make("pipeline")
    stopped(done, "prepare", f"features.py uses the column {column}, whose role is {role}")


def test_a_leak_column_declared_as_a_feature_is_refused(
    champion: Project, unchanged: Unchanged
) -> None:
    champion.change(
        "schema.yaml",
        "{type: float, roles: [leak], description: Delay at arrival",
        "{type: float, roles: [leak, feature], description: Delay at arrival",
    )
    with unchanged(champion):
        done = champion.make("pipeline")
    stopped(done, "ingest", "schema.yaml", "arrival_delay: known only after the event")


def test_a_snapshot_that_did_not_pass_is_not_prepared(
    champion: Project, unchanged: Unchanged
) -> None:
    edit_json(champion, VALIDATION, lambda report: report.update(passed=False))
    with unchanged(champion):
        done = champion.python("-m", "lifecycle", "prepare")
    stopped(done, "prepare", "data/snapshot.parquet did not pass validation")


def test_a_key_in_train_and_holdout_is_refused(champion: Project) -> None:
    # Parts cut by time cannot share a key that holds the time, so the rule is asked directly.
    done = champion.python("-c", (
        "import polars as pl;"
        "from lifecycle.pipeline import prepare; from lifecycle.core.command import run;"
        "train = pl.read_parquet('data/train.parquet');"
        "holdout = pl.concat([pl.read_parquet('data/holdout.parquet'), train.head(3)]);"
        "keys = ['scheduled_departure', 'carrier', 'flight_number'];"
        "run('prepare', lambda: prepare.refuse_shared_keys(train, holdout, keys))"
    ))  # fmt: skip
    stopped(done, "prepare", "3 rows of the holdout have a key (scheduled_departure, carrier")
