"""Rollout takes a candidate step by step to all requests, or returns them to the version before.

smoke, shadow, canary at growing shares, full. At each step the rules judge what both versions have
counted; where one does not hold, or the candidate dies, all requests go back by themselves.
"""

from __future__ import annotations

import json
import time

from lifecycle.contract.errors import StageError
from lifecycle.contract.outcome.answer import known_answers
from lifecycle.core.held import now
from lifecycle.records import bento, expected
from lifecycle.records.deployment import Outcome, Serving, State
from lifecycle.records.expected import Expected
from lifecycle.rollout import rollout_rules
from lifecycle.rollout.figures import Figures
from lifecycle.rollout.machine import Machine
from lifecycle.rollout.observation import Observation, SilentError, Step
from lifecycle.rollout.rollout_rules import Broken
from lifecycle.rollout.settings import RolloutSettings
from lifecycle.rollout.worker import Worker
from lifecycle.serving.entrance import PREDICT

# How often a step looks whether the candidate lives and whether a rule is broken already.
LOOK_SECONDS = 0.25
# Before the first look counts: a few requests say nothing about a share.
ENOUGH = 50
# Rows of requests whose answers are known: a defect may show in some and not in others.
KNOWN_REQUESTS = (1, 2, 3, 5, 8, 13, 20) * 2
# How long live may take to come back when it died in a step.
RESTART_SECONDS = 20.0


class RolledBackError(StageError):
    """The candidate broke a rule; requests are back where they were."""


def steps(machine: Machine) -> list[Step]:
    """Return the steps after the smoke check."""
    canaries = [
        Step("canary", share) for share in machine.params.part(RolloutSettings).canary_shares
    ]
    return [Step("shadow"), *canaries, Step("full", 1.0)]


def check_smoke(worker: Worker) -> None:
    """Let a worker answer its own smoke request as the pipeline did.

    Raises:
        StageError: it does not.
    """
    from lifecycle.release.package import compare

    smoke = worker.smoke()
    try:
        status, answer = worker.ask("POST", PREDICT, smoke["request"], 30.0)
    except OSError as error:
        raise StageError(f"the smoke request was not answered: {error}") from None
    if status != 200:
        raise StageError(f"the smoke request was answered with {status}: {answer[:200]!r}")
    compare(known_answers(smoke), json.loads(answer))


