"""The champion's scores on the challenger's holdout, by the champion's own definition."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from lifecycle.contract import features, model_file
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.outcome import chosen
from lifecycle.contract.outcome.outcome import Outcome
from lifecycle.core import child, failure, git
from lifecycle.core.frames import arrays, scores
from lifecycle.records import definition
from lifecycle.records.artefact import fetch_model
from lifecycle.records.registry import Version, defining, otherwise


def champion_scores(root: Path, version: Version, holdout: pl.DataFrame, schema: Schema) -> Any:
    """Score `holdout` with the registered version, by this code only where it is the version's own.

    Of a version from before its whole definition was kept, nobody can say that.

    Raises:
        StageError: its model or its commit is not to be had, or it cannot score every row.
    """
    path = fetch_model(root, version.tags)
    if definition.HASH in version.tags and not otherwise(version.tags, defining(root)):
        model = model_file.load(path)
        if features.learnt(schema):
            # What its features have learnt is of the rows that it was trained on.
            holdout = features.on_frame(schema, holdout.select(schema.request), model.fitted)
        return model.predict(arrays(holdout, list(model.names)))
    return _by_its_own_code(root, version, path, holdout, chosen.of(schema))


def scoring(folder: Path) -> list[str]:
    """Return how the project in `folder` scores a file: before it had commands, by a module."""
    has_commands = (folder / "src" / "lifecycle" / "core" / "commands.py").is_file()
    return ["lifecycle", "batch"] if has_commands else ["lifecycle.batch"]


def _by_its_own_code(
    root: Path, version: Version, model: Path, holdout: pl.DataFrame, outcome: Outcome
) -> Any:
    """Score with the code of the version's commit, in a folder of its own."""
    commit = version.tags["git_commit"]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        git.export(root, commit, folder)
        rows, scored = folder / "holdout.parquet", folder / "scored.parquet"
        holdout.write_parquet(rows)
        done = child.run(folder, *scoring(folder), rows, scored, "--model", model)
        if done.returncode:
            # An older commit leaves no record: its last words are quoted.
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            found = failure.of(folder, last, "it")
            raise StageError(f"{version.name} cannot be scored: {failure.passed_on(found)}")
        result = pl.read_parquet(scored, glob=False)
    if result.height != holdout.height:
        raise StageError(
            f"{version.name} scores {result.height} of the "
            f"{holdout.height} rows held out: its schema refuses the others"
        )
    if outcome.score.name not in result.columns:
        raise StageError(f"{version.name} gives no {outcome.score.name}: it is of another task")
    return scores(result, outcome)
