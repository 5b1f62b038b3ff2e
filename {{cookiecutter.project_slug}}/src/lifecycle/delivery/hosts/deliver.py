"""Deliver takes a bundle to an environment: roll out, check from outside, go back if that is bad.

With --rehearse everything is done on a machine where nothing serves, and undone at the end: the
released version before is deployed first, the bundle is rolled out over it, checked, rolled back,
and all of it is stopped.
"""

from __future__ import annotations

import argparse
import functools
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_json
from lifecycle.core import environment, outputs
from lifecycle.core.command import project_root
from lifecycle.core.params import Params, load_params
from lifecycle.delivery import checksum
from lifecycle.delivery.receive import receive
from lifecycle.records.deployment import Deployment, Serving, State
from lifecycle.rollout.deploy import deploy, interruptible
from lifecycle.rollout.rollback import rollback
from lifecycle.rollout.settings import RolloutSettings
from lifecycle.rollout.stop import stop
from lifecycle.rollout.verify import verify

REPORT = Path("dist")
Done = TypeVar("Done")


class Record:
    """What was done, step by step, for the summary of the run and the notes of the release."""

    def __init__(self, name: str, rehearsed: bool) -> None:
        """Begin with nothing done."""
        self.name, self.rehearsed = name, rehearsed
        self.version: int | None = None
        self.steps: list[dict[str, str]] = []
        self.outcome = "failed"

    def step(self, what: str, do: Callable[[], Done], say: Callable[[Done], str]) -> Done:
        """Do something and write down how it ended; what it raises comes up."""
        began = time.monotonic()
        try:
            done = do()
        except StageError as error:
            self._add(what, "failed", time.monotonic() - began, str(error))
            raise
        self._add(what, "done", time.monotonic() - began, say(done))
        return done

    def _add(self, what: str, how: str, seconds: float, said: str) -> None:
        row = {"step": what, "result": how, "seconds": f"{seconds:.1f}", "found": said}
        self.steps.append(row)
        print(f"deliver: {what} {how} in {seconds:.1f} s: {said}")

    def write(self, root: Path) -> None:
        """Write dist/<environment>.json, and the table into the run's summary."""
        kept = {"environment": self.name, "rehearsed": self.rehearsed, "version": self.version,
                "outcome": self.outcome, "steps": self.steps}  # fmt: skip
        write_json(root / REPORT / f"{self.name}.json", kept)
        outputs.summarise(summary(kept))


def summary(kept: dict[str, Any]) -> str:
    """Return a delivery as Markdown: first how it ended."""
    name, version = kept["environment"], kept["version"]
    said = {
        ("deployed", False): f"version {version} serves {name}",
        ("deployed", True): f"version {version} was rehearsed for {name}, and nothing serves it",
    }.get((kept["outcome"], kept["rehearsed"]), f"{name} was not changed: {kept['outcome']}")
    why = (
        "\nThis was a **rehearsal** on the workflow's own machine: no runner is named for "
        f"{name} (variable `{name.upper()}_RUNNER`).\n" if kept["rehearsed"] else ""
    )  # fmt: skip
    rows = "".join(
        f"| {one['step']} | {one['result']} | {one['seconds']} | {_cell(one['found'])} |\n"
        for one in kept["steps"]
    )
    return (f"### {name.capitalize()}: {said}\n{why}\n"
            f"| step | result | seconds | found |\n| --- | --- | ---: | --- |\n{rows}")  # fmt: skip


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def serves(state: State) -> str:
    """Say which version serves."""
    return f"version {state.live.version} serves" if state.live else "nothing serves"


def require_newer(name: str, live: Serving | None, offered: int) -> None:
    """Let no run that had to wait take an environment back to an older version.

    Raises:
        StageError: a newer one serves there.
    """
    if live is not None and offered < live.version:
        raise StageError(
            f"version {live.version} serves {name}, which is newer than version {offered}: a later "
            f"release has overtaken this one (to go back: make rollback VERSION={offered})"
        )


def deliver(root: Path, params: Params, record: Record, bundle: Path, wanted: str) -> None:
    """Receive, roll out and verify; where that fails, the version before serves again.

    Raises:
        StageError: the rollout or the check failed; what served before serves.
    """
    name = record.name
    before = Deployment(root, name).load().live
    accept = functools.partial(require_newer, name, before)
    released = record.step(
        "receive", lambda: receive(root, params, bundle, wanted, accept), lambda one: f"`{one.tag}`"
    )
    record.version = released.version
    state, is_new = record.step(
        "roll out", lambda: deploy(root, params, name),
        lambda done: str(done[0].last.reason) if done[1] and done[0].last else "serves already",
    )  # fmt: skip
    assert state.live is not None
    if state.live.tag != released.tag:
        raise StageError(f"{state.live.tag} serves {name}, and not {released.tag}")
    try:
        record.step("smoke and load", lambda: verify(root, params, name), str)
    except StageError as error:
        if not is_new:
            raise
        said = str(error)
        if before is None:
            record.step("stop", lambda: stop(root, name), lambda _: "nothing served before")
            raise StageError(f"{said}; nothing served {name} before, so it is stopped") from None
        record.step(
            "roll back",
            lambda: rollback(root, params, name, reason=f"the check after deploy: {said}"),
            serves,
        )
        raise StageError(f"{said}; version {before.version} serves {name} again") from None
    record.outcome = "deployed"


def rehearse(root: Path, params: Params, record: Record, bundle: Path, wanted: str) -> None:
    """Deliver on a machine of one's own, roll back, and stop; see the module.

    Raises:
        StageError: something serves here already, or a step failed.
    """
    name, previous = record.name, os.environ.get("PREVIOUS", "")
    if Deployment(root, name).load().live is not None:
        raise StageError(f"a version is deployed to {name} here: rehearse where nothing serves")
    # Nobody asks but the rehearsal itself, so there is nothing to wait for.
    steps = params.part(RolloutSettings).step_seconds
    params = params.model_copy(update={"rollout": params.part(RolloutSettings).model_copy(update={
        "step_seconds": steps.model_copy(update={name: steps.development})})})  # fmt: skip
    os.environ.setdefault("API_KEYS", "")
    os.environ["API_KEYS"] = os.environ["API_KEYS"] or secrets.token_hex(16)
    try:
        if previous:
            of_previous = checksum.named("PREVIOUS_SHA256")
            record.step("receive the version before",
                        lambda: receive(root, params, Path(previous), of_previous),
                        lambda one: f"`{one.tag}`")  # fmt: skip
            record.step("deploy it", lambda: deploy(root, params, name), lambda _: "serves")
        deliver(root, params, record, bundle, wanted)
        if previous:
            record.step(
                "roll back", lambda: rollback(root, params, name, reason="rehearsal"), serves
            )
            record.step("smoke and load", lambda: verify(root, params, name), str)
    finally:
        record.step("stop", lambda: stop(root, name), lambda _: "nothing runs")


def main(given: argparse.Namespace) -> None:
    """Deliver a bundle to the environment that LIFECYCLE_ENVIRONMENT names."""
    interruptible()
    root, params, name = project_root(), load_params(), environment.current()
    record, wanted = Record(name, given.rehearse), checksum.named()
    try:
        (rehearse if given.rehearse else deliver)(root, params, record, given.bundle, wanted)
    except StageError as error:
        record.outcome = str(error)
        raise
    finally:
        record.write(root)
    verb = "was rehearsed for" if given.rehearse else "serves"
    print(f"deliver: version {record.version} {verb} {name}")
