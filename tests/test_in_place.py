"""The project's own linter and type checker pass on the template itself, before any rendering."""

from pathlib import Path

import pytest
from baking import PROJECT, run
from running import Project

CHECKS = {
    "lint": ["ruff", "check", "--no-cache", "."],
    "format": ["ruff", "format", "--no-cache", "--check", "."],
    "types": ["mypy"],
}


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
def test_the_unrendered_project_passes_its_own(
    check: str, generated: Project, clean_template: Path
) -> None:
    python = generated.environment.venv / "bin" / "python"
    command: list[str | Path] = [python, "-m", *CHECKS[check]]
    done = run(*command, folder=clean_template / PROJECT, environment=generated.variables({}))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_linter_would_see_a_fault(
    generated: Project, clean_template: Path, tmp_path: Path
) -> None:
    faulty = tmp_path / "faulty.py"
    faulty.write_text("import os\n", encoding="utf-8")
    configuration = clean_template / PROJECT / "pyproject.toml"
    done = run(
        generated.environment.venv / "bin" / "python", "-m", "ruff", "check", "--no-cache",
        "--config", configuration, faulty, folder=tmp_path, environment=generated.variables({}),
    )  # fmt: skip
    assert done.returncode == 1
    assert "F401" in done.stdout
