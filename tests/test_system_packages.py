"""Packages of the system are installed though another program is at it."""

import fcntl
import threading
from pathlib import Path

import psutil
import pytest
import system_packages
from baking import clean_environment, run
from projects import wait_until

# One program takes both, as unattended upgrades do.
LOCKS = {
    "install": Path("/var/lib/dpkg/lock-frontend"),
    "update": Path("/var/lib/apt/lists/lock"),
}
# Is on every Debian: nothing is changed.
WORDS = {"install": ("install", "--yes", "tar"), "update": ("update",)}


def asked() -> bool:
    """Say whether we have started apt-get, and it has looked at its locks."""
    return any(one.name() == "apt-get" for one in psutil.Process().children(recursive=True))


@pytest.mark.slow
@pytest.mark.parametrize("step", LOCKS)
def test_whoever_has_the_lock_is_waited_for(step: str, tmp_path: Path) -> None:
    if not system_packages.can_install():
        pytest.skip("NOT TESTED: needs root and apt-get")
    variables = clean_environment(tmp_path / "home")
    found = []
    with LOCKS[step].open("a") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        refused = run("apt-get", *WORDS[step], folder=tmp_path, environment=variables)
        assert refused.returncode != 0, "the lock is none: nothing would be tested"
        waiting = threading.Thread(
            target=lambda: found.append(
                system_packages.apt(*WORDS[step], variables=variables, seconds=60)
            )
        )
        waiting.start()
        wait_until(asked, "apt-get was not started")
        assert waiting.is_alive()
        fcntl.lockf(lock, fcntl.LOCK_UN)
        waiting.join()
    (done,) = found
    assert done.returncode == 0, done.stderr


def test_what_is_there_is_not_installed(tmp_path: Path) -> None:
    # Without apt on the path, anything more than a look would fail.
    assert system_packages.install({"ls": "no-such-package"}, {"PATH": str(tmp_path)}) is None
