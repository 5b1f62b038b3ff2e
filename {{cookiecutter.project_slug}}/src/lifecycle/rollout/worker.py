"""The process that serves one Bento: how the supervisor runs it, and how to ask it."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

from lifecycle.contract import seal
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_json
from lifecycle.contract.outcome import chosen
from lifecycle.contract.outcome.outcome import Deciding, Outcome
from lifecycle.core import log_tail
from lifecycle.core.direct_http import Connection
from lifecycle.core.environment import folder
from lifecycle.core.params import Params
from lifecycle.records import bento
from lifecycle.records.deployment import Serving
from lifecycle.rollout import liveness, uncached
from lifecycle.rollout.programs import Program
from lifecycle.rollout.proxy_guards import INTERNAL_HEADER
from lifecycle.rollout.settings import RolloutSettings
from lifecycle.rollout.supervisor import Supervisor
from lifecycle.serving import refusal
from lifecycle.serving.predictor import load_release
from lifecycle.serving.socket_path import reach

PROBE_SECONDS = 5.0


class Worker:
    """A worker of one environment, running or not."""

    def __init__(self, root: Path, environment: str, sockets: Path, serving: Serving) -> None:
        """Keep where it is; it is not started yet."""
        self.root, self.environment, self.serving = root, environment, serving
        self.name = serving.program
        self.socket = sockets / f"{self.name}.sock"
        self.keys = folder(root, environment) / "api_keys"
        self.log = folder(root, environment) / "logs" / f"{self.name}.log"
        self.refusal = self.log.with_suffix(".refusal.json")
        self._begin = log_tail.Position()

    def program(self, params: Params) -> Program:
        """Return how the supervisor runs it: the process that `bentoml serve` starts and watches.

        BentoML's own watcher leaves its worker behind when it is killed; the supervisor has one
        process to watch, on a socket that it opened.
        """
        place = bento.folder(self.root, self.serving.tag)
        if not (place / "bento.yaml").is_file():
            raise StageError(f"the Bento {self.serving.tag} is gone", "run `make release`")
        state = folder(self.root, self.environment).resolve()
        variables = {
            **bento.SWITCHES,
            "BENTOML_HOME": str(bento.home(self.root)),
            "PYTHONPATH": str(place / "src"),
            "PYTHONUNBUFFERED": "1",
            "LIFECYCLE_ENVIRONMENT": self.environment,
            "API_KEYS": "",
            "API_KEYS_FILE": str(state / "api_keys"),
            "LOG_HASH_KEY_FILE": str(state / "log_hash_key"),
            "PREDICTION_LOG": str(state / "predictions"),
            "ROUTING_FILE": str(state / "routing.json"),
            "WORKER_NAME": self.name,
            refusal.VARIABLE: str(state / "logs" / self.refusal.name),
            # What it has to be, whatever its own files say.
            seal.NAMED: self.serving.tag,
            # For Bentos of before: those of today count in memory.
            "PROMETHEUS_MULTIPROC_DIR": str(state / "metrics" / self.name),
        }
        python = bento.python_of(self.root, self.serving.tag)
        drain_seconds = int(params.part(RolloutSettings).drain_seconds)
        # Not from its own folder, which holds names that others have as well.
        command = [python, "-P", str(Path(uncached.__file__).resolve()), str(place / "src"),
                   "_bentoml_impl.worker.service", str(place), "--fd", "0", "--worker-id", "1",
                   "--timeout-graceful-shutdown", str(drain_seconds + 1)]  # fmt: skip
        return Program(
            self.name, command, self.socket.name, variables, stop_seconds=drain_seconds + 5
        )

    def start(self, supervisor: Supervisor, params: Params) -> None:
        """Start it and wait until it is ready.

        Raises:
            StageError: it died or was not ready in time; with its last words.
        """
        is_known = self.name in supervisor.names()
        if is_known:
            self._end_if_it_hangs(supervisor, params.serve.start_timeout_seconds)
        # One that runs has loaded what was right then; it goes on, also while its files are mended.
        if not supervisor.process(self.name)["pid"]:
            bento.require(self.root, self.serving.tag)
            if is_known:
                # It kept dying of what may be mended now: it is begun anew, and judged by that.
                supervisor.remove(self.name)
                is_known = False
        if not is_known:
            self._renew_metrics()
        self._begin = log_tail.position(self.log)
        self.refusal.unlink(missing_ok=True)
        supervisor.add(self.program(params))
        seconds = params.serve.start_timeout_seconds
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            state = supervisor.process(self.name)["statename"]
            # One that was there before may have been ended as it hung, and is started again.
            if state in ("FATAL", "BACKOFF") or (state == "EXITED" and not is_known):
                raise StageError(f"the worker {self.name} died while it started: {self.said()}")
            if time.monotonic() > deadline:
                raise StageError(
                    f"the worker {self.name} was not ready in {seconds} s: {self.said()}"
                )
            time.sleep(0.02)

    def _renew_metrics(self) -> None:
        """Let nothing that an earlier process of a Bento of before counted be among its figures."""
        metrics = folder(self.root, self.environment) / "metrics"
        shutil.rmtree(metrics / self.name, ignore_errors=True)
        with contextlib.suppress(OSError):  # where the disk is full it is missed by nobody else
            (metrics / self.name).mkdir(parents=True)

    def _end_if_it_hangs(self, supervisor: Supervisor, start_seconds: float) -> None:
        """Kill a process that should have started long ago and says nothing: another follows.

        `liveness` does it as well, unless it is too late for that: whoever deploys repairs.
        """
        for _ in range(liveness.MISSES):
            found = supervisor.process(self.name)
            is_old = found["pid"] and found["now"] - found["start"] >= start_seconds
            if not is_old or self.is_alive(liveness.PROBE_SECONDS):
                return
        supervisor.kill(self.name)

    def said(self) -> str:
        """Return why it did not start, or else the last line of its log; and where that is."""
        lines = log_tail.since(self.log, self._begin).strip().splitlines() or ["it wrote no log"]
        return f"{refusal.read(self.refusal) or lines[-1].strip()} (all of it: {self.log})"

    def ask(
        self, method: str, path: str, body: Any = None, seconds: float = PROBE_SECONDS,
        variant: str = "probe",
    ) -> tuple[int, bytes]:  # fmt: skip
        """Send one request straight to it, and return status and body.

        Raises:
            OSError: it does not answer.
        """
        headers = {"Content-Type": "application/json", INTERNAL_HEADER: variant}
        # As header lines have it: whatever bytes a key is made of.
        if self.keys.is_file() and (keys := self.keys.read_text(encoding="latin-1").split()):
            headers["X-API-Key"] = keys[0]
        content = None if body is None else json.dumps(body)
        with contextlib.closing(Connection(reach(self.socket), seconds)) as line:
            return line.ask(method, path, content, headers)

    def is_alive(self, seconds: float) -> bool:
        """Say whether it says anything at all in so many seconds."""
        return bool(liveness.answers(self.socket, "/livez", seconds))

    def is_ready(self) -> bool:
        """Say whether it answers that it is ready."""
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def smoke(self) -> dict[str, Any]:
        """Return its own smoke request and what the pipeline answers to it."""
        found = read_json(bento.release_folder(self.root, self.serving.tag) / "smoke.json")
        assert isinstance(found, dict)
        return found

    def task(self) -> tuple[Outcome, Deciding]:
        """Return what its version makes of scores, and by what it decides."""
        folder = bento.release_folder(self.root, self.serving.tag)
        return chosen.of_release(folder), load_release(folder)
