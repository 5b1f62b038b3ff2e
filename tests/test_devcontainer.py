"""The container to work in: opened as VS Code opens it, with the command line of its makers (npm).

The image is built on the stand-in for the official one; without a bridge the container has this
machine's own network, which is added to its configuration here.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from baking import PROJECT, ROOT, run, succeed
from breaking import SMALL, edit
from containers import CERTIFICATES, Engine, refuse
from projects import ask
from running import Project, free_port, use_port

HERE = ROOT / PROJECT
FOLDER = HERE / ".devcontainer"
CLI = "@devcontainers/cli@0.89.0"
# Of containers.dev/implementors/json_reference what is used: a slip in a name would be ignored.
KNOWN = {
    "name", "build", "init", "remoteUser", "containerEnv", "postCreateCommand", "forwardPorts",
    "portsAttributes", "customizations",
}  # fmt: skip
SECONDS = 1_500


def configuration(folder: Path) -> dict[str, Any]:
    """Return what a project's devcontainer.json holds."""
    path = folder / ".devcontainer" / "devcontainer.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_its_ports_user_and_environments_are_those_of_the_project(
    bake: Callable[..., Path],
) -> None:
    project = bake()
    asked = configuration(project)
    assert set(asked) == KNOWN
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    makefile = (project / "Makefile").read_text(encoding="utf-8")
    ui = re.search(r"(?m)^UI_PORT \?= (\d+)$", makefile)
    assert ui is not None
    assert asked["forwardPorts"] == [params["serve"]["ports"]["development"], int(ui[1])]
    assert list(asked["portsAttributes"]) == [str(port) for port in asked["forwardPorts"]]
    dockerfile = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    assert dockerfile.splitlines()[-1] == f"USER {asked['remoteUser']}"
    # No program of another system stands in the way: that of the folder's own machine does.
    home = f"/home/{asked['remoteUser']}/"
    assert all(place.startswith(home) for place in asked["containerEnv"].values())
    settings = asked["customizations"]["vscode"]["settings"]
    environment = asked["containerEnv"]["VENV"]
    assert settings["python.defaultInterpreterPath"] == f"{environment}/bin/python"


def test_its_python_is_that_of_the_service() -> None:
    """What packages a Bento is what its image runs."""
    begun = [
        [line for line in path.read_text(encoding="utf-8").splitlines() if "PYTHON" in line][:2]
        for path in (FOLDER / "Dockerfile", HERE / "deploy" / "Dockerfile")
    ]
    assert [line.removesuffix(" AS build") for line in begun[1]] == begun[0]


@dataclass(frozen=True)
class Opened:
    """A project that is open in its container."""

    project: Project
    container: str
    command: tuple[str | Path, ...]
    variables: dict[str, str]

    def must(self, *arguments: str) -> str:
        """Type a command in the container's terminal, as its user; it has to pass."""
        place = ("--workspace-folder", self.project.root)
        command = (*self.command, "exec", *place, *arguments)
        return succeed(*command, folder=self.project.root, environment=self.variables)


@pytest.fixture(scope="module")
def opened(
    engine: Engine, generated: Project, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    """Return a small project opened in its container; the container is removed afterwards."""
    if not shutil.which("npm"):
        refuse("NOT TESTED: the command line of dev containers comes from npm")
    folder = tmp_path_factory.mktemp("devcontainer")
    npm = ("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, CLI)
    succeed(*npm, folder=folder, environment=dict(os.environ))
    project = generated.copy(folder / "flight-delay")
    edit(project, "params.yaml", SMALL)
    use_port(project.root, free_port())
    asked = configuration(project.root)
    asked["build"]["options"] = asked["runArgs"] = ["--network=host"]
    path = project.root / ".devcontainer" / "devcontainer.json"
    path.write_text(json.dumps(asked), encoding="utf-8")
    project.commit("Small, and with this machine's network")
    # The folder belongs to who opens it: to the user of the container, where that has a number.
    succeed("chown", "-R", "1000:1000", project.root, folder=folder, environment=engine.variables)
    command: tuple[str | Path, ...] = (
        shutil.which("node") or "",
        folder / "node_modules/@devcontainers/cli/devcontainer.js",
    )
    trusted = f"/{CERTIFICATES}"
    given = {name: trusted for name in ("SSL_CERT_FILE", "PIP_CERT") if name in os.environ}
    more = [word for name, value in given.items() for word in ("--remote-env", f"{name}={value}")]
    up = (*command, "up", "--workspace-folder", project.root, "--buildkit", "never", *more)
    done = run(*up, folder=folder, environment=engine.variables)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["outcome"] == "success"
    assert said["remoteUser"] == "vscode"
    yield Opened(project, said["containerId"], command, engine.variables)
    engine.must("rm", "--force", said["containerId"])


@pytest.mark.slow
@pytest.mark.timeout(SECONDS)
def test_make_lifecycle_works_in_it_and_the_service_is_reached(opened: Opened) -> None:
    root = opened.project.root
    assert opened.must("id", "-un").split() == ["vscode"]
    printed = opened.must("make", "lifecycle")
    assert re.search(r"(?m)^live +flight-delay version 1 at ", printed)
    assert ask(opened.project, "/v1/model")["version"] == "1"
    # Set up once, when it was made; outside the folder, whose own environments stay as they are.
    assert "pip install" not in printed
    assert not (root / ".venv").exists()
    assert not (root / ".venv-serving").exists()
    assert {path.stat().st_uid for path in root.rglob("*") if not path.is_symlink()} == {1000}
    opened.must("make", "predict", "stop")
