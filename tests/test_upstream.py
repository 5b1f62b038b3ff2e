"""`make upstream`, whole: locks that are really renewed, in a copy that goes through everything.

What is newest changes every day. Here it is what was newest on a day, for a test that says the same
tomorrow: uv leaves out what was uploaded later.
"""

from pathlib import Path

import pytest
from breaking import commit, git
from projects import clone, shrunk_project, versions
from running import Project

pytestmark = pytest.mark.slow
DAY = {"UV_EXCLUDE_NEWER": "2026-11-28T00:00:00Z"}
# Of each environment a library that has no others: what the locks have, and something older.
OLDER = {"idna": "3.10", "packaging": "25.0", "threadpoolctl": "3.5.0"}
LOCKS = ("development.txt", "serving.txt")
FEW_TESTS = {"PYTEST_ADDOPTS": "-k test_files"}


def pinned(project: Path, lock: str, name: str) -> str | None:
    """Return the version that a lock has of a package."""
    for line in (project / lock).read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}=="):
            return line.split()[0].removeprefix(f"{name}==")
    return None


def age(project: Project, lock: str) -> dict[str, str]:
    """Let a lock pin older versions, as it did when it was made; return what it has now of each."""
    path, found = project.root / lock, {}
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for name, version in OLDER.items():
        if (now := pinned(project.root, lock, name)) and now != version:
            found[name] = now
            lines = [line.replace(f"{name}=={now}", f"{name}=={version}", 1)
                     if line.startswith(f"{name}==") else line for line in lines]  # fmt: skip
    path.write_text("".join(lines), encoding="utf-8")
    return found


def test_newer_versions_go_through_everything_in_a_copy(
    generated: Project, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = clone(shrunk_project(generated, tmp_path_factory), tmp_path / "flight-delay")
    locks = [f"requirements/{name}" for name in LOCKS]
    locks.append("deploy/mlflow/requirements.txt")
    aged = {lock: age(project, lock) for lock in locks}
    assert all(aged.values()), aged
    commit(project)
    before = git(project, "rev-parse", "HEAD")
    shared = tmp_path / "registry.db"
    # The environment of the older locks is of no use for this: it is not what is tried.
    done = project.python(
        "-m", "lifecycle.upstream", **DAY, **FEW_TESTS, MLFLOW_TRACKING_URI=f"sqlite:///{shared}"
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-5000:]
    assert said.splitlines()[-1].startswith("upstream: everything passes with the newest versions")
    report = (project.root / "reports/upstream.md").read_text(encoding="utf-8")
    copy = project.root / "build/upstream"
    for lock, names in aged.items():
        for name in names:
            new = pinned(copy, lock, name)
            assert new not in (None, OLDER[name])
            assert f"- {name} {OLDER[name]} → {new}" in report
    # All that is newer is committed there, a model is registered there, and nothing is here.
    inside = Project(copy, project.environment)
    assert set(locks) <= set(git(inside, "diff", "--name-only", before, "HEAD").split())
    assert versions(inside) == [1]
    assert not shared.exists()
    assert not (project.root / "mlflow.db").exists()
    assert git(project, "rev-parse", "HEAD") == before
    assert git(project, "status", "--porcelain") == ""
