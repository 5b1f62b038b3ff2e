"""A real worker that asks for keys, on a port of this machine, and the real proxy before it."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workers import make_home, start

from lifecycle.contract import seal
from lifecycle.core.free_port import free_port
from lifecycle.core.params import Params
from lifecycle.rollout import proxy

KEY = "first"
HEADERS = {"Content-Type": "application/json", "X-API-Key": KEY}
KEYED = {"LIFECYCLE_ENVIRONMENT": "staging", "API_KEYS": f"{KEY},second"}


def wait_until_open(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(log.read_text())


@contextmanager
def serving(release: Path, folder: Path, defect: str = "", port: int = 0) -> Iterator[int]:
    """Run a worker with keys on a port of this machine; its code is changed by `defect`."""
    home = make_home(release, folder / "home")
    entry = home / "service.py"
    entry.write_text(defect + entry.read_text())
    # As if it had been packaged so.
    seal.write(home)
    listener = socket.create_server(("127.0.0.1", port))
    port = listener.getsockname()[1]
    log = {"PREDICTION_LOG": str(folder / "log")}
    worker = start(home, folder, "w", listener, **KEYED, **log)
    try:
        wait_until_open(port, worker.process, worker.output)
        deadline = time.monotonic() + 60
        while not answers(port):
            assert time.monotonic() < deadline, worker.output.read_text()
            time.sleep(0.02)
        yield port
    finally:
        worker.process.terminate()
        worker.process.wait(30)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def behind_the_proxy(params: Params, upstream: int, folder: Path) -> Iterator[int]:
    """Run the proxy before a worker."""
    port, metrics = free_port(), free_port()
    addresses = (f"127.0.0.1:{one}" for one in (upstream, port, metrics))
    settings, log = folder / "proxy.json", folder / "proxy.log"
    settings.write_text(json.dumps(proxy.for_upstream(params, *addresses)))
    program = shutil.which("caddy", path=str(Path(sys.executable).parent)) or shutil.which("caddy")
    assert program, "caddy is not installed: run `make setup`"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "run", "--config", str(settings)], stdout=output, stderr=output
        )
    try:
        wait_until_open(port, process, log)
        yield port
    finally:
        process.terminate()
        process.wait(30)


class Client:
    """A connection to the service that is kept open."""

    def __init__(self, port: int) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, body: bytes | Iterator[bytes], **headers: str) -> tuple[int, Any, float]:
        """Return the status, the answer and the seconds it took."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        began = time.perf_counter()
        self._line.request("POST", "/v1/predict", body, {**HEADERS, **named})
        answer = self._line.getresponse()
        content = answer.read()
        return answer.status, json.loads(content), time.perf_counter() - began
