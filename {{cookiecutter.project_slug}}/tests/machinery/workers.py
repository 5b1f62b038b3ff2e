"""Real worker processes on unix sockets, as `deploy` runs them, and plain requests to them."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from folders import CODE

from lifecycle.contract import seal
from lifecycle.contract.files import read_json, write_json
from lifecycle.release.staging import ENTRY

START_SECONDS = 60


def sample_of(name: str, **labels: str) -> str:
    """Return a sample's name and labels as `/metrics` writes them."""
    return name + "{" + ",".join(f'{k}="{v}"' for k, v in sorted(labels.items())) + "}"


class Line(http.client.HTTPConnection):
    """A kept HTTP connection to a unix socket."""

    def __init__(self, path: Path, seconds: float = 20) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))

    def ask(self, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        """Post `body` (JSON or bytes) or get; return (status, answer)."""
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.request("GET" if body is None else "POST", path, content,
                     {"Content-Type": "application/json", **named})  # fmt: skip
        answer = self.getresponse()
        return answer.status, answer.read()


@dataclass
class Worker:
    """A running worker."""

    process: subprocess.Popen[bytes]
    socket: Path
    output: Path

    def line(self) -> Line:
        return Line(self.socket)

    def ask(self, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        line = self.line()
        try:
            return line.ask(path, body, **headers)
        finally:
            line.close()

    def predict(self, records: list[Any], **headers: str) -> Any:
        status, answer = self.ask("/v1/predict", {"records": records}, **headers)
        assert status == 200, answer
        return json.loads(answer)

    def metrics(self) -> dict[str, float]:
        """Return every sample by its name and labels, as `/metrics` writes them."""
        lines = self.ask("/metrics")[1].decode().splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.output.read_text()
            try:
                if self.ask("/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError(self.output.read_text())


def make_home(release: Path, folder: Path, **facts: Any) -> Path:
    """Make what a Bento's `src` is: the entry and the release, with facts of its own."""
    folder.mkdir(parents=True)
    (folder / "service.py").write_text(ENTRY)
    shutil.copytree(release, folder / "release")
    path = folder / "release" / "release.json"
    write_json(path, {**read_json(path), **facts})
    seal.write(folder)
    return folder


def start(
    home: Path, folder: Path, name: str, listener: socket.socket | None = None, **variables: str
) -> Worker:
    """Start a worker without waiting for it; its socket, unix if none is given, is descriptor 0."""
    place = folder / f"{name}.sock"
    if listener is None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(place))
    environment = {
        **os.environ,
        "LIFECYCLE_ENVIRONMENT": "development",
        "PYTHONPATH": CODE,
        "WORKER_NAME": name,
        **variables,
    }
    python, output = os.environ.get("SERVING_PYTHON") or sys.executable, folder / f"{name}.log"
    with listener, output.open("wb") as log:
        listener.listen(1024)
        process = subprocess.Popen(
            [python, "-m", "_bentoml_impl.worker.service", "service:service", "--fd", "0",
             "--worker-id", "1"],
            cwd=home, env=environment, stdin=listener.fileno(), stdout=log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    return Worker(process, place, output)
