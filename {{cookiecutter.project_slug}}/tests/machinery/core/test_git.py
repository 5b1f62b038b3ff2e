"""A release leads back to a commit, and only dvc.lock is committed on the way."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from waiting import wait_for

from lifecycle.contract.errors import StageError
from lifecycle.core import git, git_command


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
    code = "import pathlib; from lifecycle.core import git; git.commit_lock(pathlib.Path.cwd())"
    caller = subprocess.Popen(
        [sys.executable, "-c", code], cwd=repository, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(git.__file__).parents[2])},
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
    monkeypatch.setattr(git_command, "SIGN_SECONDS", 1)
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
        os.environ["PYTHONPATH"] = str(Path(git.__file__).parents[2])
        code = "import pathlib; from lifecycle.core import git; git.commit_lock(pathlib.Path.cwd())"
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
    ("status.showStash", "true"), ("status.short", "true"), ("tag.sort", "-refname"),
    ("column.tag", "always"), ("color.status", "always"), ("log.date", "raw"),
    ("format.pretty", "raw"), ("log.follow", "true"), ("core.abbrev", "4"),
    ("diff.renames", "copies"), ("diff.relative", "true"), ("diff.orderFile", "/nowhere"),
    ("core.ignoreCase", "true"), ("core.fileMode", "false"), ("index.version", "4"),
    ("feature.manyFiles", "true"), ("i18n.logOutputEncoding", "UTF-16"), ("gc.auto", "1"),
    ("submodule.recurse", "true"), ("fetch.prune", "true"), ("core.attributesFile", "{strange}"),
    ("diff.strange.textconv", "echo"), ("core.autocrlf", "input"), ("core.safecrlf", "true"),
])  # fmt: skip
def test_however_git_is_set_it_answers_alike(repository: Path, setting: tuple[str, str]) -> None:
    for name in ("one", "two"):
        ask(repository, "tag", name)
    (repository / "ünusual.py").write_text("", encoding="utf-8")

    def answers() -> list[object]:
        return [git.changed(repository), git.tags(repository, "*"), git.moment(repository),
                git.head(repository), git.content(repository, "HEAD", "code.py"),
                git.files_of(repository, "HEAD"), git.parents(repository, "HEAD"),
                git.message(repository, "one"), git.commit_of(repository, "two")]  # fmt: skip

    before = answers()
    strange = repository.parent / "attributes"
    strange.write_text("* diff=strange export-ignore\n", encoding="utf-8")
    ask(repository, "config", "diff.strange.textconv", "echo")
    ask(repository, "config", setting[0], setting[1].replace("{strange}", str(strange)))
    assert answers() == before


HOOK = "#!/bin/sh\ntouch {folder}/hooked\nexit 1\n"


@pytest.mark.parametrize("lines", [
    "[core]\nattributesFile = {folder}/attributes\n", "[tar]\numask = 0777\n",
    "[core]\nautocrlf = true\neol = crlf\n", "[protocol]\nallow = never\n",
    '[protocol "file"]\nallow = never\n', "[clone]\ndefaultRemoteName = elsewhere\n",
    "[init]\ntemplateDir = {folder}/template\ndefaultBranch = other\n",
    "[core]\nhooksPath = {folder}/template/hooks\n", "[core]\nsymlinks = false\n",
    "[fetch]\nprune = true\npruneTags = true\nfsckObjects = true\n",
    "[transfer]\nfsckObjects = true\n", "[uploadpack]\nhideRefs = refs/tags\n",
    "[submodule]\nrecurse = true\n[fetch]\nrecurseSubmodules = true\n",
])  # fmt: skip
def test_however_git_is_set_a_copy_is_alike(
    lines: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clone, an exported commit and what is fetched, for somebody with such a configuration."""
    (repository / "link").symlink_to("code.py")
    git.commit(repository, "A link", "link")
    first = git.head(repository)
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction"):
        (hooks / name).write_text(HOOK.format(folder=tmp_path), encoding="utf-8")
        (hooks / name).chmod(0o755)
    (tmp_path / "attributes").write_text("* export-ignore\n*.py eol=crlf\n", encoding="utf-8")
    (tmp_path / "gitconfig").write_text(lines.format(folder=tmp_path), encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    git.clone(repository, tmp_path / "clone")
    assert ask(tmp_path / "clone", "remote") == "origin"
    (tmp_path / "exported").mkdir()
    git.export(repository, first, tmp_path / "exported")
    for copy in (tmp_path / "clone", tmp_path / "exported"):
        assert (copy / "code.py").read_bytes() == b"first\n"
        assert (copy / "link").is_symlink()
        assert os.access(copy / "code.py", os.R_OK)
    assert not (tmp_path / "hooked").exists()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    (repository / "code.py").write_text("second\n", encoding="utf-8")
    git.commit(repository, "Second", "code.py")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    git.fetch(tmp_path / "clone", repository)
    assert git.has_commit(tmp_path / "clone", git.head(repository))


QUESTIONS = {
    "commit_of": lambda root, commit: git.commit_of(root, commit),
    "commit_of, not there": lambda root, _: git.commit_of(root, "refs/tags/nowhere"),
    "has_commit": lambda root, commit: git.has_commit(root, commit),
    "is_ancestor": lambda root, commit: git.is_ancestor(root, commit, "HEAD"),
    "content": lambda root, commit: git.content(root, commit, "code.py"),
    "content, not there": lambda root, commit: git.content(root, commit, "nowhere.py"),
    "restore": lambda root, _: git.restore(root, "code.py"),
}
UNABLE = {
    "an owner that git does not trust": (
        {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}, "dubious ownership.*safe\\.directory"),
    "a count that is none": (
        {"GIT_CONFIG_COUNT": "junk"}, "bogus count in GIT_CONFIG_COUNT: unset GIT_CONFIG_COUNT"),
    "a count without keys": (
        {"GIT_CONFIG_COUNT": "2"}, "missing config key GIT_CONFIG_KEY_0: unset GIT_CONFIG_COUNT"),
    "parameters that are none": (
        {"GIT_CONFIG_PARAMETERS": "junk"}, "bogus format in GIT_CONFIG_PARAMETERS: unset"),
    "a configuration that is none": (
        {"GIT_CONFIG_GLOBAL": "{folder}/broken"}, "bad config line 1 in file .*broken"),
    "a commit that is broken": ({}, "git fsck"),
    "no git": ({"PATH": "/nowhere"}, "git is not installed"),
}  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("case", UNABLE.values(), ids=UNABLE)
def test_what_git_cannot_look_up_is_not_absent(
    question: Callable[[Path, str], object], case: tuple[dict[str, str], str],
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It would say that a release's proof is gone, or remove a file that only cannot be read."""
    variables, said = case
    commit = git.head(repository)
    # Its second commit is whole.
    (repository / "dvc.lock").write_text("second\n", encoding="utf-8")
    (tmp_path / "broken").write_text("[core\n", encoding="utf-8")
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(folder=tmp_path))
    if not variables:
        broken = repository / ".git" / "objects" / commit[:2] / commit[2:]
        broken.chmod(0o644)
        broken.write_bytes(b"")
        if question is QUESTIONS["commit_of, not there"]:
            assert git.commit_of(repository, "refs/tags/nowhere") is None
            return
    with pytest.raises(StageError, match=said) as refused:
        question(repository, commit)
    assert "\n" not in str(refused.value)
    assert (repository / "code.py").exists()


@pytest.mark.parametrize(("reference", "there"), [
    ("HEAD", True), ("light", True), ("annotated", True), ("refs/tags/light", True),
    ("refs/tags/nowhere", False), ("nowhere", False), ("0" * 40, False), ("HEAD~7", False),
    ("--git-dir", False), ("a b", False), (".", False), ("HEAD:code.py", False),
    ("refs/remotes/origin/HEAD", False),
])  # fmt: skip
def test_a_commit_that_is_not_there_is_absent(
    repository: Path, reference: str, there: bool
) -> None:
    ask(repository, "tag", "light")
    git.tag(repository, "annotated", "HEAD", "Text")
    ask(repository, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    assert git.commit_of(repository, reference) == (git.head(repository) if there else None)
    assert git.content(repository, reference, "nowhere.py") is None
    assert git.content(repository, "HEAD", reference) is None


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
