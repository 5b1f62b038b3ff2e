"""The few questions that a release asks of git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.core.git_command import GitError, call

# A repository of this machine is read whatever else git may fetch from.
LOCAL = {"GIT_ALLOW_PROTOCOL": "file", "GIT_ATTR_NOSYSTEM": "1"}
# What a commit holds is copied whole, and as it is, whatever attributes its user gives to files.
COPIED = ("core.attributesFile=/dev/null", "core.autocrlf=false", "core.eol=lf", "tar.umask=0022")


def require_own(root: Path) -> None:
    """Let the project's folder be the top of a repository that git opens.

    Raises:
        StageError: it is not; what to type.
    """
    top = Path(os.fsdecode(call(root, "rev-parse", "--show-toplevel")).rstrip("\n"))
    if top.resolve() != root.resolve():
        raise StageError(
            f"{root} lies in the repository {top}, and a project is a repository of its own",
            "move it out of there (or let that one ignore it), then type `git init -b main && "
            "git add --all && git commit -m Begin` in it",
        )


def head(root: Path) -> str:
    """Return the commit that is checked out."""
    return call(root, "rev-parse", "--verify", "HEAD").decode().strip()


def commit_of(root: Path, reference: str) -> str | None:
    """Return the commit that a branch, tag or commit names, or None where there is none.

    Raises:
        StageError: git could not look.
    """
    options = ("--verify", "--quiet", "--end-of-options")
    found = _unless_no(root, "rev-parse", *options, reference + "^{commit}")
    return found.decode().split()[-1] if found else None


def _unless_no(root: Path, *arguments: str) -> bytes | None:
    """Return the answer to a question that git answers with 1 for no, and None for that one."""
    try:
        return call(root, *arguments)
    except GitError as error:
        # Whatever else stops it (rights, owner, settings, a broken object) is no answer.
        if error.code != 1:
            raise
        return None


def trusted(root: Path) -> list[str]:
    """Return the references whose commits were let in: what runs here, and the default branch."""
    remote = ("refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    return ["HEAD", *(name for name in remote if commit_of(root, name))]


def is_ancestor(root: Path, commit: str, reference: str) -> bool:
    """Say whether `reference` is `commit` or comes after it."""
    return _unless_no(root, "merge-base", "--is-ancestor", commit, reference) is not None


def parents(root: Path, commit: str) -> list[str]:
    """Return the commits that a commit was made on."""
    return call(root, "rev-list", "--parents", "--max-count=1", commit).decode().split()[1:]


def files_of(root: Path, commit: str) -> list[str]:
    """Return the files that a commit changed, as paths within the repository."""
    given = ("--no-commit-id", "--name-only", "--no-renames", "-r", "-z", commit)
    return [one for one in call(root, "diff-tree", *given).decode().split("\0") if one]


def moment(root: Path) -> str:
    """Return when the commit that is checked out was made."""
    return call(root, "log", "-1", "--format=%cI").decode().strip()


def push(root: Path, *references: str) -> None:
    """Push to the remote that the clone came from."""
    # In a workflow the token is gh's; without gh, git's own ways are tried.
    helper = "credential.helper=!gh auth git-credential"
    call(root, "push", "--quiet", "--no-follow-tags", "origin", *references, settings=[helper])


def push_branch(root: Path, branch: str) -> None:
    """Make this commit the head of the remote's `branch`, whatever that was."""
    push(root, "--force", f"HEAD:refs/heads/{branch}")


def changed(root: Path) -> list[str]:
    """Return the files that differ from the last commit, untracked ones included."""
    require_own(root)
    # With renames, an entry would be followed by the old name without a status before it.
    options = ("--porcelain", "--untracked-files=all", "--no-renames", "-z")
    status = call(root, "status", *options, "--", ".").decode()
    return sorted(entry[3:] for entry in status.split("\0") if len(entry) > 3)


def content(root: Path, commit: str, path: str) -> bytes | None:
    """Return a file's content at `commit`, or None where it is not there.

    Raises:
        StageError: git could not look, or what the commit names cannot be read.
    """
    if not has_commit(root, commit):
        return None
    for entry in call(root, "ls-tree", "-z", commit, "--", path).decode().split("\0"):
        described, _, found = entry.partition("\t")
        if found == path and described.split()[1] == "blob":
            # A file's own bytes: no setting of git changes them.
            return call(root, "cat-file", "blob", described.split()[2])
    return None


def has_commit(root: Path, commit: str) -> bool:
    """Say whether the repository has `commit`.

    Raises:
        StageError: git could not look.
    """
    return commit_of(root, commit) is not None


def prefix(root: Path) -> str:
    """Return the project's folder within its repository, empty where it is the whole of it."""
    return call(root, "rev-parse", "--show-prefix").decode().strip()


def clone(root: Path, target: Path) -> None:
    """Clone the project's repository to `target`, with no file in common."""
    whole = call(root, "rev-parse", "--show-toplevel").decode().strip()
    # Its user's templates and hooks are for repositories that people work in.
    options = ("--quiet", "--no-hardlinks", "--origin=origin", "--template=")
    settings = [*COPIED, "core.hooksPath=/dev/null", "core.symlinks=true"]
    call(root, "clone", *options, whole, str(target.resolve()), settings=settings, variables=LOCAL)


def tags(root: Path, pattern: str) -> list[str]:
    """Return the tags of the repository whose names match."""
    return call(root, "tag", "--list", pattern).decode().split()


def message(root: Path, tag: str) -> str:
    """Return an annotated tag's message, of a plain one its commit's."""
    return call(root, "tag", "--list", "--format=%(contents)", tag).decode()


def tag(root: Path, name: str, commit: str, text: str) -> None:
    """Make an annotated tag; where nobody has told git a name, as the lifecycle."""
    given = ("--annotate", "--message", text, name, commit)
    call(root, "tag", *given, settings=_identity(root))


def bundle(root: Path, target: Path) -> None:
    """Write the commits that no remote has into one file, if there are any."""
    new = ("HEAD", "--not", "--remotes")
    if call(root, "rev-list", "--max-count=1", *new):
        call(root, "bundle", "create", "--quiet", str(target), *new)


def fetch(root: Path, source: Path) -> None:
    """Take the commits in from such a file, or from another clone."""
    options = ("--quiet", "--no-tags", "--no-prune", "--no-recurse-submodules")
    call(root, "fetch", *options, str(source), "HEAD", variables=LOCAL)


def export(root: Path, commit: str, target: Path) -> None:
    """Write the project's tracked files as they were at `commit` below `target`."""
    # From the project's folder, `git archive` gives its part of the repository.
    archive = target / "archive.tar"
    given = ("archive", "--format=tar", commit)
    archive.write_bytes(call(root, *given, settings=COPIED, variables=LOCAL))
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
    call(root, "add", "--", *paths)
    given = ("--quiet", "--no-verify", "-m", subject, "--", *paths)
    call(root, "commit", *given, settings=_identity(root))


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
            call(root, "checkout", "--quiet", "HEAD", "--", path)
