"""The deploy target compose: service and proxy as containers, built and run for real."""

import hashlib
import json
import re
import shlex
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from baking import ROOT, run, succeed
from containers import (
    DEPLOY,
    Engine,
    Make,
    bento_of,
    bring_nothing_along,
    container_of,
    services_of,
    smoke_of,
    wait_until_healthy,
)
from load import Load
from projects import wait_until
from running import PLAIN, Project, free_port

TARGETS = {"image", "keys", "up", "platform", "down", "predictions"}
KEY, NEW = "a-key-for-the-test", "a-newer-key"
# As in compose.yaml, for containers that Compose does not start.
HARDENED = shlex.split(
    "--rm --network none --read-only --tmpfs /tmp:noexec,nosuid,nodev,mode=1777 "
    "--cap-drop ALL --security-opt no-new-privileges"
)
READ = (
    "from pathlib import Path; from lifecycle.contract.columns import load_schema; "
    "from lifecycle.monitoring.predictions import read; "
    "log = read(Path('.lifecycle/compose/predictions'), load_schema()); "
    "print(log.predictions.height, log.torn, log.predictions['model_version'].unique().to_list(), "
    "log.predictions.filter(request_id='smoke')['probability'].to_list())"
)


def broken_build(engine: Engine, bento: Path, folder: Path, path: str, content: str) -> str:
    """Build the image of a Bento with a file changed; return how it failed."""
    shutil.copytree(bento, folder)
    (folder / path).write_text(content, encoding="utf-8")
    # A build that fails would leave its container, which other tests count.
    options = ("--network=host", "--force-rm", f"--file={DEPLOY / 'Dockerfile'}")
    done = engine.docker("build", *options, folder)
    assert done.returncode
    return done.stdout + done.stderr


@pytest.mark.parametrize(("target", "expected"), [("compose", TARGETS), ("none", set())])
def test_the_deploy_target_decides_about_its_files_and_make_targets(
    target: str, expected: set[str], bake: Callable[..., Path], environment: dict[str, str]
) -> None:
    project = bake(deploy_target=target)
    assert (project / "deploy").exists() == bool(expected)
    listed = succeed("make", "help", folder=project, environment=environment).splitlines()
    targets = [line for line in listed if line.startswith(" ")]
    names = {line.replace("\033[1m", "").split()[0].removesuffix("\033[0m") for line in targets}
    assert names & TARGETS == expected
    assert names > {"help", "setup", "lifecycle"}
    if not expected:
        done = run("make", "image", folder=project, environment=environment)
        assert done.returncode == 2
        assert done.stderr.strip() == "make: *** No rule to make target 'image'.  Stop."


def test_the_compose_files_are_valid(environment: dict[str, str]) -> None:
    files = [DEPLOY / "compose.yaml", DEPLOY / "platform.yaml"]
    checker = Path(sys.executable).parent / "check-jsonschema"
    options: tuple[str | Path, ...] = ("--builtin-schema", "vendor.compose-spec", *files)
    succeed(checker, *options, folder=ROOT, environment=environment)
    services = services_of("compose.yaml") | services_of("platform.yaml")
    for name, service in services.items():
        assert all(one.startswith("127.0.0.1:") for one in service.get("ports", ())), name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert {"mem_limit", "pids_limit", "restart", "logging"} <= service.keys(), name
        assert "healthcheck" in service or name == "bucket", name
        # An exact version, not a series that moves.
        assert re.search(r":v?\d+\.\d+(\.\d+)?(-alpine)?$", service["image"]) or name == "service"
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    assert "# syntax=" not in dockerfile
    # Both ways to ask for health have to ask for the same.
    assert services["service"]["healthcheck"]["test"][-1] in dockerfile


