"""On planted data each verdict is the right one, and every promise about it can be broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from lifecycle.contract import features as evaluated
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.core import blocks
from lifecycle.core.params import Params
from lifecycle.pipeline.ablation import ablate, costs, intervals, refits
from lifecycle.pipeline.ablation.alike import alike
from lifecycle.pipeline.ablation.folds import folds, thinned
from lifecycle.pipeline.ablation.refits import Bench, Fold, Refit, chance
from lifecycle.pipeline.ablation.settings import Ablate
from lifecycle.tasks import drawn as by_block
from project import features as definition
from project import model

DAYS, A_DAY = 60, 80
FEATURES = ("signal", "noise", "one", "same", "turns")
# The newest half of 60 days in three stretches of ten, each predicted from all before it.
ABLATE = {
    "folds": 3, "refits": 2, "resamples": 100, "confidence": 0.95, "rows_per_fold": 100_000,
    "groups": {"pair": ["one", "same"], "worthless": ["noise"]},
}  # fmt: skip


def planted(rows_a_day: int = A_DAY, *, seed: int = 1) -> pl.DataFrame:
    """One column carries the target, one is noise, two are the same, one turns round at the end."""
    draw = np.random.default_rng(seed)
    count = DAYS * rows_a_day
    day = np.repeat(np.arange(DAYS), rows_a_day)
    signal, one, noise, other = (draw.normal(size=count) for _ in range(4))
    late = (1.5 * signal + 1.2 * one + draw.logistic(size=count)) > 0
    # With the target in the older half, against it in the newest.
    with_it = np.where(day < DAYS // 2, 0.8, -0.8)
    turns = with_it * (late - 0.5) + other
    moments = [datetime(2020, 1, 1) + timedelta(days=int(one), seconds=i % rows_a_day)
               for i, one in enumerate(day)]  # fmt: skip
    return pl.DataFrame({
        "at": moments, "number": np.arange(count), "signal": signal, "noise": noise, "one": one,
        "same": one, "turns": turns, "late": late,
    })  # fmt: skip


@pytest.fixture
def small(params: Params) -> Callable[..., Params]:
    """Make parameters with an ablation of the planted columns."""

    def make(**changes: Any) -> Params:
        whole = params.model_dump(mode="json", by_alias=True)
        whole["ablate"] = {**ABLATE, **changes}
        return type(params).model_validate(whole)

    return make


@pytest.fixture
def columns(monkeypatch: pytest.MonkeyPatch) -> Schema:
    """The schema of the planted columns, without derived features."""
    monkeypatch.setattr(definition, "derive", lambda *_: {})
    described = {name: {"type": "float", "roles": ["feature"]} for name in FEATURES}
    described |= {"at": {"type": "datetime", "roles": ["time"]},
                  "number": {"type": "integer", "roles": ["key"]},
                  "late": {"type": "boolean", "roles": ["target"]}}  # fmt: skip
    return Schema.model_validate({
        "columns": {name: {**one, "description": name} for name, one in described.items()}
    })  # fmt: skip


def told(report: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["verdict"] for one in report["features"] + report["groups"]}


def same(report: dict[str, Any]) -> dict[str, Any]:
    """Leave out what it took."""
    entries = [{**one, "microseconds": 0} for one in report["features"] + report["groups"]]
    return {**report, "seconds": 0, "features": entries, "groups": []}


def test_each_verdict_is_that_of_what_was_planted(
    columns: Schema, small: Callable[..., Params]
) -> None:
    report = ablate.measure(planted(), small(), columns)
    assert told(report) == {
        "signal": "earns", "noise": "unproven", "turns": "harms",
        # Each alone does what the other does; both together are what the target is made of.
        "one": "unproven", "same": "unproven", "pair": "earns", "worthless": "unproven",
    }  # fmt: skip
    for one in report["features"] + report["groups"]:
        assert one["interval"][0] < one["gain"] < one["interval"][1]
        assert one["gain"] == pytest.approx(np.mean(one["by_fold"]))
    assert report["comparisons"] == 7
    assert [(one["train"], one["asked"], one["blocks"]) for one in report["folds"]] == [
        (days * A_DAY, 10 * A_DAY, 10) for days in (30, 40, 50)
    ]
    assert same(ablate.measure(planted(), small(), columns)) == same(report)


def test_a_fold_is_asked_only_about_what_comes_after_it(columns: Schema) -> None:
    rows = planted(4)
    moments = rows["at"].to_numpy()
    for fitted, asked in folds(rows, columns, 4, seed=1):
        assert moments[fitted].max() < moments[asked].min()
        assert (np.diff(fitted) > 0).all()
        assert (np.diff(asked) > 0).all()
    together = np.concatenate([asked for _, asked in folds(rows, columns, 4, seed=1)])
    # The newest half, each row once; and a share of many rows is spread over all of them.
    assert together.tolist() == list(range(DAYS // 2 * 4, DAYS * 4))
    assert thinned(together, 5).tolist() == [120, 149, 179, 209, 239]
    assert thinned(together, 10**6).tolist() == together.tolist()


def test_without_time_no_block_is_on_both_sides(
    columns: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever makes rows neighbours: here every seventh row is of the same group."""
    rows = planted(1)
    group = np.arange(DAYS) % 7
    monkeypatch.setattr(blocks, "of_rows", lambda *_: group)
    monkeypatch.setattr(Schema, "names", lambda *_: [])
    found = folds(rows, columns, 3, seed=1)
    for fitted, asked in found:
        assert not set(group[fitted]) & set(group[asked])
        assert sorted([*fitted, *asked]) == list(range(DAYS))
    assert sorted(np.concatenate([asked for _, asked in found])) == list(range(DAYS))
    assert [asked.tolist() for _, asked in folds(rows, columns, 3, seed=1)] == [
        asked.tolist() for _, asked in found
    ]
    with pytest.raises(StageError, match=r"has 7 groups, which is too little for 4 folds"):
        folds(rows, columns, 4, seed=1)


