"""A Bento that is not as it was packaged does not serve, whatever of it was changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import workers
from sealed_bento import packaged

from lifecycle.contract import seal
from lifecycle.contract.columns import load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, write_json
from lifecycle.records import bento, named, registry
from lifecycle.records.passed import NEEDED, refusal
from lifecycle.serving.predictor import Predictor, load_release

STATED = {"model_md5": "a" * 32, "git_commit": "b" * 40, "gate_md5": "c" * 32}
ALL = dict.fromkeys(NEEDED, "d" * 32)


@pytest.fixture
def made(tmp_path: Path) -> SimpleNamespace:
    """A folder with one Bento in it."""
    return packaged(tmp_path)


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"#")


def link(path: Path) -> None:
    shutil.copy(path, path.parents[5] / "elsewhere")
    path.unlink()
    path.symlink_to(path.parents[5] / "elsewhere")


def seal_again(place: Path) -> None:
    seal.write(place / "src", place)


def forge_model(place: Path) -> None:
    """Change the model, and everything in the Bento that names its hash."""
    append(place / "src/release/model.ubj")
    path = place / "src/release/release.json"
    facts = json.loads(path.read_text())
    write_json(path, {**facts, "model_md5": md5(place / "src/release/model.ubj")})
    seal_again(place)


def changed(name: str) -> Callable[[Path], None]:
    return lambda place: append(place / name)


def changed_and_sealed(name: str) -> Callable[[Path], None]:
    def harm(place: Path) -> None:
        append(place / name)
        seal_again(place)

    return harm


HARMS: list[tuple[str, Callable[[Path], object], str]] = [
    (name, changed(name), f"{name.removeprefix('src/')} is another")
    for name in (
        "src/release/model.ubj", "src/release/release.json", "src/release/schema.yaml",
        "src/release/smoke.json", "src/project/features.py", "src/service.py",
        "bento.yaml", "env/python/requirements.txt",
    )
]  # fmt: skip
HARMS += [
    ("gone", lambda p: (p / "src/project/features.py").unlink(),
     "features.py is missing"),
    ("added", lambda p: (p / "src/xgboost.py").touch(), "xgboost.py was added"),
    ("added around", lambda p: (p / "env/.hidden").touch(), "env/.hidden was added"),
    ("a link", lambda p: link(p / "src/release/model.ubj"), "model.ubj is another"),
    ("a pipe", lambda p: os.mkfifo(p / "src/pipe"), "pipe was added"),
    ("a linked folder", lambda p: (p / "src/more").symlink_to(p / "env"), "more was added"),
    ("no manifest", lambda p: (p / "src/manifest.json").unlink(), "manifest.json is missing"),
    ("not JSON", lambda p: append(p / "src/manifest.json"), "manifest.json cannot be read"),
    ("a list", lambda p: (p / "src/manifest.json").write_text("[]"), "cannot be read"),
    (
        "hashes as a text", lambda p: (p / "src/manifest.json").write_text('{"files": "x"}'),
        "manifest.json cannot be read",
    ),
    ("too deep", lambda p: (p / "src/manifest.json").write_text("[" * 100_000), "cannot be read"),
    (
        "sealed again", changed_and_sealed("src/project/features.py"),
        "its files are not those that its tag names",
    ),
    (
        "another lock", changed_and_sealed(seal.LOCK),
        "its files are not those that its tag names",
    ),
    ("another model", forge_model, "its files are not those that its tag names"),
    ("no Bento", lambda p: (p / "bento.yaml").unlink(), "it is gone"),
]  # fmt: skip


@pytest.mark.parametrize(("harm", "words"), [row[1:] for row in HARMS], ids=[r[0] for r in HARMS])
def test_whatever_was_changed_is_named_and_does_not_serve(
    harm: Callable[[Path], object], words: str, made: SimpleNamespace
) -> None:
    assert bento.damage(made.root, made.tag, made.tags) is None
    harm(made.place)
    with pytest.raises(StageError, match="run `make release`, which packages it again") as stopped:
        bento.require(made.root, made.tag, made.tags)
    assert words in str(stopped.value)


@pytest.mark.parametrize("place", ["src", "src/project", "env", "."])
def test_compiled_code_in_a_bento_is_named_and_removed_before_it_serves(
    place: str, made: SimpleNamespace
) -> None:
    """A worker reads none of it; in an image, which is served by others, Python's own is there."""
    cache = made.place / place / "__pycache__"
    cache.mkdir()
    (cache / "service.cpython-311.pyc").touch()
    name = "__pycache__/service.cpython-311.pyc was added"
    assert name in str(bento.damage(made.root, made.tag))
    seal.require(made.place / "src")
    bento.require(made.root, made.tag, made.tags)
    assert not cache.exists()
    assert bento.damage(made.root, made.tag) is None


