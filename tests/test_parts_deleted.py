"""A part is deleted as the README says, and what is left is whole: checked, tested and run.

Each of the five, and all of them, is taken out of a project that has been through its lifecycle;
then `make check`, `make docs` and `make lifecycle` pass, and nothing that is left speaks of what is
gone. What could fail in one deletion alone is a test of a part that is left which needs one that
is gone: import-linter, mypy, test_rooms_of_tests.py and, where all five are gone, the collection of
all that is left refuse that; and those of NOTICING, which look at files of the whole project, are
run each time. `DELETED=every make test ONLY=parts_deleted` leaves nothing out: it runs `make check`
and `make test`, whole, of every deletion, which takes an hour.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from baking import PROJECT, ROOT, succeed
from parts import FIVE, dead, delete, parts_of, with_those_on
from projects import Running, git, released_project
from running import Project

TABLE = parts_of(ROOT / PROJECT / "README.md")
ALL = "all five"
DELETIONS = [*FIVE, ALL]
# Tests that read files of the whole project: a part that is gone is missed by them first.
NOTICING = ("test_commands", "test_stage_keys", "core/test_params", "rollout/test_commands")
# Of all that are left of a project's tests; minutes on a quiet machine.
SECONDS = 2_400
# Of no page and no workflow: sources of locks and pictures, and what is about the tests.
OTHERS = ("tests/", "requirements/", "deploy/mlflow/requirements", "dvc.lock", "LICENSE")


def deleted(project: Project, target: Path, gone: str) -> tuple[Project, list[str]]:
    """Return a copy without a part, or without all five, and which parts went."""
    copy = project.copy(target)
    names = delete(copy.root, *(FIVE if gone == ALL else [gone]))
    copy.commit(f"Delete {gone}")
    return copy, names


def commands_of(project: Project) -> set[str]:
    """Return the names of a project's commands."""
    done = project.python("-m", "lifecycle", "--help")
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"(?m)^  ([a-z-]+) ", done.stdout))


def spoken_of(project: Project) -> list[str]:
    """Return what a project's files speak of and is not there; and groups without a target."""
    names = [
        name
        for name in git(project, "ls-files").splitlines()
        if not name.startswith(OTHERS) and not name.endswith((".ipynb", ".svg"))
    ]
    found = dead(project.root, names, commands_of(project))
    listed = re.sub(r"\x1b\[[0-9;]*m|\n(?=\n)", "", project.must("help")).splitlines()
    pairs = zip(listed, [*listed[1:], ""], strict=True)
    return [*found, *(f"help: {a}" for a, b in pairs if a[:1] != " " and b[:2] != "  ")]


@pytest.mark.parametrize("target", ["compose", "none"])
def test_the_table_names_what_there_is(target: str, bake: Callable[..., Path]) -> None:
    """What has a make file has a row, with its code, and each path of it is there."""
    folder = bake(deploy_target=target)
    table = parts_of(folder / "README.md")
    assert set(table) == set(TABLE) > set(FIVE)
    files = {path.stem for path in (folder / "make").glob("*.mk")}
    assert files == {name.rpartition("/")[2] for name in table}
    for name, part in table.items():
        assert set(part.stands_on) <= set(table)
        assert [one for one in part.own if not (folder / one.partition("#")[0]).exists()] == []
        own = {f"src/lifecycle/{name}", f"tests/machinery/{name}"}
        assert {one for one in own if (folder / one).is_dir()} == own & set(part.own)
        has_settings = (folder / f"src/lifecycle/{name}/settings.py").is_file()
        assert has_settings == any(one.startswith("params.yaml#") for one in part.own)


@pytest.mark.slow
@pytest.mark.parametrize("gone", [*TABLE, ALL])
def test_nothing_that_is_left_speaks_of_it(gone: str, generated: Project, tmp_path: Path) -> None:
    project, names = deleted(generated, tmp_path / "project", gone)
    assert spoken_of(project) == []
    assert names == with_those_on(TABLE, FIVE if gone == ALL else [gone])
    assert set(parts_of(project.root / "README.md")) == set(TABLE) - set(names)
    for file in ("params.yaml", "tests/machinery/example/params.yaml"):
        sections = set(yaml.safe_load((project.root / file).read_text(encoding="utf-8")))
        for name, part in TABLE.items():
            own = {one.partition("#")[2] for one in part.own if one.startswith("params.yaml#")}
            assert sections & own == (set() if name in names else own), (file, name)
    files = [f"tests/machinery/{name}.py" for name in NOTICING]
    chosen = [one for one in files if (project.root / one).is_file()]
    assert len(chosen) == len(files) - ("rollout" in names)
    # That a planted import is found is the same in each.
    done = project.python("-m", "pytest", *chosen, "-k", "not planted", PYTHONPATH="src")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert re.search(r"\d\d passed\b", done.stdout)
    if gone == ALL:
        done = project.python("-m", "pytest", "tests/machinery", "--collect-only", "-q")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def check(project: Project, every: bool) -> None:
    """Run `make check`; if not `every`, without the look for secrets, which is most of its time.

    In the files that are left it was done before.
    """
    if every:
        project.must("check")
        return
    lines = project.must("-n", "check").splitlines()
    left = [line for line in lines if "detect_secrets" not in line]
    assert len(lines) == len(left) + 1 > 6
    variables = project.inside({})
    succeed("bash", "-ec", "\n".join(left), folder=project.root, environment=variables)


