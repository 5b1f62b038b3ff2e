"""Versions are rolled out under load: nothing is lost, and what is bad is returned by itself."""

import json
import math
import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from baking import succeed
from breaking import BETTER, commit, edit, stopped
from load import Load
from projects import Running, ask, git, process_of, released_project, wait_until, worker_of
from running import PLAIN, Project, free_port, port_of, use_port

pytestmark = pytest.mark.slow
PREDICTOR = "src/lifecycle/serving/predictor.py"
PREDICTS = "        scores = self.model.predict(columns)\n"
# Defects that no smoke request shows: they come with single rows, and that one has many.
ALONE = "len(records) < 10"
DEFECTS = {
    "latency": f"        if {ALONE}:\n            __import__('time').sleep(0.3)\n",
    "error share": (
        f"        if {ALONE} and columns['distance'][0] % 2:\n            raise ValueError\n"
    ),
    "changed decisions": f"        if {ALONE}:\n            scores = 1 - scores\n",
    "missing features": "",
}
MISSING = (
    "    return {\n        name: _array(schema[name],",
    "    if len(records) < 10:\n"
    "        records = [one.model_copy(update={'temperature': None}) for one in records]\n"
    "    return {\n        name: _array(schema[name],",
)
CHAMPION = """
from pathlib import Path
from lifecycle.records import registry
from lifecycle.core.params import load_params
print(registry.connect(Path.cwd(), load_params()).by_alias("champion").number)
"""
QUICK = (
    ("    development: 2\n", "    development: 1\n"),
    ("  minimum_requests: 200\n", "  minimum_requests: 60\n"),
)


