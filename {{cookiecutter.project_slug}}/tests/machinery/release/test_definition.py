"""A champion is scored by the code that it was made with, whatever decides a score here now."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5
from lifecycle.core.params import Params
from lifecycle.records import definition, named, registry, tag_forms, verdict
from lifecycle.records.registry import Version
from lifecycle.release import base, champion, lineage, staging

# As the pipeline would now give the champion's holdout to the gate, and what it says of it.
SCORED = """
import json, sys
from pathlib import Path
import polars as pl
from lifecycle.contract import features
from lifecycle.contract.columns import load_schema
from lifecycle.records.registry import Version
from lifecycle.release.champion import champion_scores

root, schema = Path.cwd(), load_schema()
holdout = pl.read_parquet(sys.argv[1], glob=False).select(c.name for c in schema.columns)
version = Version(1, json.loads(sys.argv[2]), "")
scored = champion_scores(root, version, features.on_frame(schema, holdout), schema)
pl.DataFrame({"probability": scored}).write_parquet(sys.argv[3])
"""
# Of each, something that gives other numbers for the same row and the same model.
CHANGES = {
    "features": (
        "src/project/features.py",
        'column("temperature") - column("dewpoint")',
        'column("dewpoint") - column("temperature")',
    ),
    "evaluation": (
        "src/lifecycle/contract/language/moments.py",
        "getattr(moment.dt, name)().cast(",
        "(getattr(moment.dt, name)() * 0).cast(",
    ),
    "encoding": (
        "src/project/model.py",
        "matrix[:, index] = [code.get(value, np.nan) for value in columns[name]]",
        "matrix[:, index] = np.nan",
    ),
    "arrays": (
        "src/lifecycle/core/frames.py",
        "frame[name].cast(pl.Float64).to_numpy()",
        "-frame[name].cast(pl.Float64).to_numpy()",
    ),
}


@pytest.fixture
def version(project: Path, params: Params) -> Version:
    """The project's model as a version of the commit that the project is at."""
    (project / ".gitignore").write_text("/data\n/reports\n/models\n/.lifecycle\n/ml*\n")
    somebody = ("-c", "user.name=a", "-c", "user.email=a@localhost", "-c",
                "core.hooksPath=/dev/null")  # fmt: skip
    for command in (("init", "-q"), ("add", "-A"), (*somebody, "commit", "-qm", "First")):
        subprocess.run(["git", *command], cwd=project, check=True)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=project, check=True, capture_output=True, text=True
    )
    tags = {"git_commit": head.stdout.strip(), "model_md5": md5(project / params.paths.model)}
    tags |= {tag: md5(project / path) for tag, path in registry.TRACKED.items()
             if (project / path).is_file()}  # fmt: skip
    return Version(1, {**tags, **definition.tags(definition.here(project))}, "")


def change(root: Path, name: str, old: str, new: str) -> None:
    text = (root / name).read_text(encoding="utf-8")
    assert text.count(old) == 1
    (root / name).write_text(text.replace(old, new), encoding="utf-8")


