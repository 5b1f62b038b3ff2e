"""Measures what the monitor's limits of quality let pass: predictions shuffled among real rows.

Run it in a project's folder, after `make pipeline` with the window 2013-01 to 2013-09, as

    PYTHONPATH=src:/path/to/template .venv/bin/python -P -m benchmarks.quality

It prints the table of docs/reference/monitor.md, "Limits of quality". Nothing is asserted.
"""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from lifecycle.contract import features
from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.files import read_json
from lifecycle.core.frames import arrays
from lifecycle.core.params import Params, load_params
from lifecycle.monitoring import quality
from project.model import Model

from benchmarks.weeks import ROOT, Rows, between, source_rows

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
ENDS = (date(2013, 3, 31), date(2013, 6, 30), date(2013, 9, 30))


def year(params: Params, schema: Schema) -> Rows:
    """Return every row of the source with its label and what the model predicts."""
    rows = source_rows(params, schema).filter(pl.col(schema.target).is_not_null())
    columns = arrays(features.on_frame(schema, rows), features.names(schema))
    score = Model.load(ROOT / params.paths.model).predict(columns).astype(np.float64)
    return rows.with_columns(pl.Series("probability", score))


def shuffled(rows: Rows, share: float) -> Rows:
    """Return rows of which a share have the predictions of others among them."""
    generator = np.random.default_rng(1)
    score = rows["probability"].to_numpy().copy()
    picked = generator.random(rows.height) < share
    score[picked] = generator.permutation(score[picked])
    return rows.with_columns(pl.Series("probability", score))


def fired(weeks: list[Rows], evaluation: dict[str, Any], schema: Schema, params: Params) -> str:
    """Say which figures fire after some weeks: the slices are counted."""
    found = [quality.of_window(week, schema, params) for week in weeks]
    verdicts = [quality.verdicts(one, evaluation, params) for one in found if one is not None]
    names = [week[schema.time].min().date().isoformat() for week in weeks]
    alerts = quality.alerts(names, verdicts, params)
    kinds = Counter("slices" if "=" in one.subject else one.subject for one in alerts)
    said = [
        f"{count} slice{'s' * (count > 1)}" if kind == "slices" else kind
        for kind, count in kinds.items()
    ]
    return ", ".join(said) or "nothing"


def main() -> None:
    """Print the table."""
    params, schema = load_params(), load_schema()
    assert params.data.window.end == "2013-09", "set data.window to 2013-01 to 2013-09 first"
    evaluation = read_json(ROOT / params.paths.evaluation_report)
    alone = {**evaluation, "worst_blocks": {}}
    rows = year(params, schema)
    print("| shuffled | four weeks up to | fires by the tolerance alone | fires |")
    print("| --- | --- | --- | --- |")
    for share in SHARES:
        for end in ENDS:
            lasts = [end - timedelta(7 * back) for back in (3, 2, 1, 0)]
            weeks = [
                shuffled(between(rows, schema.time, (last - timedelta(6), last)), share)
                for last in lasts
            ]
            cells = (fired(weeks, one, schema, params) for one in (alone, evaluation))
            print(f"| {share:.0%} | {end:%m-%d} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