@pytest.fixture(scope="module")
def released(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the shrunk project with version 1 as champion; its service is stopped."""
    return released_project(generated, tmp_path_factory)


@pytest.fixture(scope="module")
def quick(released: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return a project with quick steps, packaged, in which nothing is deployed yet."""
    project = released.copy(tmp_path_factory.mktemp("rollout") / "flight-delay")
    (project.root / ".lifecycle" / "development" / "deployment.json").unlink()
    use_port(project.root, free_port())
    edit(project, "params.yaml", QUICK)
    commit(project)
    yield project
    project.must("stop")


@pytest.fixture
def nothing_deployed(quick: Project) -> Iterator[Project]:
    """Return the project with nothing live; its parameters are as they were afterwards."""
    kept = (quick.root / "params.yaml").read_bytes()
    quick.must("stop")
    (quick.root / ".lifecycle" / "development" / "deployment.json").unlink(missing_ok=True)
    yield quick
    (quick.root / "params.yaml").write_bytes(kept)


@pytest.fixture
def service(quick: Project) -> Iterator[Project]:
    """Return the project with some version live; its parameters are as they were afterwards."""
    kept = (quick.root / "params.yaml").read_bytes()
    if not (quick.root / ".lifecycle" / "development" / "deployment.json").is_file():
        quick.must("deploy")
    yield quick
    (quick.root / "params.yaml").write_bytes(kept)


def state(project: Project, environment: str = "development") -> dict[str, Any]:
    """Return the deployment's state."""
    path = project.root / ".lifecycle" / environment / "deployment.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def audit(project: Project, environment: str = "development") -> list[dict[str, Any]]:
    """Return what was done, in order."""
    path = project.root / ".lifecycle" / environment / "audit.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def sockets(project: Project, environment: str) -> str:
    """Return the folder of the deployment's sockets."""
    path = project.root / ".lifecycle" / environment / "sockets.json"
    folder: str = json.loads(path.read_text(encoding="utf-8"))["folder"]
    return folder


def load(project: Project, **options: Any) -> Load:
    """Return a constant load of real requests on the project's proxy."""
    rows = sorted((project.root / ".bentoml").rglob("smoke.json"))[0]
    records = json.loads(rows.read_text(encoding="utf-8"))["request"]["records"]
    requests = [json.dumps({"records": [record]}).encode() for record in records]
    url = f"http://127.0.0.1:{port_of(project.root)}/v1/predict"
    return Load(url, requests, **{"rate": 100, "connections": 8, **options})


def live_folder(project: Project) -> Path:
    """Return the release folder of the version that serves."""
    tag = state(project)["live"]["tag"].replace(":", "/")
    return Path(project.root, ".bentoml", "bentos", tag, "src", "release")


def repackage(project: Project) -> None:
    """Let another Bento of the champion than the one that serves be what was packaged last.

    The first time it is packaged, with another limit; then the two take turns.
    """
    live = json.loads((live_folder(project) / "release.json").read_text(encoding="utf-8"))
    rows = 901 if live["maximum_rows"] == 900 else 900
    for path in (project.root / ".bentoml" / "bentos").glob("*/*/src/release/release.json"):
        facts = json.loads(path.read_text(encoding="utf-8"))
        if (facts["maximum_rows"], facts["model_version"]) == (rows, live["model_version"]):
            folder = path.parents[2]
            packaged = project.root / ".lifecycle" / "packaged.json"
            known = json.loads(packaged.read_text(encoding="utf-8"))
            known[live["model_version"]] = f"{folder.parent.name}:{folder.name}"
            packaged.write_text(json.dumps(known), encoding="utf-8")
            return
    params = project.root / "params.yaml"
    text = params.read_text(encoding="utf-8")
    changed, found = re.subn(r"(?m)^  maximum_rows: \d+$", f"  maximum_rows: {rows}", text)
    assert found == 1
    params.write_text(changed, encoding="utf-8")
    done = project.python("-m", "lifecycle", "package")
    assert done.returncode == 0, done.stderr


def candidate_pid(project: Project) -> int:
    """Return the process of the candidate."""
    return process_of(state(project)["candidate"]["tag"].partition(":")[2])


def test_nothing_is_lost_whatever_happens(nothing_deployed: Project) -> None:
    """The whole life of a service under one constant load; the counts are printed."""
    service = nothing_deployed
    with load(service, wait=True) as traffic:
        service.must("deploy")
        wait_until(lambda: traffic.counts.answered > 50, "no load arrives")
        happened = {"first deploy": 1}
        for _ in range(10):
            repackage(service)
            assert "every rule holds" in service.must("deploy", "status")
        happened["rollouts"] = 10
        for _ in range(3):
            assert "rollback: version 1 serves" in service.must("rollback", "REASON=exercise")
        happened["rollbacks"] = 3
        service.change("params.yaml", "maximum_body_bytes: 1000000", "maximum_body_bytes: 900000")
        service.must("deploy")
        happened["proxy reloads"] = 1
        killed = worker_of(service)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: "ready" in service.must("status"), "the live worker does not come back")
        happened["kill -9 of the live worker"] = 1
        _kill_candidate(service)
        happened["kill -9 of the canary's worker"] = 1
        for step in ("smoke", "shadow", "canary", "full"):
            _kill_deploy(service, step)
        happened["kill -9 of deploy, at smoke, shadow, canary and full"] = 4
        before = traffic.counts.answered
        wait_until(lambda: traffic.counts.answered > before + 50, "the load has stopped")
    counts = traffic.counts
    print(f"\n{counts} while: {happened}")
    assert counts.lost == 0, counts
    assert set(counts.statuses) == {200}, counts
    assert counts.answered > 3000


def _kill_candidate(service: Project) -> None:
    """Kill the candidate mid-canary: all requests go back by themselves."""
    before = state(service)["live"]["tag"]
    repackage(service)
    deploying = Running(service, "deploy")
    deploying.wait_for("deploy: canary 50%")
    os.kill(candidate_pid(service), signal.SIGKILL)
    assert deploying.finish() != 0
    printed = deploying.printed
    assert "candidate died" in printed
    assert state(service)["live"]["tag"] == before
    assert "rolled back by candidate died" in service.must("status")


def _kill_deploy(service: Project, step: str) -> None:
    """Kill the deploy command at a step, and run it again: the rollout is completed."""
    repackage(service)
    deploying = Running(service, "deploy")
    wait_until(lambda: state(service)["step"] == step, f"no step {step}")
    deploying.kill()
    found = state(service)
    assert (found["step"], found["candidate"] is not None) == (step, True)
    assert "interrupted: run `make deploy`" in service.must("status")
    printed = service.must("deploy")
    assert f"was interrupted at {step}" in printed
    assert state(service)["live"]["tag"] == found["candidate"]["tag"]


