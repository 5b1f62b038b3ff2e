"""The deploy target compose: the champion's Bento as a container, built and run for real.

Where this machine has root and apt, an engine from Debian's packages runs as a plain process in a
temporary folder, and a stand-in for the official Python image is made of Debian's packages, so no
image registry is needed. Elsewhere these tests are skipped; with CI set, only where that cannot be.
"""

import json
import os
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from baking import PROJECT, ROOT, run, succeed
from running import Project, free_port

DEPLOY = ROOT / PROJECT / "deploy"
TARGETS = {"image", "up", "down"}
BASE, RELEASE, KEY = "python:3.11-slim", "bookworm", "a-key-for-the-test"
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
INDEXES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
# As in compose.yaml, for containers that Compose does not start.
HARDENED = shlex.split(
    "--rm --network none --read-only --tmpfs /tmp:noexec,nosuid,nodev,mode=1777 "
    "--cap-drop ALL --security-opt no-new-privileges"
)


@dataclass(frozen=True)
class Engine:
    """A running Docker engine, the variables that lead to it, and its Compose."""

    variables: dict[str, str]
    compose: str

    def docker(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a Docker command; returns whatever came of it."""
        return run("docker", *arguments, folder=ROOT, environment=self.variables)

    def must(self, *arguments: str | Path) -> str:
        """Run a Docker command that has to pass, and return what it printed."""
        return succeed("docker", *arguments, folder=ROOT, environment=self.variables)

    def inspect(self, name: str) -> Any:
        """Return what the engine knows of an image or a container."""
        return json.loads(self.must("inspect", name))[0]


def refuse(reason: str) -> None:
    """Skip; or fail, in CI on a machine that could have run the test."""
    if os.environ.get("CI") == "true" and os.geteuid() == 0 and shutil.which("apt-get"):
        pytest.fail(reason)
    pytest.skip(reason)


def install_engine(variables: dict[str, str]) -> str:
    """Install what is missing of engine, Compose and debootstrap; return the Compose command."""
    plugin = (
        shutil.which("docker")
        and not run("docker", "compose", "version", folder=ROOT, environment=variables).returncode
    )
    needed = {"dockerd": "docker.io", "docker": "docker.io", "debootstrap": "debootstrap"}
    needed |= {} if plugin else {"docker-compose": "docker-compose"}
    if missing := {needed[name] for name in needed if not shutil.which(name)}:
        quiet = variables | {"DEBIAN_FRONTEND": "noninteractive"}
        options = ("--yes", "--no-install-recommends")
        for step in (("update",), ("install", *options, *sorted(missing))):
            done = run("apt-get", *step, folder=ROOT, environment=quiet)
            if done.returncode:
                refuse(f"apt-get {step[0]} failed: {done.stderr[-500:]}")
    return "docker compose" if plugin else "docker-compose"


def mirror(variables: dict[str, str]) -> list[str]:
    """Return where this machine gets its Debian from; nothing where it is another system."""
    options = ("--format", "$(CODENAME) $(REPO_URI)", "Created-By: Packages")
    printed = run("apt-get", "indextargets", *options, folder=ROOT, environment=variables).stdout
    return [line.split()[1] for line in printed.splitlines() if line.split()[0] == RELEASE][:1]


def base_archive(folder: Path, variables: dict[str, str]) -> Path:
    """Return a copy of the archive of the stand-in image, which is made once and kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cd4ml-tests"
    kept, system = cache / f"{BASE.replace(':', '-')}-{RELEASE}.tar", folder / "system"
    if not kept.is_file():
        options = ("--variant=minbase", f"--include={PACKAGES}", RELEASE)
        command = ("debootstrap", *options, str(system), *mirror(variables))
        done = run(*command, folder=folder, environment=variables)
        if done.returncode:
            refuse(f"the base image could not be made: {done.stdout[-500:]}{done.stderr[-500:]}")
        (system / "usr/bin/python").symlink_to("python3")
        (system / "usr/lib/python3.11/EXTERNALLY-MANAGED").unlink()
        cache.mkdir(parents=True, exist_ok=True)
        new = cache / f"{kept.name}.{os.getpid()}"
        without = ("./var/cache/apt", "./var/lib/apt/lists", f"./{CERTIFICATES}")
        exclude = [f"--exclude={one}" for one in without]
        tar = ("tar", "-C", str(system), *exclude, "-cf", str(new), ".")
        succeed(*tar, folder=folder, environment=variables)
        new.rename(kept)
        shutil.rmtree(system)
    copied = Path(shutil.copyfile(kept, folder / "base.tar"))
    # What this machine trusts, the build has to trust: there may be a company's proxy between.
    trusted = ssl.get_default_verify_paths().cafile or f"/{CERTIFICATES}"
    with tarfile.open(copied, "a") as archive:
        archive.add(Path(trusted).resolve(), f"./{CERTIFICATES}")
    return copied


def start_engine(folder: Path, variables: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start an engine below `folder` that leaves the machine's own network alone."""
    places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
    options = [f"--{name}={folder / place}" for name, place in places.items()]
    alone = ("--iptables=false", "--ip-forward=false", "--bridge=none")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["dockerd", f"--host={variables['DOCKER_HOST']}", *options, *alone],
            env=variables, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    for _ in range(300):
        if not run("docker", "info", folder=folder, environment=variables).returncode:
            return process
        if process.poll() is not None:
            break
        time.sleep(0.1)
    stop_engine(process, folder)
    refuse(f"the engine did not start: {(folder / 'log').read_text()[-500:]}")
    raise AssertionError


def stop_engine(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Stop the engine, which stops its containers and their supervisor."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    # The engine leaves one mount, which would keep its folder from being removed.
    subprocess.run(["umount", folder / "exec/netns/default"], capture_output=True, check=False)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Return a Docker engine of our own that has the stand-in for the base image."""
    if os.geteuid() or not shutil.which("apt-get"):
        pytest.skip("NOT TESTED: a container engine of our own needs root and apt")
    # Short: the path of a socket may have some hundred characters.
    with tempfile.TemporaryDirectory(prefix="engine-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        names = ("PATH", "TMPDIR", "LANG", *INDEXES)
        variables = {name: os.environ[name] for name in names if name in os.environ}
        variables |= {"HOME": temporary, "DOCKER_HOST": f"unix://{folder / 'socket'}"}
        compose = install_engine(variables)
        archive = base_archive(folder, variables)
        process = start_engine(folder, variables)
        try:
            ours = Engine(variables, compose)
            ours.must("import", archive, BASE)
            archive.unlink()
            yield ours
            for name in ours.must("ps", "--all", "--quiet").split():
                ours.must("rm", "--force", name)
            # Otherwise its bridge would stay behind.
            ours.must("network", "prune", "--force")
        finally:
            stop_engine(process, folder)


@pytest.fixture(scope="module")
def make(engine: Engine, finished: Project) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs make targets of the finished project with our engine."""
    if sys.version_info[:2] != (3, 11):
        refuse("the stand-in image has Python 3.11, and the Bento was packaged with another")
    # Without a bridge a build has no network but the machine's own.
    options = ("BUILD_OPTIONS=--network host", f"COMPOSE={engine.compose}")
    kept = {k: v for k, v in engine.variables.items() if k in ("DOCKER_HOST", *INDEXES)}
    return lambda *arguments: finished.make(*arguments, *options, **kept)


@pytest.fixture(scope="module")
def image(make: Callable[..., subprocess.CompletedProcess[str]]) -> str:
    """Return the name of the champion's image, built by `make image`."""
    done = make("image")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout.splitlines()[-1].removeprefix("image: ")


def bento_of(project: Project) -> Path:
    """Return the folder of the champion's Bento."""
    tag: str = json.loads((project.root / ".lifecycle/released.json").read_text())["tag"]
    return project.root / ".bentoml" / "bentos" / tag.replace(":", "/")


def broken_build(engine: Engine, bento: Path, folder: Path, path: str, content: str) -> str:
    """Build the image of a Bento with a file changed; return how it failed."""
    shutil.copytree(bento, folder)
    (folder / path).write_text(content, encoding="utf-8")
    done = engine.docker("build", "--network=host", f"--file={DEPLOY / 'Dockerfile'}", folder)
    assert done.returncode
    return done.stdout + done.stderr


def wait_until_healthy(engine: Engine, container: str) -> float:
    """Wait for the container's own health check; return the seconds that it took."""
    began = time.monotonic()
    while time.monotonic() < began + 60:
        if engine.inspect(container)["State"]["Health"]["Status"] == "healthy":
            return time.monotonic() - began
        time.sleep(0.1)
    pytest.fail(engine.must("logs", container))


def check_answers(url: str, smoke: Any) -> None:
    """Check that the service wants a key, and answers as the pipeline did to the last bit."""
    assert httpx.get(f"{url}/readyz").status_code == 200
    for headers in ({}, {"X-API-Key": "wrong"}):
        refused = httpx.post(f"{url}/v1/predict", json=smoke["request"], headers=headers)
        assert refused.status_code == 401
    answer = httpx.post(
        f"{url}/v1/predict", json=smoke["request"], headers={"X-API-Key": KEY}
    ).raise_for_status()
    given = [one["probability"] for one in answer.json()["predictions"]]
    assert given == smoke["probabilities"]


def check_confinement(engine: Engine, container: str) -> None:
    """Check that neither user nor capabilities nor the file system allow more than is needed."""
    status = engine.must("exec", container, "cat", "/proc/1/status")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert facts["Uid"].split() == facts["Gid"].split() == ["10001"] * 4
    capabilities = {facts[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")}
    assert {int(one, 16) for one in capabilities} == {0}
    assert facts["NoNewPrivs"] == "1"
    for place in ("/", "/bento", "/opt/venv"):
        written = engine.docker("exec", "--user=0", container, "touch", f"{place}/new")
        assert "Read-only file system" in written.stderr
    limits = engine.inspect(container)["HostConfig"]
    assert limits["Memory"] == 2**30
    assert limits["RestartPolicy"]["Name"] == "unless-stopped"
    assert {one["HostIp"] for one in limits["PortBindings"]["3000/tcp"]} == {"127.0.0.1"}


@pytest.mark.parametrize(("target", "expected"), [("compose", TARGETS), ("none", set())])
def test_the_deploy_target_decides_about_its_files_and_make_targets(
    target: str, expected: set[str], bake: Callable[..., Path], environment: dict[str, str]
) -> None:
    project = bake(deploy_target=target)
    assert (project / "deploy").exists() == bool(expected)
    listed = succeed("make", "help", folder=project, environment=environment).splitlines()
    names = {line.replace("\033[1m", "").split()[0].removesuffix("\033[0m") for line in listed}
    assert names & TARGETS == expected
    assert names > {"help", "setup", "lifecycle"}
    if not expected:
        done = run("make", "image", folder=project, environment=environment)
        assert done.returncode == 2
        assert done.stderr.strip() == "make: *** No rule to make target 'image'.  Stop."


def test_the_compose_file_is_valid(environment: dict[str, str]) -> None:
    file = DEPLOY / "compose.yaml"
    checker = Path(sys.executable).parent / "check-jsonschema"
    command = (checker, "--builtin-schema", "vendor.compose-spec", file)
    succeed(*command, folder=ROOT, environment=environment)
    (service,) = yaml.safe_load(file.read_text())["services"].values()
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    assert "# syntax=" not in dockerfile
    # Both ways to ask for health have to ask for the same.
    assert service["healthcheck"]["test"][-1] in dockerfile


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
    assert any(path.startswith("/bento/src/lifecycle/__pycache__/service.") for path in found)
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
    smoke["probabilities"][0] += 1e-9
    wrong = json.dumps(smoke)
    printed = broken_build(engine, bento_of(finished), tmp_path / "bento", place, wrong)
    assert "does not answer the smoke request as the pipeline did" in printed


@pytest.mark.slow
def test_without_a_key_the_container_says_so_and_stops(engine: Engine, image: str) -> None:
    done = engine.docker("run", *HARDENED, image)
    assert done.returncode == 1
    told = [line for line in (done.stdout + done.stderr).splitlines() if "[INFO]" not in line]
    assert len(told) == 1
    assert told[0].startswith("serve: no API key is configured: set API_KEYS")


@pytest.mark.slow
def test_compose_runs_the_champion(
    engine: Engine,
    image: str,
    finished: Project,
    make: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    keyless = make("up")
    assert keyless.returncode == 2
    assert "set it to one or more keys with commas between" in keyless.stderr
    port = free_port()
    done = make("up", f"API_KEYS={KEY}", f"PORT={port}")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (container,) = engine.must("ps", "--quiet").split()
    print(f"healthy after {wait_until_healthy(engine, container):.1f} s")
    smoke = json.loads((bento_of(finished) / "src/release/smoke.json").read_text())
    check_answers(f"http://127.0.0.1:{port}", smoke)
    check_confinement(engine, container)
    began = time.monotonic()
    engine.must("stop", "--time=20", container)
    assert time.monotonic() - began < 10
    # The server ended by itself: nothing had to kill it.
    assert engine.inspect(container)["State"]["ExitCode"] == 0
    assert make("down").returncode == 0
    assert "No such" in engine.docker("inspect", container).stderr
