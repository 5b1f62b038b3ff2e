"""A release leads back to a commit, and only dvc.lock is committed on the way."""

from __future__ import annotations

import contextlib
import os
import pty
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


def lock_to_sign(repository: Path, program: str) -> None:
    """Let commits be signed by a program of ours, and leave one to be made."""
    script = repository.parent / "sign"
    script.write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
    script.chmod(0o755)
    for key, value in (("commit.gpgSign", "true"), ("gpg.program", str(script))):
        ask(repository, "config", key, value)
    (repository / "dvc.lock").write_text("second\n", encoding="utf-8")


def test_a_key_that_cannot_be_asked_for_is_named(repository: Path) -> None:
    lock_to_sign(repository, "exit 2")
    before = git.head(repository)
    with pytest.raises(StageError, match=r"^git commit failed: error: gpg failed .*: unlock the"):
        git.commit_lock(repository)
    assert git.head(repository) == before


def test_what_signs_and_waits_for_nobody_is_ended(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_to_sign(repository, "exec sleep 600")
    before = git.head(repository)
    monkeypatch.setattr(git, "SIGN_SECONDS", 1)
    with pytest.raises(StageError, match=r"did not end within 1 seconds; where commit\.gpgSign is"):
        git.commit_lock(repository)
    assert git.head(repository) == before
    assert not (repository / ".git" / "index.lock").exists()


def test_where_there_is_a_terminal_it_is_asked_there(repository: Path) -> None:
    """As gpg's and ssh's own programs do: on the terminal, whatever the outputs are."""
    answer = repository.parent / "answer"
    lock_to_sign(repository, "\n".join([
        "printf 'Passphrase: ' > /dev/tty",
        f"read -r typed < /dev/tty; echo \"$typed\" > '{answer}'",
        "test -n \"$GPG_TTY\" && cat > /dev/null || exit 1",
        "echo '[GNUPG:] SIG_CREATED ' >&2; echo signed",
    ]))  # fmt: skip
    before = git.head(repository)
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(repository)
        os.environ["PYTHONPATH"] = str(Path(git.__file__).parents[1])
        code = "from pathlib import Path; from lifecycle import git; git.commit_lock(Path.cwd())"
        os.execv(sys.executable, [sys.executable, "-c", code])
    shown = b""
    while b"Passphrase: " not in shown:
        shown += os.read(terminal, 1000)
    os.write(terminal, b"secret\n")
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 1000):
            shown += part
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, shown.decode()
    os.close(terminal)
    assert answer.read_text(encoding="utf-8") == "secret\n"
    assert git.head(repository) != before


@pytest.mark.parametrize("setting", [
    ("color.ui", "always"), ("column.ui", "always"), ("core.quotePath", "true"),
    ("status.relativePaths", "false"), ("log.showSignature", "true"),
    ("core.fsmonitor", "/nowhere/monitor"), ("diff.noprefix", "true"),
    ("status.showUntrackedFiles", "no"), ("status.branch", "true"), ("core.autocrlf", "true"),
])  # fmt: skip
def test_however_git_is_set_it_answers_alike(repository: Path, setting: tuple[str, str]) -> None:
    for name in ("one", "two"):
        ask(repository, "tag", name)
    (repository / "ünusual.py").write_text("", encoding="utf-8")

    def answers() -> list[object]:
        return [git.changed(repository), git.tags(repository, "*"), git.moment(repository),
                git.head(repository), git.content(repository, "HEAD", "code.py")]  # fmt: skip

    before = answers()
    ask(repository, "config", *setting)
    assert answers() == before


def test_a_folder_in_another_repository_is_refused(repository: Path) -> None:
    inside = repository / "inside"
    inside.mkdir()
    said = rf"inside lies in the repository {repository}, .*git init"
    with pytest.raises(StageError, match=said):
        git.changed(inside)


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