def test_a_bento_changed_in_all_that_names_its_model_does_not_load(
    made: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files agree with each other, but not with the tag that the worker was given."""
    source = made.place / "src"
    forge_model(made.place)
    seal.require(source)
    monkeypatch.setenv("BENTO_TAG", made.tag)
    with pytest.raises(StageError, match=r"as it was packaged: its files are not those that its"):
        seal.require(source)
    shutil.rmtree(made.place / "env")
    with pytest.raises(StageError, match="it cannot be read"):
        seal.require(source)


def test_a_bento_of_another_model_than_the_registry_names_is_refused(made: SimpleNamespace) -> None:
    with pytest.raises(StageError, match=r"is not the model that the registry names"):
        bento.require(made.root, made.tag, {"model_md5": "0" * 32})


@pytest.mark.parametrize(
    ("tag", "value"),
    [("model_md5", "0" * 32), ("gate_verdict", "fail"), ("threshold", "0.9"), ("threshold", "x"),
     ("threshold", "nan"), ("features_md5", "0" * 32), ("schema_md5", "0" * 32)],
)  # fmt: skip
def test_a_bento_is_what_the_tags_of_its_version_name(
    tag: str, value: str, made: SimpleNamespace
) -> None:
    """Its own manifest and tag hold: whoever packages something else makes them anew."""
    assert named.damage(made.place, made.tag, made.tags, at_first=True) is None
    with pytest.raises(StageError, match="the registry"):
        bento.require(made.root, made.tag, made.tags | {tag: value})


@pytest.mark.parametrize("tag", ["git_commit", "serving_environment_md5"])
def test_what_may_be_renewed_is_compared_where_a_version_comes_from_elsewhere(
    tag: str, made: SimpleNamespace
) -> None:
    tags = made.tags | {tag: "0" * 32}
    bento.require(made.root, made.tag, tags)
    assert tag in str(named.damage(made.place, made.tag, tags, at_first=True))


def test_a_tag_of_another_name_is_refused(made: SimpleNamespace) -> None:
    other = made.tag.replace("name:", "other:")
    assert seal.tag_damage(made.place, other) == "release/release.json is of another name"


@pytest.mark.parametrize(
    "tag",
    ["", "x", "x:1", ":1-00000000", "x:1-0000000", "x" * 200, "x:1-0000000g", "x:01-00000000",
     "x:1-00000000\n", "x:../../../../ESC", "../x:1-00000000", "x/y:1-00000000", "X:1-00000000",
     "x:1-00000000/..", "..:1-00000000", "x:1-\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660"],
)  # fmt: skip
def test_no_other_tag_becomes_a_path(tag: str, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"is no tag of a Bento"):
        bento.folder(tmp_path, tag)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({}, "the gate did not pass it (its tag gate_verdict is missing)"),
        ({**STATED, "gate_verdict": "fail"}, "(its tag gate_verdict is fail)"),
        ({**STATED, "gate_verdict": "PASS"}, "(its tag gate_verdict is PASS)"),
        ({**STATED, "gate_verdict": "approved by me"}, "is approved by me)"),
        ({"gate_verdict": "pass"}, "it has no tag model_md5, git_commit, gate_md5"),
        ({**STATED, "gate_verdict": "pass", "model_md5": ""}, "it has no tag model_md5"),
        ({**STATED, "gate_verdict": "pass"}, "it has no tag window, features_md5, schema_md5"),
        ({**STATED, **ALL, "gate_verdict": "pass"}, "nothing proves that it passed"),
    ],
)  # fmt: skip
def test_a_version_that_the_gate_did_not_pass_is_refused_by_its_tags(
    tags: dict[str, str], words: str, tmp_path: Path
) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    found = refusal(tmp_path, registry.Version(3, tags, ""))
    assert words in str(found)


def test_a_model_other_than_its_record_names_is_not_loaded(release: Path, tmp_path: Path) -> None:
    folder = tmp_path / "release"
    shutil.copytree(release, folder)
    append(folder / "model.ubj")
    with pytest.raises(StageError, match=r"the model is .{32}, and release.json names "):
        Predictor(folder, load_schema(folder / "schema.yaml"), load_release(folder))


@pytest.mark.parametrize("verdict", ["fail", "", None])
def test_a_release_without_a_passing_verdict_is_not_loaded(
    verdict: str | None, release: Path, tmp_path: Path
) -> None:
    facts = json.loads((release / "release.json").read_text())
    write_json(tmp_path / "release.json", {**facts, "gate_verdict": verdict})
    with pytest.raises(StageError, match=r"release.json: gate_verdict: Input should be 'pass'"):
        load_release(tmp_path)


def test_a_worker_whose_files_were_changed_does_not_start(release: Path, tmp_path: Path) -> None:
    home = workers.make_home(release, tmp_path / "home")
    append(home / "release" / "schema.yaml")
    worker = workers.start(home, tmp_path, "changed")
    try:
        assert worker.process.wait(workers.START_SECONDS)
    finally:
        worker.process.kill()
        worker.process.wait()
    said = worker.output.read_text()
    assert "this Bento is not as it was packaged: release/schema.yaml is another" in said
