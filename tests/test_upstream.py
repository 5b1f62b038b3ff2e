"""`make upstream`, whole: locks that are really renewed, in a copy that goes through everything.

What is newest changes every day. Here it is what was newest on a day, for a test that says the same
tomorrow: what was uploaded later is left out.
"""

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from baking import succeed
from breaking import commit, git
from projects import Running, clone, shrunk_project, versions
from running import Project

pytestmark = pytest.mark.slow
DAY = {"EXCLUDE_NEWER": "2026-11-28T00:00:00Z"}
# What every lock has, in a version that was once the newest.
OLDER = {"certifi": "2026.1.4", "idna": "3.11"}
# Each lock with what it is made of, as in `make lock`, where it is renewed and not made anew.
COMPILE = ("-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11")
PLAIN = ("--generate-hashes", "--no-header", "--no-annotate", "--exclude-newer", *DAY.values())
LOCKS = {
    "requirements/serving.txt": ["requirements/serving.in"],
    "requirements/development.txt": ["requirements/development.in", "requirements/remote.in"],
    "deploy/mlflow/requirements.txt": ["deploy/mlflow/requirements.in"],
}
FEW_TESTS = {"TESTS": "tests/machinery/contract/test_files.py"}
# Two environments are made, all is imported for the first time: minutes, on a busy machine more.
SECONDS = 1_500


def pinned(lock: Path, name: str) -> str | None:
    """Return the version that a lock has of a package."""
    for line in lock.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}=="):
            return line.split()[0].removeprefix(f"{name}==")
    return None


def age(project: Project) -> None:
    """Let every lock have older versions, as it would after some months without `make lock`."""
    older = project.root / "older.txt"
    lines = [f"{name}=={version}\n" for name, version in OLDER.items()]
    older.write_text("".join(lines), encoding="utf-8")
    variables = project.variables({})
    for lock, sources in LOCKS.items():
        command = (sys.executable, *COMPILE, *PLAIN, *sources, "-c", str(older), "-o", lock)
        succeed(*command, folder=project.root, environment=variables)
        for name, version in OLDER.items():
            assert pinned(project.root / lock, name) == version
    older.unlink()


@pytest.mark.timeout(SECONDS + 600)
def test_newer_versions_go_through_everything_in_a_copy(
    generated: Project, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shared = clone(shrunk_project(generated, tmp_path_factory), tmp_path / "flight-delay")
    root = shared.root
    # An environment of its own: that of the older locks.
    registry = tmp_path / "registry.db"
    elsewhere = {"MLFLOW_TRACKING_URI": f"sqlite:///{registry}"}
    own = replace(
        shared.environment, venv=root / ".venv", serving_venv=root / ".venv-serving",
        variables={**shared.environment.variables, **DAY, **FEW_TESTS, **elsewhere},
    )  # fmt: skip
    project = replace(shared, environment=own)
    age(project)
    commit(project)
    before = git(project, "rev-parse", "HEAD")
    tried = Running(project, "upstream")
    assert tried.finish(SECONDS) == 0, tried.printed[-5000:]
    said = tried.printed
    assert said.splitlines()[-1].startswith("upstream: everything passes with the newest versions")
    report = (root / "reports/upstream.md").read_text(encoding="utf-8")
    copy = root / "build/upstream"
    for lock, (name, old) in itertools.product(LOCKS, OLDER.items()):
        new = pinned(copy / lock, name)
        assert new not in (None, old)
        assert f"- {name} {old} → {new}" in report
    # All that is newer is committed there, a model is registered there, and nothing is here.
    inside = replace(project, root=copy)
    assert set(LOCKS) <= set(git(inside, "diff", "--name-only", before, "HEAD").split())
    assert versions(inside) == [1]
    assert not registry.exists()
    assert not (root / "mlflow.db").exists()
    assert git(project, "rev-parse", "HEAD") == before
    assert git(project, "status", "--porcelain") == ""
