"""How the model behaves: what must not matter to it, what must, and the least it must do.

Fitted in this session on a share of the real rows, with few trees; judged on the months held out.
(Ribeiro et al., "Beyond Accuracy", 2020, for the kinds of test; ML Test Score, Model 6 and 7.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from lifecycle.contract import features
from lifecycle.contract.columns import Schema
from lifecycle.core import frames
from lifecycle.core.params import Params
from lifecycle.pipeline import prepare
from lifecycle.tasks import baselines, metrics
from project.model import Model, fit

# One row of so many is used.
SPARSE = 4


@pytest.fixture(scope="module")
def parts(
    snapshot: pl.DataFrame, schema: Schema, params: Params
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows to fit on, and later ones."""
    split = prepare.parts_of(snapshot, params, schema)
    train, holdout = prepare.with_features(*split, schema)
    return train.gather_every(SPARSE), holdout.gather_every(SPARSE)


@pytest.fixture(scope="module")
def model(
    parts: tuple[pl.DataFrame, pl.DataFrame],
    schema: Schema,
    params: Params,
    tmp_path_factory: pytest.TempPathFactory,
) -> Model:
    """The model as it is loaded from its file."""
    names = features.names(schema)
    columns = frames.arrays(parts[0], names)
    label = parts[0][schema.target].cast(pl.Float64).to_numpy()
    codes = frames.categories(columns, {})
    learnt = frames.learn(parts[0], schema)
    settings = params.train.model_copy(update={"maximum_trees": 60})
    path = tmp_path_factory.mktemp("model") / "model.ubj"
    path.write_bytes(fit(columns, label, names, codes, settings).to_bytes(learnt))
    return Model.load(path)


@pytest.fixture(scope="module")
def later(parts: tuple[pl.DataFrame, pl.DataFrame], schema: Schema) -> pl.DataFrame:
    """Requests that the model has not seen."""
    return parts[1].select(schema.request)


def predict(model: Model, requests: pl.DataFrame, schema: Schema) -> Any:
    """Return the probability of each request, features and all."""
    made = features.on_frame(schema, requests, model.fitted)
    return model.predict(frames.arrays(made, features.names(schema)))


def risk(model: Model, requests: pl.DataFrame, schema: Schema, **changes: pl.Expr) -> float:
    """Return the mean probability when every request is changed in the same way."""
    return float(predict(model, requests.with_columns(**changes), schema).mean())


def test_the_flight_number_does_not_matter(
    model: Model, later: pl.DataFrame, schema: Schema
) -> None:
    other = later.with_columns(flight_number=9999 - pl.col("flight_number"))
    np.testing.assert_array_equal(predict(model, later, schema), predict(model, other, schema))


def test_the_day_of_the_month_does_not_matter(
    model: Model, later: pl.DataFrame, schema: Schema
) -> None:
    # Four weeks on it is the same weekday.
    other = later.with_columns(pl.col(schema.clock).dt.offset_by("28d"))
    np.testing.assert_array_equal(predict(model, later, schema), predict(model, other, schema))


def test_the_order_of_rows_does_not_matter(
    model: Model, later: pl.DataFrame, schema: Schema
) -> None:
    order = np.random.default_rng(1).permutation(later.height)
    shuffled = predict(model, later[order], schema)
    np.testing.assert_array_equal(predict(model, later, schema)[order], shuffled)


@pytest.mark.parametrize("size", [1, 7, 512])
def test_the_number_of_rows_at_once_does_not_matter(
    model: Model, later: pl.DataFrame, schema: Schema, size: int
) -> None:
    few = later.head(300)
    parts = [predict(model, few[i : i + size], schema) for i in range(0, few.height, size)]
    np.testing.assert_array_equal(predict(model, few, schema), np.concatenate(parts))


