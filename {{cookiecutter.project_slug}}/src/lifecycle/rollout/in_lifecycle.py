"""What the rollout adds to the whole lifecycle: deploy, one prediction, and what is live."""

from __future__ import annotations

from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_json
from lifecycle.core import environment
from lifecycle.core.lifecycle_report import Report, describe
from lifecycle.core.params import Params
from lifecycle.records import registry
from lifecycle.rollout import deploy, predict
from lifecycle.tasks.rules import AGAINST

ORDER = 1


def steps(root: Path, params: Params, report: Report) -> None:
    """Deploy what was packaged, and ask it once."""
    name = environment.current()
    with report.step("deploy") as step:
        _, is_new = deploy.deploy(root, params, name)
        step.status, step.made = ("ran" if is_new else "unchanged"), predict.url(root, params)
    live = registry.connect(root, params).by_alias(deploy.alias(name))
    report.champion = describe(live)
    with report.step("predict") as step:
        report.prediction = predict.predict(root, params)
        step.made = str(params.paths.lifecycle_report)


def gain_over_champion(gate_report: Path) -> str:
    """Return what the gate measured against the champion before, on the same holdout."""
    lines = [one for one in read_json(gate_report)["rules"] if one["kind"] == AGAINST]
    return "; ".join(f"{one['rule']} on the same holdout: {one['measured']}" for one in lines)


def closing(root: Path, params: Params, report: Report) -> list[tuple[str, str]]:
    """Return the last lines, each after its word: what is live, how good, and what to type next.

    Raises:
        StageError: nothing is live.
    """
    now, before = report.champion, report.previous
    if now is None or report.prediction is None:
        raise StageError("nothing is live: there is no champion")
    metric = params.gate.champion.metric
    against = f"champion before: {'the same version' if before else 'none'}"
    if before and before["version"] != now["version"]:
        # Not the champion's own figure: that is from another holdout.
        against = gain_over_champion(root / params.paths.gate_report)
    url = next(step.made for step in report.steps if step.name == "deploy")
    answer = {k: v for k, v in report.prediction["answer"]["predictions"][0].items()
              if k != "contributions"}  # fmt: skip
    return [
        ("live", f"{params.project.name} version {now['version']} at {url}"),
        ("quality", f"{metric} {now['metrics'][metric]:.4f} ({against})"),
        ("answer", str(answer)),
        ("next", "make predict; change params.yaml, commit, make lifecycle; make stop"),
    ]
