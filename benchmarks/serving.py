"""Measures throughput and latency of the service through its proxy against three other ways.

`make benchmark-serving` generates a project and takes it through its lifecycle (or takes one that
serves: `--project`), starts beside it the bare worker, a minimal FastAPI application around the
same model (benchmarks/fastapi_service.py) and `mlflow models serve`, checks that all four answer
the same rows with the same bits, and lets wrk ask them in turn for some rounds. It writes
docs/reference/serving-benchmark.md.
"""

import argparse
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from running import free_port, use_port  # noqa: E402

PAGE = ROOT / "docs" / "reference" / "serving-benchmark.md"
PREDICT = "/v1/predict"
PROXY, BARE, FASTAPI, MLFLOW = (
    "through the proxy", "bare service", "minimal FastAPI", "mlflow models serve",
)  # fmt: skip
# Rows a request, and connections at once.
SETTINGS = ((1, 1), (1, 16), (100, 1), (100, 16))
CHECKED_ROWS = 40
Measured = dict[tuple[str, int, int], list[dict[str, float]]]


@dataclass(frozen=True)
class Target:
    """Something that predicts: where, and how it is asked and answers."""

    name: str
    url: str
    wrapper: str = "records"

    def body(self, records: list[Any]) -> bytes:
        """Return a request."""
        return json.dumps({self.wrapper: records}).encode()

    def ask(self, records: list[Any]) -> list[float]:
        """Return the probabilities of some rows."""
        answer = httpx.post(
            self.url, content=self.body(records), headers={"Content-Type": "application/json"},
            timeout=60, trust_env=False,
        )  # fmt: skip
        if answer.status_code != 200:
            stop(f"{self.name} answered {answer.status_code}: {answer.text[:200]}")
        found = answer.json()["predictions"]
        return [one["probability"] if isinstance(one, dict) else one for one in found]


def stop(message: str) -> None:
    """End with one clear line."""
    sys.exit(f"benchmark: {message}")


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until something answers, whatever it says."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            httpx.get(url, timeout=5, trust_env=False)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
    stop(f"{url} did not come up: {' '.join(said)}")


@contextmanager
def running(
    command: list[str], folder: Path, variables: dict[str, str], url: str, scratch: Path,
    listener: socket.socket | None = None,
) -> Iterator[None]:  # fmt: skip
    """Run a server until the end of the context."""
    log = scratch / f"{Path(command[0]).name}-{len(list(scratch.iterdir()))}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=variables, stdout=output, stderr=output,
            stdin=subprocess.DEVNULL if listener is None else listener.fileno(),
            start_new_session=True,
        )  # fmt: skip
    try:
        wait_for(url, process, log)
        yield
    finally:
        # mlflow starts others, which outlive it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


