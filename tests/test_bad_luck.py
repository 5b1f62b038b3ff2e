"""State is lost, processes hang: commands say so, what can be mended is, and requests are counted.

One project, two Bentos of which served, and its service; each test leaves that service running.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from baking import succeed
from breaking import commit, edit, stopped
from load import Load
from projects import Running, process_of, released_project, wait_until, worker_of
from running import PLAIN, Project, free_port, port_of, use_port

pytestmark = pytest.mark.slow
QUICK = (
    ("    development: 2\n", "    development: 1\n"),
    ("  minimum_requests: 200\n", "  minimum_requests: 60\n"),
)
INSIDE = ".lifecycle/development"
CONNECTIONS = 8
# Breaks state files in each way and runs commands in this one process, which spares their start:
# prints for each what was broken, the commands' exit codes and what they and a deploy then said.
BREAK = """
import contextlib, io, json, sys, traceback
from pathlib import Path
from lifecycle.__main__ import main

DAMAGE = {
    "empty": lambda content: b"", "cut off": lambda content: content[: len(content) // 2],
    "garbage": lambda content: b"\\x00\\xff[garbage\\n", "other JSON": lambda content: b"{}",
}

def call(name):
    said, code = io.StringIO(), 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main([name])
        except SystemExit as error:
            code = error.code
        except BaseException:
            code = "traceback"
            traceback.print_exc()
    return code, said.getvalue()

for files, damages, commands in json.loads(sys.argv[1]):
    for damage in damages:
        history = Path(".lifecycle/development/audit.jsonl").read_bytes()
        for path in map(Path, files):
            # What was lost before stays so until it is needed, as what is packaged does.
            content = path.read_bytes() if path.is_file() else b""
            if damage == "missing":
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(DAMAGE[damage](content))
        said = {name: call(name) for name in [*commands, "deploy", "status"]}
        print(json.dumps([files, damage, said]), flush=True)
        # Which is what the state is found out from.
        Path(".lifecycle/development/audit.jsonl").write_bytes(history)
"""
EVERY = ("empty", "cut off", "garbage", "other JSON", "missing")
# What of a state that is broken is said by status before it is mended.
ADVICE = {
    "deployment.json": "deployment.json was lost",
    "routing.json": "requests     are not sent where they should be: run `make deploy`",
    "live": "requests     are not sent where they should be: run `make deploy`",
    "share": "requests     are not sent where they should be: run `make deploy`",
}


@pytest.fixture(scope="module")
def service(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return a project with quick steps whose second Bento is live; the first served before it."""
    project = released_project(generated, tmp_path_factory).copy(
        tmp_path_factory.mktemp("bad-luck") / "flight-delay"
    )
    (project.root / INSIDE / "deployment.json").unlink()
    use_port(project.root, free_port())
    edit(project, "params.yaml", QUICK)
    commit(project)
    project.must("deploy")
    project.change("params.yaml", "  maximum_rows: 1000\n", "  maximum_rows: 900\n")
    done = project.python("-m", "lifecycle", "package")
    assert done.returncode == 0, done.stderr
    project.must("deploy")
    yield project
    project.must("stop")


@pytest.fixture(autouse=True)
def _packaged_is_what_serves(service: Project) -> Iterator[None]:
    """After a test its second Bento is again what is to serve, with the parameters of before."""
    paths = [service.root / name for name in ("params.yaml", ".lifecycle/packaged.json")]
    kept = [path.read_bytes() for path in paths]
    yield
    for path, content in zip(paths, kept, strict=True):
        path.write_bytes(content)


def sockets(project: Project) -> Path:
    """Return the folder of the deployment's sockets."""
    text = (project.root / INSIDE / "sockets.json").read_text(encoding="utf-8")
    return Path(json.loads(text)["folder"])


def state_files(project: Project) -> list[str]:
    """Return every file that a deployment is made of; logs and predictions are none."""
    inside = project.root / INSIDE
    known = (
        (project.root / ".lifecycle").glob("*.json"), inside.glob("*"), sockets(project).glob("*"),
    )  # fmt: skip
    found = [path for some in (*known, inside.glob("programs/*.json")) for path in some]
    return [str(path) for path in sorted(found) if path.is_file()]


def broken(project: Project, table: list[tuple[list[str], list[str], list[str]]]) -> list[str]:
    """Break what the table names; assert that all was said and mended, and return what was said."""
    done = project.python("-c", BREAK, json.dumps(table), LIFECYCLE_ENVIRONMENT="development")
    assert done.returncode == 0, done.stderr
    lines = []
    for line in done.stdout.splitlines():
        files, damage, said = json.loads(line)
        about = f"{damage}: {files}: {json.dumps(said, indent=1)}"
        assert "Traceback" not in line, about
        assert [code for code, _ in said.values()] == [0] * len(said), about
        # The last look finds nothing to mend.
        assert "ready" in said["status"][1], about
        assert "run `make" not in said["status"][1], about
        lines.append(about)
    answer = project.make("predict")
    assert answer.returncode == 0, answer.stderr
    return lines


def test_each_state_file_broken_in_each_way_is_mended_by_deploy(service: Project) -> None:
    """Status has no traceback and no wrong advice, and what is mended serves on."""
    files = state_files(service)
    names = {Path(path).name for path in files}
    assert {
        "deployment.json", "sockets.json", "packaged.json", "released.json", "routing.json",
        "supervisor.conf", "proxy.json", "holder.json", "audit.jsonl", "live", "share",
    } <= names  # fmt: skip
    said = broken(service, [([path], list(EVERY), ["deploy"]) for path in files])
    assert len(said) == len(files) * len(EVERY)


@pytest.mark.parametrize("damage", ["empty", "missing"])
def test_stop_and_rollback_work_though_their_notes_are_broken(
    service: Project, damage: str
) -> None:
    """What is lost all at once; the audit log knows which version served before."""
    names = {"deployment.json", "routing.json", "holder.json", "packaged.json", "supervisor.conf",
             "proxy.json"}  # fmt: skip
    files = [path for path in state_files(service) if Path(path).name in names]
    assert {Path(path).name for path in files} == names
    said = broken(service, [(files, [damage], [name]) for name in ("rollback", "stop")])
    assert re.search(r"rollback: version 1 serves development", said[0])
    assert "stop: development is stopped" in said[1]


def test_status_says_what_is_broken_and_what_mends_it(service: Project) -> None:
    """One line for each, with the command."""
    for path in map(Path, state_files(service)):
        if path.name not in ADVICE:
            continue
        content = path.read_bytes()
        path.write_bytes(b"")
        said = service.must("status")
        path.write_bytes(content)
        assert ADVICE[path.name] in said
        assert "run `make deploy`" in said


def load(project: Project, **options: Any) -> Load:
    """Return a constant load of real requests on the project's proxy."""
    rows = sorted((project.root / ".bentoml").rglob("smoke.json"))[0]
    records = json.loads(rows.read_text(encoding="utf-8"))["request"]["records"]
    requests = [json.dumps({"records": [record]}).encode() for record in records]
    url = f"http://127.0.0.1:{port_of(project.root)}/v1/predict"
    return Load(url, requests, **{"rate": 50, "connections": CONNECTIONS, **options})


def state(project: Project) -> dict[str, Any]:
    """Return the deployment's state."""
    text = (project.root / INSIDE / "deployment.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def share(project: Project) -> str:
    """Return the share that the proxy gives a candidate, as it reads it."""
    return (sockets(project) / "share").read_text(encoding="utf-8")


def audit(project: Project) -> list[dict[str, Any]]:
    """Return what was done, in order."""
    text = (project.root / INSIDE / "audit.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_hung_worker_is_ended_and_only_what_it_had_is_lost(service: Project) -> None:
    """Stopped, it takes no SIGTERM: it is killed after some silent seconds, and another serves."""
    hung = worker_of(service)
    with load(service, wait=True) as traffic:
        wait_until(lambda: traffic.counts.answered > 50, "no load arrives")
        began = time.time()
        os.kill(hung, signal.SIGSTOP)
        wait_until(lambda: audit(service)[-1]["action"] == "restarted", "it is not ended", 120)
        ended = time.time()
        good = traffic.counts.statuses[200]
        wait_until(lambda: traffic.counts.statuses[200] > good + 100, "nothing serves", 120)
    counts = traffic.counts
    lost = counts.answered - counts.statuses[200] + counts.lost
    print(f"\nhung worker, ended after {ended - began:.1f} s: {lost} lost of {counts}")
    # Each connection had one request in it, or waits for its turn behind one.
    assert lost <= CONNECTIONS
    assert worker_of(service) != hung
    assert f"process {hung} of " in audit(service)[-1]["reason"]


def test_deploy_repairs_a_hung_worker(service: Project) -> None:
    """It neither fails nor leaves it."""
    hung = worker_of(service)
    os.kill(hung, signal.SIGSTOP)
    printed = service.must("deploy")
    assert "serves development" in printed
    assert worker_of(service) != hung
    assert service.make("predict").returncode == 0


def test_a_hung_candidate_gives_its_requests_back_at_once(service: Project) -> None:
    """Two silent seconds are enough, and what it had been sent is answered by live."""
    before = state(service)["live"]
    service.change("params.yaml", "    development: 1\n", "    development: 4\n")
    service.change("params.yaml", "  maximum_rows: 900\n", "  maximum_rows: 800\n")
    done = service.python("-m", "lifecycle", "package")
    assert done.returncode == 0, done.stderr
    with load(service, wait=True) as traffic:
        wait_until(lambda: traffic.counts.answered > 50, "no load arrives")
        deploying = Running(service, "deploy")
        deploying.wait_for("deploy: canary 50%", 300)
        candidate = state(service)["candidate"]["tag"].partition(":")[2]
        hung = process_of(candidate)
        wait_until(lambda: share(service) == "0.5", "no share of the requests")
        os.kill(hung, signal.SIGSTOP)
        began = time.time()
        wait_until(lambda: share(service) == "none", "its requests do not go back", 60)
        returned = time.time()
        assert deploying.finish(120) != 0
    counts = traffic.counts
    print(f"\nhung candidate, its share returned after {returned - began:.1f} s: {counts}")
    assert "candidate silent: it did not answer" in deploying.printed
    assert (counts.lost, set(counts.statuses)) == (0, {200})
    assert state(service)["live"] == before
    assert "rolled back by candidate silent" in service.must("status")


@pytest.fixture
def small_disk(service: Project) -> Iterator[Path]:
    """Return the folder of staging, on a disk of a few megabytes."""
    folder = service.root / ".lifecycle/staging"
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "lifecycle-test", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk, and not in every container")
    yield folder
    service.must("stop", "ENV=staging")
    succeed("umount", folder, folder=service.root, environment=dict(os.environ))


def fill(folder: Path, name: str) -> None:
    """Take all that is left of a disk."""
    with contextlib.suppress(OSError), (folder / name).open("wb", buffering=0) as file:
        while file.write(b"x" * 1024):
            pass


def serving(project: Project) -> str:
    """Return what status says of the live version of staging."""
    return next(
        line for line in project.must("status", "ENV=staging").splitlines()
        if line.startswith("live ")
    )  # fmt: skip


def test_a_full_disk_takes_no_more_than_the_log(service: Project, small_disk: Path) -> None:
    """A worker that dies comes back, rollback and stop work; what cannot be done is one line."""
    port, keys = free_port(), {"API_KEYS": "first-key"}  # pragma: allowlist secret
    service.change("params.yaml", "staging: 3010", f"staging: {port}")
    service.change("params.yaml", "    staging: 10\n", "    staging: 1\n")
    packaged = service.root / ".lifecycle/packaged.json"
    tags = [f"flight-delay:{path.name}" for path in
            sorted((service.root / ".bentoml/bentos/flight-delay").glob("1-*"))[:2]]  # fmt: skip
    for tag in tags:
        packaged.write_text(json.dumps({"1": tag}), encoding="utf-8")
        service.must("deploy", "ENV=staging", **keys)
    fill(small_disk, "ballast")
    rows = load(service)
    url = f"http://127.0.0.1:{port}/v1/predict"
    # pragma: allowlist nextline secret
    with Load(url, rows.bodies, rate=50, headers={"X-API-Key": "first-key"}) as traffic:
        wait_until(lambda: traffic.counts.answered > 50, "no load arrives")
        found = re.search(r"process (\d+), ready", serving(service))
        assert found
        os.kill(int(found[1]), signal.SIGKILL)
        wait_until(lambda: "ready" in serving(service) and found[1] not in serving(service),
                   "no worker comes back", 120)  # fmt: skip
        fill(small_disk, "more")
        service.must("rollback", "ENV=staging", "REASON=exercise")
        before = traffic.counts.answered
        wait_until(lambda: traffic.counts.answered > before + 50, "the load has stopped")
        metrics = httpx.get(f"http://127.0.0.1:{port + 1}/workers/live/metrics", **PLAIN)
        # Nothing is set aside any more.
        for number in range(3):
            shutil.rmtree(small_disk / "reserve", ignore_errors=True)
            fill(small_disk, f"rest-{number}")
        kept = (small_disk / "deployment.json").read_bytes()
        assert tags[0] in kept.decode()
        stopped(service.make("rollback", "ENV=staging"), "rollback", "the disk is full: make room")
        assert (small_disk / "deployment.json").read_bytes() == kept
        before = traffic.counts.answered
        wait_until(lambda: traffic.counts.answered > before + 50, "the load has stopped")
    counts = traffic.counts
    print(f"\nfull disk, worker killed, rolled back: {counts}")
    assert (counts.lost, set(counts.statuses)) == (0, {200})
    failures = re.search(r"(?m)^lifecycle_log_failures_total (\S+)$", metrics.text)
    assert failures
    assert float(failures[1]) > 0
    assert "stop: staging is stopped" in service.must("stop", "ENV=staging")
    for name in ("ballast", "more", "rest-0", "rest-1", "rest-2"):
        (small_disk / name).unlink()
    service.must("deploy", "ENV=staging", **keys)
    assert len(list((small_disk / "reserve").iterdir())) == 32