class Rollout:
    """One rollout of `candidate` on a machine where another version is live."""

    def __init__(self, machine: Machine, candidate: Serving) -> None:
        """Keep what it is about; nothing happens yet."""
        self.machine, self.candidate = machine, candidate
        self.deployment, self.params = machine.deployment, machine.params.part(RolloutSettings)
        self.worker = machine.worker(candidate)
        self.born = 0
        # Where the gate has measured how it differs from the version that is live.
        self.expected: Expected | None = None

    def run(self) -> State:
        """Take the candidate through every step; return the state in which it is live.

        Raises:
            RolledBackError: a rule does not hold; requests are back at the version before.
        """
        machine, deployment = self.machine, self.deployment
        state = deployment.change(candidate=self.candidate, step="smoke", share=None)
        live = state.live
        assert live is not None
        deployment.note("deploy", self.candidate.version, tag=self.candidate.tag)
        folders = (bento.release_folder(machine.root, one.tag) for one in (self.candidate, live))
        self.expected = expected.load(*folders)
        try:
            broken = self._smoke()
            for step in steps(machine) if broken is None else ():
                print(f"deploy: {step}", flush=True)
                state = deployment.change(step=step.name, share=step.share)
                machine.steer(state)
                broken = self._watch(step, machine.worker(live))
                if broken:
                    break
        except BaseException as error:
            # Interrupted, or a failure of our own: nobody judges the candidate any longer.
            self.back("cancelled", None, str(error) or type(error).__name__)
            raise
        if broken:
            self.back("rolled back", broken.rule, broken.reason)
            raise RolledBackError(
                f"version {self.candidate.version} was rolled back at {state.step}: "
                f"{broken.rule}: {broken.reason}; version {live.version} answers all requests",
                reason=broken.reason, about=[broken.rule],
            )  # fmt: skip
        return self._complete(state)

    def _smoke(self) -> Broken | None:
        try:
            self.worker.start(self.machine.supervisor, self.machine.params)
            # Another start time later on means that it died, however soon it was back.
            self.born = self.machine.supervisor.process(self.worker.name)["start"]
            check_smoke(self.worker)
        except StageError as error:
            return Broken("smoke", str(error))
        return None

    def _watch(self, step: Step, live: Worker) -> Broken | None:
        """Let a step last, and return the first rule that does not hold in it."""
        supervisor, name = self.machine.supervisor, self.worker.name
        deadline = time.monotonic() + self.params.step_seconds.of(self.machine.environment)
        patience = deadline + RESTART_SECONDS
        observed: Observation | None = None
        while True:
            process = supervisor.process(name)
            if not process["pid"] or process["start"] != self.born:
                return Broken("candidate died", f"its process ended: {self.worker.said()}")
            over = time.monotonic() >= deadline
            try:
                observed = observed or Observation(self.worker, live, step)
                if over:
                    self._top_up(observed, step)
                ours, theirs = observed.figures()
            except SilentError as error:
                return Broken("candidate silent", str(error))
            except OSError as error:
                # Live may have died: the supervisor starts it again, the proxy lets requests wait.
                if time.monotonic() > patience:
                    raise StageError(f"the versions' metrics cannot be read: {error}") from None
                time.sleep(LOOK_SECONDS)
                continue
            if over or ours.requests >= ENOUGH:
                broken = rollout_rules.check(ours, theirs, self.params, step.name, self.expected)
                if broken or over:
                    self._note(step, broken, ours, theirs)
                    return broken
            time.sleep(min(LOOK_SECONDS, max(0.0, deadline - time.monotonic())))

    def _top_up(self, observed: Observation, step: Step) -> None:
        """Ask what clients did not: too few requests prove nothing.

        In shadow some are asked in any case: however few rows there are to judge a difference by,
        nonsense is no answer to a row whose answer is known.
        """
        ours, _ = observed.figures()
        shadow = step.name == "shadow"
        sizes = KNOWN_REQUESTS if shadow and not ours.known else ()
        left = self.params.minimum_requests - int(ours.requests) - len(sizes)
        for rows in (*sizes, *[1] * max(0, left)):
            observed.probe(shadow, rows)

    def _note(self, step: Step, broken: Broken | None, ours: Figures, theirs: Figures) -> None:
        self.deployment.note(
            "step", self.candidate.version, "every rule holds" if broken is None else broken.reason,
            step=step.name, share=step.share,
            figures={"candidate": ours.as_dict(), "live": theirs.as_dict()},
            expected=self.expected.as_dict() if self.expected else None,
        )  # fmt: skip

    def back(self, outcome: str, rule: str | None, reason: str) -> None:
        """Return all requests to the live version, and forget the candidate."""
        version = self.candidate.version
        state = self.deployment.change(
            candidate=None, step=None, share=None,
            last=Outcome(version, outcome, rule, reason, now()),
        )  # fmt: skip
        self.machine.steer(state)
        self.deployment.note(outcome, version, reason, rule=rule)
        if rule == "candidate silent":
            # What it was sent is sent to live as soon as it is gone, and it would not go by itself.
            self.machine.supervisor.kill(self.worker.name)
        self.machine.keep_only(state.live)

    def _complete(self, state: State) -> State:
        done = Outcome(self.candidate.version, "completed", None, "every rule holds", now())
        state = self.deployment.save(State(
            live=Serving(self.candidate.version, self.candidate.tag, now()),
            previous=state.live, last=done,
        ))  # fmt: skip
        self.machine.steer(state)
        self.deployment.note("completed", self.candidate.version, done.reason)
        # The version before finishes what it is answering, then its process ends.
        self.machine.keep_only(state.live)
        return state
