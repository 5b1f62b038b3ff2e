"""Compare says what a change does to the model: this change against BASE, on the same holdout.

It writes reports/compare.md for a reviewer, reports/compare.json for programs, and plots. It judges
nothing: the verdict is the gate's. Where the pipeline stopped or the gate raised, it says so.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl

from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, read_json, write_json, write_text
from lifecycle.contract.section import plain
from lifecycle.core import failure, git
from lifecycle.core.blocks import of_rows
from lifecycle.core.command import project_root
from lifecycle.core.frames import labels
from lifecycle.core.metric_names import DRAWN, SIGN
from lifecycle.core.params import Params, load_params
from lifecycle.pipeline import evaluate
from lifecycle.records import registry
from lifecycle.release import base
from lifecycle.release.champion import probabilities
from lifecycle.tasks import metrics, rules

# What DVC prints of each stage, kept by `make pipeline 2>&1 | tee reports/pipeline.txt`.
STAGE = re.compile(r"(?m)^(?:Running stage '(\w+)'|Stage '(\w+)' (didn't change|is cached).*)")
LOG = Path("reports/pipeline.txt")
STAGES = ("ingest", "validate", "prepare", "train", "evaluate")
BROKEN = re.compile(r"(?m)^ERROR: failed to reproduce '(\w+)'")


def stages(log: str) -> dict[str, str]:
    """Return what became of each stage: ran, or why DVC left it out, in its own words."""
    return {ran or left: why or "ran" for ran, left, why in STAGE.findall(log)}


def stopped(root: Path, log: str) -> str | None:
    """Return where the pipeline or the retrain stopped and why, or None.

    A stage that was killed leaves no record: then DVC says where it was.
    """
    found = failure.read(root)
    if found and found.command == "retrain" and found.step != "retrain":
        return f"the retrain stopped, everything is as before: {found.said}"
    if found and found.step in STAGES:
        return f"the pipeline stopped at {found.step}: {found.reason}"
    broken = BROKEN.search(log)
    return f"the pipeline stopped at {broken[1]}: see its log" if broken else None


def leaves(value: Any, prefix: str = "") -> dict[str, Any]:
    """Return every leaf of a tree of parameters by its dotted key."""
    if not isinstance(value, dict):
        return {prefix: value}
    inner = (leaves(v, f"{prefix}.{key}" if prefix else str(key)) for key, v in value.items())
    return {key: leaf for part in inner for key, leaf in part.items()}


def changed_params(root: Path, commit: str | None) -> list[dict[str, Any]]:
    """Return the parameters that differ from those of `commit`, None where one is not there."""
    before = git.content(root, commit, "params.yaml") if commit else None
    if before is None:
        return []
    here = leaves(plain((root / "params.yaml").read_bytes()))
    there = leaves(plain(before))
    return [
        {"key": key, "base": there.get(key), "change": here.get(key)}
        for key in sorted(here.keys() | there.keys())
        if here.get(key) != there.get(key)
    ]


def difference(name: str, ours: float, theirs: float) -> dict[str, Any]:
    """Return a metric of both, and how much this change is better by, whichever way that is."""
    gain = SIGN[name] * (ours - theirs)
    return {"metric": name, "base": theirs, "change": ours, "difference": ours - theirs,
            "gain": gain, "better": gain > 0 if gain else None}  # fmt: skip


def scored(root: Path, version: registry.Version, params: Params, schema: Schema) -> dict[str, Any]:
    """Return metrics with intervals, slices and calibration of both models on this holdout.

    Raises:
        StageError: the pipeline has not run, or the other model cannot be scored.
    """
    for path in (params.paths.holdout, params.paths.predictions):
        if not (root / path).is_file():
            raise StageError(f"{path} is missing", "run `make pipeline`")
    holdout = pl.read_parquet(root / params.paths.holdout, glob=False)
    label = labels(holdout, schema)
    ours = pl.read_parquet(root / params.paths.predictions, glob=False)["probability"].to_numpy()
    theirs = probabilities(root, version, holdout, schema)
    bins = params.evaluate.calibration_bins
    mine, other = (metrics.score(label, values, bins) for values in (ours, theirs))
    found = []
    for name in mine:
        line = difference(name, mine[name], other[name])
        if name in DRAWN:
            rule = params.gate.champion.model_copy(update={"metric": name})
            day = of_rows(holdout, schema)
            gain = rules.bootstrap_gain(label, ours, theirs, day, rule, params.train.seed)
            # The gain is positive where this change is better; the difference has its own sign.
            line["interval"] = sorted(SIGN[name] * end for end in gain[1:])
        found.append(line)
    one, two = (evaluate.slices(holdout, label, p, params.evaluate, schema)
                for p in (ours, theirs))  # fmt: skip
    name = params.gate.slices.metric
    slices = [
        {"slice": a["slice"], "value": a["value"], "rows": a["rows"],
         **difference(name, a["metrics"][name], b["metrics"][name])}
        for a, b in zip(one, two, strict=True) if a["metrics"] and b["metrics"]
    ]  # fmt: skip
    curves = {"change": metrics.calibration(label, ours, bins),
              "base": metrics.calibration(label, theirs, bins)}  # fmt: skip
    return {"rows": holdout.height, "metrics": found, "slices": slices, "calibration": curves}


def verdict(root: Path, params: Params, log: str) -> dict[str, Any]:
    """Return the verdict, its reason and the gate's lines; `none` where the gate has not judged."""
    broken = stopped(root, log)
    if broken:
        return {"verdict": "stopped", "reason": broken, "rules": []}
    path = root / params.paths.gate_report
    if not path.is_file():
        return {"verdict": "none", "reason": "the gate has not judged it", "rules": []}
    gate = read_json(path)
    if (root / params.paths.model).is_file() and gate.get("model_md5", "") not in (
        "", md5(root / params.paths.model),
    ):  # fmt: skip
        return {"verdict": "none", "reason": "the gate judged another model", "rules": []}
    return {key: gate[key] for key in ("verdict", "reason", "rules")}


