"""One environment's processes on this machine: supervisor, proxy, workers, and their traffic."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from lifecycle import environment, key_file, proxy
from lifecycle.command import StageError
from lifecycle.deployment import Deployment, Serving, State
from lifecycle.files import read_json, write_json, write_text
from lifecycle.params import Params
from lifecycle.supervisor import NUMBER, Program, Supervisor
from lifecycle.worker import Worker

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
        self.sockets = environment.sockets(root, deployment.name)
        self.supervisor = Supervisor(self.folder, self.sockets)
        self.port = params.serve.ports.of(deployment.name)

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

    def steer(self, state: State) -> None:
        """Send requests where the state says, from the next one on."""
        assert state.live is not None
        live, candidate = state.live, state.candidate
        shadow = None
        if candidate is not None and state.step == "shadow":
            target = self.worker(candidate)
            shadow = {"name": target.name, "socket": str(target.socket),
                      "share": self.params.rollout.shadow_share}  # fmt: skip
        canary = candidate if candidate is not None and state.step == "canary" else None
        whole = candidate if candidate is not None and state.step == "full" else live
        write_json(
            self.folder / "routing.json",
            {"live": whole.program, "canary": canary.program if canary else None, "shadow": shadow},
        )
        proxy.steer(
            self.sockets, self.worker(whole).socket,
            self.worker(canary).socket if canary else None, state.share if canary else None,
        )  # fmt: skip

    def ensure_proxy(self) -> bool:
        """Let the proxy run with the configuration of today; return whether it was (re)started.

        Raises:
            StageError: its port is taken, or it does not come up.
        """
        numbers = range(PROXIES)
        running = [n for n in numbers if self.supervisor.process(PROXY, n)["pid"]]
        if not running:
            self._require_port()
        wanted = [
            proxy.for_rollout(
                self.params, self.sockets, number, self.port + 1, self.environment != "development"
            )
            for number in numbers
        ]
        right = [n for n in running if self._configured(n) == wanted[n]]
        for number in numbers:
            write_text(self.sockets / f"closing-{number}", "0")
        if right and len(running) == 1:
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
        return True

    def _configuration(self, number: int) -> Path:
        return self.sockets / f"proxy-{number}.json"

    def _configured(self, number: int) -> object:
        path = self._configuration(number)
        return read_json(path) if path.is_file() else None

    def _add_proxy(self) -> None:
        import shutil

        program = shutil.which("caddy")
        if program is None:
            raise StageError("caddy is not installed: run `make setup`")
        host = self.params.serve.host
        listen = f"[{host}]" if ":" in host else host
        home = self.folder.resolve() / "proxy"
        home.mkdir(parents=True, exist_ok=True)
        self.supervisor.add(Program(
            PROXY, [program, "run", "--config", self.sockets / f"proxy-{NUMBER}.json"], home,
            f"tcp://{listen}:{self.port}",
            {"HOME": str(home), "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home)},
            stop_seconds=40, processes=PROXIES,
        ))  # fmt: skip

    def _start_proxy(self, number: int) -> None:
        self.supervisor.set_running(PROXY, number, wanted=True)
        admin, deadline = self.sockets / f"admin-{number}.sock", time.monotonic() + START_SECONDS
        while (
            not admin.exists() or self.supervisor.process(PROXY, number)["statename"] != "RUNNING"
        ):
            if time.monotonic() > deadline:
                log = self.folder / "logs" / f"{PROXY}.log"
                # Another one may serve on, with the configuration that it has.
                self.supervisor.set_running(PROXY, number, wanted=False)
                raise StageError(f"the proxy did not start on port {self.port} (see {log})")
            time.sleep(0.02)

    def _require_port(self) -> None:
        family = socket.AF_INET6 if ":" in self.params.serve.host else socket.AF_INET
        for host, port in ((self.params.serve.host, self.port), ("127.0.0.1", self.port + 1)):
            with socket.socket(family if port == self.port else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host, port))
                except OSError as error:
                    raise StageError(
                        f"cannot listen on {host}:{port} ({os.strerror(error.errno or 0)}): change "
                        f"serve.host or serve.ports.{self.environment} in params.yaml, or stop the "
                        "program that has it (requests have that port, metrics the one above it)"
                    ) from None

    def serves(self, state: State) -> bool:
        """Say whether the live version answers, behind a proxy that runs."""
        if state.live is None or not self.supervisor.runs():
            return False
        proxies = [self.supervisor.process(PROXY, number)["pid"] for number in range(PROXIES)]
        return any(proxies) and self.worker(state.live).is_ready()

    def keep_only(self, *wanted: Serving | None) -> None:
        """Stop every worker that is none of `wanted`; what it is answering it finishes."""
        names = {one.program for one in wanted if one is not None}
        for name in self.supervisor.names() - names - {PROXY}:
            self.supervisor.remove(name)
