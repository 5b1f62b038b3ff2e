"""A project of the time before there was a `src/project/` is brought to today's layout.

What its owner types is read from docs/how-to.md; what he settles by hand is done here.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from baking import ROOT, SLUG, clean_environment, commit_all, copy_template, succeed
from breaking import SMALL, edit, git
from projects import ask, versions
from running import Environment, Project, free_port, use_port

pytestmark = pytest.mark.slow
# The last commit at which projects had all their modules in one folder.
FLAT = "f3c5b3bbfd67bad2dba62c76beb1ac6faf4bae89"
GUIDE = ROOT / "docs" / "how-to.md"
OWN_FEATURES = (
    (
        '        "dewpoint_spread": column("temperature") - column("dewpoint"),\n',
        '        "dewpoint_spread": column("temperature") - column("dewpoint"),\n'
        "        # Our own.\n"
        '        "arrival_hour": column("scheduled_arrival_minute") // 60,\n'
        '        "departure_hour": clock.hour(departure),\n',
    ),
)
# What `derive` asks now.
NEW_ARGUMENT = ((" clock.hour(", " functions.hour("),)
OWN_PARAMS = (
    *SMALL,
    ("  window_days: 7\n", "  window_days: 10\n"),
    ("    minimum_labels: 300\n", "    minimum_labels: 200\n"),
    ("    - weekday\n", "    - arrival_hour\n"),
)
# Where his values of OWN_PARAMS are now.
NEW_NAMES = (
    ("  window_days: 7\n", "  window_days: 10\n"),
    ("  minimum_window_labels: 300\n", "  minimum_window_labels: 200\n"),
)
OWN_SCHEMA = (
    ("description: Aircraft,", "description: Registration of the aircraft,"),
    ("minimum: 10, maximum: 6000}", "minimum: 10, maximum: 5500}"),
)
OWN_EXPECTATION = """\
  - type: expect_column_values_to_be_between
    kwargs: {column: visibility, max_value: 10, mostly: 0.99}
    notes: The stations report ten miles at most.
"""
OWN_MODEL = (('"tree_method": "hist"', '"tree_method": "approx"'),)
OWN_SOURCE = (("LATE_FROM_MINUTES = 15 ", "LATE_FROM_MINUTES = 15.0 "),)
OWN_TEST = "\n\ndef test_of_ours() -> None:\n    assert True\n"
# Of both halves: all the others are run by test_project_tests.py, and take minutes.
FEW_TESTS = {"PYTEST_ADDOPTS": "-k test_features"}
CONFLICT = re.compile(r"(?ms)^<<<<<<< .*?\n(.*?)^=======\n(.*?)^>>>>>>> .*?\n")


def commands() -> list[str]:
    """Return what the guide says to type, block by block."""
    section = GUIDE.read_text(encoding="utf-8").partition("\n## Bring an older project")[2]
    return re.findall(r"(?s)```\n(.*?)```", section.partition("\n## ")[0])


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """Return a repository of the template as it was, to which today's can be added."""
    command = ["git", "archive", FLAT]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if shown.returncode:
        reason = f"NOT TESTED: the template's history is not here (git archive {FLAT[:7]})"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path / "cd4ml"
    folder.mkdir()
    subprocess.run(["tar", "-x"], cwd=folder, input=shown.stdout, check=True)
    commit_all(folder, clean_environment(tmp_path / "home"), "Flat")
    return folder


def become_todays(template: Path, environment: dict[str, str]) -> None:
    """Commit the template of today on top of the one that was."""
    for path in template.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    copy_template(template)
    commit_all(template, environment, "Rooms")


def disguised(venv: Path, lock: Path, folder: Path) -> Path:
    """Return an environment that says it is of another lock: the libraries are the same ones."""
    folder.mkdir()
    for path in venv.iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "installed.txt").unlink()
    shutil.copyfile(lock, folder / "installed.txt")
    return folder


@pytest.fixture
def user(generated: Project, tmp_path: Path) -> dict[str, str]:
    """Return the variables of the owner: with a name, cruft, and a home folder of his own."""
    programs = tmp_path / "bin"
    programs.mkdir()
    script = f'#!/bin/sh\nexec "{sys.executable}" -c "from cruft._cli import app; app()" "$@"\n'
    (programs / "cruft").write_text(script, encoding="utf-8")
    (programs / "cruft").chmod(0o755)
    kept = generated.environment.variables["MYPY_CACHE_DIR"]
    variables = clean_environment(tmp_path / "home", MYPY_CACHE_DIR=kept)
    text = "[user]\nname = Ann\nemail = ann@example.org\n"
    (tmp_path / "home" / ".gitconfig").write_text(text, encoding="utf-8")
    return variables | {"PATH": f"{programs}{os.pathsep}{variables['PATH']}"}