def test_no_secret_has_a_default() -> None:
    """Each is asked for, in words that say what to set; what is not secret may have a default."""
    text = (DEPLOY / "compose.yaml").read_text() + (DEPLOY / "platform.yaml").read_text()
    found = re.findall(r"\$\{(\w+):([?-])([^}]*)\}", text)
    asked = {name for name, kind, _ in found if kind == "?"}
    assert asked == {
        "IMAGE", "POSTGRES_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY", "GRAFANA_PASSWORD"
    }  # fmt: skip
    given = {name: value for name, kind, value in found if kind == "-"}
    assert {name for name, value in given.items() if value and not name.endswith("PORT")} == {"ENV"}
    assert not [value for name, value in given.items() if re.search("KEY|PASSWORD", name) and value]


@pytest.mark.slow
def test_the_image_holds_what_serves_and_nothing_else(
    engine: Engine, image: str, finished: Project
) -> None:
    bento = bento_of(finished)
    assert image == f"{bento.parent.name}:{bento.name}"
    facts = engine.inspect(image)
    assert facts["Config"]["User"] == "10001:10001"
    assert facts["Config"]["Entrypoint"][:3] == ["bentoml", "serve", "/bento"]
    assert facts["Size"] < 700e6
    inside = engine.must("run", *HARDENED, "--entrypoint=find", image, "/opt/venv", "/bento")
    found = inside.splitlines()
    names = {path.rsplit("/", 1)[-1] for path in found}
    assert not names & {"pip", "uv", "mlflow", "polars", "dvc", "env"}
    assert any(
        path.startswith("/bento/src/lifecycle/serving/__pycache__/service.") for path in found
    )
    history = engine.must("history", "--no-trunc", "--format={{.CreatedBy}}", image)
    assert "PIP_" not in history


@pytest.mark.slow
def test_a_package_with_another_hash_is_not_installed(
    engine: Engine, image: str, finished: Project, tmp_path: Path
) -> None:
    lock = "env/python/requirements.txt"
    # One small package is enough: the others would only be downloaded first.
    content = (bento_of(finished) / lock).read_text(encoding="utf-8")
    (pinned,) = [line for line in content.splitlines() if line.startswith("six==")]
    wrong = f"{pinned}\n    --hash=sha256:{'0' * 64}\n"
    printed = broken_build(engine, bento_of(finished), tmp_path / "bento", lock, wrong)
    assert "DO NOT MATCH THE HASHES" in printed


@pytest.mark.slow
def test_an_image_that_answers_otherwise_than_the_pipeline_is_not_built(
    engine: Engine, image: str, finished: Project, tmp_path: Path
) -> None:
    place = "src/release/smoke.json"
    smoke = json.loads((bento_of(finished) / place).read_text(encoding="utf-8"))
    smoke["answers"][0]["probability"] += 1e-9
    wrong = json.dumps(smoke)
    printed = broken_build(engine, bento_of(finished), tmp_path / "bento", place, wrong)
    assert "this Bento is not as it was packaged: release/smoke.json is another" in printed
    # Sealed as if it had been packaged so, it is not built either.
    sealed = tmp_path / "sealed"
    shutil.copytree(bento_of(finished), sealed)
    seal = json.loads((sealed / "src/manifest.json").read_text(encoding="utf-8"))
    seal["files"]["release/smoke.json"] = hashlib.sha256(wrong.encode()).hexdigest()
    (sealed / "src/manifest.json").write_text(json.dumps(seal), encoding="utf-8")
    printed = broken_build(engine, sealed, tmp_path / "again", place, wrong)
    assert "does not answer the smoke request as the pipeline did" in printed


@pytest.mark.slow
def test_without_a_key_the_container_says_so_and_stops(engine: Engine, image: str) -> None:
    done = engine.docker("run", *HARDENED, image)
    assert done.returncode == 1
    told = [line for line in (done.stdout + done.stderr).splitlines() if "[INFO]" not in line]
    assert len(told) == 1
    assert told[0].startswith("serve: no API key is configured: set API_KEYS")


