"""How git is called: alike however its user has set it, and its own reason where it refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lifecycle.contract.errors import StageError

# What changes the repository in milliseconds. In a session of its own it comes to its end though
# its caller is killed with everything around: it would leave a lock at which every git stops.
BRIEF = {"add", "checkout", "commit", "tag"}
# What may be signed, and the setting that asks for it.
SIGNED = {"commit": "commit.gpgSign", "tag": "tag.gpgSign"}
SIGN_SECONDS = 60
# However its user has set git: a question is answered alike, and what we make is made alike.
SETTINGS = ("color.ui=false", "column.ui=never", "core.fsmonitor=false", "core.quotePath=false",
            "log.showSignature=false", "tag.sort=refname", "i18n.commitEncoding=UTF-8",
            "i18n.logOutputEncoding=UTF-8")  # fmt: skip
# What it says where the caller's variables, by which git can be set, are broken.
BY_VARIABLES = ("GIT_CONFIG_", "command-line config")


class GitError(StageError):
    """Git refused: the code that it ended with, and its reason in one line."""

    def __init__(self, message: str, code: int) -> None:
        """Keep the code: with some questions, 1 is the answer no."""
        super().__init__(message)
        self.code = code


def call(
    root: Path,
    *arguments: str,
    settings: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> bytes:
    """Return what git prints, asked in the project's folder.

    Raises:
        GitError: it refuses; its reason, and what to type.
    """
    configured = [word for one in (*SETTINGS, *settings) for word in ("-c", one)]
    # A question takes no lock, which would stay behind if it were killed.
    command = ["git", "--no-optional-locks", "-C", str(root), *configured, *arguments]
    asks = _may_ask(root, arguments[0])
    # Its messages are read below.
    environment = {**os.environ, "LC_ALL": "C", **(variables or {})}
    if asks:
        environment.setdefault("GPG_TTY", os.ttyname(0))
    try:
        process = subprocess.Popen(
            command, stdin=None if asks or arguments[0] not in BRIEF else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
            start_new_session=arguments[0] in BRIEF and not asks,
        )  # fmt: skip
    except FileNotFoundError:
        raise StageError("git is not installed: a release needs a commit to lead back to") from None
    with process:
        output, said = _communicate(process, arguments[0], asks)
    if process.returncode:
        reason = _reason(said.decode(errors="replace"))
        raise GitError(f"git {arguments[0]} failed: {reason}", process.returncode)
    return output


def _may_ask(root: Path, name: str) -> bool:
    """Say whether git will sign, and somebody is there who can type the passphrase of a key."""
    if name not in SIGNED or not sys.stdin or not sys.stdin.isatty():
        return False
    return call(root, "config", "--type=bool", "--default=false", SIGNED[name]) == b"true\n"


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
            "its key waits for a passphrase",
            "run this in a terminal, or unlock the key first",
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
    if any(word in said for word in BY_VARIABLES):
        reason += ": unset GIT_CONFIG_COUNT and GIT_CONFIG_PARAMETERS, by which git is set here"
    if any(word in reason for word in ("is corrupt", "unable to read", "is empty")):
        reason += ": `git fsck` says what is broken; clone the repository anew"
    if "not a git repository" in reason:
        reason += ": type `git init -b main && git add --all && git commit -m Begin`"
    return reason
