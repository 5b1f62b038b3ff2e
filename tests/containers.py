"""A container engine of the tests' own, with stand-ins for the images that no registry gives.

Where this machine has root and apt, an engine from Debian's packages runs as a plain process in a
temporary folder. The official Python image is made of Debian's packages; the other images hold the
real programs from Debian's and Python's packages (stand_ins/), under the very names that
deploy/*.yaml have. Elsewhere these tests are skipped; with CI set, only where that cannot be.
"""

import json
import os
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

import pytest
import system_packages
import yaml
from baking import PROJECT, ROOT, run, succeed
from running import Project

DEPLOY = ROOT / PROJECT / "deploy"
BASE, RELEASE = "python:3.11-slim", "bookworm"
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
INDEXES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
# Without a bridge a build has no network but the machine's own.
BUILD = ("build", "--quiet", "--network=host", "--build-arg=PIP_INDEX_URL")
Make = Callable[..., subprocess.CompletedProcess[str]]


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
    if os.environ.get("CI") == "true" and system_packages.can_install():
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
    needed["busybox"] = "busybox"
    if complaint := system_packages.install(needed, variables):
        refuse(complaint)
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
            # Once more: it gives up at the first package that a server does not give at once.
            shutil.rmtree(system, ignore_errors=True)
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
    """Start an engine below `folder` that leaves the machine's own network alone.

    It gives its containerd up after some seconds, on a busy machine before that has started: then
    it is begun again.
    """
    places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
    options = [f"--{name}={folder / place}" for name, place in places.items()]
    alone = ("--iptables=false", "--ip-forward=false", "--bridge=none")
    for _ in range(3):
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                ["dockerd", f"--host={variables['DOCKER_HOST']}", *options, *alone],
                env=variables, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if not run("docker", "info", folder=folder, environment=variables).returncode:
                return process
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


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Return a Docker engine of our own that has the stand-in for the base image."""
    if not system_packages.can_install():
        pytest.skip("NOT TESTED: a container engine of our own needs root and apt")
    # Short: the path of a socket may have some hundred characters.
    temporary = tempfile.mkdtemp(prefix="engine-")
    try:
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
    finally:
        # Nobody waits for it: a disk may take minutes for gigabytes of small files.
        subprocess.Popen(["rm", "-rf", temporary], start_new_session=True)


@pytest.fixture(scope="session")
def make(engine: Engine, finished: Project) -> Make:
    """Return a function that runs make targets of the finished project with our engine."""
    if sys.version_info[:2] != (3, 11):
        refuse("the stand-in image has Python 3.11, and the Bento was packaged with another")
    # Without a bridge a build has no network but the machine's own.
    options = ("BUILD_OPTIONS=--network host", f"COMPOSE={engine.compose}")
    kept = {k: v for k, v in engine.variables.items() if k in ("DOCKER_HOST", *INDEXES)}
    return lambda *arguments: finished.make(*arguments, *options, **kept)


@pytest.fixture(scope="session")
def image(make: Make) -> str:
    """Return the name of the champion's image, built by `make image`."""
    done = make("image")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout.splitlines()[-1].removeprefix("image: ")


def bento_of(project: Project) -> Path:
    """Return the folder of the champion's Bento."""
    tag: str = json.loads((project.root / ".lifecycle/released.json").read_text())["tag"]
    return project.root / ".bentoml" / "bentos" / tag.replace(":", "/")


def smoke_of(project: Project) -> Any:
    """Return the champion's smoke request, with what the pipeline answers to it."""
    return json.loads((bento_of(project) / "src/release/smoke.json").read_text())


def services_of(file: str) -> dict[str, Any]:
    """Return the services of a compose file of the project."""
    services: dict[str, Any] = yaml.safe_load((DEPLOY / file).read_text())["services"]
    return services


def stand_in(
    engine: Engine, folder: Path, file: str, target: str, name: str, **programs: Path
) -> None:
    """Build a target of a file of stand_ins as the image `name`, with programs of this machine."""
    shutil.copytree(ROOT / "tests" / "stand_ins", folder)
    for program, path in programs.items():
        shutil.copyfile(path.resolve(), folder / program)
    options = (f"--file={folder / file}.Dockerfile", f"--target={target}", f"--tag={name}")
    engine.must(*BUILD, *options, folder)


@pytest.fixture(scope="session")
def proxy_image(engine: Engine, finished: Project, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the name of the proxy's image, made of the Caddy that the project has."""
    name: str = services_of("compose.yaml")["proxy"]["image"]
    programs = {"caddy": finished.environment.venv / "bin" / "caddy"}
    programs["busybox"] = Path(shutil.which("busybox") or "")
    folder = tmp_path_factory.mktemp("proxy") / "context"
    stand_in(engine, folder, "proxy", "caddy", name, **programs)
    return name


def bring_nothing_along(engine: Engine, project: Project) -> None:
    """Let nothing be left of what was up before: neither keys nor what was logged."""
    shutil.rmtree(project.root / ".lifecycle" / "compose", ignore_errors=True)
    for name in engine.must("volume", "ls", "--quiet").split():
        if name.endswith("_predictions"):
            engine.must("volume", "rm", name)


def container_of(engine: Engine, service: str) -> str:
    """Return the container of a service of Compose; there has to be exactly one."""
    label = f"--filter=label=com.docker.compose.service={service}"
    (name,) = engine.must("ps", "--all", "--quiet", label).split()
    return name


def wait_until_healthy(engine: Engine, container: str, seconds: float = 60) -> float:
    """Wait for the container's own health check; return the seconds that it took."""
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        if engine.inspect(container)["State"]["Health"]["Status"] == "healthy":
            return time.monotonic() - began
        time.sleep(0.1)
    pytest.fail(engine.must("logs", container))
