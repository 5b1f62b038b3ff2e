"""The report of `make ablate`, and what it is about: other rows or features, another report.

The pipeline writes it, the gate may refuse by it, so both ask here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, read_strict
from lifecycle.core.params import Params
from lifecycle.records import definition

EARNS, UNPROVEN, HARMS = "earns", "unproven", "harms"
# The rule of the gate.
RULE = "no feature harms"
AGAIN = "run `make ablate`"


def about(root: Path, params: Params) -> dict[str, Any]:
    """Return what an ablation that is made now is about: it holds for exactly this."""
    return {
        "train_md5": md5(root / params.paths.train),
        definition.HASH: definition.tags(definition.here(root))[definition.HASH],
        "metric": params.gate.champion.metric,
        **params.model_dump(mode="json", include={"train", "ablate"}),
    }


def read(root: Path, params: Params) -> dict[str, Any]:
    """Return the report about the training part, features and parameters that are here.

    Raises:
        StageError: there is none, or it is about others.
    """
    path = params.paths.ablation_report
    if not (root / path).is_file():
        raise StageError(f"{path} is missing", AGAIN)
    try:
        found = read_strict(root / path)
        known = found["about"]
        others = [key for key, value in about(root, params).items() if known.get(key) != value]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise StageError(f"{path} is no report of an ablation", AGAIN) from None
    if others:
        raise StageError(f"{path} is not about this model ({', '.join(others)} differ)", AGAIN)
    report: dict[str, Any] = found
    return report


def harmful(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the features and groups that harm."""
    return [one for one in report["features"] + report["groups"] if one["verdict"] == HARMS]