@pytest.fixture(scope="module")
def address(
    image: str, proxy_image: str, engine: Engine, make: Make, finished: Project
) -> Iterator[str]:
    """Return the address of service and proxy, brought up by `make up`."""
    bring_nothing_along(engine, finished)
    before = engine.must("ps", "--all", "--quiet")
    keyless = make("up")
    assert keyless.returncode == 2
    assert keyless.stderr.startswith(
        "compose: no API key is configured: set API_KEYS to one or more keys with commas between"
    )
    assert engine.must("ps", "--all", "--quiet") == before
    port = free_port()
    done = make("up", f"API_KEYS={KEY}", f"PORT={port}")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    print(f"healthy after {wait_until_healthy(engine, container_of(engine, 'proxy')):.1f} s")
    yield f"http://127.0.0.1:{port}"
    assert engine.inspect(container_of(engine, "proxy"))["RestartCount"] == 0
    assert make("down").returncode == 0
    assert engine.must("ps", "--all", "--quiet") == before
    # What was logged stays.
    assert "flight-delay_predictions" in engine.must("volume", "ls", "--quiet").split()


def ask(address: str, key: str, body: Any, path: str = "/v1/predict") -> httpx.Response:
    """Send a request with a key through the proxy."""
    headers = {"X-API-Key": key, "X-Request-ID": "smoke"}
    return httpx.post(f"{address}{path}", json=body, headers=headers, timeout=60, **PLAIN)


@pytest.mark.slow
def test_what_comes_through_the_proxy_is_the_pipelines_answer(
    address: str, finished: Project
) -> None:
    smoke = smoke_of(finished)
    answer = ask(address, KEY, smoke["request"]).raise_for_status()
    given = [one["probability"] for one in answer.json()["predictions"]]
    assert given == [one["probability"] for one in smoke["answers"]]
    keyless = httpx.post(f"{address}/v1/predict", json=smoke["request"], **PLAIN)
    assert (keyless.status_code, keyless.json()["error"]) == (
        401, "missing API key: send it as X-API-Key"
    )  # fmt: skip
    assert ask(address, "wrong", smoke["request"]).status_code == 401
    large = ask(address, KEY, {"records": ["x" * 1_000_001]})
    assert large.status_code == 413
    assert large.json()["error"] == "the body is larger than 1000000 bytes: send fewer records"


@pytest.mark.slow
def test_metrics_health_and_administration_stay_inside(address: str, engine: Engine) -> None:
    for path in ("/readyz", "/livez"):
        answer = httpx.get(f"{address}{path}", **PLAIN)
        assert (answer.status_code, answer.content) == (200, b""), path
    for path in ("/metrics", "/healthz", "/config/", "/load"):
        answer = httpx.get(f"{address}{path}", headers={"X-API-Key": KEY}, **PLAIN)
        assert answer.status_code == 404, path
    service, proxy = (container_of(engine, name) for name in ("service", "proxy"))
    published = [engine.inspect(name)["HostConfig"]["PortBindings"] for name in (service, proxy)]
    (bindings,) = published[1].values()
    assert published[0] == {}
    assert [one["HostIp"] for one in bindings] == ["127.0.0.1"]
    read = "import urllib.request as r; print(r.urlopen('http://proxy:{}', timeout=5).status)"
    metrics = engine.must("exec", service, "python", "-c", read.format("2020/metrics"))
    assert metrics.strip() == "200"
    admin = engine.docker("exec", service, "python", "-c", read.format("2019/config/"))
    assert "Connection refused" in admin.stderr
    locally = engine.docker("exec", proxy, "wget", "-q", "-O", "-", "http://127.0.0.1:2019/config/")
    assert "Connection refused" in locally.stderr
    # No way out of the service's network.
    (network,) = engine.inspect(service)["NetworkSettings"]["Networks"]
    assert engine.inspect(network)["Internal"] is True


