"""A tag is a release only where its commit was let in and its record is of that commit."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lifecycle.contract.errors import StageError
from lifecycle.core.params import Params
from lifecycle.records import history, registry
from lifecycle.records.registry import Version

MODEL, OTHER = "1" * 32, "2" * 32
SHA256 = "a" * 64


def git(folder: Path, *arguments: str) -> str:
    somebody = (
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@localhost",
        "-c",
        "core.hooksPath=/dev/null",
    )
    done = subprocess.run(
        ["git", "-C", str(folder), *somebody, *arguments],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def commit(folder: Path, **files: str) -> str:
    """Commit files, whose names have an underscore for a dot, and return the commit."""
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Change")
    return git(folder, "rev-parse", "HEAD")


def lock(model: str, note: str = "") -> str:
    return f"stages:\n  train:\n    outs:\n    - path: models/model.ubj\n      md5: {model}\n{note}"


def record(folder: Path, at: str, **changes: Any) -> dict[str, Any]:
    """Return what a release at a commit writes down, with changes."""
    content = git(folder, "show", f"{at}:dvc.lock").encode() + b"\n"
    return {
        "git_commit": at, "model_md5": MODEL, "bundle_sha256": SHA256,
        "dvc_lock_md5": hashlib.md5(content, usedforsecurity=False).hexdigest(), **changes,
    }  # fmt: skip


def tag(folder: Path, name: str, at: str, message: Any) -> None:
    text = message if isinstance(message, str) else f"Version\n\n{json.dumps(message)}"
    git(folder, "tag", "--annotate", "--message", text, name, at)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """main with two commits, of which version 1 is a release; the second is checked out."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    first = commit(folder, code_py="first", dvc_lock=lock(MODEL))
    tag(folder, "model-1", first, record(folder, first))
    commit(folder, code_py="second")
    return folder


def numbers(folder: Path) -> list[int]:
    return [one.number for one in history.released(folder)]


def test_a_commit_of_main_is_a_release_with_its_bundles_hash(repository: Path) -> None:
    (release,) = history.released(repository)
    assert release.name == "model-1"
    assert release.bundle == SHA256
    assert "bundle_sha256" not in release.lineage


def test_a_commit_that_adds_the_lock_to_one_of_main_is_a_release(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "--detach", "main~1")
    made = commit(repository, dvc_lock=lock(MODEL, "# another run\n"))
    git(repository, "checkout", "--quiet", "main")
    tag(repository, "model-2", made, record(repository, made))
    assert numbers(repository) == [1, 2]


def test_a_record_from_before_hashes_were_kept_has_none(repository: Path) -> None:
    old = record(repository, git(repository, "rev-parse", "main"))
    del old["bundle_sha256"]
    tag(repository, "model-2", "main", old)
    assert [one.bundle for one in history.released(repository)] == [SHA256, ""]


def unmerged(folder: Path) -> str:
    git(folder, "checkout", "--quiet", "-b", "other")
    return commit(folder, code_py="evil")


def unmerged_lock(folder: Path) -> str:
    unmerged(folder)
    return commit(folder, dvc_lock=lock(MODEL, "# another\n"))


def lock_and_more(folder: Path) -> str:
    git(folder, "checkout", "--quiet", "-b", "other")
    return commit(folder, dvc_lock=lock(MODEL, "# another\n"), code_py="evil")


def renamed_to_lock(folder: Path) -> str:
    git(folder, "checkout", "--quiet", "-b", "other")
    git(folder, "mv", "--force", "code.py", "dvc.lock")
    return commit(folder, dvc_lock=lock(MODEL, "# another\n"))


def merge(folder: Path) -> str:
    unmerged(folder)
    git(folder, "checkout", "--quiet", "--detach", "main")
    git(folder, "merge", "--quiet", "--no-ff", "--message", "Merge", "other")
    return git(folder, "rev-parse", "HEAD")


def of_nothing(folder: Path) -> str:
    git(folder, "checkout", "--quiet", "--orphan", "other")
    return commit(folder, dvc_lock=lock(MODEL))


