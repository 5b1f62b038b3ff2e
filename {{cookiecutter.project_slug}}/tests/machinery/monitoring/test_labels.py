"""Labels as they come: several files, two formats, mistakes in them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from lifecycle.contract.columns import Column, Schema
from lifecycle.contract.errors import StageError
from lifecycle.core.source_settings import CsvSource
from lifecycle.monitoring import joining, labels


@pytest.fixture
def known(rows: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    return rows.select(*schema.names("key"), schema.target).unique(schema.names("key"))


def test_parquet_and_csv_join_with_predictions(
    known: pl.DataFrame, schema: Schema, tmp_path: Path
) -> None:
    """The last one of a key counts, and nothing joins twice; no name is a pattern."""
    folder = tmp_path / "[labels]*?"
    folder.mkdir()
    known[:100].write_csv(folder / "a [1]*?.csv")
    known[100:].write_parquet(folder / "b [1]*?.parquet")
    corrected = known[:1].with_columns(~pl.col(schema.target))
    corrected.write_csv(folder / "c.csv")
    (folder / "notes.txt").write_text("not labels")
    found = labels.read(folder, schema)
    assert found is not None
    assert found.height == known.height
    keys = schema.names("key")
    predictions = pl.concat([known, known[:5]]).drop(schema.target)
    joined = labels.join(predictions, found, schema)
    assert joined.height == known.height
    first = joined.join(corrected.select(keys), on=keys, how="semi")
    assert first[schema.target].to_list() == corrected[schema.target].to_list()


def test_files_may_have_the_names_of_the_source(
    known: pl.DataFrame, schema: Schema, tmp_path: Path
) -> None:
    raw = {name: f"{name} (Ü.)" for name in (*schema.names("key"), schema.target)}
    source = CsvSource(kind="csv", path="a", columns={one: name for name, one in raw.items()})
    known[:100].rename(raw).write_csv(tmp_path / "a.csv")
    known[100:200].rename(raw).write_parquet(tmp_path / "b.parquet")
    known[200:].write_csv(tmp_path / "c.csv")
    found = labels.read(tmp_path, schema, source)
    assert found is not None
    assert found.equals(known.select(found.columns))
    known.with_columns(pl.col(schema.target).alias(raw[schema.target])).write_csv(
        tmp_path / "c.csv"
    )
    with pytest.raises(StageError, match=r"c\.csv has the columns .* one and the same"):
        labels.read(tmp_path, schema, source)


def test_no_files_are_no_labels(schema: Schema, tmp_path: Path) -> None:
    assert labels.read(tmp_path / "nothing", schema) is None


def test_what_is_no_file_of_labels_is_named(
    known: pl.DataFrame, schema: Schema, tmp_path: Path
) -> None:
    """Not ignored: somebody took it for labels."""
    known[:100].write_csv(tmp_path / "june.CSV")
    known[100:].write_parquet(tmp_path / "may.Parquet")
    for name in ("a.csv.gz", "b.parq", ".hidden", "sub/x.csv", "c.csv/part-0.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    found = labels.read(tmp_path, schema)
    assert found is not None
    assert found.height == known.height
    assert labels.unread(tmp_path) == "a.csv.gz, b.parq, c.csv/part-0.parquet, sub/x.csv"
    for number in range(5):
        (tmp_path / f"{number}.tsv").write_text("x")
    assert labels.unread(tmp_path) == "0.tsv, 1.tsv, 2.tsv, 3.tsv, 4.tsv and 4 more"
    assert not labels.unread(tmp_path / "nothing")


def test_mistakes_name_file_and_reason(known: pl.DataFrame, schema: Schema, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    known.drop("carrier").write_csv(path)
    with pytest.raises(StageError, match=r"a\.csv lacks the column carrier"):
        labels.read(tmp_path, schema)
    known.with_columns(pl.lit("perhaps").alias(schema.target)).write_csv(path)
    with pytest.raises(StageError, match=r"a\.csv: late: \d+ values are no boolean, as 'perhaps'"):
        labels.read(tmp_path, schema)
    path.write_text("")
    with pytest.raises(StageError, match=r"a\.csv cannot be read: "):
        labels.read(tmp_path, schema)
    path.unlink()
    (tmp_path / "b.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(StageError, match=r"b\.parquet cannot be read: "):
        labels.read(tmp_path, schema)


SPOILT_KEYS: dict[str, tuple[pl.Expr, str]] = {
    "a zone": (
        pl.col("scheduled_departure").dt.replace_time_zone("UTC"),
        r"scheduled_departure: \d+ values are no datetime, as '.*\(it has a zone: name",
    ),
    "milliseconds": (
        pl.col("scheduled_departure").dt.epoch("ms"),
        r"scheduled_departure: \d+ values are no datetime, as '\d+' \(the column has numbers",
    ),
    "fractions": (
        pl.col("flight_number") + 0.9,
        r"flight_number: \d+ values are no integer, as '\d+\.9' \(write 408 or 408\.0\)",
    ),
    "no value": (
        pl.when(pl.int_range(pl.len()) > 2).then("flight_number").alias("flight_number"),
        r"flight_number is null in 3 rows",
    ),
}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("kind", SPOILT_KEYS)
def test_a_key_that_no_prediction_has_is_refused_by_name(
    known: pl.DataFrame, schema: Schema, tmp_path: Path, kind: str, suffix: str
) -> None:
    """Not left to join with nothing."""
    change, message = SPOILT_KEYS[kind]
    path = tmp_path / f"a{suffix}"
    spoilt = known.with_columns(change)
    spoilt.write_csv(path) if suffix == ".csv" else spoilt.write_parquet(path)
    if (kind, suffix) == ("a zone", ".csv"):
        message = message.partition(r"\(")[0]
    if (kind, suffix) == ("milliseconds", ".csv"):
        message = r"scheduled_departure: \d+ values are no datetime, as '\d+' \(give local time"
    with pytest.raises(StageError, match=rf"a\{suffix}: {message}"):
        labels.read(tmp_path, schema)


def test_whole_floats_join_as_integers(known: pl.DataFrame, schema: Schema, tmp_path: Path) -> None:
    """As pandas writes integers beside nulls."""
    floats = known.with_columns(pl.col("flight_number").cast(pl.Float64))
    floats[:100].write_csv(tmp_path / "a.csv")
    floats[100:].write_parquet(tmp_path / "b.parquet")
    assert ".0," in (tmp_path / "a.csv").read_text(encoding="utf-8")
    found = labels.read(tmp_path, schema)
    assert found is not None
    counted = joining.count(known, found, schema)
    assert counted.joined == counted.labels == known.height
    assert not counted.is_nearly_none


Change = Callable[[pl.Expr], pl.Expr]
AWAY: dict[str, tuple[str, Change, str]] = {
    "case": ("carrier", lambda c: c.str.to_lowercase(), "carrier differs in case"),
    "whitespace": ("carrier", lambda c: c + pl.lit("  "), "carrier differs in whitespace"),
    "zeros": ("carrier", lambda c: pl.lit("00") + c, "carrier differs in leading zeros"),
    "number": ("carrier", lambda c: c + pl.lit(".0"), "carrier differs in type: one is a number"),
    "other codes": ("carrier", lambda c: pl.lit("Airline ") + c, "carrier differs: labels have"),
    "universal time": (
        "scheduled_departure", lambda c: c + timedelta(hours=5),
        "scheduled_departure of the labels is 5 hours ahead of that of the predictions, as in ano",
    ),
    "a zone behind": (
        "scheduled_departure", lambda c: c - timedelta(hours=3, minutes=30),
        "scheduled_departure of the labels is 3.5 hours behind that of the predictions",
    ),
    "days only": (
        "scheduled_departure", lambda c: c.dt.truncate("1d"),
        "scheduled_departure agrees only up to the day",
    ),
    "seconds": (
        "scheduled_departure", lambda c: c + timedelta(seconds=7),
        "scheduled_departure agrees only up to the minute",
    ),
    "another number": ("flight_number", lambda c: c + 100_000, "flight_number differs: labels"),
}  # fmt: skip


@pytest.mark.parametrize("kind", AWAY)
def test_why_labels_do_not_join_is_found_by_trying(
    known: pl.DataFrame, schema: Schema, kind: str
) -> None:
    name, change, reason = AWAY[kind]
    away = known.with_columns(change(pl.col(name)).alias(name))
    counted = joining.count(known.drop(schema.target), away, schema)
    assert counted.is_nearly_none
    assert f"of {known.height} labels " in counted.sentence
    assert joining.reason(known.drop(schema.target), away, schema).startswith(reason)


def test_two_reasons_are_found_together(known: pl.DataFrame, schema: Schema) -> None:
    away = known.with_columns(
        pl.col("carrier").str.to_lowercase(), pl.col(schema.clock) + timedelta(hours=5)
    )
    assert joining.count(known, away, schema).is_nearly_none
    said = joining.reason(known, away, schema)
    assert "carrier differ in how they are written" in said
    assert "5 hours ahead of that of the predictions" in said


def test_a_hash_of_another_key_is_the_reason(known: pl.DataFrame, schema: Schema) -> None:
    def hashed(column: Column) -> Column:
        update = {"private": "hashed"} if column.name == "carrier" else {}
        return column.model_copy(update=update)

    private = Schema(columns=tuple(hashed(column) for column in schema.columns))
    ours, theirs = (
        known.with_columns((pl.lit(key) + pl.col("carrier")).alias("carrier")) for key in "ab"
    )
    said = joining.reason(ours, theirs, private)
    assert said.startswith("carrier differs: it is hashed in the log, so LOG_HASH_KEY may be")


@pytest.mark.parametrize(
    "kind", [name for name in AWAY if name not in ("other codes", "another number")]
)
@pytest.mark.parametrize("share", [0.06, 0.3, 0.5, 0.85])
def test_why_a_part_of_the_labels_does_not_join_is_found(
    known: pl.DataFrame, schema: Schema, kind: str, share: float
) -> None:
    name, change, reason = AWAY[kind]
    joins = int(share * known.height)
    mixed = known.with_columns(
        pl.when(pl.int_range(pl.len()) < joins).then(pl.col(name)).otherwise(change(pl.col(name)))
    )
    counted = joining.count(known.drop(schema.target), mixed, schema)
    assert not counted.is_nearly_none
    more, why = joining.reason_of_rest(known.drop(schema.target), mixed, schema)
    assert why.startswith(reason)
    assert more > 0.8 * (known.height - joins)


def test_labels_of_other_rows_have_no_reason(known: pl.DataFrame, schema: Schema) -> None:
    """More was served than has labels, or more has labels; each in part; or a few are odd."""
    known = known.sample(fraction=1, shuffle=True, seed=1)
    third = known.height // 3
    for rows, given in (
        (known, known[:third]), (known[:third], known), (known[: 2 * third], known[third:]),
        (known, known[:0]), (known[:0], known),
    ):  # fmt: skip
        assert joining.reason_of_rest(rows, given, schema) == (0, "")
    few = known.with_columns(
        pl.when(pl.int_range(pl.len()) < joining.FEW - 1)
        .then(pl.col("carrier").str.to_lowercase()).otherwise("carrier")
    )  # fmt: skip
    assert joining.reason_of_rest(known, few, schema) == (0, "")


def test_labels_of_some_predictions_are_no_finding(known: pl.DataFrame, schema: Schema) -> None:
    """Of a part, of more than was served, of another month, and of too few to say anything."""
    known = known.sort(schema.clock)
    some, half = known.gather_every(50), known.height // 2
    for rows, given in (
        (known, some), (some, known), (known[:half], known[half:]), (known, known[:0]),
    ):  # fmt: skip
        assert not joining.count(rows, given, schema).is_nearly_none
    few = known[:5].with_columns(pl.col("carrier").str.to_lowercase())
    assert not joining.count(known[:5], few, schema).is_nearly_none
    assert joining.count(known[:half], known[half:], schema).joined <= 1


def test_without_the_time_among_the_keys_only_what_is_found_is_a_finding(
    known: pl.DataFrame, schema: Schema
) -> None:
    """Labels of other rows are not late by a mistake; labels in another case are."""
    roles = {schema.clock: ("time",), "carrier": ("key",), "flight_number": ("key",)}
    columns = [c.model_copy(update={"roles": roles.get(c.name, c.roles)}) for c in schema.columns]
    numbered = known.with_columns(flight_number=pl.int_range(pl.len()))
    timeless, half = Schema(columns=tuple(columns)), known.height // 2
    ours, theirs = numbered[:half], numbered[half:]
    assert joining.count(ours, theirs, timeless).is_nearly_none
    assert not joining.reason(ours, theirs, timeless)
    lower = numbered.with_columns(pl.col("carrier").str.to_lowercase())
    assert joining.reason(numbered, lower, timeless).startswith("carrier differs in case")
