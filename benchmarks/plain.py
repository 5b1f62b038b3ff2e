"""The yardstick: the same reading, features, fit and predict in one process, nothing else.

No validation, no tracking, no gate, no package, no service: what a notebook would do. It gives the
same predictions as the project's pipeline, which benchmarks/lifecycle.py checks.
"""

import json
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import xgboost

NUMBERS = [
    "distance", "scheduled_arrival_minute", "temp", "dewp", "humid", "wind_dir", "wind_speed",
    "wind_gust", "precip", "pressure", "visib", "departure_minute", "weekday", "scheduled_minutes",
    "dewpoint_spread",
]  # fmt: skip
CATEGORIES = ["carrier", "origin", "dest"]


def read(folder: Path, months: int) -> pl.DataFrame:
    """Return the labelled flights of the first `months` months with weather and features."""
    with tempfile.TemporaryDirectory() as scratch:
        with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
            archive.extractall(scratch)
        flights = pl.read_csv(Path(scratch) / "flights.csv", null_values="NA")
    weather = pl.read_csv(folder / "weather.csv", null_values="NA", infer_schema_length=None)
    rows = flights.filter((pl.col("month") <= months) & pl.col("arr_delay").is_not_null()).join(
        weather.drop("year", "month", "day", "hour"), on=["origin", "time_hour"], how="left"
    )
    departure = pl.datetime(
        "year", "month", "day", pl.col("sched_dep_time") // 100, pl.col("sched_dep_time") % 100
    )
    arrival = (pl.col("sched_arr_time") // 100 * 60 + pl.col("sched_arr_time") % 100) % 1440
    minute = departure.dt.hour().cast(int) * 60 + departure.dt.minute()
    return rows.with_columns(
        departure=departure,
        scheduled_arrival_minute=arrival,
        departure_minute=minute,
        weekday=departure.dt.weekday(),
        scheduled_minutes=(arrival - minute) % 1440,
        dewpoint_spread=pl.col("temp") - pl.col("dewp"),
        late=(pl.col("arr_delay") > 15).cast(int),
    ).sort("departure", "carrier", "flight")


def matrix(rows: pl.DataFrame, codes: dict[str, dict[str, int]]) -> xgboost.DMatrix:
    """Return the features as XGBoost reads them; an unseen category is missing."""
    columns = [
        rows[name].replace_strict(code, default=None, return_dtype=pl.Float64)
        for name, code in codes.items()
    ]
    values = [column.to_numpy() for column in (*columns, *(rows[n].cast(float) for n in NUMBERS))]
    return xgboost.DMatrix(
        np.column_stack(values).astype(np.float32),
        rows["late"].to_numpy(),
        feature_types=["c"] * len(codes) + ["q"] * len(NUMBERS),
        enable_categorical=True,
    )


def main(folder: Path, params: dict[str, float], months: int, target: Path) -> None:
    """Fit on all but the newest month, predict that one, and write the probabilities."""
    rows = read(folder, months)
    train, holdout = (rows.filter(c) for c in (pl.col("month") < months, pl.col("month") == months))
    codes = {
        name: {value: i for i, value in enumerate(sorted(train[name].unique()))}
        for name in CATEGORIES
    }
    settings = {
        "objective": "binary:logistic", "eval_metric": "auc", "tree_method": "hist",
        "seed": params["seed"], "nthread": params["threads"], "eta": params["learning_rate"],
        "max_depth": params["maximum_depth"], "min_child_weight": params["minimum_child_weight"],
        "subsample": params["row_share"], "colsample_bytree": params["column_share"],
        "lambda": params["l2_regularisation"],
    }  # fmt: skip
    cut = int(train.height * (1 - params["early_stopping_share"]))
    search = xgboost.train(
        settings, matrix(train[:cut], codes), int(params["maximum_trees"]),
        evals=[(matrix(train[cut:], codes), "newest")],
        early_stopping_rounds=int(params["early_stopping_rounds"]), verbose_eval=False,
    )  # fmt: skip
    model = xgboost.train(settings, matrix(train, codes), search.best_iteration + 1)
    np.save(target, model.predict(matrix(holdout, codes)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