@contextmanager
def bare(project: Path, bento: Path, variables: dict[str, str], scratch: Path) -> Iterator[Target]:
    """Run the worker that `deploy` runs, log and metrics on, on a port instead of a socket."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    given = {**variables, "LIFECYCLE_ENVIRONMENT": "development", "WORKER_NAME": "bare",
             "PYTHONPATH": str(bento / "src"), "PREDICTION_LOG": str(scratch / "predictions"),
             "BENTOML_HOME": str(project / ".bentoml"),
             "PROMETHEUS_MULTIPROC_DIR": str(scratch / "metrics")}  # fmt: skip
    (scratch / "metrics").mkdir()
    # One environment: this project has had one lock.
    (python,) = (project / ".venv-serving").glob("*/bin/python")
    command = [str(python), "-m", "_bentoml_impl.worker.service",
               str(bento), "--fd", "0", "--worker-id", "1"]  # fmt: skip
    with running(command, bento, given, f"{url}/readyz", scratch, listener):
        listener.close()
        yield Target(BARE, url + PREDICT)


@contextmanager
def fastapi(
    project: Path, bento: Path, variables: dict[str, str], scratch: Path
) -> Iterator[Target]:
    """Run the minimal application in an environment of its own, of the same versions."""
    locked = (project / "requirements/serving.txt").read_text(encoding="utf-8")
    pins = scratch / "pins.txt"
    pins.write_text("\n".join(re.findall(r"(?m)^([\w.-]+==[^\\\n]+)", locked)), encoding="utf-8")
    uv, venv = str(project / ".venv/bin/uv"), scratch / "fastapi"
    for command in ([uv, "venv", "--quiet", str(venv)],
                    [uv, "pip", "install", "--quiet", "--python", str(venv / "bin/python"),
                     "--requirement", str(pins), "fastapi"]):  # fmt: skip
        subprocess.run(command, check=True)
    url = f"http://127.0.0.1:{(port := free_port())}"
    given = {**variables, "PYTHONPATH": str(bento / "src"), "RELEASE": str(bento / "src/release")}
    command = [str(venv / "bin/python"), "-m", "uvicorn", "fastapi_service:application",
               "--port", str(port), "--loop", "uvloop", "--http", "httptools",
               "--no-access-log", "--log-level", "warning"]  # fmt: skip
    # On its own: benchmarks/lifecycle.py would be taken for the project's package.
    place = Path(shutil.copy(ROOT / "benchmarks/fastapi_service.py", scratch)).parent
    with running(command, place, given, f"{url}/docs", scratch):
        yield Target(FASTAPI, url + PREDICT)


@contextmanager
def mlflow(
    project: Path, bento: Path, variables: dict[str, str], scratch: Path
) -> Iterator[Target]:
    """Run MLflow's own scoring server, of the version that serves, in the project's environment."""
    port = free_port()
    binaries = project / ".venv/bin"
    given = {**variables, "PYTHONPATH": str(project / "src"),
             "PATH": f"{binaries}{os.pathsep}{variables['PATH']}",
             "MLFLOW_TRACKING_URI": f"sqlite:///{project / 'mlflow.db'}"}  # fmt: skip
    model = f"models:/{bento.parent.name}@champion"
    command = [str(binaries / "mlflow"), "models", "serve", "--model-uri", model,
               "--env-manager", "local", "--port", str(port)]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with running(command, project, given, f"{url}/ping", scratch):
        yield Target(MLFLOW, f"{url}/invocations", "dataframe_records")


def check(targets: list[Target], records: list[Any]) -> None:
    """Stop unless all give the same probabilities, to the last bit, together and one by one."""
    expected = targets[0].ask(records)
    for target in targets:
        alone = [target.ask([record])[0] for record in records]
        if target.ask(records) != expected or alone != expected:
            stop(f"{target.name} answers otherwise than {targets[0].name}: no comparison")


def measure(target: Target, rows: int, connections: int, seconds: float,
            records: list[Any], scratch: Path) -> dict[str, float]:  # fmt: skip
    """Let wrk ask for some seconds, each request with other rows."""
    bodies = scratch / "bodies.txt"
    parts = [[records[(begin + row) % len(records)] for row in range(rows)]
             for begin in range(len(records))]  # fmt: skip
    bodies.write_bytes(b"\n".join(target.body(part) for part in parts) + b"\n")
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "20s",
         "-s", str(ROOT / "benchmarks/post.lua"), target.url, "--", str(bodies)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        stop(f"wrk failed on {target.name}: {(done.stderr or done.stdout).strip()[-200:]}")
    found: dict[str, float] = json.loads(lines[-1])
    return {**found, "rate": found["requests"] / found["seconds"]}


def compare(targets: list[Target], records: list[Any], rounds: int, seconds: float,
            scratch: Path) -> Measured:  # fmt: skip
    """Measure everything in turn; each round begins with another target."""
    for target in targets:
        measure(target, 1, 4, 1, records, scratch)
    found: Measured = {}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", flush=True)
        turn = targets[number % len(targets):] + targets[: number % len(targets)]  # fmt: skip
        for rows, connections in SETTINGS:
            for target in turn:
                one = measure(target, rows, connections, seconds, records, scratch)
                found.setdefault((target.name, rows, connections), []).append(one)
    return found


def median(runs: list[dict[str, float]], key: str) -> float:
    """Return the median of the rounds."""
    return statistics.median(run[key] for run in runs)


def machine() -> str:
    """Return what this was measured on."""
    model = re.search(r"(?m)^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    processor = model[1] if model else platform.machine()
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores ({processor}), {memory:.0f} GB, {system}"


def page(found: Measured, rounds: int, seconds: float, command: str) -> str:
    """Return the tables."""
    lines = [
        "# How fast the service is", "",
        f"Made by `{command}`: {rounds} rounds of {seconds:g} s each in turn, medians, on "
        f"{machine()}. The load generator, wrk, runs on the same cores. Prediction log and metrics "
        "are on, through the proxy and in the bare service. All four answer the same "
        f"{CHECKED_ROWS} rows with the same probabilities, to the last bit, together and one by "
        "one; the run stops where they do not.",
    ]  # fmt: skip
    for rows, connections in SETTINGS:
        at_once = f"{connections} connection{'s' if connections > 1 else ''}"
        lines += ["", f"{rows} row{'s' if rows > 1 else ''} a request, {at_once}:", "",
                  "| target | requests/s | p50 ms | p99 ms | errors | requests/s ÷ FastAPI |",
                  "| --- | --- | --- | --- | --- | --- |"]  # fmt: skip
        yardstick = found[FASTAPI, rows, connections]
        for name in (PROXY, BARE, FASTAPI, MLFLOW):
            runs = found[name, rows, connections]
            ratios = [a["rate"] / b["rate"] for a, b in zip(runs, yardstick, strict=True)]
            errors = sum(run["errors"] for run in runs)
            lines.append(
                f"| {name} | {median(runs, 'rate'):.0f} | {median(runs, 'p50'):.2f} | "
                f"{median(runs, 'p99'):.2f} | {errors:.0f} | {statistics.median(ratios):.2f} |"
            )
    return "\n".join([*lines, ""])


def generated(scratch: Path) -> Path:
    """Return a project that serves, made for this."""
    subprocess.run(
        [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", "-o", str(scratch)],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    (project,) = (path.parent for path in scratch.glob("*/params.yaml"))
    use_port(project, free_port())
    somebody = ["-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.org"]
    commit = ["git", *somebody, "commit", "--no-verify", "--quiet", "--all", "-m", "Choose a port"]
    subprocess.run(commit, cwd=project, check=True)
    for target in ("setup", "lifecycle"):
        subprocess.run(["make", "--silent", target], cwd=project, check=True)
    return project


def run(project: Path, rounds: int, seconds: float) -> Measured:
    """Start the others beside a project that serves, check them, and measure."""
    state_file = project / ".lifecycle/development/deployment.json"
    if not state_file.is_file():
        stop(f"nothing serves in {project}: type make -C {project} lifecycle")
    state = json.loads(state_file.read_text(encoding="utf-8"))
    bento = project / ".bentoml/bentos" / state["live"]["tag"].replace(":", "/")
    smoke = json.loads((bento / "src/release/smoke.json").read_text(encoding="utf-8"))
    records = smoke["request"]["records"]
    params = (project / "params.yaml").read_text(encoding="utf-8")
    found = re.search(r"(?m)^    development: (\d+)$", params)
    assert found
    variables = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "DO_NOT_TRACK": "true",
                 "BENTOML_DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true",
                 "PYTHONDONTWRITEBYTECODE": ""}  # fmt: skip
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        targets = [Target(PROXY, f"http://127.0.0.1:{found[1]}{PREDICT}")]
        for server in (bare(project, bento, variables, scratch),
                       fastapi(project, bento, variables, scratch),
                       mlflow(project, bento, variables, scratch)):  # fmt: skip
            targets.append(stack.enter_context(server))
        check(targets, records[:CHECKED_ROWS])
        return compare(targets, records, rounds, seconds, scratch)


def main() -> None:
    """Measure, print the tables, and write them above what is said about them."""
    parser = argparse.ArgumentParser(description="Measure the service against three other ways.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--project", type=Path, help="a project that serves in development")
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        stop("wrk is not installed: type apt-get install wrk (or brew install wrk)")
    with tempfile.TemporaryDirectory() as scratch:
        project = given.project or generated(Path(scratch))
        try:
            found = run(project.resolve(), given.rounds, given.seconds)
        finally:
            if given.project is None:
                subprocess.run(["make", "--silent", "stop"], cwd=project, check=False)
    text = page(found, given.rounds, given.seconds, "make benchmark-serving")
    print(text)
    mark = "## What it says"
    kept = PAGE.read_text(encoding="utf-8").partition(mark) if PAGE.is_file() else ("", "", "")
    PAGE.write_text(text + "\n" + "".join(kept[1:]) if kept[1] else text, encoding="utf-8")


if __name__ == "__main__":
    main()
