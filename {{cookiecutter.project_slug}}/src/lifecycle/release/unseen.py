"""Which rows of the holdout the champion was not trained on: by those alone two models compare.

With time it is known from the last row that it was trained on. Without, its own training part is
looked at, which DVC keeps: as the border between the parts moves with the rows that there are,
a few rows of this holdout may be in it.
"""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lifecycle.contract.columns import Schema
from lifecycle.core.params import Params
from lifecycle.records.artefact import content_at
from lifecycle.records.registry import Version
from lifecycle.tasks.rules import Verdict

RULE, KIND = "holdout unseen by the champion", "unseen"
# With fewer of its rows left, a holdout is another one than the owner has asked for.
LEAST = 0.5
ROW = "_row"


def unseen(
    root: Path, version: Version, holdout: pl.DataFrame, params: Params, schema: Schema
) -> tuple[Verdict, NDArray[Any]]:
    """Return whether enough of the holdout was not seen, and of each row whether it was not.

    Raises:
        StageError: what the champion was trained on is not to be had.
    """
    if schema.time is None:
        return _by_rows(root, version, holdout, params, schema)
    seen, first = version.tags.get("train_last", "missing"), str(holdout[schema.time].min())
    verdict = Verdict(RULE, f"it trained up to {seen}", f"before {first}", seen < first, KIND)
    return verdict, np.ones(holdout.height, bool)


def _by_rows(
    root: Path, version: Version, holdout: pl.DataFrame, params: Params, schema: Schema
) -> tuple[Verdict, NDArray[Any]]:
    """Look for the keys, and the group, of the holdout among the rows that were trained on."""
    commit, path = version.tags["git_commit"], params.paths.train
    content = content_at(root, commit, path, f"{path}, which {version.name} was trained on,")
    trained = pl.read_parquet(io.BytesIO(content), glob=False)
    least = math.ceil(LEAST * holdout.height)
    keys, groups = schema.names("key"), schema.names("group")
    required = f">= {least} of {holdout.height} rows"
    strange = [n for n in (*keys, *groups) if trained.schema.get(n) != holdout.schema[n]]
    if strange:
        said = f"its training part has no such {', '.join(strange)}"
        return Verdict(RULE, said, required, False, KIND), np.ones(holdout.height, bool)
    rows = holdout.with_row_index(ROW)
    left = rows.join(trained, on=keys, how="anti", nulls_equal=True)
    if groups:
        left = left.join(trained, on=groups, how="anti")
    enough = left.height >= least
    said = f"{left.height} rows, and the others are left out"
    verdict = Verdict(
        RULE, said if left.height < holdout.height else f"{left.height} rows", required, enough,
        KIND, float(left.height), minimum=float(least),
    )  # fmt: skip
    # Where they are too few, all are compared by, to have figures of a model that fails anyway.
    return verdict, np.isin(rows[ROW], left[ROW]) | (not enough)
