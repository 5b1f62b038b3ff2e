"""Serve makes sure that the champion's Bento is what answers at serve.host and serve.port.

It starts it where nothing runs, starts it again where it died, replaces another version, and
does nothing where all is well. It stops the line when the port is taken by another program or
when the service does not become ready.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from lifecycle import bento, process
from lifecycle.command import StageError, project_root, run
from lifecycle.params import Params, Serve, load_params

PROBE_SECONDS = 2.0
BACKLOG = 1024


def state_path(root: Path) -> Path:
    """Return where the running service is remembered."""
    return root / ".lifecycle" / "service.json"


def log_path(root: Path) -> Path:
    """Return where the service writes its log."""
    return root / ".lifecycle" / "service.log"


def settings() -> str:
    """Return a hash of the environment that decides who may ask: a withdrawn key must not last."""
    decisive = "\n".join(os.environ.get(n, "") for n in ("LIFECYCLE_ENVIRONMENT", "API_KEYS"))
    return hashlib.sha256(decisive.encode()).hexdigest()


def is_ready(state: process.State) -> bool:
    """Say whether the service answers that it is ready."""
    try:
        with urllib.request.urlopen(f"{state.url}/readyz", timeout=PROBE_SECONDS):  # noqa: S310
            return True
    except (urllib.error.URLError, OSError):
        return False


def listen(serve: Serve) -> socket.socket:
    """Return a socket that listens where the service will.

    Raises:
        StageError: it cannot be had; which key of params.yaml to change.
    """
    family = socket.AF_INET6 if ":" in serve.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((serve.host, serve.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise StageError(
                f"port {serve.port} is taken by another program: "
                "change serve.port in params.yaml, or stop that program"
            ) from None
        raise StageError(
            f"cannot listen on {serve.host}:{serve.port} ({error.strerror}): "
            "change serve.host or serve.port in params.yaml"
        ) from None
    return listener


def launch(root: Path, serve: Serve, wanted: bento.Released) -> subprocess.Popen[bytes]:
    """Start the Bento's worker in a session of its own, on a socket that is open already.

    This is the process that `bentoml serve` starts and watches. Here the next `make serve` is
    what watches: without a supervisor it starts in half the time and leaves no orphan.
    """
    from lifecycle.guard import environment_keys  # only where a service is started

    environment_keys()
    place, log = bento.folder(root, wanted.tag), log_path(root)
    metrics = root / ".lifecycle" / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(parents=True)
    variables = bento.environment(
        root, place / "src", PROMETHEUS_MULTIPROC_DIR=str(metrics), PYTHONUNBUFFERED="1"
    )
    interpreter = bento.python(root)
    with listen(serve) as listener, log.open("wb") as output:
        return subprocess.Popen(
            [interpreter, "-m", "_bentoml_impl.worker.service", str(place),
             "--fd", str(listener.fileno()), "--worker-id", "1"],
            cwd=place, env=variables, pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip


def last_words(log: Path) -> str:
    """Return the log's last line that says something."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    telling = [line.strip() for line in lines if "Error" in line and not line.startswith(" ")]
    return (telling or [line.strip() for line in lines if line.strip()] or ["it wrote no log"])[-1]


def start(root: Path, params: Params, wanted: bento.Released) -> process.State:
    """Start the wanted Bento and wait until it is ready.

    Raises:
        StageError: it died or was not ready in time; with its last words.
    """
    serve = params.serve
    worker = launch(root, serve, wanted)
    born = process.started(worker.pid)
    state = process.State(
        worker.pid, born, serve.host, serve.port, wanted.tag, wanted.version, settings()
    )
    process.save(state_path(root), state)
    deadline = time.monotonic() + serve.start_timeout_seconds
    while time.monotonic() < deadline:
        if worker.poll() is not None:
            problem = f"the service stopped with exit code {worker.returncode} while starting"
            break
        if is_ready(state):
            return state
        time.sleep(0.02)
    else:
        problem = f"the service was not ready in {serve.start_timeout_seconds} s"
    process.stop(state, state_path(root))
    log = log_path(root)
    raise StageError(f"{problem}: {last_words(log)} (all of it: {log.relative_to(root)})")


def ensure(root: Path, params: Params) -> tuple[process.State, bool]:
    """Return the champion's running service, and whether it had to be started."""
    path, wanted = state_path(root), bento.released(root)
    state = process.load(path)
    if state is not None:
        place = (state.tag, state.host, state.port, state.settings)
        right = place == (wanted.tag, params.serve.host, params.serve.port, settings())
        if right and process.is_alive(state) and is_ready(state):
            return state, False
        process.stop(state, path)
    return start(root, params, wanted), True


def stop(root: Path) -> bool:
    """Stop the service; return whether it ran."""
    state = process.load(state_path(root))
    return state is not None and process.stop(state, state_path(root))


def main() -> None:
    """Run the champion's service, or stop it."""
    parser = argparse.ArgumentParser(description="Run the champion's service.")
    parser.add_argument("--stop", action="store_true", help="stop it instead")
    root = project_root()
    if parser.parse_args().stop:
        print("serve: stopped" if stop(root) else "serve: nothing was running")
        return
    began = time.monotonic()
    state, is_new = ensure(root, load_params())
    how = f"is ready after {time.monotonic() - began:.1f} s" if is_new else "runs already"
    print(f"serve: version {state.version} ({state.tag}) {how} at {state.url}")


if __name__ == "__main__":
    run("serve", main)