@pytest.fixture(scope="module")
def released(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project whose lifecycle has run; it is only copied."""
    return released_project(generated, tmp_path_factory)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 600)
@pytest.mark.parametrize("gone", DELETIONS)
def test_it_is_checked_and_goes_through_its_lifecycle(
    gone: str, released: Project, tmp_path: Path
) -> None:
    project, names = deleted(released, tmp_path / "flight-delay", gone)
    every = os.environ.get("DELETED") == "every"
    try:
        check(project, every=every or gone == ALL)
        printed = project.must("docs", "lifecycle")
        last = printed.strip().splitlines()[-1]
        assert ("packaged   flight-delay" in printed) == ("rollout" in names)
        assert last.startswith("next       "), printed[-3000:]
        assert ("\nreport " in printed) == ("reporting" not in names)
        pages = [name for name in git(project, "ls-files").splitlines() if name.endswith(".md")]
        look = (
            "import sys; from pathlib import Path; from lifecycle.pages import links; "
            "print(links.dead(Path(), [Path(one) for one in sys.argv[1:]]))"
        )
        assert project.python("-c", look, *pages).stdout == "[]\n"
        assert git(project, "status", "--porcelain") == ""
        if every:
            tested = Running(project, "test")
            assert tested.finish(SECONDS) == 0, tested.printed[-5000:]
    finally:
        if "rollout" not in names:
            project.must("stop")


@pytest.mark.slow
def test_a_section_that_nobody_reads_is_refused(generated: Project, tmp_path: Path) -> None:
    project, _ = deleted(generated, tmp_path / "project", "loop")
    with (project.root / "params.yaml").open("a", encoding="utf-8") as handle:
        handle.write("\nretrain:\n  window_months: 12\n")
    done = project.make("pipeline")
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == (
        "source: params.yaml: retrain: Extra inputs are not permitted: no part that is here has "
        "such a section, so delete it (README.md, Parts)"
    )
    assert "Traceback" not in done.stderr


# What a deletion could leave behind: where, what is written there, and what is said of it.
LEFT = {
    "a target that is typed": ("README.md", "Type `make gate retrain`.", "target retrain"),
    "a target that a page shows": ("docs/features.md", "```\nmake replay\n```", "target replay"),
    "a target that a workflow runs": (
        ".github/workflows/ci.yml", "      - run: make -C here monitor", "target monitor"
    ),
    "a target that make runs": ("make/reporting.mk", "\t@$(MAKE) -s replay", "target replay"),
    "a target that the commit's hook runs": (
        ".pre-commit-config.yaml", "        entry: make monitor", "target monitor"
    ),
    "a command": ("make/reporting.mk", "\t$(RUN) -m lifecycle retrain", "command retrain"),
    "a file": ("deploy/base.mk", "# As in deploy/gone.yaml.", "file deploy/gone.yaml"),
    "a module": (
        "deploy/base.mk", "# See src/lifecycle/loop/retrain.py.",
        "file src/lifecycle/loop/retrain.py",
    ),
    "a workflow": (
        ".github/workflows/ci.yml", "    uses: ./.github/workflows/train.yml",
        "file .github/workflows/train.yml",
    ),
    "a paragraph": (
        "deploy/compose.yaml", "# docs/operations.md#drift", "paragraph docs/operations.md#drift"
    ),
    "a group that help does not list": ("make/reporting.mk", "##@ Wacth", "group Wacth"),
}  # fmt: skip


@pytest.fixture(scope="module")
def without(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project without monitoring and loop; what a test adds, it takes away."""
    project, _ = deleted(generated, tmp_path_factory.mktemp("without") / "project", "monitoring")
    delete(project.root, "loop")
    project.commit("Delete loop")
    assert spoken_of(project) == []
    return project


@pytest.mark.slow
@pytest.mark.parametrize("fault", LEFT)
def test_what_is_left_behind_is_seen(fault: str, without: Project) -> None:
    name, text, said = LEFT[fault]
    path = without.root / name
    before = path.read_text(encoding="utf-8")
    try:
        path.write_text(f"{before}{text}\n", encoding="utf-8")
        name = "Makefile" if said.startswith("group") else name
        assert spoken_of(without) == [f"{name}: {said}"]
    finally:
        path.write_text(before, encoding="utf-8")


@pytest.mark.slow
def test_a_group_without_a_target_is_seen(without: Project) -> None:
    makefile = without.root / "Makefile"
    before = makefile.read_text(encoding="utf-8")
    try:
        without.change("Makefile", "if (lines[title[i]]) printf", "printf")
        assert spoken_of(without) == ["help: Retrain"]
    finally:
        makefile.write_text(before, encoding="utf-8")
