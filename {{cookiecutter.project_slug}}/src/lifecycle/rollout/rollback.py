"""Rollback sends all requests back to the version before, or to VERSION, in seconds.

A rollout that is under way is cancelled first, which is the whole rollback: its live version never
stopped. Nothing changes where the version cannot be started.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.core import environment, process
from lifecycle.core.command import project_root
from lifecycle.core.held import now
from lifecycle.core.params import Params, load_params
from lifecycle.records import bento, passed, registry
from lifecycle.records.deployment import Deployment, Outcome, Serving, State, serving
from lifecycle.rollout import asking
from lifecycle.rollout.deploy import ensure, settle
from lifecycle.rollout.machine import Machine
from lifecycle.rollout.rollout import check_smoke

CANCEL_SECONDS = 60.0


def cancel(deployment: Deployment) -> bool:
    """Stop a rollout that is under way; return whether there was one."""
    found = deployment.holding()
    if found is None or deployment.load().candidate is None:
        return False
    os.kill(found["pid"], signal.SIGTERM)
    process.wait_gone(found["pid"], CANCEL_SECONDS)
    return True


def target(root: Path, params: Params, state: State, version: int | None) -> Serving:
    """Return the version to go back to.

    Raises:
        StageError: there is none, it serves already, or it may not serve.
    """
    assert state.live is not None
    if version is None:
        if state.previous is None:
            raise StageError("no version served before this one", "say which, VERSION=n")
        asking.require(root, params, state.previous.version, "say which, VERSION=n")
        return serving(bento.Released(state.previous.tag, state.previous.version))
    if version == state.live.version:
        raise StageError(f"version {version} serves already")
    versions = registry.connect(root, params)
    chosen, found = versions.get(version), bento.of_version(root, version)
    passed.require(root, chosen, "say another, VERSION=n")
    bento.require(root, found.tag, chosen.tags)
    return serving(found)


def rollback(
    root: Path, params: Params, name: str, version: int | None = None, reason: str = ""
) -> State:
    """Return to an earlier version; see the module for what happens when.

    Raises:
        StageError: nothing serves, there is no such version, or it does not come up.
    """
    deployment = Deployment(root, name)
    was_cancelled = cancel(deployment)
    with deployment.hold("rollback"):
        state = deployment.load()
        if state.live is None:
            raise StageError(f"nothing serves {name}", "run `make deploy`")
        machine = Machine(root, params, deployment)
        if state.candidate is not None or (was_cancelled and version is None):
            state = deployment.change(candidate=None, step=None, share=None)
            ensure(machine, state)
            deployment.note("rollback", state.live.version if state.live else None,
                            reason or "the rollout was cancelled")  # fmt: skip
            machine.keep_only(state.live)
            if version is None or (state.live and version == state.live.version):
                return state
        return switch(machine, state, target(root, params, state, version), reason)


def switch(machine: Machine, state: State, wanted: Serving, reason: str) -> State:
    """Let `wanted` answer all requests, and stop the version that did."""
    deployment = machine.deployment
    machine.start()
    machine.ensure_liveness()
    worker = machine.worker(wanted)
    try:
        worker.start(machine.supervisor, machine.params)
        check_smoke(worker)
    except StageError:
        machine.keep_only(state.live)
        raise
    assert state.live is not None
    why = reason or f"back from version {state.live.version}"
    outcome = Outcome(state.live.version, "rolled back", "by hand", why, now())
    state = deployment.save(State(live=wanted, previous=state.live, last=outcome))
    machine.steer(state)
    machine.ensure_proxy()
    deployment.note("rollback", wanted.version, why, tag=wanted.tag)
    settle(machine.root, deployment, registry.connect(machine.root, machine.params))
    machine.keep_only(state.live)
    return state


def main(given: argparse.Namespace) -> None:
    """Roll back the environment that LIFECYCLE_ENVIRONMENT names."""
    name, began = environment.current(), time.monotonic()
    state = rollback(project_root(), load_params(), name, given.version, given.reason)
    assert state.live is not None
    print(f"rollback: version {state.live.version} serves {name} "
          f"after {time.monotonic() - began:.1f} s")  # fmt: skip