def test_all_models_of_a_fold_are_asked_in_the_same_way(
    columns: Schema, small: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same model has no gain in any draw; one without a feature has another in each."""
    drawn = []

    def gain_draws(*arguments: Any) -> Any:
        drawn.append((arguments[4].tolist(), arguments[6]))
        return by_block.gain_draws(*arguments)

    monkeypatch.setattr(refits, "gain_draws", gain_draws)
    rows = planted(20)
    bench = Bench(rows[:600], rows[600:], small(), columns)
    first, again, without, other = (
        bench.refit(), bench.refit(), bench.refit(["signal"]), bench.refit(seed=1)
    )  # fmt: skip
    assert (first.gain, again.gain) == (0.0, 0.0)
    assert not first.draws.any()
    assert not again.draws.any()
    assert first.size == again.size
    assert without.gain < -0.05
    assert len(set(without.draws)) > 50
    assert other.gain != 0
    assert bench.refit(more=chance(bench, 0, seed=1)).gain not in (0.0, other.gain)
    assert all(one == drawn[0] for one in drawn)


def test_a_column_of_chance_is_a_feature_whose_rows_are_shuffled(
    columns: Schema, small: Callable[..., Params]
) -> None:
    rows = planted(20).rename({"noise": "chance"})
    renamed = [one.model_copy(update={"name": "chance"}) if one.name == "noise" else one
               for one in columns.columns]  # fmt: skip
    bench = Bench(rows[:600], rows[600:], small(), Schema(columns=tuple(renamed)))
    seen, unseen = chance(bench, 0, seed=1)
    assert list(seen) == list(unseen) == ["chance_"]
    for made, real in ((seen["chance_"], rows["signal"][:600]),
                       (unseen["chance_"], rows["signal"][600:])):  # fmt: skip
        assert sorted(made) == sorted(real)
        assert abs(np.corrcoef(made, real)[0, 1]) < 0.2
    assert chance(bench, 0, seed=1)[0]["chance_"].tolist() == seen["chance_"].tolist()
    assert chance(bench, 5, seed=1)[0]["chance_"].tolist() != seen["chance_"].tolist()
    assert sorted(chance(bench, 1, seed=1)[0]["chance_"]) == sorted(rows["chance"][:600])


def test_what_a_fold_learns_is_of_the_rows_that_it_is_fitted_on(
    rows: pl.DataFrame, schema: Schema, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The training part's own features have learnt of the rows that are asked about."""
    monkeypatch.setattr(definition, "derive", lambda column, functions: {
        "warmer": column("temperature") - functions.mean(column("temperature")),
    })  # fmt: skip
    known = rows.with_columns(warmer=pl.lit(99.0))
    bench = Bench(known[:2000], known[2000:], params, schema)
    mean = rows["temperature"][:2000].mean()
    for part, found in ((rows[:2000], bench.columns), (rows[2000:], bench.unseen)):
        expected = (part["temperature"] - mean).to_numpy()
        assert np.allclose(found["warmer"], expected, equal_nan=True)


def test_too_few_days_are_told_in_one_line(columns: Schema, small: Callable[..., Params]) -> None:
    with pytest.raises(StageError, match=r"has 60 days, .* for 16 folds: give ablate.folds less"):
        ablate.measure(planted(1), small(folds=16), columns)


def test_a_fold_with_one_class_is_told_in_one_line(
    columns: Schema, small: Callable[..., Params]
) -> None:
    rows = planted(4)
    with_one = rows.with_columns(
        late=pl.when(pl.int_range(pl.len()) >= 150).then(statement=True).otherwise(pl.col("late"))
    )
    with pytest.raises(StageError, match="roc_auc cannot be measured on the 40 rows of a fold"):
        ablate.measure(with_one, small(), columns)


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ({"g": ["one", "sane"]}, r"ablate.groups.g: sane is no feature: did you mean same\?"),
        ({"one": ["same"]}, "ablate.groups.one: a feature has this name"),
        ({"all": list(FEATURES)}, "ablate.groups.all: these are all features"),
    ],
)
def test_a_mistake_in_a_group_is_told_before_anything_is_fitted(
    columns: Schema, small: Callable[..., Params], groups: Any, said: str
) -> None:
    with pytest.raises(StageError, match=said):
        ablate.candidates(columns, small(groups=groups).part(Ablate))


