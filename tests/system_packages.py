"""Installs what the tests need of Debian's packages, however many of them ask at the same time.

Another program may be at it as well: a fresh machine looks for its own upgrades for minutes.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from baking import ROOT, run

SECONDS = 900
# dpkg waits for its own lock; for that of the lists apt ends at once, whatever it is told.
PATIENT = ("-o", f"DPkg::Lock::Timeout={SECONDS}")
TAKEN = ("Could not get lock", "Unable to acquire the dpkg", "Unable to lock")
# All of pytest's workers are known by one run, so that the lists are fetched once for all.
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))


def can_install() -> bool:
    """Say whether this machine has apt, and we may use it."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


@contextmanager
def _alone() -> Iterator[Path]:
    """Let one worker of this machine in; give it the file that says what was done last."""
    path = Path(tempfile.gettempdir()) / "cd4ml-tests-packages"
    with path.open("a+", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path


def apt(
    *arguments: str, variables: dict[str, str], seconds: float = SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run apt-get; whoever has one of its locks is waited for."""
    quiet = variables | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    deadline = time.monotonic() + seconds
    while True:
        done = run("apt-get", *PATIENT, *arguments, folder=ROOT, environment=quiet)
        taken = done.returncode and any(words in done.stderr for words in TAKEN)
        if not taken or time.monotonic() > deadline:
            return done
        time.sleep(1)


def install(needed: Mapping[str, str], variables: dict[str, str]) -> str | None:
    """Install the package of each program that is not there; return what apt complained of."""
    if all(map(shutil.which, needed)):
        return None
    with _alone() as state:
        missing = sorted({needed[name] for name in needed if not shutil.which(name)})
        if not missing:
            return None
        if state.read_text(encoding="utf-8") != RUN:
            done = apt("update", variables=variables)
            if done.returncode:
                return f"apt-get update failed: {done.stderr[-500:]}"
            state.write_text(RUN, encoding="utf-8")
        done = apt("install", "--yes", "--no-install-recommends", *missing, variables=variables)
        return f"apt-get install failed: {done.stderr[-500:]}" if done.returncode else None
