"""Register makes a version of the model that the gate has passed, with its lineage in tags.

It stops the line when there is no passing verdict for exactly this model, or the pipeline did not
make it of the files that are here. Registering again gives the version that is there already: a
crash leaves no second one. (ML Test Score, Model 1.)
"""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, md5_of, read_json
from lifecycle.contract.section import plain
from lifecycle.core import child, cloud, git
from lifecycle.core.command import project_root
from lifecycle.core.params import Params, load_params
from lifecycle.records import definition, kept_verdicts, passed, registry, tracking, verdict
from lifecycle.records.registry import TRACKED
from lifecycle.release import base
from lifecycle.release.gate import identity


def require_verdict(
    root: Path, params: Params, schema: Schema, champion: registry.Version | None
) -> dict[str, Any]:
    """Return the gate's report if it is about exactly these files, and holds when judged again.

    Raises:
        StageError: there is no verdict, it is a failure, about something else, or not the gate's.
    """
    path = params.paths.gate_report
    if not (root / path).is_file():
        raise StageError("there is no verdict of the gate", "run `make gate`")
    report = verdict.read(root / path)
    if report.get("verdict") == "fail":
        raise StageError(
            f"the gate failed ({verdict.short(report['reason'])}): nothing is registered"
        )
    against = base.champion(root, params, champion)
    contents = identity(root, params, champion) | {"base": base.commit_of(against, champion)}
    stale = verdict.differing(report, contents)
    if stale:
        raise StageError(
            f"the gate's verdict is not about this model ({', '.join(stale)} differ)",
            "run `make gate`",
        )
    if report.get("verdict") == "unchanged":
        decides = registry.deciding(root, params)
        if against is None or registry.otherwise(against.tags, decides):
            raise StageError("the gate's verdict calls another model unchanged", "run `make gate`")
        return report
    verdict.passed(
        report, verdict.required_rules(params, schema, against.name if against else None)
    )
    require_rules(root, params, schema, against, report)
    return report


def require_rules(
    root: Path,
    params: Params,
    schema: Schema,
    against: registry.Version | None,
    report: dict[str, Any],
) -> None:
    """Judge again: half a second tells a verdict that was written by hand.

    Raises:
        StageError: a rule fails, or the model differs from the champion otherwise than `report`
            says: its rollout would expect that.
    """
    from lifecycle.release.judge import judge

    verdicts, measured = judge(root, params, schema, against)
    failed = [one.rule for one in verdicts if not one.passed]
    if failed:
        raise StageError(
            f"judged again, the model fails {', '.join(failed)}: nothing is registered, "
            "run `make gate`"
        )
    if report.get("difference") != measured:
        raise StageError(
            "measured again, the model differs otherwise from the champion than the gate's verdict "
            "says",
            "run `make gate`",
        )


def hash_of_folder(folder: Path) -> str:
    """Return DVC's hash of a folder, without what .dvcignore leaves out of one with code."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")
             if path.is_file() and "__pycache__" not in path.parts}  # fmt: skip
    files = [{"md5": md5(path), "relpath": name} for name, path in sorted(found.items())]
    return f"{md5_of(json.dumps(files, sort_keys=True).encode())}.dir"


def _numbers(value: Any) -> Any:
    """Return a value with its numbers as such: DVC writes 1e-05, which YAML 1.1 takes for text."""
    if isinstance(value, dict):
        return {key: _numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_numbers(inner) for inner in value]
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def require_pipeline(root: Path) -> None:
    """Let through only a model that the pipeline made of the files and parameters that are here.

    Else the version's tags would name code, parameters or data that made another model.

    Raises:
        StageError: naming what has changed since the pipeline ran.
    """
    if not (root / "dvc.lock").is_file():
        raise StageError("dvc.lock is missing", "run `make pipeline`")
    lock, here = (plain((root / name).read_bytes()) for name in ("dvc.lock", "params.yaml"))
    stages = lock["stages"].values()
    files = {(f["path"], f["md5"]) for stage in stages for f in (*stage["deps"], *stage["outs"])}
    # Folders that nobody edits are left to DVC.
    own = f"{definition.OWN}/"
    changed = [
        path
        for path, wanted in sorted(files)
        if (path.startswith(own) or not wanted.endswith(".dir"))
        and (hash_of_folder if wanted.endswith(".dir") else md5)(root / path) != wanted
    ]
    for stage in stages:
        for key, value in stage.get("params", {}).get("params.yaml", {}).items():
            found = functools.reduce(lambda part, name: part.get(name, {}), key.split("."), here)
            if _numbers(found) != _numbers(value):
                changed.append(f"params.yaml: {key}")
    if changed:
        raise StageError(
            f"the pipeline ran with other content of {', '.join(dict.fromkeys(changed))}",
            "run `make pipeline`",
        )


def push(root: Path) -> None:
    """Send data and model to the DVC remote: what is released can be had again elsewhere."""
    cloud.renew(os.environ)
    # Not --quiet: that would keep the reason of a failure to itself.
    done = child.run(root, "dvc", "push")
    if done.returncode:
        reason = child.dvc_reason(done)
        raise StageError(f"dvc push failed, nothing is registered: {reason} (see .dvc/config)")


def lineage(root: Path, params: Params, gate: dict[str, Any], commit: str) -> dict[str, str]:
    """Return the tags that lead back to commit, data, parameters, locks and verdict."""
    prepared = read_json(root / params.paths.prepare_report)
    scores = read_json(root / params.paths.metrics)
    paths, measured = params.paths, gate.get("difference")
    return {
        "git_commit": commit,
        "model_md5": gate["model_md5"],
        "data_md5": md5(root / paths.snapshot),
        "train_md5": md5(root / paths.train),
        "holdout_md5": gate["holdout_md5"],
        "evaluation_md5": gate["evaluation_md5"],
        "gate_md5": md5(root / paths.gate_report),
        "gate_verdict": gate["verdict"],
        "window": params.data.span,
        **({"train_last": prepared["train"]["last"]} if params.data.window else {}),
        "threshold": repr(params.evaluate.threshold),
        **({"difference": json.dumps(measured, sort_keys=True)} if measured else {}),
        **{tag: md5(root / path) for tag, path in TRACKED.items()},
        **definition.tags(definition.here(root)),
        **{f"metric.{name}": repr(value) for name, value in scores.items()},
    }


def register(root: Path, params: Params, schema: Schema) -> registry.Version | None:
    """Return the challenger's version, made if need be; None if the model is the champion."""
    versions = registry.connect(root, params)
    champion = versions.by_alias("champion")
    report = require_verdict(root, params, schema, champion)
    if report["verdict"] == "unchanged":
        print(f"register: {verdict.short(report['reason'])}")
        return None
    require_pipeline(root)
    commit = git.commit_lock(root)
    push(root)
    version = versions.find(registry.deciding(root, params))
    if version is None:
        run_id = tracking.log_model_run(root, params, schema)
        tracking.log_metrics(root, params)
        # Before the version, whose tag names it, and never after: a later verdict is another.
        kept_verdicts.log_verdict(root, run_id, root / params.paths.gate_report)
        tags = lineage(root, params, report, commit)
        version = versions.create(run_id, tags)
    else:
        passed.require(root, version, "it holds this model already, so delete it in MLflow "
                       "(`make ui`), then `make release`")  # fmt: skip
    versions.set_alias("challenger", version.number)
    made_of = version.tags["git_commit"][:12]
    print(f"register: version {version.number} is the challenger (commit {made_of})")
    return version


def main() -> None:
    """Register the model that the gate has passed."""
    register(project_root(), load_params(), load_schema())