def test_canary_and_shadow_take_what_they_are_given(service: Project) -> None:
    """The share is binomial; answers are the live version's while copies go to the candidate."""
    edit(service, "params.yaml", (("    development: 1\n", "    development: 4\n"),))
    repackage(service)
    before = state(service)["live"]["tag"]
    began = len(audit(service))
    with load(service, wait=True, rate=150) as traffic:
        wait_until(lambda: traffic.counts.answered > 300, "no load arrives")
        alone = time.time()
        deploying = Running(service, "deploy")
        deploying.wait_for("deploy: shadow")
        shadow = time.time()
        deploying.wait_for("deploy: canary 10%")
        canary = time.time()
        assert deploying.finish() == 0
    assert state(service)["live"]["tag"] != before
    steps = [line for line in audit(service)[began:] if line["action"] == "step"]
    for line in steps:
        candidate, other = (line["figures"][name]["requests"] for name in ("candidate", "live"))
        if line["step"] != "canary":
            continue
        total, share = candidate + other, line["share"]
        spread = math.sqrt(share * (1 - share) / total)
        print(f"canary {share:.0%}: {candidate:.0f} of {total:.0f} requests")
        assert total > 300
        # 99.9 % of the draws lie within 3.29 standard errors.
        assert abs(candidate / total - share) < 3.29 * spread
    (copies,) = [line["figures"]["live"] for line in steps if line["step"] == "shadow"]
    assert copies["compared"] > 300
    assert copies["changed"] == 0
    quiet, during = traffic.quantile(0.5, 0, alone), traffic.quantile(0.5, shadow, canary)
    print(f"median answer: {quiet * 1000:.1f} ms, with copies {during * 1000:.1f} ms")
    # The bound that docs/reference/rollout.md states.
    assert during < quiet + 0.025
    assert traffic.counts.lost == 0
    assert set(traffic.counts.statuses) == {200}


@pytest.mark.parametrize("rule", DEFECTS)
def test_a_bad_candidate_is_returned_by_its_own_rule(service: Project, rule: str) -> None:
    """Slow, failing, nonsense, without a feature: each by its own rule, with its reason."""
    before, source = state(service)["live"]["tag"], service.root / "src/lifecycle/serving"
    packaged = service.root / ".lifecycle/packaged.json"
    good = packaged.read_text(encoding="utf-8")
    kept = {
        name: (source / name).read_text(encoding="utf-8") for name in ("predictor.py", "request.py")
    }
    if rule == "missing features":
        service.change("src/lifecycle/serving/request.py", *MISSING)
    else:
        service.change(PREDICTOR, PREDICTS, PREDICTS + DEFECTS[rule])
    try:
        done = service.python("-m", "lifecycle", "package")
        assert done.returncode == 0, done.stderr
        done = service.make("deploy")
    finally:
        for name, text in kept.items():
            (source / name).write_text(text, encoding="utf-8")
        bad = json.loads(packaged.read_text(encoding="utf-8"))["1"]
        shutil.rmtree(service.root / ".bentoml/bentos" / bad.replace(":", "/"))
        packaged.write_text(good, encoding="utf-8")
    stopped(done, "deploy", "rolled back at shadow", rule, "answers all requests")
    assert state(service)["live"]["tag"] == before
    assert state(service)["candidate"] is None
    assert f"rolled back by {rule}" in service.must("status")
    last = audit(service)[-1]
    assert (last["action"], last["rule"]) == ("rolled back", rule)
    assert last["reason"]


def test_two_deploys_at_once_one_wins(service: Project) -> None:
    """The other says who holds the lock, and nothing is lost of the first one's work."""
    repackage(service)
    deploying = Running(service, "deploy")
    deploying.wait_for("deploy: shadow")
    before = state(service)["candidate"]
    message = stopped(
        service.make("deploy"), "deploy", "development is being changed by process", "(deploy,",
        "see `make status`",
    )  # fmt: skip
    assert re.search(r"process \d+ of \w+", message)
    assert state(service)["candidate"] == before
    assert deploying.finish() == 0
    assert state(service)["live"]["tag"] == before["tag"]


