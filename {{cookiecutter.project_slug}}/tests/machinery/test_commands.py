"""The commands: each does what its table says, and a mistake in what was typed is one line."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from folders import ROOT

from lifecycle import __main__ as commands
from lifecycle.core.command import Command
from lifecycle.release import champion

EVERY = [one for _, found in commands.parts() for one in found]
CALLERS = [ROOT / "Makefile", ROOT / "dvc.yaml", *ROOT.glob("*/*.mk")]
# Run where there is no command: in the environment of what serves, before it is packaged.
MODULES = {"lifecycle.serving.smoke"}


def said(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run commands as a shell does."""
    command = [sys.executable, "-m", "lifecycle", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": "src"}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_no_name_stands_for_two() -> None:
    names = [one.name for one in EVERY]
    assert len(set(names)) == len(names) > 20


@pytest.mark.parametrize("command", EVERY, ids=lambda one: str(one.name))
def test_each_has_help_and_a_function_that_takes_what_is_typed(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        commands.main([command.name, "--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: python -m lifecycle {command.name} ")
    assert command.summary.split()[0] in printed
    module, _, name = command.function.partition(":")
    function = getattr(importlib.import_module(module), name)
    taken = list(inspect.signature(function).parameters)
    assert taken == (["given"] if command.options else [])


def test_help_lists_every_command() -> None:
    done = said("--help")
    assert (done.returncode, done.stderr) == (0, "")
    listed = re.findall(r"^  ([a-z-]+) +\S", done.stdout, re.MULTILINE)
    assert sorted(listed) == sorted(one.name for one in EVERY)
    assert said().stdout == done.stdout


@pytest.mark.parametrize(("typed", "line"), [
    (["bacth"], "lifecycle: there is no command bacth: did you mean batch? "
                "(python -m lifecycle --help)"),
    (["xyz", "--help"], "lifecycle: there is no command xyz (python -m lifecycle --help)"),
    (["--version"], "lifecycle: there is no command --version (python -m lifecycle --help)"),
    (["lifecycle.batch"], "lifecycle: there is no command lifecycle.batch: did you mean lifecycle? "
                          "(python -m lifecycle --help)"),
    (["batch", "rows.csv", "--modell=x"], "batch: there is no option '--modell': did you mean "
                                          "--model? (python -m lifecycle batch --help)"),
    (["batch"], "batch: the following arguments are required: input "
                "(python -m lifecycle batch --help)"),
], ids=" ".join)  # fmt: skip
def test_a_mistake_is_one_line_with_the_nearest_name(typed: list[str], line: str) -> None:
    done = said(*typed)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{line}\n")


def test_nobody_calls_a_command_that_is_not_there_or_a_module() -> None:
    """Other commits of the project call commands as well: their names stay, modules may move."""
    names = {one.name for one in EVERY}
    for path in CALLERS:
        called = re.findall(r"-m lifecycle(\S*)(?: ([a-z-]+))?", path.read_text(encoding="utf-8"))
        assert called, path
        assert {name for _, name in called if name} <= names, path
        assert {module for module, _ in called if module} == set(), path
    for path in (ROOT / "src").rglob("*.py"):
        modules = re.findall(r'"-m", "(lifecycle\.[a-z_.]+)"', path.read_text(encoding="utf-8"))
        assert set(modules) <= MODULES, path


def test_a_commit_from_before_the_commands_scores_by_its_module(tmp_path: Path) -> None:
    (tmp_path / "src" / "lifecycle" / "core").mkdir(parents=True)
    assert champion.scoring(tmp_path) == ["lifecycle.batch"]
    assert champion.scoring(ROOT) == ["lifecycle", "batch"]


def test_a_command_imports_its_module_only_when_it_is_called() -> None:
    look = (
        "import sys, lifecycle.__main__ as commands; commands.parts(); "
        "print([name for name, one in sys.modules.items() if not hasattr(one, '__path__')])"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", look], cwd=ROOT, env={"PYTHONPATH": "src"}, text=True,
        stdin=subprocess.DEVNULL, capture_output=True, check=True,
    )  # fmt: skip
    loaded = set(re.findall(r"lifecycle\.[a-z_.]+", done.stdout))
    others = {name for name in loaded if not name.endswith((".commands", ".__main__"))}
    assert others == {
        "lifecycle.core.command", "lifecycle.core.inherited", "lifecycle.core.parts",
        "lifecycle.contract.errors",
    }  # fmt: skip


@pytest.mark.parametrize(("module", "heavy"), [
    ("core.params", {"polars", "numpy", "pandas", "sklearn", "mlflow"}),
    ("contract.outcome.chosen", {"polars", "numpy", "pandas", "sklearn", "mlflow"}),
    ("release.gate", {"polars", "numpy", "pandas", "sklearn", "mlflow"}),
    ("tasks.chosen", {"pandas", "sklearn", "mlflow"}),
])  # fmt: skip
def test_what_every_command_needs_imports_no_heavy_library(module: str, heavy: set[str]) -> None:
    """Each takes a tenth of a second to two, and every command of a working day would pay it."""
    look = f"import sys, lifecycle.{module}; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", look], cwd=ROOT, env={"PYTHONPATH": "src"}, text=True,
        stdin=subprocess.DEVNULL, capture_output=True, check=True,
    )  # fmt: skip
    assert "lifecycle.contract.section" in done.stdout.split()
    assert not heavy & set(done.stdout.split())
