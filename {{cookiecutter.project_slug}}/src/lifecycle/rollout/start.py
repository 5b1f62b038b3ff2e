"""Start brings up what served an environment, and rolls nothing out: for a machine that was off.

`deploy` does the same, but goes on to the newest packaged version.
"""

from __future__ import annotations

import time
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.core import environment
from lifecycle.core.command import project_root
from lifecycle.core.params import Params, load_params
from lifecycle.records.deployment import Deployment, State
from lifecycle.rollout import asking
from lifecycle.rollout.deploy import interruptible, resume
from lifecycle.rollout.machine import Machine


def start(root: Path, params: Params, name: str) -> tuple[State, Machine]:
    """Let what is live in an environment run; a rollout that was interrupted is cancelled.

    Raises:
        StageError: nothing is live, or it does not come up.
    """
    deployment = Deployment(root, name)
    with deployment.hold("start"):
        state = deployment.load()
        if state.live is None:
            raise StageError(f"nothing served {name}", f"run `make deploy ENV={name}`")
        asking.require(root, params, state.live.version, "`make rollback VERSION=n` starts another")
        machine = Machine(root, params, deployment)
        ran = machine.serves(state)
        state = resume(machine, state)
        assert state.live is not None
        machine.keep_only(state.live)
        if not ran:
            deployment.note("start", state.live.version)
        return state, machine


def main() -> None:
    """Start the environment that LIFECYCLE_ENVIRONMENT names."""
    interruptible()
    name, began = environment.current(), time.monotonic()
    state, machine = start(project_root(), load_params(), name)
    assert state.live is not None
    print(f"start: version {state.live.version} ({state.live.tag}) serves {name} "
          f"after {time.monotonic() - began:.1f} s at {machine.url}")  # fmt: skip