def test_rollback_during_a_rollout_cancels_it(service: Project) -> None:
    """The live version never stopped, so that is all there is to do."""
    live = state(service)["live"]
    repackage(service)
    deploying = Running(service, "deploy")
    deploying.wait_for("deploy: canary 10%")
    service.must("rollback", "REASON=looks wrong")
    assert deploying.finish() != 0
    found = state(service)
    assert (found["live"], found["candidate"], found["step"]) == (live, None, None)
    assert audit(service)[-1]["action"] == "rollback"
    assert audit(service)[-1]["reason"] == "looks wrong"


def test_rollback_takes_seconds_under_load(service: Project) -> None:
    """From full rollout of version 2 until the last request is answered by version 1."""
    edit(service, "params.yaml", BETTER)
    commit(service)
    service.must("pipeline", "release", "deploy")
    assert state(service)["live"]["version"] == 2
    with load(service) as traffic:
        wait_until(lambda: traffic.counts.versions["2"] > 100, "version 2 does not answer")
        began = time.time()
        service.must("rollback")
        assert state(service)["live"]["version"] == 1
        at = traffic.counts.versions["1"]
        wait_until(lambda: traffic.counts.versions["1"] > at + 100, "version 1 does not answer")
    seconds = traffic.last_of("2") - began
    print(f"rollback: {seconds:.1f} s until every request was answered by version 1")
    assert seconds < 20
    assert traffic.counts.lost == 0
    assert set(traffic.counts.statuses) == {200}
    champion = service.python("-c", CHAMPION)
    assert champion.stdout.split() == ["1"], champion.stderr


def test_what_cannot_be_rolled_back_to_changes_nothing(service: Project) -> None:
    """A version that is not here, or serves already, is one line; everything stays."""
    before = state(service)
    stopped(service.make("rollback", "VERSION=9"), "rollback", "has no version 9: `make ui`")
    stopped(service.make("rollback", f"VERSION={before['live']['version']}"), "rollback",
            "serves already")  # fmt: skip
    assert state(service) == before


def test_outside_development_keys_are_asked_for_and_rotate_under_load(service: Project) -> None:
    """Keys change while requests go on; metrics, admin API and variants are not for clients."""
    port = free_port()
    service.change("params.yaml", "staging: 3010", f"staging: {port}")
    stopped(service.make("deploy", "ENV=staging"), "deploy", "set API_KEYS")
    assert not (service.root / ".lifecycle/staging/deployment.json").exists()
    url = f"http://127.0.0.1:{port}"
    try:
        service.must("deploy", "ENV=staging", API_KEYS="first")
        body = json.loads(load(service).bodies[0])

        def status(path: str = "/v1/predict", **headers: str) -> int:
            method = "POST" if path == "/v1/predict" else "GET"
            answer = httpx.request(
                method, url + path, json=body if method == "POST" else None, headers=headers,
                **PLAIN, timeout=20,
            )  # fmt: skip
            return answer.status_code

        assert [status(), status(**{"X-API-Key": "wrong"}), status(**{"X-API-Key": "first"})] == [
            401, 401, 200,
        ]  # fmt: skip
        assert status(Authorization="Bearer first") == 200
        for path in ("/metrics", "/healthz", "/config/", "/load", "/workers/live/metrics"):
            assert status(path, **{"X-API-Key": "first"}) == 404
        assert [status("/readyz"), status("/livez")] == [200, 200]
        large = httpx.post(
            url + "/v1/predict", content=b" " * 1_000_001, **PLAIN,
            headers={"X-API-Key": "first", "Content-Type": "application/json"},
        )  # fmt: skip
        assert large.status_code == 413
        requests = [json.dumps(body).encode()]
        with Load(f"{url}/v1/predict", requests, headers={"X-API-Key": "first"}) as traffic:
            wait_until(lambda: traffic.counts.answered > 50, "no load arrives")
            service.must("deploy", "ENV=staging", API_KEYS="first,second")
            wait_until(lambda: status(**{"X-API-Key": "second"}) == 200, "no second key")
            before = traffic.counts.answered
            wait_until(lambda: traffic.counts.answered > before + 50, "the load has stopped")
        assert (traffic.counts.lost, set(traffic.counts.statuses)) == (0, {200})
        service.must("deploy", "ENV=staging", API_KEYS="second")
        wait_until(lambda: status(**{"X-API-Key": "first"}) == 401, "the first key still opens")
        assert status(**{"X-API-Key": "second"}) == 200
        keys = service.root / ".lifecycle/staging/api_keys"
        assert keys.stat().st_mode & 0o777 == 0o600
        assert Path(sockets(service, "staging")).stat().st_mode & 0o777 == 0o700
        listening = succeed("ss", "-tlnH", folder=service.root, environment=dict(os.environ))
        assert "2019" not in {line.split()[3].rpartition(":")[2] for line in listening.splitlines()}
    finally:
        service.must("stop", "ENV=staging")


