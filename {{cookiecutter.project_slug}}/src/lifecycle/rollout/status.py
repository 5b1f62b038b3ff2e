"""Status says what serves an environment, since when, and how the last rollout ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lifecycle.core import environment, marks, places
from lifecycle.core.command import project_root
from lifecycle.core.params import Params, load_params
from lifecycle.core.runbook import see
from lifecycle.records import bento
from lifecycle.records.deployment import Deployment, Serving, State
from lifecycle.rollout import asking, log_folder
from lifecycle.rollout.machine import PROXIES, PROXY, Machine

# A line, and the heading of the runbook that says what to do about it; none where all is well.
Fact = tuple[str, str]
INTERRUPTED, HUNG, REBOOT = "Killed or without power", "Hung", "After a reboot"
KEYS, LOG, SILENT = "Rotate keys", "Lost log", "Availability"
DAMAGED, TAKEN_BACK = "When a Bento is not what was packaged", "A version that is taken back"
ROLLED_BACK = "When a rollout is rolled back"


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


def _place(machine: Machine, state: State, live: Serving) -> Iterator[Fact]:
    """Tell how the environment stands, and what serves it."""
    deployment = machine.deployment
    yield f"environment  {machine.environment}, {machine.url}", ""
    if deployment.is_lost():
        yield ("state        deployment.json was lost and this is what the audit log says: "
               "run `make deploy`", INTERRUPTED)  # fmt: skip
    if not machine.has_keys():
        yield "keys         none, clients are refused: run `make deploy` with API_KEYS", KEYS
    if lost := log_folder.fault(deployment.folder / "predictions"):
        yield f"predictions  {lost}", LOG
    if not machine.is_steered(state):
        yield "requests     are not sent where they should be: run `make deploy`", INTERRUPTED
    if not machine.supervisor.runs():
        left = len(marks.processes(deployment.folder))
        yield f"supervisor   {_absence(left)}: run `make deploy`", HUNG if left else REBOOT
        serves = "which cannot be asked" if left else "its process does not run"
    else:
        running = any(machine.supervisor.process(PROXY, n)["pid"] for n in range(PROXIES))
        said = "runs" if running else "does not run: run `make deploy`"
        yield f"proxy        {said}", "" if running else SILENT
        serves = _process(machine, live)
    yield (f"live         version {live.version} ({live.tag}) since {live.since}, {serves}",
           "" if serves.endswith(", ready") else SILENT)  # fmt: skip


def _versions(root: Path, params: Params, deployment: Deployment, state: State) -> Iterator[Fact]:
    """Tell whether the live version may serve on, and of those before and after it."""
    live = state.live
    assert live is not None
    if damage := bento.damage(root, live.tag):
        yield (
            f"Bento        {live.tag} is not what was packaged ({damage}), and serves only as long "
            "as its process: run `make release`, which packages it again, then `make deploy`",
            DAMAGED,
        )
    answer = asking.ask(root, params, live.version)
    if answer.refusal:
        yield (f"registry     version {live.version} may not serve any more: "
               f"{answer.refusal}; run `make rollback`", TAKEN_BACK)  # fmt: skip
    elif answer.unknown:
        yield f"registry     cannot be asked of version {live.version}: {answer.unknown}", ""
    if state.previous:
        yield f"previous     version {state.previous.version} ({state.previous.tag})", ""
    if state.candidate:
        share = f" {state.share:.0%}" if state.share and state.step == "canary" else ""
        held = deployment.holding()
        busy = deployment.holder() if held else "interrupted: run `make deploy` or `make rollback`"
        said = f"candidate    version {state.candidate.version} at {state.step}{share}; {busy}"
        yield said, "" if held else INTERRUPTED
    if last := state.last:
        rule = f" by {last.rule}" if last.rule else ""
        said = (
            f"last         version {last.version} {last.outcome}{rule} at {last.at}: {last.reason}"
        )
        yield said, ROLLED_BACK if last.rule else ""


def lines(root: Path, params: Params, name: str) -> list[str]:
    """Return the state of an environment, a line a fact, then where to read on.

    Raises:
        StageError: something else is where its files should be: what would be said is not so.
    """
    deployment = Deployment(root, name)
    places.require(deployment.folder)
    state = deployment.load()
    if state.live is None:
        return [f"nothing serves {name}: run `make deploy`"]
    machine = Machine(root, params, deployment)
    facts = [*_place(machine, state, state.live), *_versions(root, params, deployment, state)]
    headings = dict.fromkeys(heading for _, heading in facts if heading)
    return [*(said for said, _ in facts), *(f"see          {see(one)}" for one in headings)]


def main() -> None:
    """Print the state of the environment that LIFECYCLE_ENVIRONMENT names."""
    print("\n".join(lines(project_root(), load_params(), environment.current())))
