"""What DVC is told that a stage reads is what the stage imports, and nothing of other parts.

`.venv/bin/python tests/machinery/test_stage_keys.py` writes dvc.yaml anew. Of code there are all
modules of this project that a stage imports, however indirectly; empty `__init__` files decide
nothing. Two folders of the owner's are keys as a whole, so that what is put there needs no change
here: src/project/shared/ of each stage that runs anything of src/project, and src/project/tables/
of each that computes features. A stage that only reads params.yaml runs nothing of it but what
hyperparameters.py lets params.yaml say.
"""

from __future__ import annotations

import ast
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from folders import ROOT

OWN = "src/project"
HYPERPARAMETERS, FEATURES = f"{OWN}/hyperparameters.py", f"{OWN}/features.py"
SHARED, TABLES = f"{OWN}/shared", f"{OWN}/tables"
STAGES = ("ingest", "validate", "prepare", "train", "evaluate")
# What runs after the pipeline, by its sections of params.yaml and by its folders.
AFTERWARDS = {"serve", "rollout", "prediction_log", "monitor", "retrain", "replay", "batch",
              "ablate"}  # fmt: skip
PARTS = ("loop", "monitoring", "delivery", "reporting", "rollout", "release", "serving")


def imported(path: Path) -> Iterator[str]:
    """Yield every name that a module imports where it runs, in a function too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing = [one for one in ast.walk(tree) if isinstance(one, ast.If)
              and ast.unparse(one.test) == "TYPE_CHECKING"]  # fmt: skip
    unseen = {inner for one in typing for part in one.body for inner in ast.walk(part)}
    for one in ast.walk(tree):
        if isinstance(one, ast.Import) and one not in unseen:
            yield from (alias.name for alias in one.names)
        elif isinstance(one, ast.ImportFrom) and one not in unseen:
            assert one.module and not one.level
            yield from (one.module, *(f"{one.module}.{alias.name}" for alias in one.names))


def closure(root: Path, stage: str) -> set[str]:
    """Return the paths of all that a stage is made of, as dvc.yaml names them."""
    found = behind(root, [f"src/lifecycle/pipeline/{stage}.py"])
    single = {path for path in found if not path.startswith((f"{SHARED}/", f"{TABLES}/"))}
    runs_own = any(path.startswith(f"{OWN}/") for path in single - {HYPERPARAMETERS})
    return single | ({SHARED} if runs_own else set()) | ({TABLES} if FEATURES in found else set())


def behind(root: Path, paths: Iterable[str]) -> set[str]:
    """Return modules and all that they import."""
    waiting, found = [root / path for path in paths], set()
    while waiting:
        path = waiting.pop()
        if path.is_file() and path not in found:
            found.add(path)
            if path.suffix == ".py":
                modules = (root / "src" / name.replace(".", "/") for name in imported(path))
                waiting += [one.with_suffix(".py") for one in modules]
    return {path.relative_to(root).as_posix() for path in found}


def difference(root: Path, stage: str) -> tuple[set[str], set[str]]:
    """Return which code dvc.yaml lacks of a stage, and which it has too much."""
    given = {one for one in stages(root)[stage]["deps"] if one.startswith("src/")}
    needed = closure(root, stage)
    return needed - given, given - needed


def stages(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))
    return dict(found["stages"])


def write(root: Path) -> None:
    """Let dvc.yaml name the code of each stage; all else in it stays as it is."""
    text = (root / "dvc.yaml").read_text(encoding="utf-8")
    for stage in STAGES:
        lines = "".join(f"      - {path}\n" for path in sorted(closure(root, stage)))
        deps = re.search(rf"(?ms)^  {stage}:\n.*?    deps:\n(.*?)(?=^    \w)", text)
        assert deps
        others = re.sub(r"      - src/.*\n", "", deps[1])
        text = text[: deps.start(1)] + others + lines + text[deps.end(1) :]
    (root / "dvc.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The code and dvc.yaml, to be spoilt."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    return tmp_path


def test_every_stage_is_known() -> None:
    assert tuple(stages(ROOT)) == STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_what_it_imports(stage: str) -> None:
    anew = (
        f"move what your four files import besides them to {SHARED}/, or type "
        ".venv/bin/python tests/machinery/test_stage_keys.py, which writes dvc.yaml anew"
    )
    assert difference(ROOT, stage) == (set(), set()), anew


def test_a_planted_gap_and_a_planted_surplus_are_found(copy: Path) -> None:
    text = (copy / "dvc.yaml").read_text(encoding="utf-8")
    dep = "      - src/lifecycle/pipeline/prepare.py\n"
    assert dep in text
    (copy / "dvc.yaml").write_text(text.replace(dep, dep.replace("prepare", "tune")))
    found = difference(copy, "prepare")
    assert found == ({"src/lifecycle/pipeline/prepare.py"}, {"src/lifecycle/pipeline/tune.py"})
    write(copy)
    assert (copy / "dvc.yaml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "line", ["import json, {0}", "from {1} import {2}", "def f():\n import {0}"]
)
def test_a_planted_import_is_found(copy: Path, line: str) -> None:
    (copy / "src" / "lifecycle" / "core" / "planted.py").write_text("from project import planted\n")
    (copy / "src" / "project" / "planted.py").write_text("")
    assert difference(copy, "ingest") == (set(), set())
    with (copy / "src" / "project" / "source.py").open("a") as module:
        module.write("\n" + line.format("lifecycle.core.planted", "lifecycle.core", "planted"))
    planted = {"src/lifecycle/core/planted.py", "src/project/planted.py"}
    assert difference(copy, "ingest") == (planted, set())
    write(copy)
    assert difference(copy, "ingest") == (set(), set())


def test_whatever_the_owner_shares_or_looks_up_is_a_key_already(copy: Path) -> None:
    """Of validate as well it decides nothing: it can only refuse params.yaml."""
    (copy / SHARED / "planted.py").write_text("from project.shared import inner\n")
    (copy / SHARED / "inner.py").write_text("")
    (copy / TABLES / "airports.csv").write_text("code,name\n")
    for name in ("source", "features", "model", "hyperparameters"):
        with (copy / OWN / f"{name}.py").open("a") as module:
            module.write("\nfrom project.shared import planted\n")
    for stage in STAGES:
        assert difference(copy, stage) == (set(), set())
    given = {key: {stage for stage in STAGES if key in stages(copy)[stage]["deps"]}
             for key in (SHARED, TABLES)}  # fmt: skip
    computing = {"prepare", "train", "evaluate"}
    assert given == {SHARED: {"ingest", *computing}, TABLES: computing}


def test_an_edit_of_one_file_runs_no_stage_that_does_not_read_it() -> None:
    """A feature or another model must not read the source again, which may take hours."""
    read = {name: {stage for stage in STAGES if f"{OWN}/{name}.py" in stages(ROOT)[stage]["deps"]}
            for name in ("source", "features", "model")}  # fmt: skip
    assert read == {
        "source": {"ingest"},
        "features": {"prepare", "train", "evaluate"},
        "model": {"train", "evaluate"},
    }


@pytest.mark.parametrize("stage", STAGES)
def test_what_reads_the_schema_and_the_parameters_decides(stage: str) -> None:
    from lifecycle.contract.columns import Schema
    from lifecycle.core.params import Params

    for one in (Schema, Params):
        path = Path(str(sys.modules[one.__module__].__file__)).relative_to(ROOT)
        assert path.as_posix() in stages(ROOT)[stage]["deps"]
    assert "schema.yaml" in stages(ROOT)[stage]["deps"]


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_runs_again_for_what_runs_after_the_pipeline(stage: str) -> None:
    found = stages(ROOT)[stage]
    assert not AFTERWARDS & {key.partition(".")[0] for key in found["params"]}
    folders = {path.split("/")[2] for path in found["deps"] if path.startswith("src/lifecycle/")}
    assert not folders & set(PARTS)


def test_all_that_evaluates_features_and_models_is_in_the_definition_of_a_version() -> None:
    from lifecycle.records import definition

    named = set(definition.paths(ROOT)) - {"schema.yaml"}
    # It hands rows over; what it imports besides the features decides no score.
    prepare = "src/lifecycle/pipeline/prepare.py"
    assert prepare in named
    assert behind(ROOT, named - {prepare}) | {prepare} == named


if __name__ == "__main__":
    write(ROOT)