def test_an_evening_is_riskier_than_a_morning(
    model: Model, later: pl.DataFrame, schema: Schema
) -> None:
    """Delays add up in the course of a day: an aircraft arrives late and leaves late."""
    day = pl.col(schema.clock).dt.truncate("1d")
    duration = (
        pl.col("scheduled_arrival_minute")
        - pl.col(schema.clock).dt.hour().cast(pl.Int64) * 60
        - pl.col(schema.clock).dt.minute()
    )

    def leaving_at(hour: int) -> float:
        # The flight takes as long as before.
        arrival = (duration + hour * 60) % 1440
        moment = {schema.clock: day.dt.offset_by(f"{hour}h")}
        return risk(model, later, schema, **moment, scheduled_arrival_minute=arrival)

    assert leaving_at(19) > leaving_at(7) + 0.05


def test_a_storm_is_riskier_than_a_calm_day(
    model: Model, later: pl.DataFrame, schema: Schema
) -> None:
    """In low clouds, rain and gusts the airports take fewer aircraft an hour."""
    numbers = {"precipitation": (0.3, 0.0), "visibility": (1.0, 10.0), "wind_speed": (25.0, 6.0)}
    storm = {name: pl.lit(values[0]) for name, values in numbers.items()}
    calm = {name: pl.lit(values[1]) for name, values in numbers.items()}
    wet, dry = pl.lit(95.0), pl.lit(50.0)
    assert (
        risk(model, later, schema, **storm, humidity=wet, wind_gust=pl.lit(35.0))
        > risk(model, later, schema, **calm, humidity=dry, wind_gust=pl.lit(None, pl.Float64))
        + 0.05
    )


@pytest.mark.parametrize(
    ("column", "bad", "good"), [("visibility", 0.25, 10.0), ("precipitation", 0.3, 0.0)]
)
def test_bad_weather_alone_is_no_less_risky(
    model: Model, later: pl.DataFrame, schema: Schema, column: str, bad: float, good: float
) -> None:
    worse = risk(model, later, schema, **{column: pl.lit(bad)})
    assert worse >= risk(model, later, schema, **{column: pl.lit(good)})


def test_it_beats_the_constant_on_later_rows(
    model: Model, parts: tuple[pl.DataFrame, pl.DataFrame], later: pl.DataFrame, schema: Schema
) -> None:
    train, holdout = (part[schema.target].cast(pl.Float64).to_numpy() for part in parts)
    ours = metrics.score(holdout, predict(model, later, schema), 10)
    constant = metrics.score(holdout, baselines.constant(train, len(holdout)), 10)
    assert ours["roc_auc"] > constant["roc_auc"] + 0.1
    assert ours["log_loss"] < constant["log_loss"]
    assert ours["pr_auc"] > constant["pr_auc"] + 0.1


def test_every_probability_is_one_and_not_all_are_the_same(
    model: Model, later: pl.DataFrame, schema: Schema
) -> None:
    found = predict(model, later, schema)
    assert np.isfinite(found).all()
    assert found.min() > 0
    assert found.max() < 1
    assert found.max() - found.min() > 0.3


def test_a_request_with_every_null_that_is_allowed_is_answered(
    model: Model, later: pl.DataFrame, schema: Schema
) -> None:
    nullable = [name for name in schema.request if schema[name].null_share > 0]
    empty = later.with_columns(pl.lit(None, later.schema[name]).alias(name) for name in nullable)
    found = predict(model, empty, schema)
    assert np.isfinite(found).all()
    # Without the weather it still tells an evening from a morning.
    assert found.max() - found.min() > 0.1


@pytest.mark.parametrize("limit", ["minimum", "maximum"])
def test_the_limits_of_the_schema_are_answered(
    model: Model, later: pl.DataFrame, schema: Schema, limit: str
) -> None:
    limits = {name: getattr(schema[name], limit) for name in schema.request}
    extreme = later.head(50).with_columns(
        pl.lit(value, later.schema[name]).alias(name)
        for name, value in limits.items()
        if value is not None
    )
    found = predict(model, extreme, schema)
    assert np.isfinite(found).all()
    assert ((found > 0) & (found < 1)).all()


def test_a_category_that_nobody_has_seen_is_answered(
    model: Model, later: pl.DataFrame, schema: Schema
) -> None:
    new = later.with_columns(pl.lit("QQQ").alias("destination"))
    found = predict(model, new, schema)
    assert np.isfinite(found).all()
    assert 0.05 < found.mean() < 0.6
