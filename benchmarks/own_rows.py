"""Gives the rows that were held back as requests and labels; run by benchmarks/own_data.py.

Run with a project's interpreter in its folder: the CSV with every row, how many of the first the
project has seen, and a folder, into which it writes requests.parquet, and labels.parquet.
"""

import sys
import tempfile
from pathlib import Path

import polars as pl
from lifecycle.contract.columns import load_schema
from lifecycle.core.params import load_params
from lifecycle.pipeline import ingest, source


def main(whole: str, seen: str, target: str) -> None:
    """Read all rows as the project reads its own, and write those that it has not seen."""
    params, schema = load_params(), load_schema()
    folder = Path(target)
    with tempfile.TemporaryDirectory() as scratch:
        # By the name that data.source looks for.
        (Path(scratch) / "rows.csv").write_bytes(Path(whole).read_bytes())
        found, is_text = source.scan(params.data.source, Path(scratch), Path(scratch), schema)
        rows = ingest.conform(found, schema, is_text=is_text)[0].drop("_refused").collect()
    held = rows[int(seen) :]
    held.select(schema.request).write_parquet(folder / "requests.parquet")
    labels = held.select(*schema.names("key"), schema.target).drop_nulls(schema.target)
    labels.write_parquet(folder / "labels.parquet")


if __name__ == "__main__":
    pl.Config.set_fmt_str_lengths(100)
    main(*sys.argv[1:])
