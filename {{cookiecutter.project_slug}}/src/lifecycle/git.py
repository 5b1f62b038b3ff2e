"""The few questions that a release asks of git."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lifecycle.command import StageError

# What changes the repository in milliseconds. In a session of its own it comes to its end though
# its caller is killed with everything around: it would leave a lock at which every git stops.
BRIEF = {"add", "checkout", "commit", "tag"}
# What may be signed, and the setting that asks for it.
SIGNED = {"commit": "commit.gpgSign", "tag": "tag.gpgSign"}
SIGN_SECONDS = 60
# However its user has set git: a question is answered alike.
SETTINGS = ("color.ui=false", "column.ui=never", "core.fsmonitor=false", "core.quotePath=false",
            "log.showSignature=false")  # fmt: skip


def _git(root: Path, *arguments: str, settings: Sequence[str] = ()) -> bytes:
    configured = [word for one in (*SETTINGS, *settings) for word in ("-c", one)]
    # A question takes no lock, which would stay behind if it were killed.
    command = ["git", "--no-optional-locks", "-C", str(root), *configured, *arguments]
    asks = _may_ask(root, arguments[0])
    # Its messages are read below.
    variables = {**os.environ, "LC_ALL": "C"}
    if asks:
        variables.setdefault("GPG_TTY", os.ttyname(0))
    try:
        process = subprocess.Popen(
            command, stdin=None if asks or arguments[0] not in BRIEF else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables,
            start_new_session=arguments[0] in BRIEF and not asks,
        )  # fmt: skip
    except FileNotFoundError:
        raise StageError("git is not installed: a release needs a commit to lead back to") from None
    with process:
        output, said = _communicate(process, arguments[0], asks)
    if process.returncode:
        reason = _reason(said.decode(errors="replace"))
        raise StageError(f"git {arguments[0]} failed: {reason}")
    return output


def _may_ask(root: Path, name: str) -> bool:
    """Say whether git will sign, and somebody is there who can type the passphrase of a key."""
    if name not in SIGNED or not sys.stdin or not sys.stdin.isatty():
        return False
    return _git(root, "config", "--type=bool", "--default=false", SIGNED[name]) == b"true\n"


def _communicate(process: subprocess.Popen[bytes], name: str, asks: bool) -> tuple[bytes, bytes]:
    """Wait for git; what signs for it and waits for nobody is ended.

    Raises:
        StageError: it was ended.
    """
    try:
        return process.communicate(timeout=SIGN_SECONDS if name in SIGNED and not asks else None)
    except subprocess.TimeoutExpired:
        # It has a session, and so a group, of its own; git removes its lock at this signal.
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate()
        raise StageError(
            f"git {name} did not end within {SIGN_SECONDS} seconds; where {SIGNED[name]} is set, "
            "its key waits for a passphrase: run this in a terminal, or unlock the key first"
        ) from None


def _reason(said: str) -> str:
    """Return the line in which git said why it stopped; hints may stand around it."""
    lines = said.strip().splitlines() or [
        "without a word; was it a hook (git config core.hooksPath)?"
    ]
    reason = next((line for line in lines if line.startswith(("fatal: ", "error: "))), lines[-1])
    if ".lock': File exists" in reason:
        reason += " If no git is at work here, one was killed: remove that file"
    if any(word in said for word in ("failed to write commit object", "unable to sign the tag")):
        reason += ": unlock the key that signs, or type this in a terminal, where it can ask"
    if "dubious ownership" in reason:
        reason += ": type `git config --global --add safe.directory` and that folder"
    if "not a git repository" in reason:
        reason += ": type `git init -b main && git add --all && git commit -m Begin`"
    return reason


def require_own(root: Path) -> None:
    """Let the project's folder be the top of a repository that git opens.

    Raises:
        StageError: it is not; what to type.
    """
    top = Path(os.fsdecode(_git(root, "rev-parse", "--show-toplevel")).rstrip("\n"))
    if top.resolve() != root.resolve():
        raise StageError(
            f"{root} lies in the repository {top}, and a project is a repository of its own: move "
            "it out of there (or let that one ignore it), then type `git init -b main && "
            "git add --all && git commit -m Begin` in it"
        )


def head(root: Path) -> str:
    """Return the commit that is checked out."""
    return _git(root, "rev-parse", "--verify", "HEAD").decode().strip()


def commit_of(root: Path, reference: str) -> str | None:
    """Return the commit that a branch, tag or commit names, or None."""
    try:
        found = _git(root, "rev-parse", "--verify", "--end-of-options", reference + "^{commit}")
        return found.decode().split()[-1]
    except StageError:
        return None


def trusted(root: Path) -> list[str]:
    """Return the references whose commits were let in: what runs here, and the default branch."""
    remote = ("refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    return ["HEAD", *(name for name in remote if commit_of(root, name))]


def is_ancestor(root: Path, commit: str, reference: str) -> bool:
    """Say whether `reference` is `commit` or comes after it."""
    try:
        _git(root, "merge-base", "--is-ancestor", commit, reference)
    except StageError:
        return False
    return True


def parents(root: Path, commit: str) -> list[str]:
    """Return the commits that a commit was made on."""
    return _git(root, "rev-list", "--parents", "--max-count=1", commit).decode().split()[1:]


def files_of(root: Path, commit: str) -> list[str]:
    """Return the files that a commit changed, as paths within the repository."""
    given = ("--no-commit-id", "--name-only", "--no-renames", "-r", "-z", commit)
    return [one for one in _git(root, "diff-tree", *given).decode().split("\0") if one]


def moment(root: Path) -> str:
    """Return when the commit that is checked out was made."""
    return _git(root, "log", "-1", "--format=%cI").decode().strip()


def push(root: Path, *references: str) -> None:
    """Push to the remote that the clone came from."""
    # In a workflow the token is gh's; without gh, git's own ways are tried.
    helper = "credential.helper=!gh auth git-credential"
    _git(root, "push", "--quiet", "origin", *references, settings=[helper])


def push_branch(root: Path, branch: str) -> None:
    """Make this commit the head of the remote's `branch`, whatever that was."""
    push(root, "--force", f"HEAD:refs/heads/{branch}")


