"""The service does what its OpenAPI document says, and nothing else: schemathesis with all checks.

Against a real worker, with keys, as clients reach it (through the proxy) and directly.
"""

from __future__ import annotations

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

import pytest
from service.workers import make_home, start

from lifecycle import proxy
from lifecycle.params import Params
from lifecycle.theatre import free_port

EXAMPLES, SEED = 60, 20130101
KEY = "first"
KEYED = {"LIFECYCLE_ENVIRONMENT": "staging", "API_KEYS": f"{KEY},second"}
# What a careless change could do, and what schemathesis says to it.
DEFECTS = {
    "a status that is not documented": (
        "from lifecycle import openapi\ndel openapi.REFUSALS[400]\n",
        "Undocumented status code",
    ),
    "a key that opens whatever it is": (
        "from lifecycle import guard\nguard.is_known = lambda given, keys: True\n",
        "API accepts requests without authentication",
    ),
    "a crash on a value that is allowed": (
        "from lifecycle import predictor\n"
        "real = predictor.to_arrays\n"
        "def fail(records, schema):\n"
        "    if any(one.distance == 10 for one in records):\n"
        "        raise ValueError\n"
        "    return real(records, schema)\n"
        "predictor.to_arrays = fail\n",
        "Server error",
    ),
}


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
def serving(release: Path, folder: Path, defect: str = "") -> Iterator[int]:
    """Run a worker with keys on a port of this machine; its code is changed by `defect`."""
    home = make_home(release, folder / "home")
    entry = home / "service.py"
    entry.write_text(defect + entry.read_text())
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    worker = start(home, folder, "w", listener, **KEYED)
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


def schemathesis(port: int, folder: Path, examples: int = EXAMPLES) -> tuple[int, str]:
    """Run every check in every phase, good and bad data; return its exit code and its report."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--no-color", "run",
        f"http://127.0.0.1:{port}/docs.json", "--header", f"X-API-Key: {KEY}",
        "--checks", "all", "--mode", "all", "--phases", "examples,coverage,fuzzing,stateful",
        "--max-examples", str(examples), "--seed", str(SEED), "--generation-deterministic",
        "--continue-on-failure", "--request-timeout", "20",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def worker(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serving(release, tmp_path_factory.mktemp("openapi")) as port:
        yield port


@pytest.mark.parametrize("way", ["directly", "through the proxy"])
def test_the_service_is_as_documented(
    way: str, worker: int, params: Params, tmp_path: Path
) -> None:
    if way == "directly":
        code, report = schemathesis(worker, tmp_path)
    else:
        with behind_the_proxy(params, worker, tmp_path) as port:
            code, report = schemathesis(port, tmp_path)
    assert code == 0, report
    assert "No issues found" in report
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in report, report


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_found(defect: str, release: Path, tmp_path: Path) -> None:
    code, said = DEFECTS[defect]
    with serving(release, tmp_path, code) as port:
        found, report = schemathesis(port, tmp_path, examples=10)
    assert found == 1, report
    assert said in report