def scored(project: Path, version: Version, params: Params) -> tuple[Any, Any]:
    """Return what the version answers by the code that is here, and what it answered at first."""
    target = project / "scored.parquet"
    done = subprocess.run(
        [sys.executable, "-c", SCORED, params.paths.holdout, json.dumps(version.tags), target],
        cwd=project, env={**os.environ, "PYTHONPATH": str(project / "src")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    before = pl.read_parquet(project / params.paths.predictions, glob=False)
    return pl.read_parquet(target)["probability"].to_numpy(), before["probability"].to_numpy()


@pytest.mark.parametrize("name", CHANGES)
def test_where_a_score_would_be_another_the_champion_is_scored_by_its_own_commit(
    name: str, project: Path, params: Params, version: Version
) -> None:
    change(project, *CHANGES[name])
    now, before = scored(project, version, params)
    assert np.array_equal(now, before)


def own_code(monkeypatch: pytest.MonkeyPatch) -> list[Version]:
    """Let its own code be asked for nothing, and return whose was."""
    asked: list[Version] = []
    monkeypatch.setattr(champion, "_by_its_own_code",
                        lambda root, version, *_: asked.append(version))  # fmt: skip
    return asked


@pytest.mark.parametrize("path", ["schema.yaml", "src/project/airports.csv", *definition.MACHINERY])
def test_whatever_decides_a_score_makes_the_version_another(
    path: str,
    project: Path,
    params: Params,
    schema: Schema,
    version: Version,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, holdout = own_code(monkeypatch), pl.read_parquet(project / params.paths.holdout)
    champion.champion_scores(project, version, holdout, schema)
    assert asked == []
    with (project / path).open("a") as file:
        file.write("\n# another\n")
    champion.champion_scores(project, version, holdout, schema)
    assert asked == [version]
    others = registry.otherwise(version.tags, registry.defining(project))
    assert definition.HASH in others
    assert definition.changed(project, version.tags) == [path]


def test_what_decides_no_score_leaves_it_the_same(
    project: Path,
    params: Params,
    schema: Schema,
    version: Version,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, holdout = own_code(monkeypatch), pl.read_parquet(project / params.paths.holdout)
    for path in ("src/project/source.py", "src/lifecycle/pipeline/train.py", "params.yaml"):
        with (project / path).open("a") as file:
            file.write("\n# another\n")
    for name in ("__pycache__/features.cpython-311.pyc", ".features.py.swp"):
        (project / "src/project" / name).parent.mkdir(exist_ok=True)
        (project / "src/project" / name).write_text("")
    champion.champion_scores(project, version, holdout, schema)
    assert asked == []


def test_a_version_from_before_is_compared_by_what_it_has_and_scored_by_its_own_code(
    project: Path, params: Params, schema: Schema, version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = {key: value for key, value in version.tags.items() if "definition" not in key}
    before = Version(1, tags, "")
    assert registry.otherwise(before.tags, registry.defining(project)) == []
    now, then = scored(project, before, params)
    assert np.array_equal(now, then)
    asked = own_code(monkeypatch)
    champion.champion_scores(
        project, before, pl.read_parquet(project / params.paths.holdout), schema
    )
    assert asked == [before]
    with (project / "schema.yaml").open("a") as file:
        file.write("\n# another\n")
    assert registry.otherwise(before.tags, registry.defining(project)) == ["schema_md5"]


def test_the_model_of_a_commit_has_that_commit_s_definition(
    project: Path, params: Params, version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "_locked", lambda root, commit: {"train": {}})
    monkeypatch.setattr(base, "locked_model", lambda root, params, commit: "1" * 32)
    monkeypatch.setattr(base, "content_at", lambda *_: b'{"train": {"last": "2013-01-01"}}')
    found = base.version_at(project, params, version.tags["git_commit"])
    assert found is not None
    assert registry.otherwise(found.tags, registry.defining(project)) == []
    change(project, *CHANGES["encoding"])
    found = base.version_at(project, params, version.tags["git_commit"])
    assert found is not None
    assert definition.changed(project, found.tags) == ["src/project/model.py"]


def test_a_version_is_packaged_only_by_the_code_that_it_was_judged_with(
    project: Path, params: Params, version: Version
) -> None:
    tags = {**version.tags, "threshold": repr(params.evaluate.threshold)}
    staging.require_same(project, params, Version(1, tags, ""))
    version = Version(1, tags, "")
    change(project, *CHANGES["features"])
    with pytest.raises(StageError, match=r"judged with another src/project/features\.py than is"):
        staging.require_same(project, params, version)
    change(project, *CHANGES["encoding"])
    both = r"judged with another src/project/features\.py, src/project/model\.py than is here"
    with pytest.raises(StageError, match=both):
        staging.require_same(project, params, version)


def test_the_lineage_names_the_file_that_is_another(project: Path, version: Version) -> None:
    tags = {**dict.fromkeys(registry.TRACKED, "0" * 32), **version.tags}
    assert lineage.tracked_files(project, Version(1, tags, ""))[-1][2] == "same"
    assert definition.HASH not in lineage.tracked_at_commit(project, Version(1, tags, ""))
    change(project, *CHANGES["encoding"])
    (*_, (name, value, state)) = lineage.tracked_files(project, Version(1, tags, ""))
    assert (name, value) == (definition.FILES, tags[definition.HASH])
    assert state == "CHANGED here since that version (src/project/model.py)"
    forged = definition.tags({**definition.read(tags), "schema.yaml": "0" * 32})
    assert definition.HASH in lineage.tracked_at_commit(project, Version(1, tags | forged, ""))


def test_the_code_in_a_bento_is_that_of_the_version(tmp_path: Path, project: Path) -> None:
    tags = definition.tags(definition.here(project))
    (project / "src" / "release").mkdir()
    (project / named.RECORD).write_text("{}")
    assert named.difference(project, tags) is None
    # These are in no Bento.
    for name in ("core/frames.py", "pipeline/prepare.py"):
        (project / "src" / "lifecycle" / name).unlink()
    assert named.difference(project, tags) is None
    change(project, *CHANGES["encoding"])
    said = "project/model.py is another than the registry's definition_md5"
    assert named.difference(project, tags) == said


NO_FILES: list[Any] = [
    {"/etc/passwd": "0"}, {"../x": "0"}, {"-x": "0"}, {":x": "0"}, {"a": 1}, [],
]  # fmt: skip
GOOD = definition.tags({"schema.yaml": "0" * 32})


@pytest.mark.parametrize(
    "tags",
    [
        {definition.HASH: GOOD[definition.HASH]},
        {definition.FILES: GOOD[definition.FILES]},
        {**GOOD, definition.HASH: "0" * 32},
        *(definition.tags(files) for files in NO_FILES),
        {definition.HASH: "0" * 32, definition.FILES: "{"},
    ],
)  # fmt: skip
def test_what_nobody_registered_is_no_definition(tags: dict[str, str]) -> None:
    with pytest.raises(StageError, match="are none that `make release` gave"):
        definition.read(tags)
    assert tag_forms.mistake(tags) is not None
    assert tag_forms.mistake(GOOD) is None


def test_a_verdict_is_about_the_definition_where_either_has_one() -> None:
    tags = dict.fromkeys(verdict.CONTENTS, "1" * 32)
    found: dict[str, Any] = dict(tags)
    assert verdict.differing(found, verdict.contents(tags, found)) == []
    for one, other in ((tags, {**found, **GOOD}), ({**tags, **GOOD}, found)):
        assert verdict.differing(other, verdict.contents(one, other)) == [definition.HASH]
    both = {**tags, **GOOD}
    assert verdict.differing(both, verdict.contents(both, both)) == []
