"""A release leads back to a commit, and only dvc.lock is committed on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import wait_for

from lifecycle import git
from lifecycle.command import StageError


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, of somebody who has told git no name."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "EMAIL", "GIT_AUTHOR_NAME",
                 "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "dvc.lock").write_text("first\n", encoding="utf-8")
    (folder / "code.py").write_text("first\n", encoding="utf-8")
    ask(folder, "init", "--quiet")
    ask(folder, "config", "user.useConfigOnly", "true")
    ask(folder, "add", "--all")
    ask(folder, "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "-qm", "First")
    return folder


def ask(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_clean_repository_gives_its_commit(repository: Path) -> None:
    before = ask(repository, "rev-parse", "HEAD")
    assert git.commit_lock(repository) == before == git.head(repository)


def test_a_changed_lock_is_committed_even_without_an_identity(repository: Path) -> None:
    before = git.head(repository)
    (repository / "dvc.lock").write_text("second\n", encoding="utf-8")
    commit = git.commit_lock(repository)
    assert commit != before
    assert ask(repository, "show", "--name-only", "--format=%an", commit).split() == [
        "lifecycle",
        "dvc.lock",
    ]
    assert git.changed(repository) == []


def test_a_new_lock_is_committed(repository: Path) -> None:
    ask(repository, "rm", "--quiet", "--cached", "dvc.lock")
    ask(repository, "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "-qm", "No lock")
    assert git.changed(repository) == ["dvc.lock"]
    git.commit_lock(repository)
    assert git.changed(repository) == []


def test_an_identity_that_is_configured_is_used(repository: Path) -> None:
    ask(repository, "config", "user.name", "Somebody")
    ask(repository, "config", "user.email", "somebody@localhost")
    (repository / "dvc.lock").write_text("second\n", encoding="utf-8")
    git.commit_lock(repository)
    assert ask(repository, "log", "-1", "--format=%an") == "Somebody"


@pytest.mark.parametrize("name", ["code.py", "new file.py", "ünusual.py"])
def test_anything_else_that_is_not_committed_is_refused(repository: Path, name: str) -> None:
    before = git.head(repository)
    (repository / "dvc.lock").write_text("second\n", encoding="utf-8")
    (repository / name).write_text("second\n", encoding="utf-8")
    with pytest.raises(StageError, match=f"^{name} not committed: .*git add -A && git commit"):
        git.commit_lock(repository)
    assert git.head(repository) == before
    assert git.changed(repository) == sorted(["dvc.lock", name])


def test_many_files_are_not_all_named(repository: Path) -> None:
    for number in range(9):
        (repository / f"new_{number}.py").write_text("", encoding="utf-8")
    with pytest.raises(StageError, match=r"new_4\.py and more not committed"):
        git.commit_lock(repository)


def test_both_names_of_a_renamed_file_are_given(repository: Path) -> None:
    ask(repository, "mv", "code.py", "other.py")
    assert git.changed(repository) == ["code.py", "other.py"]


def test_a_folder_without_a_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"git rev-parse failed"):
        git.head(tmp_path)


def test_a_commit_comes_to_its_end_though_its_caller_is_killed(repository: Path) -> None:
    """A git that is killed with it would leave its lock, at which the next release stops."""
    began, hook = repository / ".git" / "began", repository / ".git" / "hooks"
    hook.mkdir(exist_ok=True)
    # While it runs, git holds its locks.
    (hook / "reference-transaction").write_text(f"#!/bin/sh\ntouch '{began}'\nsleep 1\n")
    (hook / "reference-transaction").chmod(0o755)
    before = git.head(repository)
    (repository / "dvc.lock").write_text("second\n", encoding="utf-8")
    code = "from pathlib import Path; from lifecycle import git; git.commit_lock(Path.cwd())"
    caller = subprocess.Popen(
        [sys.executable, "-c", code], cwd=repository, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(git.__file__).parents[1])},
    )  # fmt: skip
    wait_for(began.exists, seconds=20)
    assert (repository / ".git" / "index.lock").exists()
    os.killpg(caller.pid, signal.SIGKILL)
    assert caller.wait() == -signal.SIGKILL
    wait_for(lambda: not (repository / ".git" / "index.lock").exists(), seconds=20)
    assert git.head(repository) != before
    assert git.changed(repository) == []


def test_a_lock_that_a_killed_git_left_is_named(repository: Path) -> None:
    (repository / "dvc.lock").write_text("second\n", encoding="utf-8")
    before, left = git.head(repository), repository / ".git" / "index.lock"
    left.touch()
    said = r"git add failed: fatal: .*/\.git/index\.lock': File exists\. .*: remove that file$"
    with pytest.raises(StageError, match=said):
        git.commit_lock(repository)
    assert git.head(repository) == before
    left.unlink()
    assert git.commit_lock(repository) != before


def test_the_reason_of_a_refused_push_is_not_gits_hint(repository: Path, tmp_path: Path) -> None:
    ask(repository, "clone", "--quiet", "--bare", str(repository), str(tmp_path / "remote"))
    ask(repository, "remote", "add", "origin", str(tmp_path / "remote"))
    first = git.head(repository)
    (repository / "dvc.lock").write_text("second\n", encoding="utf-8")
    git.commit_lock(repository)
    git.push_branch(repository, "retrain")
    ask(repository, "reset", "--quiet", "--hard", first)
    (repository / "dvc.lock").write_text("third\n", encoding="utf-8")
    git.commit_lock(repository)
    with pytest.raises(StageError, match=r"^git push failed: error: failed to push some refs"):
        git.push(repository, "HEAD:refs/heads/retrain")


def test_the_content_of_a_commit_is_read_and_exported(repository: Path, tmp_path: Path) -> None:
    first = git.head(repository)
    (repository / "dvc.lock").write_text("second\n", encoding="utf-8")
    second = git.commit_lock(repository)
    assert git.content(repository, first, "dvc.lock") == b"first\n"
    assert git.content(repository, second, "dvc.lock") == b"second\n"
    assert git.content(repository, first, "nowhere.py") is None
    assert git.has_commit(repository, first)
    assert not git.has_commit(repository, "0" * 40)
    target = tmp_path / "exported"
    target.mkdir()
    git.export(repository, first, target)
    assert sorted(path.name for path in target.iterdir()) == ["code.py", "dvc.lock"]
    assert (target / "dvc.lock").read_text(encoding="utf-8") == "first\n"


def test_a_clone_has_the_whole_repository_and_knows_the_projects_folder(
    repository: Path, tmp_path: Path
) -> None:
    assert git.prefix(repository) == ""
    inner = repository / "projects" / "flights"
    inner.mkdir(parents=True)
    (inner / "params.yaml").write_text("a: 1\n", encoding="utf-8")
    git.commit(repository, "A project in a folder", "projects")
    assert git.prefix(inner) == "projects/flights/"
    git.clone(inner, tmp_path / "clone")
    assert (tmp_path / "clone" / git.prefix(inner) / "params.yaml").is_file()
    assert git.head(tmp_path / "clone") == git.head(repository)


def test_without_a_repository_there_is_nothing_to_clone(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"git rev-parse failed: .*not a git repository"):
        git.prefix(tmp_path)
