"""Prints rows as a request has them, beside what batch says of each; run by own_data.py.

Run with a project's interpreter in its folder: the file of rows, and the one with their scores.
"""

import json
import sys
from typing import Any

import polars as pl
from lifecycle.contract.columns import load_schema
from lifecycle.contract.outcome import chosen


def plain(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Return rows as JSON has them: moments as ISO 8601, of 32 bits what the service says."""
    moments = [name for name, kind in frame.schema.items() if kind == pl.Datetime]
    written = [pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S") for name in moments]
    found: list[dict[str, Any]] = frame.with_columns(*written).to_dicts()
    return found


def main(requests: str, scored: str) -> None:
    """Print the rows that batch scored, what it said, and how many it refused."""
    schema = load_schema()
    outcome = chosen.of(schema)
    rows, found = pl.read_parquet(requests), pl.read_parquet(scored)
    records = plain(found.select(schema.request))
    fields = set(outcome.fields()) & set(found.columns)
    scores = plain(found.select(sorted(fields)))
    for one in scores:
        if isinstance(one.get("probabilities"), list):
            one["probabilities"] = dict(zip(schema.classes, one["probabilities"], strict=True))
    print(json.dumps({"records": records, "scores": scores, "refused": rows.height - found.height}))


if __name__ == "__main__":
    main(*sys.argv[1:])