@pytest.mark.slow
@pytest.mark.parametrize("name", ["service", "proxy"])
def test_containers_may_do_no_more_than_they_need(name: str, address: str, engine: Engine) -> None:
    container = container_of(engine, name)
    status = engine.must("exec", container, "cat", "/proc/1/status")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert facts["Uid"].split() == facts["Gid"].split() == ["10001"] * 4
    assert {int(facts[one], 16) for one in ("CapPrm", "CapEff", "CapAmb")} == {0}
    # Ports below 1024, without which the proxy's program does not start.
    assert int(facts["CapBnd"], 16) == (1 << 10 if name == "proxy" else 0)
    assert facts["NoNewPrivs"] == "1"
    for place in ("/", "/usr", "/bento" if name == "service" else "/etc/caddy/lifecycle"):
        written = engine.docker("exec", "--user=0", container, "touch", f"{place}/new")
        assert "Read-only file system" in written.stderr
    limits = engine.inspect(container)["HostConfig"]
    assert limits["Memory"] == (2**30 if name == "service" else 2**28)
    assert limits["RestartPolicy"]["Name"] == "unless-stopped"


@pytest.mark.slow
def test_keys_are_exchanged_without_a_restart(
    address: str, engine: Engine, make: Make, finished: Project
) -> None:
    containers = [container_of(engine, name) for name in ("service", "proxy")]
    began = [engine.inspect(name)["State"]["StartedAt"] for name in containers]
    request = smoke_of(finished)["request"]
    body = json.dumps({"records": request["records"][:1]}).encode()
    with Load(f"{address}/v1/predict", [body], rate=50, headers={"X-API-Key": KEY}) as load:
        assert "changed" in make("keys", f"API_KEYS={NEW},{KEY}").stdout
        wait_until(lambda: ask(address, NEW, request).status_code != 401, "the new key is unknown")
        assert ask(address, NEW, request).status_code == 200
    assert (set(load.counts.statuses), load.counts.lost) == ({200}, 0)
    assert "as before" in make("keys").stdout
    make("keys", f"API_KEYS={NEW}")
    wait_until(lambda: ask(address, KEY, request).status_code != 200, "the old key still opens")
    assert ask(address, KEY, request).status_code == 401
    assert ask(address, NEW, request).status_code == 200
    assert [engine.inspect(name)["State"]["StartedAt"] for name in containers] == began
    make("keys", f"API_KEYS={KEY}")
    wait_until(lambda: ask(address, KEY, request).status_code == 200, "the first key opens nothing")


@pytest.mark.slow
def test_a_service_that_is_started_again_costs_no_request(
    address: str, engine: Engine, finished: Project
) -> None:
    """The proxy keeps requests until the service is back."""
    body = json.dumps({"records": smoke_of(finished)["request"]["records"][:1]}).encode()
    service = container_of(engine, "service")
    with Load(f"{address}/v1/predict", [body], rate=50, headers={"X-API-Key": KEY}) as load:
        time.sleep(0.5)
        engine.must("restart", "--time=20", service)
        wait_until_healthy(engine, service)
        time.sleep(1)
    print(f"answered during the restart: {dict(load.counts.statuses)}, lost {load.counts.lost}")
    assert (set(load.counts.statuses), load.counts.lost) == ({200}, 0)
    assert engine.inspect(service)["State"]["ExitCode"] == 0