def validation(root: Path, params: Params) -> dict[str, Any] | None:
    """Return what validate found, or None where it wrote nothing."""
    path = root / params.paths.validation_report
    if not path.is_file():
        return None
    found = read_json(path)
    return {key: found[key] for key in ("passed", "rows", "checked", "failed")}


def compare(root: Path, params: Params, schema: Schema) -> dict[str, Any]:
    """Return everything that there is to say about this change."""
    log = (root / LOG).read_text(encoding="utf-8") if (root / LOG).is_file() else ""
    found: dict[str, Any] = {
        "commit": git.head(root), "window": params.data.span, **verdict(root, params, log),
        "stages": stages(log), "validation": validation(root, params),
        "scores": None, "no_scores": None, "base": None,
        "lock_is_current": "dvc.lock" not in git.changed(root),
    }  # fmt: skip
    commit = base.requested(root)
    found["params"] = changed_params(root, commit)
    if found["verdict"] == "stopped":
        found.update(base=commit, no_scores="there is no new model to compare")
        return found
    try:
        version = (
            base.version_at(root, params, commit) if commit
            else registry.connect(root, params).by_alias("champion")
        )  # fmt: skip
        if version is None:
            found["no_scores"] = "there is nothing to compare with: this is the first model"
        else:
            found.update(base=version.tags["git_commit"], base_name=version.name)
            found["scores"] = scored(root, version, params, schema)
    except StageError as error:
        found.update(base=commit, no_scores=str(error))
    return found


def main() -> None:
    """Write the comparison, and print its first line."""
    from lifecycle.delivery import compare_report
    from lifecycle.pages import compare_plots

    params, root = load_params(), project_root()
    found = compare(root, params, load_schema())
    folder = root / params.paths.gate_report.parent
    write_json(folder / "compare.json", found)
    text = compare_report.render(found, params)
    write_text(folder / "compare.md", text)
    for name, drawing in compare_plots.draw(found).items():
        write_text(folder / "compare" / name, drawing)
    print(f"compare: {text.splitlines()[0].lstrip('# ')} (reports/compare.md)")
