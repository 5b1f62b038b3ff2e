"""Deploy makes the newest packaged version the one that serves in an environment, by a rollout.

It is safe to repeat and to kill: it goes on from the state that it finds. Nothing to do is said to
be so. The line stops where a rule of the rollout does not hold; then the version before serves.
The registry's alias moves when a rollout is complete: `champion`, in staging `staging`.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.core import environment
from lifecycle.core.command import project_root
from lifecycle.core.held import now
from lifecycle.core.params import Params, load_params
from lifecycle.records import bento, passed, registry
from lifecycle.records.deployment import Deployment, Outcome, Serving, State, serving
from lifecycle.rollout import log_folder
from lifecycle.rollout.machine import Machine
from lifecycle.rollout.rollout import Rollout, check_smoke
from lifecycle.serving.keys import given_keys


def alias(name: str) -> str:
    """Return the registry's alias for what serves in an environment."""
    return "staging" if name == "staging" else "champion"


def wanted(root: Path, versions: registry.Registry) -> bento.Released:
    """Return the packaged version that should serve: the challenger, else the champion.

    Raises:
        StageError: nothing is registered, or its Bento is not here or not what was packaged, or
            the gate did not let it through.
    """
    version = passed.wanted(root, versions)
    found = bento.of_version(root, version.number)
    bento.require(root, found.tag, version.tags)
    return found


def settle(root: Path, deployment: Deployment, versions: registry.Registry) -> None:
    """Let registry and pointer name what serves; done again, it changes nothing."""
    live = deployment.load().live
    assert live is not None
    name, current = alias(deployment.name), versions.by_alias(alias(deployment.name))
    if current is None or current.number != live.version:
        versions.set_alias(name, live.version)
    if name != "champion":
        return
    bento.point_to(root, bento.Released(live.tag, live.version))
    challenger = versions.by_alias("challenger")
    if challenger is not None and challenger.number == live.version:
        versions.drop_alias("challenger")


def ensure(machine: Machine, state: State) -> None:
    """Let what should serve run: supervisor, the live version, the proxy; requests go to live."""
    assert state.live is not None
    machine.start()
    machine.ensure_liveness()
    machine.worker(state.live).start(machine.supervisor, machine.params)
    machine.steer(state)
    machine.ensure_proxy()


def is_lost(machine: Machine, live: Serving) -> bool:
    """Say whether what should serve does not run, and cannot: its Bento is another by now."""
    running = machine.supervisor.runs() and machine.supervisor.process(live.program)["pid"]
    return not running and bento.damage(machine.root, live.tag) is not None


def first(machine: Machine, candidate: Serving) -> State:
    """Deploy where nothing serves: there is nothing to compare with and nobody to disturb."""
    deployment = machine.deployment
    machine.start()
    machine.ensure_liveness()
    deployment.note("deploy", candidate.version, tag=candidate.tag)
    try:
        worker = machine.worker(candidate)
        worker.start(machine.supervisor, machine.params)
        check_smoke(worker)
        machine.steer(State(live=candidate))
        machine.ensure_proxy()
    except StageError as error:
        deployment.note("cancelled", candidate.version, str(error))
        machine.supervisor.end_all()
        raise
    done = Outcome(candidate.version, "completed", None, "nothing served before", now())
    deployment.note("completed", candidate.version, done.reason)
    return deployment.save(State(live=candidate, last=done))


def deploy(root: Path, params: Params, name: str) -> tuple[State, bool]:
    """Deploy to an environment; return its state, and whether anything had to be done.

    Raises:
        StageError: another command holds the lock, or the rollout did not succeed.
    """
    deployment = Deployment(root, name)
    if name != "development":
        # A key that cannot be one is said before anything is done.
        given_keys()
    with deployment.hold("deploy"):
        versions = registry.connect(root, params)
        candidate = serving(wanted(root, versions))
        machine = Machine(root, params, deployment)
        if machine.set_keys() and deployment.load().live:
            deployment.note("keys", None, "the keys were changed")
        if machine.set_hash_key() and deployment.load().live:
            deployment.note("keys", None, "the key of hashed columns was changed")
        state = deployment.load()
        if state.live is None or is_lost(machine, state.live):
            state, is_new = first(machine, candidate), True
        else:
            ran = machine.serves(state)
            state = resume(machine, state)
            is_new = state.live is None or state.live.tag != candidate.tag
            if is_new:
                state = Rollout(machine, candidate).run()
            is_new = is_new or not ran
        settle(root, deployment, versions)
        assert state.live is not None
        machine.keep_only(state.live)
        return state, is_new


def resume(machine: Machine, state: State) -> State:
    """Bring what should serve up again; a rollout that was killed goes back to its beginning."""
    deployment = machine.deployment
    if deployment.is_lost():
        print(f"deploy: {deployment.name}'s deployment.json is written anew: {state.live}")
        deployment.save(state)
    if state.candidate is not None:
        at = f"{state.step}" + (f" {state.share:.0%}" if state.step == "canary" else "")
        print(f"deploy: the rollout of version {state.candidate.version} was interrupted at {at}")
        deployment.note("cancelled", state.candidate.version, f"interrupted at {at}")
        state = deployment.change(candidate=None, step=None, share=None)
    ensure(machine, state)
    return state


def interruptible() -> None:
    """Let SIGTERM be what Ctrl-C is: requests go back to the live version before the end."""

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


def main() -> None:
    """Deploy to the environment that LIFECYCLE_ENVIRONMENT names."""
    interruptible()
    root, params, name = project_root(), load_params(), environment.current()
    began = time.monotonic()
    state, is_new = deploy(root, params, name)
    assert state.live is not None
    live, deployment = state.live, Deployment(root, name)
    if lost := log_folder.fault(deployment.folder / "predictions"):
        print(f"deploy: {lost}", file=sys.stderr)
    how = f"after {time.monotonic() - began:.1f} s" if is_new else "already"
    url = Machine(root, params, deployment).url
    print(f"deploy: version {live.version} ({live.tag}) serves {name} {how} at {url}")