@pytest.mark.parametrize("above", [0, 1])
def test_a_port_that_somebody_has_stops_a_first_deploy(above: int, service: Project) -> None:
    """Its own, or the one above it, for metrics; nothing of it stays running."""
    port, before = free_port(), state(service)
    params = (service.root / "params.yaml").read_text(encoding="utf-8")
    service.change("params.yaml", "production: 3020", f"production: {port}")
    try:
        with socket.create_server(("127.0.0.1", port + above)):
            done = service.make("deploy", "ENV=production", API_KEYS="first")
    finally:
        (service.root / "params.yaml").write_text(params, encoding="utf-8")
    said = f"cannot listen on 127.0.0.1:{port + above} (Address already in use)"
    stopped(done, "deploy", said, "serve.ports.production in params.yaml")
    assert [one["action"] for one in audit(service, "production")[-2:]] == ["deploy", "cancelled"]
    assert said in audit(service, "production")[-1]["reason"]
    assert not (service.root / ".lifecycle/production/deployment.json").exists()
    # With their variables, of which one is the folder of their sockets.
    running = succeed("ps", "-wwe", "-o", "args", "e", folder=service.root,
                      environment=dict(os.environ))  # fmt: skip
    assert str(service.root / ".lifecycle" / "development") in running
    assert str(service.root / ".lifecycle" / "production") not in running
    assert state(service) == before
    assert ask(service, "/v1/model")["version"] == str(before["live"]["version"])


def test_a_slow_body_is_cut_off(service: Project) -> None:
    """A client that sends a byte now and then does not hold a connection for ever."""
    with socket.create_connection(("127.0.0.1", port_of(service.root))) as connection:
        connection.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
                           b"Content-Type: application/json\r\n\r\n{")  # fmt: skip
        connection.settimeout(30)
        began = time.monotonic()
        answer = connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"the body did not arrive in" in answer
        # And hangs up: nothing more is waited for.
        assert connection.recv(4096) == b""
        assert time.monotonic() - began < 20


def program_of(pid: int) -> str:
    """Return what a process was started as."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()


def test_a_version_keeps_the_libraries_that_it_was_made_with(
    service: Project, generated: Project
) -> None:
    """Another lock gets an environment beside; a rollback goes back to the first one."""
    root, shared = service.root, service.environment
    lock, environments = root / "requirements/serving.txt", root / ".venv-serving"
    before = environments / git(service, "hash-object", str(lock)).strip()[:12]
    environments.mkdir()
    before.symlink_to(shared.serving_venv)
    kept = lock.read_text(encoding="utf-8")
    lock.write_text(f"{kept}# another\n", encoding="utf-8")
    after = environments / git(service, "hash-object", str(lock)).strip()[:12]
    own = Project(root, replace(shared, serving_venv=after))
    try:
        # As a user does: without a word about where environments are.
        user = generated.environment.variables  # whose cache has the libraries
        succeed("make", f"VENV={shared.venv}", "setup", folder=root, environment=user)
        assert (after / "installed.txt").read_bytes() == lock.read_bytes()
        params = root / "params.yaml"
        text = params.read_text(encoding="utf-8")
        params.write_text(re.sub(r"maximum_rows: \d+", "maximum_rows: 77", text), encoding="utf-8")
        assert own.python("-m", "lifecycle", "package").returncode == 0
        assert "every rule holds" in own.must("deploy", "status")
        assert program_of(worker_of(own)) == str(after / "bin/python")
        own.must("rollback", "REASON=exercise")
        assert program_of(worker_of(own)) == str(before / "bin/python")
    finally:
        lock.write_text(kept, encoding="utf-8")
        shutil.rmtree(environments)
