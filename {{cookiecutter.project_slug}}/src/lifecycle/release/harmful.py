"""The rule that refuses what the ablation found to harm, where params.yaml asks for it."""

from __future__ import annotations

from pathlib import Path

from lifecycle.core.params import Params
from lifecycle.records import ablation
from lifecycle.tasks.rules import Verdict


def verdicts(root: Path, params: Params) -> list[Verdict]:
    """Return the line of the rule, none where it is off.

    Raises:
        StageError: there is no ablation, or it is about another model.
    """
    if not params.gate.ablation.refuse_harmful:
        return []
    found = ablation.harmful(ablation.read(root, params))
    told = "; ".join(f"{one['name']} {one['gain']:+.4f}" for one in found)
    return [Verdict(ablation.RULE, told or "none", "none harms", not found, "ablation",
                    float(len(found)), maximum=0.0)]  # fmt: skip
