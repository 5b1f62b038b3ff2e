"""The gate lets a challenger pass only if every rule holds; it fails closed.

Any rule that fails, a metric that is missing, or anything that raises stops the line with exit
code 1, and nothing is registered. A model that is the champion is said to be so. (ML Test Score,
Infrastructure 4.)
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import polars as pl

from lifecycle import features, registry, rules
from lifecycle.champion import probabilities
from lifecycle.columns import Schema, load_schema
from lifecycle.command import StageError, project_root, run
from lifecycle.files import md5, read_json, write_json
from lifecycle.model import Model
from lifecycle.params import Params, load_params
from lifecycle.prepare import arrays
from lifecycle.rules import Verdict


def latency(model: Model, holdout: pl.DataFrame, schema: Schema, calls: int = 200) -> float:
    """Return the median milliseconds that one row takes from the request's values to the answer."""
    columns = {
        name: holdout[name].to_numpy()
        if schema[name].type == "datetime"
        else arrays(holdout, [name])[name]
        for name in schema.request
    }
    taken = []
    for i in range(calls):
        row = {name: values[i % holdout.height :][:1] for name, values in columns.items()}
        started = time.perf_counter()
        model.predict(features.on_arrays(schema, row))
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def performance(root: Path, holdout: pl.DataFrame, params: Params, schema: Schema) -> list[Verdict]:
    """Check what the model costs: time for one row, and bytes."""
    path = root / params.paths.model
    took = latency(Model.load(path), holdout, schema)
    most = params.gate.latency.maximum_milliseconds
    size, largest = path.stat().st_size / 1e6, params.gate.size.maximum_megabytes
    return [
        Verdict("median time for one row", f"{took:.2f} ms", f"<= {most} ms", took <= most),
        Verdict("size of the model file", f"{size:.2f} MB", f"<= {largest} MB", size <= largest),
    ]


def against_champion(
    root: Path,
    version: registry.Version | None,
    holdout: pl.DataFrame,
    params: Params,
    schema: Schema,
) -> list[Verdict]:
    """Compare with the champion on the same holdout, which it must not have seen."""
    if version is None:
        return [Verdict("against the champion", "no champion yet", "first deployment", True)]
    seen, first = version.tags.get("train_last", "missing"), str(holdout[schema.time].min())
    unseen = Verdict(
        "holdout unseen by the champion",
        f"it trained up to {seen}",
        f"before {first}",
        seen < first,
    )
    label = holdout[schema.target].cast(pl.Float64).to_numpy()
    gain = rules.bootstrap_gain(
        label,
        pl.read_parquet(root / params.paths.predictions)["probability"].to_numpy(),
        probabilities(root, version, holdout, schema),
        holdout[schema.time].dt.date().to_numpy(),
        params.gate.champion,
        params.train.seed,
    )
    return [unseen, rules.champion(gain, version.number, params.gate.champion)]


def identity(root: Path, params: Params, version: registry.Version | None) -> dict[str, Any]:
    """Return what the verdict is about: a verdict holds for exactly these contents."""
    paths = params.paths
    return {
        "model_md5": md5(root / paths.model),
        "holdout_md5": md5(root / paths.holdout),
        "evaluation_md5": md5(root / paths.evaluation_report),
        "params_md5": md5(root / "params.yaml"),
        "champion": version.number if version else None,
    }


def judge(
    root: Path, params: Params, schema: Schema, version: registry.Version | None
) -> list[Verdict]:
    """Return the verdict of every rule.

    Raises:
        StageError: the evaluation is of another model, or something it needs is missing.
    """
    evaluation = read_json(root / params.paths.evaluation_report)
    if evaluation.get("model_md5") != md5(root / params.paths.model):
        raise StageError("the evaluation is of another model: run `make pipeline`")
    holdout = pl.read_parquet(root / params.paths.holdout)
    return [
        *rules.limits(evaluation["metrics"], params.gate),
        *rules.baselines(evaluation, params.gate),
        *against_champion(root, version, holdout, params, schema),
        *rules.slices(evaluation, params.gate),
        *rules.disparity(evaluation, params.gate),
        *performance(root, holdout, params, schema),
    ]


def table(verdicts: list[dict[str, Any]]) -> str:
    """Return the lines of the gate as a table."""
    lines = [f"{'rule':46} {'measured':32} {'required':46} verdict"]
    for one in verdicts:
        lines.append(f"{one['rule']:46} {one['measured']:32} {one['required']:46} {one['verdict']}")
    return "\n".join(lines)


def gate(root: Path, params: Params, schema: Schema) -> str:
    """Judge the model, write and print the verdict, and return it: pass, or unchanged.

    Raises:
        StageError: a rule fails; the report then says `fail`.
    """
    path = root / params.paths.gate_report
    # No older verdict may outlive the start of a new one.
    path.unlink(missing_ok=True)
    report: dict[str, Any] = {"verdict": "fail", "reason": "the gate did not finish", "rules": []}
    try:
        version = registry.connect(root, params).by_alias("champion")
        report.update(identity(root, params, version))
        if version and version.tags.get("model_md5") == report["model_md5"]:
            reason = f"this model is champion version {version.number}: nothing to release"
            report.update(verdict="unchanged", reason=reason)
            print(f"gate: {reason}")
            return "unchanged"
        verdicts = judge(root, params, schema, version)
        report["rules"] = [one.as_dict() for one in verdicts]
        failed = [one.rule for one in verdicts if not one.passed]
        passed = bool(verdicts) and not failed
        report.update(
            verdict="pass" if passed else "fail",
            reason="every rule holds" if passed else f"failed: {', '.join(failed)}",
        )
    except BaseException as error:
        report["reason"] = f"the gate raised {type(error).__name__}: {error}"
        raise
    finally:
        write_json(path, report)
    print(table(report["rules"]))
    if not passed:
        raise StageError(
            f"{report['reason']}; nothing is released, the champion stays "
            f"{f'version {version.number}' if version else 'unset'} "
            f"(see {params.paths.gate_report})"
        )
    print(f"gate: {len(verdicts)} rules hold")
    return "pass"


def main() -> None:
    """Judge the model that the pipeline made."""
    gate(project_root(), load_params(), load_schema())


if __name__ == "__main__":
    run("gate", main)
