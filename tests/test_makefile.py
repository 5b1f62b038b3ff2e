"""The recipes of both Makefiles hold with macOS's make (3.81) and BSD's sed as well."""

import json
import re
import shutil
from pathlib import Path

import pytest
from baking import PROJECT, ROOT, SLUG, clean_environment, commit_all, run, succeed
from projects import STEPS
from running import free_port, use_port

FILES = [
    ROOT / "Makefile",
    ROOT / PROJECT / "Makefile",
    *sorted((ROOT / PROJECT).glob("*/*.mk")),
]
# What GNU's sed knows and BSD's takes for letters, or for other options.
GNU_SED = re.compile(r"\bsed [^|&;]*?(?:\\[tn+?|]|(?<!\S)-[a-zA-Z]*[irz])")
# Only actionlint knows that there is no such thing.
FAULTY = """name: Faulty
on: push
permissions: {}
concurrency: {group: faulty, cancel-in-progress: true}
jobs:
  one:
    name: One
    runs-on: ubuntu-latest
    timeout-minutes: 5
    steps:
      - run: make check
        if: steps.nothing.outcome == 'success'
"""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_rests_on_gnu_s_sed_or_a_newer_make(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    assert ".SHELLFLAGS :=" not in text
    assert GNU_SED.findall(text) == []
    for loop in re.findall(r"\tfor .*", text):
        assert "|| exit 1; done" in loop, "a loop goes on after what fails inside it"


@pytest.mark.parametrize("command", ["sed -n 's/a/\\t/p'", "sed -i s/a/b/", "sed -nr 's/(a)/b/p'"])
def test_gnu_s_sed_would_be_seen(command: str) -> None:
    assert GNU_SED.search(command)


@pytest.mark.slow
def test_a_fault_that_the_first_of_two_folders_has_is_seen(
    template_repository: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(template_repository, tmp_path / "copy"))
    (copy / ".venv").symlink_to(ROOT / ".venv")
    (copy / ".github/workflows/faulty.yml").write_text(FAULTY, encoding="utf-8")
    # As made by this make: its environment is not made again.
    command = ("make", "--old-file", ".venv/.complete", ".SHELLFLAGS=-c", "workflows")
    done = run(*command, folder=copy, environment=clean_environment(tmp_path / "home"))
    assert done.returncode != 0
    assert 'property "nothing" is not defined' in done.stdout + done.stderr


@pytest.mark.slow
def test_the_demo_goes_through_the_whole_lifecycle_from_a_clone(
    template_repository: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """As the README has it, with nothing installed before; what it made can be released."""
    copy = Path(shutil.copytree(template_repository, tmp_path / "cd4ml"))
    use_port(copy / PROJECT, free_port())
    commit_all(copy, environment)
    project = copy / "build/demo" / SLUG
    try:
        done = run("make", "demo", folder=copy, environment=environment)
    finally:
        if project.is_dir():
            succeed("make", "stop", folder=project, environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith(f"project    build/demo/{SLUG}/: cd there")
    report = json.loads((project / "reports/lifecycle.json").read_text(encoding="utf-8"))
    assert [(step["name"], step["status"]) for step in report["steps"]] == [
        (name, "ran") for name in STEPS
    ]
    committed = succeed("git", "ls-files", folder=project, environment=environment)
    assert "__pycache__" not in committed
    assert succeed("git", "status", "--porcelain", folder=copy, environment=environment) == ""
