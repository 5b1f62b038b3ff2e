"""What candidate and live have counted and answered since a step of a rollout began."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from typing import Any

from lifecycle.contract.outcome.answer import decision, departures, differs, known_answers
from lifecycle.rollout import figures
from lifecycle.rollout.figures import Figures
from lifecycle.rollout.worker import Worker
from lifecycle.serving.entrance import PREDICT

# So long a candidate may say nothing before its requests go back.
SILENT_SECONDS = 2.0
# More than this above it, and it was this command that ran late.
LATE_SECONDS = 1.0


class SilentError(Exception):
    """The candidate says nothing; it may be stopped, or busy without end."""


@dataclass(frozen=True)
class Step:
    """One step: its name, and the share of requests that the candidate answers."""

    name: str
    share: float | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.share:.0%}" if self.name == "canary" else self.name


class Observation:
    """What candidate and live have counted since a step began, own probe requests included."""

    def __init__(self, candidate: Worker, live: Worker, step: Step) -> None:
        """Read the counters as they are now."""
        self.candidate, self.live = candidate, live
        self.variants = {
            "shadow": ("shadow", "probe"), "canary": ("canary", "probe"),
            "full": ("live", "canary", "probe"),
        }[step.name]  # fmt: skip
        self._probes = Figures()
        smoke = candidate.smoke()
        # With what the pipeline answered.
        known = known_answers(smoke)
        self._different = len(known)
        self._rows = cycle(zip(smoke["request"]["records"], known, strict=True))
        outcome, deciding = live.task()
        self._differs, self._unit = partial(differs, outcome, deciding), outcome.unit(deciding)
        self._began = self._read()

    def _read(self) -> tuple[Figures, Figures]:
        found = []
        for worker, variants in ((self.candidate, self.variants), (self.live, ("live", "probe"))):
            status, text = self._ask(worker, "GET", "/metrics")
            if status != 200:
                raise OSError(f"the metrics of {worker.name} were answered with {status}")
            found.append(figures.read(text.decode(), variants, self._unit))
        return found[0], found[1]

    def _ask(self, worker: Worker, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Ask one of the two.

        Raises:
            OSError: it does not answer.
            SilentError: it is the candidate, and lives, but says nothing.
        """
        began = time.monotonic()
        try:
            return worker.ask(method, path, body, SILENT_SECONDS)
        except TimeoutError:
            was_late = time.monotonic() - began > SILENT_SECONDS + LATE_SECONDS
            if worker is not self.candidate or was_late:
                raise
            raise SilentError(f"it did not answer {path} in {SILENT_SECONDS:g} s") from None

    def figures(self) -> tuple[Figures, Figures]:
        """Return what candidate and live have counted since the beginning."""
        ours, theirs = self._read()
        candidate, live = ours - self._began[0], theirs - self._began[1]
        live.compared += self._probes.compared
        live.changed += self._probes.changed
        candidate.known, candidate.wrong = self._probes.known, self._probes.wrong
        return candidate, live

    def probe(self, compare: bool, rows: int = 1) -> None:
        """Ask candidate and live the same rows; where that is judged, compare what they decide.

        And what the candidate answers with what the pipeline did.

        Rows of the smoke request are picked for their nulls and are not those of clients: asked
        of the candidate alone, they would make it seem to lack features that live has.
        """
        # It has as many as one request may hold, or fewer.
        asked = list(islice(self._rows, min(rows, self._different)))
        body = {"records": [record for record, _ in asked]}
        answers = []
        for worker in (self.candidate, self.live):
            try:
                status, answer = self._ask(worker, "POST", PREDICT, body)
            except OSError:
                # It counts what it failed to answer; whether it lives, the step looks itself.
                continue
            if status != 200:
                continue
            found = json.loads(answer)["predictions"]
            answers.append([decision(one) for one in found])
            if worker is self.candidate:
                wrong = [bool(departures(one, known)) for one, (_, known) in
                         zip(found, asked, strict=True)]  # fmt: skip
                self._probes.known += len(asked)
                self._probes.wrong += sum(wrong)
        if compare and len(answers) == 2:
            self._probes.compared += len(asked)
            self._probes.changed += sum(map(self._differs, *answers))
