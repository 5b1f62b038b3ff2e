"""The smoke request: rows of the holdout, with the answers that the pipeline gives to them.

They are real but for their private columns, whose values are made up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from lifecycle.contract import model_file
from lifecycle.contract.columns import Schema
from lifecycle.contract.files import write_json
from lifecycle.contract.model_file import Model
from lifecycle.contract.outcome import chosen
from lifecycle.contract.outcome.outcome import Deciding
from lifecycle.contract.seal import SMOKE
from lifecycle.core.frames import arrays
from lifecycle.core.params import Params
from lifecycle.records.synthetic import without_private
from lifecycle.serving.predictor import load_release

SMOKE_ROWS = 5
# With them a rollout can ask a candidate where no client does.
SPREAD_ROWS = 200


def smoke_rows(holdout: pl.DataFrame, schema: Schema, maximum: int) -> pl.DataFrame:
    """Return real rows: the first ones, some with a null in each way they come, many in between.

    At most `maximum` of them, as many as one request may hold.
    """
    nullable = [name for name in schema.request if schema[name].null_share > 0]
    nulls = [holdout.filter(pl.col(name).is_null()).head(1) for name in nullable]
    whole = holdout.filter(~pl.any_horizontal(pl.col(nullable).is_null())) if nullable else holdout
    spread = holdout.gather_every(max(1, holdout.height // SPREAD_ROWS)).head(SPREAD_ROWS)
    return (
        pl.concat([holdout.head(SMOKE_ROWS), whole.head(SMOKE_ROWS), *nulls, spread])
        .unique(subset=schema.names("key"), maintain_order=True)
        .head(maximum)
    )


def smoke(
    holdout: pl.DataFrame, schema: Schema, model: Model, deciding: Deciding, maximum: int
) -> dict[str, Any]:
    """Return the smoke request, and what the pipeline answers to it."""
    # Before anything is computed: the answers are those to the values that are sent.
    rows = without_private(smoke_rows(holdout, schema, maximum), schema, model.fitted)
    records = [
        {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in row.items()}
        for row in rows.select(schema.request).to_dicts()
    ]
    columns = arrays(rows, list(model.names))
    request: dict[str, Any] = {"records": records}
    if model.contributions({name: values[:1] for name, values in columns.items()}) is None:
        # Whoever sends this request asks for them otherwise.
        request["explain"] = False
    outcome, scores = chosen.of(schema), model.predict(columns)
    answers = outcome.answers(scores.tolist(), outcome.decide(scores, deciding), deciding)
    return {"request": request, "answers": answers}


def add_smoke(root: Path, target: Path, params: Params, schema: Schema) -> None:
    """Add the smoke request and the pipeline's answer to it."""
    holdout = pl.read_parquet(root / params.paths.holdout, glob=False)
    model = model_file.load(target / "release" / "model.ubj")
    deciding = load_release(target / "release")
    write_json(target / SMOKE, smoke(holdout, schema, model, deciding, params.serve.maximum_rows))
