"""Upstream tries the newest versions that the ranges allow, in a copy: nothing here changes.

The copy is a clone of the commit below build/; its locks are renewed, then it goes through checks,
tests and the whole lifecycle. What was tried, and where it broke, is in reports/upstream.md.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_text
from lifecycle.core import git, outputs
from lifecycle.core.command import project_root
from lifecycle.release import sbom

COPY, REPORT = Path("build/upstream"), Path("reports/upstream.md")
# All that `make lock` writes; of several remotes' locks, an owner has only his own.
LOCKS = ("requirements/*.txt", "deploy/*/requirements.txt")
STEPS = ("lock", "check", "test", "lifecycle")
# Of this project's own environments; the copy makes its own.
LEFT_OUT = ("VENV", "SERVING_VENV", "SERVING_PYTHON", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
# Of what others use: a trial registers and serves in its copy alone.
SHARED = ("MLFLOW_TRACKING_URI", "DVC_REMOTE_URL", "ENV", "LIFECYCLE_ENVIRONMENT", "API_KEYS")
LAST_LINES = 30


def changed(before: Path, after: Path) -> list[str]:
    """Return a line for each package that a lock pins otherwise than another."""
    old, new = (
        {(name, marker): version for name, version, marker, _ in sbom.read_lock(path)}
        for path in (before, after)
    )
    return [
        f"{name} {old.get((name, marker), 'none')} → {new.get((name, marker), 'none')}"
        for name, marker in sorted(old.keys() | new.keys())
        if old.get((name, marker)) != new.get((name, marker))
    ]


def newer(root: Path, copy: Path) -> list[str]:
    """Return a line for each package that the copy's locks pin otherwise."""
    locks = [path.relative_to(copy) for pattern in LOCKS for path in sorted(copy.glob(pattern))]
    lines = {line for name in locks for line in changed(root / name, copy / name)}
    return sorted(lines)


def step(copy: Path, target: str) -> str | None:
    """Run one make target in the copy; return its last lines where it fails."""
    variables = {k: v for k, v in os.environ.items() if k not in (*LEFT_OUT, *SHARED)}
    if target == "lock":
        # Nothing of the new versions is needed to find them.
        serving = Path(os.environ["SERVING_PYTHON"]).parents[1]
        variables |= {"VENV": sys.prefix, "SERVING_VENV": str(serving)}
    done = subprocess.run(
        ["make", "--no-print-directory", target], cwd=copy, env=variables, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    print(done.stdout, end="", flush=True)
    return "\n".join(done.stdout.splitlines()[-LAST_LINES:]) if done.returncode else None


def upstream(root: Path) -> None:
    """Try everything in the copy; write the report.

    Raises:
        StageError: naming the first step that fails.
    """
    copy, report = root / COPY, root / REPORT
    shutil.rmtree(copy, ignore_errors=True)
    git.clone(root, copy)
    # Its models go to a remote of its own.
    remote = f"['remote \"storage\"']\n    url = {copy / '.dvc' / 'trial'}\n"
    write_text(copy / ".dvc" / "config.local", remote)
    news: list[str] = []
    # What the lifecycle has started, where the part that serves is there.
    stop = ["stop"] if (copy / "make/rollout.mk").is_file() else []
    for target in (*STEPS, *stop):
        said = step(copy, target)
        if target == "lock" and said is None:
            news = newer(root, copy)
            # A release leads back to a commit, in the copy as well.
            if locks := git.changed(copy):
                git.commit(copy, "Newest versions", *locks)
        if said is not None:
            text = f"`make {target}` fails with the newest versions.\n\n```\n{said}\n```\n"
            _write(report, text, news)
            raise StageError(f"make {target} fails with the newest versions (see {REPORT})")
    _write(report, "All passes with the newest versions: commit what `make lock` makes.", news)


def _write(path: Path, text: str, news: list[str]) -> None:
    lines = "".join(f"- {line}\n" for line in news) or "- nothing\n"
    whole = f"{text.rstrip()}\n\nWhat is newer than in the locks:\n\n{lines}"
    write_text(path, whole)
    outputs.summarise(whole)


def main() -> None:
    """Try, and say how it went."""
    upstream(project_root())
    print(f"upstream: everything passes with the newest versions (see {REPORT})")
