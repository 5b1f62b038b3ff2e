"""Each check of a look, on windows that are made so that it fires, or just not."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lifecycle.contract import privacy
from lifecycle.contract.columns import Schema
from lifecycle.contract.files import write_json
from lifecycle.core import day_blocks
from lifecycle.core.params import Params
from lifecycle.monitoring import drift, monitor_checks
from lifecycle.monitoring.look import PREDICTION, Champion, Look, compared
from lifecycle.monitoring.predictions import Log
from lifecycle.monitoring.settings import Monitor
from lifecycle.monitoring.windows import Window
from lifecycle.records.registry import Version

NOON = datetime(2013, 3, 1, 12)
REFUSALS: dict[str, Any] = {
    "logged_at": pl.Datetime("us"),
    "status": pl.Int64,
    "fields": pl.List(pl.String),
}


def served(schema: Schema, count: int, start: datetime = NOON, version: int = 3) -> pl.DataFrame:
    """Rows that a version has answered, a minute apart: every feature is always the same."""
    moments = [start + timedelta(minutes=n) for n in range(count)]
    text = {name: schema[name].type == "category" if name in schema.request else False
            for name in privacy.logged_features(schema)}  # fmt: skip
    return pl.DataFrame(
        {"logged_at": moments, schema.clock: moments, "request_id": [str(m) for m in moments]},
        schema_overrides={"logged_at": pl.Datetime("us"), schema.clock: pl.Datetime("us")},
    ).with_columns(
        pl.lit(str(version)).alias("model_version"),
        pl.lit(0.5).alias(PREDICTION),
        *(pl.lit("a" if text[name] else 1.0).alias(column)
          for name, column in compared(schema).items()),
    )  # fmt: skip


def look_at(
    root: Path, params: Params, schema: Schema, *windows: pl.DataFrame, **tags: str
) -> tuple[Look, Champion]:
    """Return a look at whole weeks of rows, and version 3, whose reference is like them."""
    every = pl.concat(windows) if windows else served(schema, 0)
    who = Champion(Version(3, {"model_md5": "a", **tags}, ""), None, served(schema, 2000), {})
    whole = [Window(date(2013, 3, 1 + n), date(2013, 3, 8 + n), rows, whole=True)
             for n, rows in enumerate(windows)]  # fmt: skip
    found: list[dict[str, Any]] = [{"drift": {}, "prediction_drift": None} for _ in windows]
    log = Log(every, pl.DataFrame(schema=REFUSALS), 0, 0, 1)
    return Look(root, params, schema, "staging", log, every, whole, who, found=found), who


@pytest.mark.parametrize(("late", "kinds"), [(0, []), (1, ["stale"])])
def test_a_model_is_too_old_from_the_day_after_its_last(
    tmp_path: Path, real_params: Params, schema: Schema, late: int, kinds: list[str]
) -> None:
    days = real_params.part(Monitor).maximum_age_days + late
    last = NOON - timedelta(days=days)
    look, who = look_at(
        tmp_path, real_params, schema, served(schema, 1), train_last=last.isoformat()
    )
    monitor_checks.judge_age(look, who)
    assert [one.kind for one in look.alerts] == kinds
    assert look.not_judged == {}


def test_the_age_of_a_model_that_does_not_say_it_is_not_judged(
    tmp_path: Path, real_params: Params, schema: Schema
) -> None:
    look, who = look_at(tmp_path, real_params, schema, served(schema, 1))
    monitor_checks.judge_age(look, who)
    assert (list(look.not_judged), look.alerts) == (["age"], [])


def test_refusals_are_of_the_latest_window_and_of_what_requests_held(
    tmp_path: Path, real_params: Params, schema: Schema
) -> None:
    look, _ = look_at(tmp_path, real_params, schema, served(schema, 80, NOON - timedelta(days=7)),
                      served(schema, 80))  # fmt: skip
    second = timedelta(seconds=1)
    moments = [(NOON - second, 400), *[(NOON, 400)] * 20, (NOON + second, 413)]
    look.log.refusals.extend(pl.DataFrame(
        [(at, status, ["records.0.origin"]) for at, status in moments], REFUSALS, orient="row"
    ))  # fmt: skip
    monitor_checks.judge_refusals(look)
    assert look.refusals == {"requests": 100, "refused": 20, "fields": {"origin": 20}}
    (alert,) = look.alerts
    assert alert.message == (
        "20 of 100 requests (20.0%) were refused because of origin; 1.0% may be"
    )
    # Without a window that can be judged, the whole log is looked at.
    look.windows = []
    monitor_checks.judge_refusals(look)
    assert (look.refusals["requests"], look.refusals["refused"]) == (181, 21)


def test_a_feature_that_moves_fires_at_once_or_in_the_second_window(
    tmp_path: Path, real_params: Params, schema: Schema
) -> None:
    numbers = [name for name, column in compared(schema).items()
               if served(schema, 1)[column].dtype != pl.String]  # fmt: skip
    once, twice, before = numbers[:3]
    # Of a constant reference the deviation counts as a thousandth: effects of 0.15 and of 1.
    slow, sudden = 1.00015, 1.001
    changes = [{twice: slow, before: slow}, {twice: slow, once: sudden}]
    weeks = [
        served(schema, 2000).with_columns(
            pl.lit(value).alias(compared(schema)[name]) for name, value in change.items()
        )
        for change in changes
    ]
    look, who = look_at(tmp_path, real_params, schema, *weeks)
    monitor_checks.judge_drift(look, who)
    assert {one.subject: one.windows for one in look.alerts} == {
        once: ("2013-03-02",), twice: ("2013-03-01", "2013-03-02"),
    }  # fmt: skip
    assert {one.kind for one in look.alerts} == {"drift"}
    assert not look.found[-1]["prediction_drift"]["fires"]
    assert look.not_judged == {}


def test_predictions_drift_where_the_version_has_made_enough_of_them(
    tmp_path: Path, real_params: Params, schema: Schema
) -> None:
    least = real_params.part(Monitor).minimum_rows
    moved = pl.lit(0.6).alias(PREDICTION)
    for own, judged in ((least, True), (least - 1, False)):
        week = pl.concat([served(schema, own).with_columns(moved), served(schema, 500, version=2)])
        look, who = look_at(tmp_path, real_params, schema, week)
        monitor_checks.judge_drift(look, who)
        assert [one.kind for one in look.alerts] == ["prediction drift"] * judged
        assert ("prediction drift" in look.not_judged) is not judged


def test_a_window_that_is_not_whole_has_no_drift(
    tmp_path: Path, real_params: Params, schema: Schema
) -> None:
    moved = served(schema, 2000).with_columns(pl.lit(0.6).alias(PREDICTION))
    look, who = look_at(tmp_path, real_params, schema, moved, moved)
    first, second = look.windows
    look.windows = [Window(first.start, first.end, first.rows, whole=False), second]
    monitor_checks.judge_drift(look, who)
    assert (look.found[0]["drift"], list(look.not_judged)) == ({}, ["drift"])
    assert [(one.kind, one.windows) for one in look.alerts] == [
        ("prediction drift", ("2013-03-02",))
    ]


REFERENCE = pl.DataFrame({"x": [0.0, 2.0] * 50})


def column(*values: float | None) -> pl.DataFrame:
    return pl.DataFrame({"x": list(values) * 50}, schema={"x": pl.Float64})


def of_window(
    reference: pl.DataFrame, rows: pl.DataFrame, rule: Monitor, effect: float, missing: float
) -> dict[str, Any]:
    return drift.of_window(
        reference, rows, "x", {"x": {"effect": effect, "missing": missing}}, rule
    )


def limited(params: Params, effect: float, factor: float, sudden: float) -> Monitor:
    rule = params.part(Monitor)
    limits = rule.drift.model_copy(update={"minimum_effect": effect, "reference_factor": factor})
    return rule.model_copy(update={"drift": limits, "sudden_factor": sudden})


def test_a_column_drifts_beyond_its_limit_and_suddenly_beyond_a_multiple(
    real_params: Params,
) -> None:
    rows = column(0.25, 2.25)
    moved = drift.effect(REFERENCE["x"], rows["x"]) or 0.0
    assert moved == pytest.approx(0.25)
    for limit, factor, fires, sudden in (
        (moved, 2.0, False, False),
        (moved * 0.999, 2.0, True, False),
        (moved / 2, 2.0, True, False),
        (moved / 2, 1.999, True, True),
    ):
        found = of_window(REFERENCE, rows, limited(real_params, limit, 1.0, factor), 0.0, 0.0)
        assert (found["fires"], found["sudden"]) == (fires, sudden)


def test_blocks_of_the_reference_widen_both_limits(real_params: Params) -> None:
    found = of_window(REFERENCE, column(0.0, None), limited(real_params, 0.1, 2.0, 2.0), 0.5, 0.2)
    assert (found["limit"], found["missing_limit"]) == (1.0, 0.4)
    assert (found["missing"], found["missing_effect"]) == (0.5, 0.5)
    assert (found["fires"], found["sudden"]) == (True, False)


def test_a_column_that_is_less_often_missing_than_before_drifts_too(real_params: Params) -> None:
    rule = limited(real_params, 0.1, 1.0, 2.0)
    found = of_window(column(0.0, None), column(0.0, 0.0), rule, 0.0, 0.0)
    assert (found["missing_effect"], found["fires"]) == (0.5, True)
    never = column(None, None)
    found = of_window(never, never, rule, 0.0, 0.0)
    assert (found["effect"], found["missing_effect"], found["fires"]) == (None, 0.0, False)


@pytest.mark.parametrize(
    ("effect", "missing", "said"),
    [
        (0.3, 0.1, "x has drifted: effect 0.30, limit 0.10"),
        (0.1, 0.1, "x has drifted: effect 0.10, limit 0.10"),
        (0.1, 0.3, "x is missing in 40.0% of the rows, 30.0%"),
        (None, 0.2, "x is missing in 40.0% of the rows, 20.0%"),
    ],
)  # fmt: skip
def test_the_worse_of_both_is_said(effect: float | None, missing: float, said: str) -> None:
    found = {"effect": effect, "limit": 0.1, "missing": 0.4, "missing_effect": missing,
             "missing_limit": 0.1}  # fmt: skip
    assert drift.sentence("x", found).startswith(said)


def test_how_far_blocks_are_from_the_whole(tmp_path: Path) -> None:
    days = [NOON + timedelta(day) for day in range(14)]
    week = [None, 1.0, None, 1.0, None, 1.0, None]
    reference = pl.DataFrame({"at": days, "x": [*week, *[3.0] * 7], "never": [None] * 14},
                             schema_overrides={"never": pl.Float64})  # fmt: skip
    weeks = partial(day_blocks.blocks, reference, "at", 7)
    found = drift.widest(reference, ["x", "never"], weeks, tmp_path / "kept.json")
    assert found["never"] == {"effect": 0.0, "missing": 0.0}
    # Four of the first seven are null, of all four in fourteen.
    assert found["x"]["missing"] == pytest.approx(4 / 7 - 4 / 14)
    assert found["x"]["effect"] == drift.effect(reference["x"], reference["x"][:7])
    # What was kept and is not whole is computed again.
    for broken in ({"effect": 7.0}, {"effect": 7, "missing": 0.0}, "effect missing"):
        write_json(tmp_path / "kept.json", {"never": broken})
        again = drift.widest(reference, ["never"], weeks, tmp_path / "kept.json")
        assert again == {"never": {"effect": 0.0, "missing": 0.0}}
    assert (drift.missing(pl.Series([None])), drift.missing(pl.Series([], dtype=pl.Int64))) == (
        1,
        0,
    )
    write_json(tmp_path / "kept.json", {})
    longer = partial(day_blocks.blocks, reference, "at", 15)
    none = drift.widest(reference, ["x"], longer, tmp_path / "kept.json")
    assert none == {"x": {"effect": 0.0, "missing": 0.0}}
