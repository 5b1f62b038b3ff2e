"""One environment's processes on this machine: supervisor, proxy, workers, and their traffic."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_state, write_json, write_text
from lifecycle.core import environment, log_tail, marks
from lifecycle.core.listening import HOLDER, NUMBER
from lifecycle.core.params import Params
from lifecycle.records.deployment import Deployment, Serving, State
from lifecycle.records.recovery import supervisor_runs
from lifecycle.rollout import key_file, liveness, proxy
from lifecycle.rollout.port import Port
from lifecycle.rollout.programs import Program
from lifecycle.rollout.settings import RolloutSettings
from lifecycle.rollout.supervisor import Supervisor
from lifecycle.rollout.worker import Worker

PROXY = "proxy"
# Both take turns: while one proxy takes over from the other, both take requests.
PROXIES = 2
# Clients that ask at least this often get no closed connection when a proxy is replaced.
CLOSING_SECONDS = 2.0
START_SECONDS = 10.0


class Machine:
    """What runs on this machine for one environment."""

    def __init__(self, root: Path, params: Params, deployment: Deployment) -> None:
        """Keep what it is about; nothing is started yet."""
        self.root, self.params, self.deployment = root, params, deployment
        self.environment = deployment.name
        self.folder = deployment.folder
        self._use(environment.sockets(root, deployment.name))
        self.port = params.serve.ports.of(deployment.name)

    def _use(self, sockets: Path) -> None:
        self.sockets = sockets
        self.supervisor = Supervisor(self.folder, sockets)

    def start(self) -> None:
        """Let the supervisor run; where it cannot be asked, another one beside what it left.

        That serves on until the new ones do: see `end_others`.

        Raises:
            StageError: it does not come up.
        """
        if not self.supervisor.runs():
            if supervisor_runs(self.folder):
                print("the supervisor runs but says nothing: another one takes over", flush=True)
            self.supervisor.kill_unanswering()
            if marks.processes(self.folder):
                self._use(environment.new_sockets(self.root, self.environment))
        self.supervisor.start()

    def end_others(self) -> None:
        """End what runs for a supervisor that is gone, requests in flight finished."""
        found = marks.processes(self.folder).items()
        others = [one for one, mark in found if mark != self.sockets and not marks.is_holder(one)]
        proxies = [one for one in others if marks.is_program(one, "caddy")]
        for place in filter(None, (marks.place(one) for one in proxies)):
            for number in range(PROXIES):
                write_text(place / f"closing-{number}", "1")
        if proxies:
            time.sleep(CLOSING_SECONDS)
        marks.end(proxies)
        marks.end(one for one in others if one not in proxies)
        environment.clear_sockets(self.root, self.environment, self.sockets)

    @property
    def url(self) -> str:
        """The address that a client on this machine uses."""
        host = self.params.serve.host
        return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{self.port}"  # noqa: S104

    def worker(self, serving: Serving) -> Worker:
        """Return the worker of a version."""
        return Worker(self.root, self.environment, self.sockets, serving)

    def set_keys(self) -> bool:
        """Write down the keys that API_KEYS gives, for the workers to read; say if they changed.

        Raises:
            StageError: a key is needed, and none was ever given.
        """
        if self.environment == "development":
            return False
        return key_file.update(self.folder / "api_keys", 0o600)

    def has_keys(self) -> bool:
        """Say whether clients have a key that opens, or need none."""
        path = self.folder / "api_keys"
        return self.environment == "development" or (
            path.is_file() and bool(path.read_bytes().split())
        )

    def set_hash_key(self) -> bool:
        """Write down the key of hashed columns, if one is given; say whether it changed."""
        return key_file.update_hash_key(self.folder / "log_hash_key", 0o600)

    def steer(self, state: State) -> None:
        """Send requests where the state says, from the next one on."""
        routing, way = self._way(state)
        write_json(self.folder / "routing.json", routing)
        proxy.steer(self.sockets, *way)

    def is_steered(self, state: State) -> bool:
        """Say whether requests are sent where the state says."""
        routing, way = self._way(state)
        told = read_state(self.folder / "routing.json") == routing
        return told and proxy.is_steered(self.sockets, *way)

    def _way(self, state: State) -> tuple[dict[str, Any], tuple[Path, Path | None, float | None]]:
        """Return what the workers are told, and the sockets and share that the proxy is."""
        assert state.live is not None
        live, candidate = state.live, state.candidate
        shadow = None
        if candidate is not None and state.step == "shadow":
            target = self.worker(candidate)
            shadow = {"name": target.name, "socket": str(target.socket),
                      "share": self.params.part(RolloutSettings).shadow_share}  # fmt: skip
        canary = candidate if candidate is not None and state.step == "canary" else None
        whole = candidate if candidate is not None and state.step == "full" else live
        return (
            {"live": whole.program, "canary": canary.program if canary else None, "shadow": shadow},
            (self.worker(whole).socket, self.worker(canary).socket if canary else None,
             state.share if canary else None),
        )  # fmt: skip

    def ensure_proxy(self) -> bool:
        """Let the proxy run with the configuration of today; return whether it was (re)started.

        Raises:
            StageError: its port is taken, or it does not come up.
        """
        numbers = range(PROXIES)
        running = [n for n in numbers if self.supervisor.process(PROXY, n)["pid"]]
        is_new = Port(self.folder, self.params.serve.host, self.port).ensure()
        with_keys = self.environment != "development"
        wanted = [
            proxy.for_rollout(self.params, number, self.port + 1, with_keys) for number in numbers
        ]
        right = [n for n in running if not is_new and self._configured(n) == wanted[n]]
        for number in numbers:
            write_text(self.sockets / f"closing-{number}", "0")
        if right and len(running) == 1:
            # Where the supervisor's file about it was lost, it is written again.
            self._add_proxy()
            self.end_others()
            return False
        # A takeover that was interrupted: whichever is right stays.
        new = right[0] if right else next(n for n in numbers if n not in running or n == 1)
        if not right:
            self.supervisor.set_running(PROXY, new, wanted=False)
            write_json(self._configuration(new), wanted[new])
            self._add_proxy()
            self._start_proxy(new)
        for old in running:
            if old != new:
                # From now on it closes each connection with the answer, then it goes.
                write_text(self.sockets / f"closing-{old}", "1")
                time.sleep(CLOSING_SECONDS)
                self.supervisor.set_running(PROXY, old, wanted=False)
        self.end_others()
        return True

    def _configuration(self, number: int) -> Path:
        return self.sockets / f"proxy-{number}.json"

    def _configured(self, number: int) -> object:
        return read_state(self._configuration(number))

    def _add_proxy(self) -> None:
        import shutil

        program = shutil.which("caddy")
        if program is None:
            raise StageError("caddy is not installed", "run `make setup`")
        home = self.folder.resolve() / "proxy"
        home.mkdir(parents=True, exist_ok=True)
        self.supervisor.add(Program(
            PROXY, [program, "run", "--config", f"proxy-{NUMBER}.json"],
            (f"../{HOLDER}", self.params.serve.host, self.port),
            {"HOME": str(home), "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home)},
            stop_seconds=40, processes=PROXIES,
        ))  # fmt: skip

    def _start_proxy(self, number: int) -> None:
        admin, deadline = self.sockets / f"admin-{number}.sock", time.monotonic() + START_SECONDS
        # One that was killed leaves it.
        admin.unlink(missing_ok=True)
        log = self.folder / "logs" / f"{PROXY}.log"
        begin = log_tail.position(log)
        self.supervisor.set_running(PROXY, number, wanted=True)
        while (
            not admin.exists() or self.supervisor.process(PROXY, number)["statename"] != "RUNNING"
        ):
            if time.monotonic() > deadline:
                # Another one may serve on, with the configuration that it has.
                self.supervisor.set_running(PROXY, number, wanted=False)
                said = log_tail.since(log, begin).strip().splitlines() or ["it wrote no log"]
                raise StageError(
                    f"the proxy did not start on port {self.port}: {said[-1][:300]} (see {log})"
                )
            time.sleep(0.02)

    def serves(self, state: State) -> bool:
        """Say whether the live version answers, behind a proxy that runs."""
        if state.live is None or not self.supervisor.runs():
            return False
        proxies = [self.supervisor.process(PROXY, number)["pid"] for number in range(PROXIES)]
        return any(proxies) and self.worker(state.live).is_ready()

    def ensure_liveness(self) -> None:
        """Let the program run that ends what hangs."""
        source = self.root.resolve() / "src"
        self.supervisor.add(Program(
            liveness.NAME,
            [sys.executable, "-m", "lifecycle", "liveness", self.sockets, "--start-seconds",
             str(self.params.serve.start_timeout_seconds)],
            None,
            {"PYTHONPATH": str(source), "LIFECYCLE_ENVIRONMENT": self.environment}, stop_seconds=5,
            folder=self.root.resolve(),
        ))  # fmt: skip

    def keep_only(self, *wanted: Serving | None) -> None:
        """Stop every worker that is none of `wanted`; what it is answering it finishes."""
        names = {one.program for one in wanted if one is not None}
        for name in self.supervisor.names() - names - {PROXY, liveness.NAME}:
            self.supervisor.remove(name)