def test_of_an_only_feature_there_is_nothing_to_say(
    columns: Schema, small: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluated, "names", lambda _: ["one"])
    with pytest.raises(StageError, match="one is the only feature"):
        ablate.candidates(columns, small().part(Ablate))


def test_a_model_that_cannot_do_without_a_feature_is_told_in_one_line(
    columns: Schema, small: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    def needs_it(columns: Any, *others: Any) -> Any:
        columns["noise"]
        return model.fit(columns, *others)

    monkeypatch.setattr(refits, "fit", needs_it)
    with pytest.raises(StageError, match=r"cannot fit a model without noise \(KeyError: 'noise'\)"):
        ablate.measure(planted(2), small(), columns)


def test_what_says_nearly_the_same_is_named(columns: Schema, small: Callable[..., Params]) -> None:
    names = np.array(["a", "b", None, "c"] * 50, object)
    number = np.arange(200.0)
    found = alike({
        "number": number, "cubed": -(number**3), "other": np.sin(number * 7),
        "flat": np.ones(200), "gaps": np.where(number % 3 > 0, number, np.nan),
        "name": names, "code": np.array([f"{n}!" if n else None for n in names], object),
        "coarse": np.array(["x" if n else None for n in names], object),
    })  # fmt: skip
    assert found == {
        "number": ["cubed"], "cubed": ["number"], "other": [], "flat": [], "gaps": [],
        "name": ["code"], "code": ["name"], "coarse": [],
    }  # fmt: skip
    entry = {"verdict": "unproven", "alike": []}
    twins = [{**entry, "name": "one", "alike": ["same"]},
             {**entry, "name": "same", "alike": ["one"]}]  # fmt: skip
    report = {"features": [*twins, {**entry, "name": "noise"}]}
    (said,) = ablate.hints(report)
    assert said.startswith("one and same say nearly the same, so each alone is unproven")


def made(gains: list[float], luck: float, by_day: float, blocks: int = 10) -> list[Fold]:
    """Make folds in which a feature gains so much, with what makes it uncertain."""
    draws = np.array([-1.0, 1.0] * 50)
    whole = Refit(0.0, draws * 0, 100)
    return [
        Fold((9, 9), blocks, [whole, whole], [Refit(-luck, draws, 100)],
             {"x": Refit(-gain, draws * by_day, 60)})
        for gain in gains
    ]  # fmt: skip


def test_the_interval_is_as_wide_as_days_and_fits_make_it() -> None:
    """By Bonferroni it grows with the comparisons; of nothing uncertain it has no width."""
    found = intervals.gain(made([1.0, 3.0], 0.0, 3.0), "x", 0.95, 1)
    # Of two folds: sqrt(2 * 9 * 10 / 9 / 4), by Student's t of 18 degrees of freedom.
    assert found.gain == 2.0
    assert found.interval[1] - found.gain == pytest.approx(5**0.5 * 2.10092)
    assert (found.verdict, found.size, found.by_fold) == ("unproven", 40, [1.0, 3.0])
    fits = intervals.gain(made([1.0, 3.0], 2.0, 0.0), "x", 0.95, 1)
    assert fits.interval[1] - fits.gain == pytest.approx(2**0.5 * 4.302653)
    both = intervals.gain(made([1.0, 3.0], 2.0, 3.0), "x", 0.95, 1)
    assert both.interval[1] - both.gain > 7**0.5 * 2.10092
    many = intervals.gain(made([1.0, 3.0], 0.0, 3.0), "x", 0.95, 5)
    assert many.interval[1] - many.gain == pytest.approx(5**0.5 * 2.87844)
    sure = intervals.gain(made([1.0, 3.0], 0.0, 0.0), "x", 0.95, 9)
    assert (sure.interval, sure.verdict) == ((2.0, 2.0), "earns")
    assert intervals.gain(made([-1.0], 0.0, 0.01), "x", 0.95, 9).verdict == "harms"
    assert intervals.gain(made([0.0], 0.0, 0.0), "x", 0.95, 9).verdict == "unproven"


def test_a_derived_feature_costs_time_and_one_of_the_request_none(
    rows: pl.DataFrame, schema: Schema
) -> None:
    """What is left out is not computed."""
    derived = list(evaluated.graph(schema))
    found = costs.microseconds(
        rows, schema, {"all": derived, "own": ["temperature"], "none": [], "one": derived[:1]}
    )
    assert list(found) == ["all", "own", "none", "one"]
    assert found["all"] > 3
    assert found["one"] < found["all"]
    assert (found["own"], found["none"]) == (0.0, 0.0)
    made = evaluated.Features(schema, without=["dewpoint_spread"])
    assert set(evaluated.Features(schema).names) - set(made.names) == {"dewpoint_spread"}


def test_what_only_a_left_out_feature_has_learnt_is_not_in_the_model(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    def derive(column: Any, functions: Any) -> dict[str, Any]:
        mean = functions.mean(column("temperature"))
        return {"warmer": column("temperature") - mean, "colder": mean - column("temperature"),
                "by": functions.target_mean(column("carrier"))}  # fmt: skip

    monkeypatch.setattr(definition, "derive", derive)
    every = [str(one) for one in evaluated.learnt(schema)]
    assert len(every) == 2
    assert [str(one) for one in evaluated.learnt(schema, ["warmer"])] == every
    assert [str(one) for one in evaluated.learnt(schema, ["by"])] == ["mean(temperature)"]
    assert evaluated.learnt(schema, ["warmer", "colder", "by"]) == []
