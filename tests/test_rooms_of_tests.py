"""A part of the lifecycle can be deleted with its tests: those that are left import none of it."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
from baking import PROJECT, ROOT
from parts import parts_of, with_those_on

TESTS = ROOT / PROJECT / "tests" / "machinery"
FILES = sorted(TESTS.rglob("*.py"))
# The parts that can go, and what stands on each and goes with it.
TABLE = parts_of(ROOT / PROJECT / "README.md")
DELETABLE = {name: with_those_on(TABLE, [name]) for name in TABLE}


def floors() -> dict[str, int]:
    """Return the line on which each part stands, by what import-linter is told."""
    settings = tomllib.loads((ROOT / PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    return {
        name.removeprefix("lifecycle."): floor
        for floor, line in enumerate(reversed(lines))
        for name in re.findall(r"[\w.]+", line)
    }


def imported(path: Path) -> set[str]:
    """Return the modules that a file imports, wherever in it, as `package.module`."""
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{one.name}" for one in node.names}
    return found


def parts(path: Path, helpers: bool) -> set[str]:
    """Return the parts that a file imports, also by the helpers of tests where they are asked."""
    found = set[str]()
    for name in imported(path):
        words = [*name.split("."), ""]
        helper = TESTS.joinpath(*words[:-2]).with_suffix(".py")
        if words[0] == "lifecycle":
            known = floors().keys() | DELETABLE
            found |= {words[1], "/".join(words[1:3])} & known - {"__main__"}
        elif helpers and helper.is_file():
            found |= parts(helper, helpers)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(TESTS).as_posix())
def test_a_test_lies_with_the_highest_part_that_it_imports(path: Path) -> None:
    """What lies beside the folders imports no part that can be deleted."""
    folder = path.parent.relative_to(TESTS).as_posix()
    allowed = {folder, *(one for one, others in DELETABLE.items() if folder in others)}
    allowed |= {one.split("/")[0] for one in allowed}
    assert parts(path, helpers=True) & set(DELETABLE) <= allowed
    if path.name.startswith("test_") and folder != ".":
        floor = floors()
        own, every = (
            [floor[one.split("/")[0]] for one in parts(path, helpers=deep)]
            for deep in (False, True)
        )
        here = floor[folder.split("/")[0]]
        assert not own or max(own) <= here
        assert not every or here <= max(every)
