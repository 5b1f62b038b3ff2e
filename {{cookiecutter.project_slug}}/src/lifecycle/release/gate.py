"""The gate lets a challenger pass only if every rule holds; it fails closed.

Any rule that fails, a metric that is missing, or anything that raises stops the line with exit
code 1, and nothing is registered. A model that is the champion is said to be so. (ML Test Score,
Infrastructure 4.)
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, write_json
from lifecycle.core import task_metrics
from lifecycle.core.command import project_root
from lifecycle.core.params import Params, load_params
from lifecycle.records import expected, registry, tracking, verdict
from lifecycle.release import base


def identity(root: Path, params: Params, version: registry.Version | None) -> dict[str, Any]:
    """Return what the verdict is about: a verdict holds for exactly these contents."""
    paths = params.paths
    return {
        "model_md5": md5(root / paths.model),
        "train_md5": md5(root / paths.train),
        "holdout_md5": md5(root / paths.holdout),
        "evaluation_md5": md5(root / paths.evaluation_report),
        "predictions_md5": md5(root / paths.predictions),
        "params_md5": md5(root / "params.yaml"),
        **registry.defining(root),
        "champion": version.number if version else None,
    }


def table(verdicts: list[dict[str, Any]]) -> str:
    """Return the lines of the gate as a table."""
    names = ("rule", "measured", "required", "verdict")
    rows = [{name: name for name in names}, *verdicts]
    widths = {name: max(len(row[name]) for row in rows) for name in names}
    return "\n".join("  ".join(f"{row[n]:{widths[n]}}" for n in names).rstrip() for row in rows)


def decide(root: Path, params: Params, schema: Schema, report: dict[str, Any]) -> None:
    """Fill `report` with what the verdict is about, every rule's line, and the verdict."""
    task_metrics.require(params, schema)
    registered = registry.connect(root, params).by_alias("champion")
    report.update(identity(root, params, registered))
    version = base.champion(root, params, registered)
    report["base"] = base.commit_of(version, registered)
    others = registry.otherwise(version.tags, registry.deciding(root, params)) if version else []
    if version and not others:
        reason = f"this model is {version.name}: nothing to release"
        report.update(verdict="unchanged", reason=reason)
        return
    if version and "model_md5" not in others:
        print(f"gate: this model is {version.name}, which has another {', '.join(others)}: "
              "it is judged anew")  # fmt: skip
    # A second of imports that an unchanged model does not need.
    from lifecycle.release.judge import judge

    tracking.log_metrics(root, params)
    verdicts, measured = judge(root, params, schema, version)
    report["difference"] = measured
    if measured and version:
        print(f"gate: {expected.sentence(measured, version.name)}")
    report["rules"] = [one.as_dict() for one in verdicts]
    failed = [one.rule for one in verdicts if not one.passed]
    # What was not measured did not pass.
    names = {one.rule for one in verdicts}
    against = version.name if version else None
    failed += [rule for rule in verdict.required_rules(params, schema, against)
               if rule not in names]  # fmt: skip
    report["failed"] = failed
    if not failed:
        report.update(verdict="pass", reason="every rule holds")
    else:
        report["reason"] = f"failed: {', '.join(failed)}"


def gate(root: Path, params: Params, schema: Schema) -> str:
    """Judge the model, write and print the verdict, and return it: pass, or unchanged.

    Raises:
        StageError: a rule fails or something raises; the report then says `fail`.
    """
    path = root / params.paths.gate_report
    # No older verdict may outlive the start of a new one.
    path.unlink(missing_ok=True)
    report: dict[str, Any] = {"verdict": "fail", "reason": "the gate did not finish", "rules": []}
    try:
        decide(root, params, schema, report)
    except Exception as error:
        said = (str(error).splitlines() or ["no message"])[0]
        report["reason"] = f"the gate raised {type(error).__name__}: {said}"
        if isinstance(error, StageError):
            raise
        report["traceback"] = traceback.format_exc().splitlines()
        raise StageError(
            f"{report['reason']}; nothing is released (see {params.paths.gate_report})"
        ) from error
    finally:
        write_json(path, report)
    if report["rules"]:
        print(table(report["rules"]))
    if report["verdict"] == "fail":
        champion = report["champion"]
        raise StageError(
            f"{report['reason']}; nothing is released, the champion stays "
            f"{f'version {champion}' if champion else 'unset'} (see {params.paths.gate_report})",
            reason=report["reason"], about=report["failed"],
        )  # fmt: skip
    rules = f"{len(report['rules'])} rules hold"
    print(f"gate: {report['reason'] if report['verdict'] == 'unchanged' else rules}")
    return str(report["verdict"])


def main() -> None:
    """Judge the model that the pipeline made."""
    gate(project_root(), load_params(), load_schema())
