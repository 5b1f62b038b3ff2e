"""What the gate measures of two versions, and of which two alone it is expected."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lifecycle.contract.columns import Schema
from lifecycle.contract.files import write_json
from lifecycle.core.params import Params
from lifecycle.records import expected
from lifecycle.records.expected import Expected
from lifecycle.records.registry import Version
from lifecycle.release import difference


def holdout(days: int, schema: Schema) -> pl.DataFrame:
    day = pl.datetime_range(pl.datetime(2013, 5, 1), pl.datetime(2013, 5, days), eager=True)
    return pl.DataFrame({schema.clock: day.repeat_by(400).explode()}).with_columns(
        origin=pl.Series(["EWR", "LGA"] * (200 * days)),
        carrier=pl.lit("UA"), weekday=pl.col(schema.clock).dt.weekday(),
    )  # fmt: skip


def champion(**tags: str) -> Version:
    return Version(1, {"model_md5": "a" * 32, "threshold": "0.25", **tags}, "run")


def test_the_gate_measures_at_the_thresholds_of_both(real_params: Params, schema: Schema) -> None:
    rows = holdout(10, schema)
    theirs = np.where(rows["origin"] == "EWR", 0.27, 0.1)
    ours = np.full(rows.height, 0.28)
    found = difference.measure(rows, (theirs, ours), champion(), real_params, schema, "b" * 32)
    assert found is not None
    # At 0.25 the champion says late at one airport; at 0.3 the challenger never does.
    assert found["changed_decisions"]["mean"] == 0.5
    assert found["prediction_shift"]["mean"] == pytest.approx(0.095)
    by_origin = {one["value"]: one for one in found["slices"] if one["slice"] == "origin"}
    assert by_origin["EWR"]["changed_decisions"] == 1
    assert by_origin["LGA"]["changed_decisions"] == 0
    assert found["champion"] == {"model_md5": "a" * 32, "threshold": 0.25}
    assert found["challenger"] == {"model_md5": "b" * 32, "threshold": 0.3}


def test_what_cannot_be_measured_is_not(real_params: Params, schema: Schema) -> None:
    """A champion of before its threshold was kept; fewer days than a week has."""
    for rows, version in ((holdout(10, schema), Version(1, {"model_md5": "a"}, "run")),
                          (holdout(6, schema), champion())):  # fmt: skip
        same = np.full(rows.height, 0.2)
        found = difference.measure(rows, (same, same), version, real_params, schema, "b")
        assert found is None


def test_a_week_and_the_fewest_rows_of_a_slice_are_enough(
    real_params: Params, schema: Schema
) -> None:
    rows = holdout(7, schema)
    theirs, ours = np.full(rows.height, 0.2), np.full(rows.height, 0.3)
    for least, count in ((1400, 2), (1401, 0)):
        evaluate = real_params.evaluate.model_copy(
            update={"minimum_slice_rows": least, "slices": ("origin",)}
        )
        params = real_params.model_copy(update={"evaluate": evaluate})
        found = difference.measure(rows, (theirs, ours), champion(), params, schema, "b" * 32)
        assert found is not None
        assert (found["rows"], found["days"], len(found["slices"])) == (2800, 7, count)
        # A challenger that is exactly at its threshold decides as one above it.
        assert found["changed_decisions"] == {"mean": 1.0, "error": 0.0}


def test_the_error_of_a_mean_is_that_of_its_days() -> None:
    """Of three days with two rows each."""
    values, day = np.array([1.0, 1.0, 0.0, -0.5, -0.5, 0.0]), np.array([1, 1, 2, 2, 3, 3])
    found = difference.mean_and_error(values, day)
    mean = 1.0 / 6
    sums = [2 - 2 * mean, -0.5 - 2 * mean, -0.5 - 2 * mean]
    variance = sum(one**2 for one in sums) * 3 / 2
    assert found == {"mean": pytest.approx(mean), "error": pytest.approx(variance**0.5 / 6)}


def test_it_is_expected_of_exactly_the_two_versions_that_were_compared(
    tmp_path: Path, real_params: Params, schema: Schema
) -> None:
    rows = holdout(10, schema)
    answers = np.linspace(0, 1, rows.height), np.linspace(1, 0, rows.height)
    found = difference.measure(rows, answers, champion(), real_params, schema, "b" * 32)
    # As it goes into a version's tag and from there into a Bento.
    write_json(tmp_path / "candidate" / expected.FILE, json.loads(json.dumps(found)))
    facts = {
        "live": {"model_md5": "a" * 32, "threshold": 0.25},
        "candidate": {"model_md5": "b" * 32, "threshold": 0.3},
    }

    def load() -> Expected | None:
        for name, release in facts.items():
            write_json(tmp_path / name / "release.json", {**release, "model_version": "7"})
        return expected.load(tmp_path / "candidate", tmp_path / "live")

    about = load()
    assert about is not None
    assert found is not None
    assert about.changed.mean == found["changed_decisions"]["mean"]
    for name in facts:
        for key, other in (("model_md5", "c" * 32), ("threshold", 0.5)):
            kept = facts[name][key]
            facts[name][key] = other
            assert load() is None, (name, key)
            facts[name][key] = kept
    (tmp_path / "candidate" / expected.FILE).unlink()
    assert load() is None