def changed(root: Path) -> list[str]:
    """Return the files that differ from the last commit, untracked ones included."""
    require_own(root)
    # With renames, an entry would be followed by the old name without a status before it.
    options = ("--porcelain", "--untracked-files=all", "--no-renames", "-z")
    status = _git(root, "status", *options, "--", ".").decode()
    return sorted(entry[3:] for entry in status.split("\0") if len(entry) > 3)


def content(root: Path, commit: str, path: str) -> bytes | None:
    """Return a file's content at `commit`, or None where it is not there."""
    try:
        return _git(root, "show", f"{commit}:./{path}")
    except StageError:
        return None


def has_commit(root: Path, commit: str) -> bool:
    """Say whether the repository has `commit`."""
    try:
        _git(root, "cat-file", "-e", commit + "^{commit}")
    except StageError:
        return False
    return True


def prefix(root: Path) -> str:
    """Return the project's folder within its repository, empty where it is the whole of it."""
    return _git(root, "rev-parse", "--show-prefix").decode().strip()


def clone(root: Path, target: Path) -> None:
    """Clone the project's repository to `target`, with no file in common."""
    whole = _git(root, "rev-parse", "--show-toplevel").decode().strip()
    _git(root, "clone", "--quiet", "--no-hardlinks", whole, str(target.resolve()))


def tags(root: Path, pattern: str) -> list[str]:
    """Return the tags of the repository whose names match."""
    return _git(root, "tag", "--list", pattern).decode().split()


def message(root: Path, tag: str) -> str:
    """Return an annotated tag's message, of a plain one its commit's."""
    return _git(root, "tag", "--list", "--format=%(contents)", tag).decode()


def tag(root: Path, name: str, commit: str, text: str) -> None:
    """Make an annotated tag; where nobody has told git a name, as the lifecycle."""
    given = ("--annotate", "--message", text, name, commit)
    _git(root, "tag", *given, settings=_identity(root))


def bundle(root: Path, target: Path) -> None:
    """Write the commits that no remote has into one file, if there are any."""
    new = ("HEAD", "--not", "--remotes")
    if _git(root, "rev-list", "--max-count=1", *new):
        _git(root, "bundle", "create", "--quiet", str(target), *new)


def fetch(root: Path, source: Path) -> None:
    """Take the commits in from such a file, or from another clone."""
    _git(root, "fetch", "--quiet", "--no-tags", str(source), "HEAD")


def export(root: Path, commit: str, target: Path) -> None:
    """Write the project's tracked files as they were at `commit` below `target`."""
    # From the project's folder, `git archive` gives its part of the repository.
    archive = target / "archive.tar"
    archive.write_bytes(_git(root, "archive", "--format=tar", commit))
    subprocess.run(["tar", "-xf", str(archive), "-C", str(target)], check=True)
    archive.unlink()


def commit_lock(root: Path) -> str:
    """Return the commit a release leads back to, committing dvc.lock where only it has changed.

    Raises:
        StageError: anything else is uncommitted: a model of unknown code is not released.
    """
    dirty = changed(root)
    others = [path for path in dirty if path != "dvc.lock"]
    if others:
        raise StageError(
            f"{', '.join(others[:5])}{' and more' if len(others) > 5 else ''} not committed: "
            "a release leads back to a commit, so type `git add -A && git commit` first"
        )
    if dirty:
        commit(root, "Record the pipeline's data and model in dvc.lock", "dvc.lock")
    return head(root)


def commit(root: Path, subject: str, *paths: str) -> None:
    """Commit exactly `paths`; where nobody has told git a name, as the lifecycle."""
    _git(root, "add", "--", *paths)
    given = ("--quiet", "--no-verify", "-m", subject, "--", *paths)
    _git(root, "commit", *given, settings=_identity(root))


def _identity(root: Path) -> list[str]:
    if subprocess.run(["git", "-C", str(root), "var", "GIT_COMMITTER_IDENT"],
                      capture_output=True, check=False).returncode:  # fmt: skip
        return ["user.name=lifecycle", "user.email=lifecycle@localhost"]
    return []


def restore(root: Path, *paths: str) -> None:
    """Bring `paths` back to what the last commit has; what it does not have is removed."""
    for path in paths:
        if content(root, "HEAD", path) is None:
            (root / path).unlink(missing_ok=True)
        else:
            _git(root, "checkout", "--quiet", "HEAD", "--", path)