@pytest.fixture
def owned(flat: Path, generated: Project, user: dict[str, str], tmp_path: Path) -> Project:
    """Return a project of the flat layout with its owner's edits, committed, nothing run."""
    succeed("cruft", "create", flat.as_uri(), "--no-input", folder=tmp_path, environment=user)
    root = tmp_path / SLUG
    shared, locks = generated.environment, root / "requirements"
    environment = Environment(
        disguised(shared.venv, locks / "development.txt", tmp_path / "venv"),
        disguised(shared.serving_venv, locks / "serving.txt", tmp_path / "serving"),
        user,
    )
    project = Project(root, environment)
    edit(project, "src/lifecycle/features.py", OWN_FEATURES)
    edit(project, "params.yaml", OWN_PARAMS)
    edit(project, "schema.yaml", OWN_SCHEMA)
    edit(project, "src/lifecycle/model.py", OWN_MODEL)
    edit(project, "src/lifecycle/source.py", OWN_SOURCE)
    use_port(root, free_port())
    for name, more in (
        ("expectations/suite.yaml", OWN_EXPECTATION), ("tests/code/test_features.py", OWN_TEST),
    ):  # fmt: skip
        with (root / name).open("a", encoding="utf-8") as file:
            file.write(more)
    project.must("docs")
    project.commit("What is ours")
    return project


def typed(project: Project, block: str, options: str = "-ec", **more: str) -> str:
    """Type a block of the guide, each line of which has to pass; return what is printed."""
    shared = project.environment
    where = {"VENV": str(shared.venv), "SERVING_VENV": str(shared.serving_venv)}
    variables = project.variables({**where, **more})
    return succeed("sh", options, block, folder=project.root, environment=variables)


def unsettled(project: Project) -> set[str]:
    """Return the files that hold both sides of a conflict."""
    return set(git(project, "diff", "--name-only", "--diff-filter=U").splitlines())


def settle(project: Project, path: str, kept: str, own: tuple[tuple[str, str], ...]) -> None:
    """Keep the upper or the lower half of each conflict, and write the owner's values into it."""
    file, half = project.root / path, {"upper": r"\1", "lower": r"\2"}[kept]
    file.write_text(CONFLICT.sub(half, file.read_text(encoding="utf-8")), encoding="utf-8")
    edit(project, path, own)


def settings(project: Project) -> Any:
    """Return what params.yaml holds."""
    return yaml.safe_load((project.root / "params.yaml").read_text(encoding="utf-8"))


def test_a_flat_project_moves_in_with_what_is_its_owners(
    owned: Project, flat: Path, generated: Project
) -> None:
    """Nothing of his is lost, and the line runs, measured by the champion of before."""
    root, begin, move, finish = owned.root, *commands()
    owned.must("lifecycle")
    assert versions(owned) == [1]
    become_todays(flat, owned.environment.variables)

    typed(owned, begin)
    assert list(root.rglob("*.rej")) == []
    assert unsettled(owned) == {"params.yaml"}
    settle(owned, "params.yaml", "lower", NEW_NAMES)
    # What meets a conflict ends with 1, and the next file is gone on with.
    typed(owned, move, "-c")
    assert unsettled(owned) == {"src/project/source.py"}
    settle(owned, "src/project/source.py", "upper", OWN_SOURCE)
    edit(owned, "src/project/features.py", NEW_ARGUMENT)
    today = replace(
        owned, environment=replace(generated.environment, variables=owned.environment.variables)
    )
    try:
        printed = typed(today, finish, **FEW_TESTS)
        check_what_is_the_owners(today)
        assert ask(today, "/v1/model")["version"] == "2"
    finally:
        today.must("stop")
    # The very model: the code of the champion's own commit says of it what today's code says.
    assert re.search(r"(?m)^against champion version 1 +roc_auc \+0\.0000 \[", printed)
    assert versions(today) == [1, 2]


def check_what_is_the_owners(project: Project) -> None:
    """Assert that each of his edits stands where it belongs, and in nothing that is machinery."""
    root = project.root
    features = (root / "src/project/features.py").read_text(encoding="utf-8")
    assert OWN_FEATURES[0][1].replace(*NEW_ARGUMENT[0]) in features
    assert OWN_MODEL[0][1] in (root / "src/project/model.py").read_text(encoding="utf-8")
    assert (root / "expectations/suite.yaml").read_text(encoding="utf-8").endswith(OWN_EXPECTATION)
    schema = (root / "schema.yaml").read_text(encoding="utf-8")
    assert all(new in schema for _, new in OWN_SCHEMA)
    evaluate = settings(project)["evaluate"]
    assert (evaluate["window_days"], evaluate["minimum_window_labels"]) == (10, 200)
    assert "arrival_hour" in evaluate["slices"]
    assert not list((root / "src/lifecycle").glob("features.py"))
