"""The few questions that a release asks of git."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from lifecycle.command import StageError

# What changes the repository in milliseconds. In a session of its own it comes to its end though
# its caller is killed with everything around: it would leave a lock at which every git stops.
BRIEF = {"add", "checkout", "commit", "tag"}


def _git(root: Path, *arguments: str, settings: Sequence[str] = ()) -> bytes:
    configured = [word for one in settings for word in ("-c", one)]
    # A question takes no lock, which would stay behind if it were killed.
    command = ["git", "--no-optional-locks", "-C", str(root), *configured, *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, check=True, start_new_session=arguments[0] in BRIEF
        )
    except FileNotFoundError:
        raise StageError("git is not installed: a release needs a commit to lead back to") from None
    except subprocess.CalledProcessError as error:
        reason = _reason(error.stderr.decode(errors="replace"))
        raise StageError(f"git {arguments[0]} failed: {reason}") from None
    return done.stdout


def _reason(said: str) -> str:
    """Return the line in which git said why it stopped; hints may stand around it."""
    lines = said.strip().splitlines() or ["no message"]
    reason = next((line for line in lines if line.startswith(("fatal: ", "error: "))), lines[-1])
    if ".lock': File exists" in reason:
        reason += " If no git is at work here, one was killed: remove that file"
    return reason


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
