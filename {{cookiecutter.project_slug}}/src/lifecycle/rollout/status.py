"""Status says what serves an environment, since when, and how the last rollout ended."""

from __future__ import annotations

from pathlib import Path

from lifecycle.core import environment, marks, places
from lifecycle.core.command import project_root
from lifecycle.core.params import Params, load_params
from lifecycle.records import bento
from lifecycle.records.deployment import Deployment, Serving
from lifecycle.rollout import asking, log_folder
from lifecycle.rollout.machine import PROXIES, PROXY, Machine


def _process(machine: Machine, serving: Serving) -> str:
    found = machine.supervisor.process(serving.program)
    if not found["pid"]:
        return f"its process does not run ({found['statename'].lower()})"
    ready = "ready" if machine.worker(serving).is_ready() else "not ready"
    return f"process {found['pid']}, {ready}"


def _absence(left: int) -> str:
    """Return what is known where the supervisor cannot be asked and `left` processes run."""
    if not left:
        return "does not run"
    return f"does not run or cannot be asked, but {left} of its processes do run"


def lines(root: Path, params: Params, name: str) -> list[str]:
    """Return the state of an environment, a line a fact.

    Raises:
        StageError: something else is where its files should be: what would be said is not so.
    """
    deployment = Deployment(root, name)
    places.require(deployment.folder)
    state = deployment.load()
    if state.live is None:
        return [f"nothing serves {name}: run `make deploy`"]
    machine = Machine(root, params, deployment)
    live = state.live
    found = [f"environment  {name}, {machine.url}"]
    if deployment.is_lost():
        found.append("state        deployment.json was lost and this is what the audit log says: "
                     "run `make deploy`")  # fmt: skip
    if not machine.has_keys():
        found.append("keys         none, clients are refused: run `make deploy` with API_KEYS")
    if lost := log_folder.fault(deployment.folder / "predictions"):
        found.append(f"predictions  {lost}")
    if not machine.is_steered(state):
        found.append("requests     are not sent where they should be: run `make deploy`")
    if not machine.supervisor.runs():
        left = len(marks.processes(deployment.folder))
        found.append(f"supervisor   {_absence(left)}: run `make deploy`")
        serves = "which cannot be asked" if left else "its process does not run"
    else:
        running = [n for n in range(PROXIES) if machine.supervisor.process(PROXY, n)["pid"]]
        found.append(f"proxy        {'runs' if running else 'does not run: run `make deploy`'}")
        serves = _process(machine, live)
    found.append(f"live         version {live.version} ({live.tag}) since {live.since}, {serves}")
    if damage := bento.damage(root, live.tag):
        found.append(
            f"Bento        {live.tag} is not what was packaged ({damage}), and serves only as long "
            "as its process: run `make release`, which packages it again, then `make deploy`"
        )
    answer = asking.ask(root, params, live.version)
    if answer.refusal:
        found.append(f"registry     version {live.version} may not serve any more: "
                     f"{answer.refusal}; run `make rollback`")  # fmt: skip
    elif answer.unknown:
        found.append(f"registry     cannot be asked of version {live.version}: {answer.unknown}")
    if state.previous:
        found.append(f"previous     version {state.previous.version} ({state.previous.tag})")
    if state.candidate:
        share = f" {state.share:.0%}" if state.share and state.step == "canary" else ""
        busy = deployment.holder() if deployment.holding() else (
            "interrupted: run `make deploy` or `make rollback`"
        )  # fmt: skip
        found.append(
            f"candidate    version {state.candidate.version} at {state.step}{share}; {busy}"
        )
    if state.last:
        last, rule = state.last, f" by {state.last.rule}" if state.last.rule else ""
        found.append(
            f"last         version {last.version} {last.outcome}{rule} at {last.at}: {last.reason}"
        )
    return found


def main() -> None:
    """Print the state of the environment that LIFECYCLE_ENVIRONMENT names."""
    print("\n".join(lines(project_root(), load_params(), environment.current())))
