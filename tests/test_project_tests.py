"""A generated project passes its own checks and tests, and its checks can fail."""

import shutil
from pathlib import Path

import httpx
import pytest
from baking import SLUG
from projects import Running, git, wait_until
from running import PLAIN, Project, free_port

# Of all of a project's tests; minutes on a quiet machine.
SECONDS = 1_500
BAD = {
    "an unformatted file": ("src/lifecycle/extra.py", '"""Extra."""\n\nx = [1,2]\n', "reformat"),
    "a type error": (
        "src/lifecycle/extra.py",
        '"""Extra."""\n\nNUMBER: int = "one"\n',
        "Incompatible types in assignment",
    ),
    "an import from above": (
        "src/lifecycle/contract/extra.py",
        '"""Extra."""\n\nfrom lifecycle.monitoring.monitor import CODES as CODES\n',
        "lifecycle.contract is not allowed to import lifecycle.monitoring",
    ),
    "a library that no service has": (
        "src/lifecycle/serving/extra.py",
        '"""Extra."""\n\nimport polars as polars\n',
        "lifecycle.serving is not allowed to import polars",
    ),
    "a secret": (
        "docs/secret.md",
        'aws_secret_access_key = "' + "wJalrXUtnFEMI/K7MDENG" + '/bPxRfiCYzzzzzzzzzz"\n',
        "Potential secrets",
    ),
    "a notebook with output": (
        "notebooks/dirty.ipynb",
        '{"cells": [{"cell_type": "code", "execution_count": 1, "id": "a", "metadata": {}, '
        '"outputs": [{"name": "stdout", "output_type": "stream", "text": ["1\\n"]}], '
        '"source": ["print(1)"]}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}\n',
        "dirty.ipynb",
    ),
    "a Dockerfile that does not say which image": (
        "deploy/extra/Dockerfile",
        "FROM debian\nRUN ls\n",
        "DL3006",
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 600)
def test_the_projects_own_tests_pass(fresh: Project) -> None:
    tested = Running(fresh, "test")
    assert tested.finish(SECONDS) == 0, tested.printed[-5000:]
    assert " passed" in tested.printed


@pytest.fixture(scope="module")
def checked(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project that has checked itself; only copied, with the caches that this left."""
    project = generated.copy(tmp_path_factory.mktemp("checked") / SLUG)
    project.must("check")
    return project


@pytest.mark.slow
def test_the_projects_own_checks_pass_and_change_nothing(checked: Project) -> None:
    assert git(checked, "status", "--porcelain") == ""


@pytest.mark.slow
@pytest.mark.parametrize("fault", BAD)
def test_the_checks_refuse(fault: str, checked: Project, tmp_path: Path) -> None:
    path, content, said = BAD[fault]
    project = checked.copy(tmp_path / SLUG)
    (project.root / path).parent.mkdir(exist_ok=True)
    (project.root / path).write_text(content, encoding="utf-8")
    project.commit(fault)
    done = project.make("check")
    assert done.returncode != 0
    assert said in done.stdout + done.stderr


@pytest.mark.slow
def test_a_commit_runs_the_checks(checked: Project, tmp_path: Path) -> None:
    project = checked.copy(tmp_path / SLUG)
    hook = ("-m", "pre_commit", "run", "--all-files")
    variables = {"VENV": str(project.environment.venv)}
    variables["SERVING_VENV"] = str(project.environment.serving_venv)
    passed = project.python(*hook, **variables)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    (project.root / "src/lifecycle/extra.py").write_text("import os\n", encoding="utf-8")
    project.commit("A fault")
    assert project.python(*hook, **variables).returncode != 0


@pytest.mark.slow
def test_format_gives_the_form_that_check_asks_for(fresh: Project) -> None:
    path = fresh.root / "src/lifecycle/extra.py"
    path.write_text('"""Extra."""\n\nimport os\nx = [1,2]\n', encoding="utf-8")
    notebook, content, _ = BAD["a notebook with output"]
    (fresh.root / notebook).write_text(content, encoding="utf-8")
    fresh.must("format")
    assert path.read_text(encoding="utf-8") == '"""Extra."""\n\nx = [1, 2]\n'
    assert "stream" not in (fresh.root / notebook).read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_library_that_xgboost_wants_of_the_system_is_named(fresh: Project) -> None:
    """As on macOS, whose wheel leaves OpenMP to the system."""
    (installed,) = fresh.environment.venv.glob("lib/python*/site-packages/xgboost")
    # Before the environment's own on the path.
    ours = fresh.root / "src/xgboost"
    shutil.copytree(installed, ours, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    (ours / "lib/libxgboost.so").write_bytes(b"no library")
    done = fresh.make("loadable")
    assert done.returncode != 0
    line = done.stderr.splitlines()[0]
    assert line.startswith("setup: XGBoost cannot be loaded (on macOS: brew install libomp")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_runs_are_shown_in_the_browser(fresh: Project) -> None:
    port = free_port()
    shown = Running(fresh, "ui", f"UI_PORT={port}")

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}", **PLAIN).status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_until(lambda: answers() or shown.process.poll() is not None, "no answer", 120)
        assert answers(), shown.printed
    finally:
        shown.kill()