@pytest.mark.parametrize(
    "make", [unmerged, unmerged_lock, lock_and_more, renamed_to_lock, merge, of_nothing]
)
def test_a_commit_that_nobody_let_in_is_no_release(
    repository: Path, make: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its code would be run with the rights of a release: `make base` runs its pipeline."""
    made = make(repository)
    tag(repository, "model-99", made, record(repository, made))
    git(repository, "checkout", "--quiet", "--force", "main")
    assert numbers(repository) == [1]
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("history: the tag model-99 is not believed: its commit ")
    assert "is not on the default branch" in line


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"git_commit": "0" * 40}, "it stands at another commit than its record names"),
        ({"git_commit": "main"}, "it stands at another commit"),
        ({"model_md5": OTHER}, "names another model than its record"),
        ({"model_md5": ""}, "names another model than its record"),
        ({"dvc_lock_md5": OTHER}, "is not the one that its record names"),
        ({"dvc_lock_md5": 7}, "it holds no lineage"),
        ({"model_md5": ["x"]}, "it holds no lineage"),
        ("Version 99", "it holds no lineage"),
        ("Version\n\n[1]", "it holds no lineage"),
        ("Version\n\n{}", "it holds no lineage"),
        ("Version\n\nnull", "it holds no lineage"),
    ],
)  # fmt: skip
def test_a_record_that_does_not_match_is_no_release(
    repository: Path, message: Any, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if isinstance(message, dict):
        message = record(repository, git(repository, "rev-parse", "main"), **message)
    tag(repository, "model-99", "main", message)
    assert numbers(repository) == [1]
    assert reason in capsys.readouterr().out


def test_a_plain_tag_is_no_release(repository: Path) -> None:
    git(repository, "tag", "model-99", "main")
    assert numbers(repository) == [1]


def test_a_newer_release_is_believed_where_an_older_commit_is_checked_out(
    repository: Path, tmp_path: Path
) -> None:
    """A run that is started again works on the commit of then."""
    tag(repository, "model-2", "main", record(repository, git(repository, "rev-parse", "main")))
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(repository), str(clone))
    git(clone, "checkout", "--quiet", "--detach", "model-1")
    assert numbers(clone) == [1, 2]


def version(folder: Path, number: int, at: str) -> Version:
    tags = record(folder, git(folder, "rev-parse", at))
    del tags["bundle_sha256"]
    return Version(number, tags, "")


def test_what_is_recorded_is_believed_and_recording_it_again_changes_nothing(
    repository: Path,
) -> None:
    for _ in range(2):
        made = history.record(repository, version(repository, 2, "main"), "flights", "b" * 64)
        assert made == "model-2"
    assert [one.bundle for one in history.released(repository)] == [SHA256, "b" * 64]


def test_another_model_or_a_commit_that_nobody_let_in_is_not_tagged(repository: Path) -> None:
    other = version(repository, 1, "main~1")
    other.tags["model_md5"] = OTHER
    with pytest.raises(StageError, match="model-1 is of another model"):
        history.record(repository, other, "flights", SHA256)
    made = unmerged(repository)
    git(repository, "checkout", "--quiet", "main")
    with pytest.raises(StageError, match="is not on the default branch"):
        history.record(repository, version(repository, 2, made), "flights", SHA256)
    assert git(repository, "tag") == "model-1"


def test_a_tag_in_the_way_is_told_before_anything_is_released(repository: Path) -> None:
    git(repository, "tag", "model-2", "main")
    said = r"model-2 is in the way of version 2, and is no release: .*git push --delete origin"
    with pytest.raises(StageError, match=said):
        history.require_free(repository, 2)
    with pytest.raises(StageError, match=said):
        history.record(repository, version(repository, 2, "main"), "flights", SHA256)
    history.require_free(repository, 3)


def test_two_releases_at_the_same_time_give_no_number_twice(
    tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run has a registry of its own, made from the same tags."""
    given = []
    for number, folder in (("4", "a"), ("1700", "b"), ("", "a")):
        (tmp_path / folder).mkdir(exist_ok=True)
        # MLflow sets it to the registry that it was connected with.
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        monkeypatch.setenv("RELEASE_NUMBER", number)
        versions = registry.connect(tmp_path / folder, params)
        versions.adopt(1, {"model_md5": MODEL})
        history.reserve(tmp_path / folder, params)
        versions.adopt(int(number or 5), {"model_md5": OTHER})
        given.append([one.number for one in versions.all()])
    assert given == [[1, 4], [1, 1700], [1, 4, 5]]


@pytest.mark.parametrize("number", ["0", "-1", "seven", "1 2", "9" * 12])
def test_what_is_no_number_is_refused(
    tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("RELEASE_NUMBER", number)
    with pytest.raises(StageError, match=f"RELEASE_NUMBER={number} is no number"):
        history.reserve(tmp_path, params)
    assert list(tmp_path.iterdir()) == []
