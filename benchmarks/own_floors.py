"""Tries the gate of an adopted project on what it must refuse and let through.

Run by benchmarks/own_data.py with a project's interpreter in its folder; the CSV is its argument.
The stages' own functions are called in one process: ingest, the split of prepare, train, evaluate,
and the gate's rules of limits, baselines and slices. Prints one JSON object.
"""

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from lifecycle.adopt import adopt, opening, settle, writing
from lifecycle.adopt.asked import Asked, Said
from lifecycle.contract import model_file
from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.files import read_json
from lifecycle.core.params import Params, load_params
from lifecycle.pipeline import evaluate, ingest, prepare, train
from lifecycle.tasks import rules

SEEDS = (1, 2, 3)
NOISE = 0.05
LEAKS = ("copy", "noisy", "code")


def refused(folder: Path, params: Params, schema: Schema) -> list[str]:
    """Return the gate's rules that do not hold for a model of a source's files."""
    rows = ingest.ingest(folder, params, schema)[0]
    parts = prepare.with_features(*prepare.parts_of(rows, params, schema), schema)
    fitted, carried = train.fitted_on(parts[0], params, schema)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / params.paths.model.name
        path.write_bytes(fitted.to_bytes(carried))
        report = evaluate.evaluate(*parts, model_file.load(path), params, schema)[0]
    verdicts = [
        *rules.limits(report["metrics"], params.gate),
        *rules.baselines(report, params.gate),
        *rules.slices(report, params.gate),
    ]
    return [f"{one.rule} {one.measured}, {one.required}" for one in verdicts if not one.passed]


def seeded(params: Params, seed: int) -> Params:
    """Return parameters with another seed of the model, and of the draw of the holdout."""
    return params.model_copy(update={
        "train": params.train.model_copy(update={"seed": seed}),
        "prepare": params.prepare.model_copy(update={"seed": seed}),
    })  # fmt: skip


def planted(frame: pl.DataFrame, target: str) -> pl.DataFrame:
    """Add a copy of the target, a noisy copy and a code for it, as their columns are called."""
    random, label = np.random.default_rng(0), frame[target]
    mixed = label.shuffle(seed=1)
    number = label.cast(pl.Float64, strict=False)
    if label.dtype.is_float() or number.n_unique() > 10:
        spread = float(number.std() or 1)
        noisy = number + pl.Series(random.normal(0, spread * NOISE**0.5, len(label)))
        code = number.qcut(5, allow_duplicates=True).to_physical().cast(pl.String)
        return frame.with_columns(leak_copy=number * 3 - 7, leak_noisy=noisy,
                                  leak_code="bin " + code)  # fmt: skip
    kept = pl.Series(random.random(len(label)) > NOISE)
    text = label.cast(pl.String)
    return frame.with_columns(
        leak_copy="is " + text,
        leak_noisy=pl.when(kept).then(text).otherwise(mixed.cast(pl.String)),
        leak_code="code " + (97 - text.rank("dense").cast(pl.Int64)).cast(pl.String),
    )


def adopted(frame: pl.DataFrame, asked: Asked, folder: Path) -> tuple[Params, Schema, Said]:
    """Return what adopt would write of a table, and what it says; the table's files in `folder`."""
    root, said = Path.cwd(), Said()
    place = folder.parent / f"{folder.name}.csv"
    frame.write_csv(place)
    folder.mkdir()
    opened = opening.source(str(place), root, folder)
    plan = settle.settle(opened, asked, said, load_params().train)
    files = writing.files(root, plan, replace(asked, source=str(place)), said)
    for name in (writing.SCHEMA, writing.PARAMS):
        text = files.get(name) or (root / name).read_text(encoding="utf-8")
        (folder.parent / name).write_text(text, encoding="utf-8")
    adopt.checked(root, files)
    written = load_schema(folder.parent / writing.SCHEMA)
    return load_params(folder.parent / writing.PARAMS), written, said


def with_feature(schema: Schema, name: str) -> Schema:
    """Return the schema with a column that adopt took for a leak as a feature, and no other."""
    columns = tuple(
        one.model_copy(update={"roles": ("feature",)}) if one.name == name else one
        for one in schema.columns
    )
    return schema.model_copy(update={"columns": columns})


def main(place: str) -> None:
    """Print what the gate said to seeds, to a shuffled target and to each leak that is kept."""
    params, schema, root = load_params(), load_schema(), Path.cwd()
    given = read_json(root / writing.RECORD)["asked"]
    asked = Asked(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})
    frame = pl.read_csv(place, infer_schema_length=None)
    found: dict[str, Any] = {
        "seeds": [refused(root / params.paths.source, seeded(params, n), schema) for n in SEEDS]
    }
    mixed = frame.with_columns(pl.col(asked.target).shuffle(seed=1))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "a" / "rows"
        folder.parent.mkdir()
        theirs, own, said = adopted(mixed, asked, folder)
        found["shuffled"] = refused(folder, params, schema)
        found["shuffled, adopted"] = refused(folder, theirs, own)
    with tempfile.TemporaryDirectory() as scratch:
        theirs, own, said = adopted(planted(frame, asked.target), asked, Path(scratch) / "rows")
        named = [line for line in said.flagged if "probably a leak" in line]
        found["named"] = {one: any(line.startswith(f"leak_{one}:") for line in named)
                          for one in LEAKS}  # fmt: skip
        found["kept"] = {
            one: refused(Path(scratch) / "rows", theirs, with_feature(own, f"leak_{one}"))
            for one in LEAKS
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