def slowly(address: str, body: bytes, half: threading.Event, answers: list[bytes]) -> None:
    """Send a request in two halves with two seconds between, and keep the answer."""
    port = int(address.rsplit(":", 1)[1])
    head = (
        f"POST /v1/predict HTTP/1.1\r\nHost: here\r\nX-API-Key: {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head.encode() + body[:100])
        time.sleep(0.5)
        half.set()
        time.sleep(2)
        connection.sendall(body[100:])
        answers.append(connection.recv(100))


@pytest.mark.slow
def test_a_body_that_never_comes_is_cut_off(address: str) -> None:
    port = int(address.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(
            f"POST /v1/predict HTTP/1.1\r\nHost: here\r\nX-API-Key: {KEY}\r\n"
            "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{".encode()
        )
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"the body did not arrive in" in answer


def in_flight(engine: Engine, proxy: str) -> int:
    """Return how many requests the proxy has handed on, and has no answer to."""
    metrics = engine.must("exec", proxy, "wget", "-q", "-O", "-", "http://127.0.0.1:2020/metrics")
    name = 'caddy_http_requests_in_flight{handler="reverse_proxy",'
    # Until the first one has come there is no such line.
    return sum(int(line.split()[-1]) for line in metrics.splitlines() if line.startswith(name))


def answering(threads: list[threading.Thread]) -> bool:
    """Say whether somebody who asks is not answered yet."""
    return any(thread.is_alive() for thread in threads)


@pytest.mark.slow
def test_stopping_finishes_what_was_begun(address: str, engine: Engine, finished: Project) -> None:
    """Proxy, then service: a request that each has when SIGTERM comes is answered with 200."""
    request = smoke_of(finished)["request"]
    half, answers = threading.Event(), list[bytes]()
    arguments = (address, json.dumps(request).encode(), half, answers)
    thread = threading.Thread(target=slowly, args=arguments)
    thread.start()
    assert half.wait(10)
    proxy, service = container_of(engine, "proxy"), container_of(engine, "service")
    engine.must("stop", "--time=35", proxy)
    thread.join()
    assert answers[0].startswith(b"HTTP/1.1 200 ")
    assert engine.inspect(proxy)["State"]["ExitCode"] == 0
    engine.must("start", proxy)
    wait_until_healthy(engine, proxy)
    many = {"records": (request["records"] * 1000)[:1000], "explain": True}
    statuses: list[int] = []

    def ask_once() -> None:
        statuses.append(ask(address, KEY, many).status_code)

    asked = 0
    for _ in range(20):
        threads = [threading.Thread(target=ask_once) for _ in range(3)]
        for thread in threads:
            thread.start()
        asked += len(threads)
        # What is still on its way there, the service never had: all are with it, or once more.
        while answering(threads) and in_flight(engine, proxy) < len(threads):
            pass
        if answering(threads):
            break
    else:
        pytest.fail("all were answered before anybody could look")
    engine.must("stop", "--time=20", service)
    for thread in threads:
        thread.join()
    ended = engine.inspect(service)["State"]["ExitCode"]
    engine.must("start", service)
    wait_until_healthy(engine, service)
    assert statuses == [200] * asked
    # The server ended by itself: nothing had to kill it.
    assert ended == 0


@pytest.mark.slow
def test_the_prediction_log_is_in_its_volume(
    address: str, engine: Engine, make: Make, finished: Project
) -> None:
    smoke = smoke_of(finished)
    # Twice, whatever other tests have asked before.
    for _ in range(2):
        ask(address, KEY, smoke["request"]).raise_for_status()
    known = [one["probability"] for one in smoke["answers"]]
    printed = ""

    def is_written() -> bool:
        nonlocal printed
        done = make("predictions")
        assert done.stdout.splitlines()[-1] == "predictions: .lifecycle/compose/predictions"
        printed = finished.python("-c", READ).stdout
        return int(printed.split()[0]) >= 2 * len(known)

    wait_until(is_written, "the predictions were not written", 120)
    service = container_of(engine, "service")
    listed = engine.must("exec", service, "find", "/var/lib/predictions", "-printf", "%m\\n")
    folder, *files = listed.split()
    assert (folder, set(files)) == ("700", {"600"})
    torn, versions, probabilities = re.fullmatch(
        r"\d+ (\d+) (\[.*?\]) (\[.*\])\n", printed
    ).groups()  # type: ignore[union-attr]
    assert (torn, versions) == ("0", "['1']")
    assert json.loads(probabilities)[: len(known)] == known
