"""The first model of a replay: trained on what there was before, released, deployed, and kept.

It has few months, in February a single one, and the gate may refuse it for good reason. A replay
needs something that serves, so the gate's floors are then opened for this one release, in the
clone, and what the gate said first is part of the report. Every later model meets the gate of
params.yaml.
"""

from __future__ import annotations

from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.core.edited_yaml import replaced
from lifecycle.core.metric_names import SIGN
from lifecycle.core.params import Params
from lifecycle.core.window import Window, day_after, first_day, moved_by_months, shifted
from lifecycle.loop.replay.clone import Clone
from lifecycle.loop.replay.settings import Replay
from lifecycle.loop.retrain import STEPS

# What no figure reaches, in whatever unit a target is.
NEVER = 1_000_000_000_000.0
# Where a metric has another end than nought.
LOWEST = {"r2": -NEVER}


def window_before(known: list[str], first: str, most: int) -> Window:
    """Return the window that ends before the period `first`: unbroken, at most `most` months.

    Raises:
        StageError: the source has no rows of the period before.
    """
    end = shifted(first, -1)
    if end not in known:
        raise StageError(
            f"the first model is trained on what is before {first}, and the source has no "
            f"rows in {end}: begin with {shifted(min(known), 1)}"
        )
    start, since = end, moved_by_months(day_after(end), -most)
    while (before := shifted(start, -1)) in known and first_day(before) >= since:
        start = before
    return Window.over(start, end)


def holdout_days(params: Params, window: Window) -> int:
    """Return how many days are held out: the project's own, where the window has twice as many."""
    whole, own = (window.until - window.since).days, params.prepare.holdout_days
    return own if own and whole >= 2 * own else params.part(Replay).holdout_days


def opened(gate: dict[str, Any]) -> dict[str, Any]:
    """Return the gate's limits with every floor open; ceilings, which tell leaks, stay."""
    metrics = {
        name: {**limit, "minimum": LOWEST.get(name, 0.0),
               **({"maximum": None} if SIGN[name] < 0 else {})}
        for name, limit in gate["metrics"].items()
    }  # fmt: skip
    end = {"minimum": -NEVER} if SIGN[gate["slices"]["metric"]] > 0 else {"maximum": NEVER}
    return {
        **gate, "metrics": metrics, "baselines": {**gate["baselines"], "minimum_gain": -NEVER},
        "slices": {**gate["slices"], **end}, "disparity": {"maximum": 1.0},
    }  # fmt: skip


def release(clone: Clone, params: Params, window: Window) -> str:
    """Train, release and deploy; return what the gate said against the model, empty if nothing.

    Raises:
        StageError: a step stopped the line.
    """
    own = clone.params_text()
    shorter = replaced(own, {"prepare.holdout_days": holdout_days(params, window)})
    clone.set_params(shorter, "Hold out fewer days for the first model")
    clone.must("pipeline")
    judged, refused = clone.run("gate"), ""
    if judged.returncode:
        found = clone.why(judged.stderr)
        if not found.about:
            raise StageError(f"the gate could not judge the first model: {found.reason}")
        refused = ", ".join(found.about)
        open_gate = replaced(shorter, {"gate": opened(params.gate.model_dump())})
        clone.set_params(open_gate, "Open the gate's floors for the first model")
        clone.must("gate")
    for step in STEPS:
        clone.must(step)
    clone.set_params(own, "Bring the project's own parameters back")
    return refused
