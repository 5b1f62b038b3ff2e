"""The processes of an environment, found by a variable that each of them has.

Sockets, notes and process ids in files can be lost; what runs and holds the port is found anyway.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

import psutil

# The folder of the sockets that a process belongs to; of the port's holder, the one above.
MARK = "LIFECYCLE_SOCKETS"
# The program that the supervisor runs as.
SUPERVISOR = "supervise.py"
END_SECONDS = 45.0


def processes(folder: Path) -> dict[psutil.Process, Path]:
    """Return what runs for the environment whose state is in `folder`, with each one's mark.

    They belong to it if it was moved while they ran, but not to a copy of it.
    """
    here, found = folder.resolve(), {}
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            mark = one.environ().get(MARK)
            if mark is None or one.status() == psutil.STATUS_ZOMBIE:
                continue
            noted = Path(mark)
            if here in (noted, noted.parent) or _moved_along(one, noted, here):
                found[one] = noted
    return found


def _moved_along(one: psutil.Process, noted: Path, here: Path) -> bool:
    """Say whether a process works in this project, though its mark is of a folder that is gone."""
    root, where = here.parents[1], Path(one.cwd())
    is_of = here.name in (noted.name, noted.parent.name)
    return is_of and not noted.exists() and (root == where or root in where.parents)


def is_program(one: psutil.Process, name: str) -> bool:
    """Say whether a process was started with `name` as the last part of an argument."""
    with contextlib.suppress(psutil.Error, OSError):
        return any(Path(part).name == name for part in one.cmdline())
    return False


def is_holder(one: psutil.Process) -> bool:
    """Say whether a process keeps the port for others: see `listening`."""
    return is_program(one, "listening.py") and is_program(one, "hold")


def is_supervisor(one: psutil.Process) -> bool:
    """Say whether a process is the supervisor, which starts the others."""
    return is_program(one, SUPERVISOR)


def listened(found: Iterable[psutil.Process]) -> set[int]:
    """Return the ports that processes listen on."""
    ports = set()
    for one in found:
        with contextlib.suppress(psutil.Error, OSError):
            ports |= {
                each.laddr.port
                for each in one.net_connections("inet")
                if each.status == psutil.CONN_LISTEN
            }
    return ports


def place(one: psutil.Process) -> Path | None:
    """Return the folder that a process runs in, None where that is gone."""
    with contextlib.suppress(psutil.Error, OSError):
        found = Path(one.cwd())
        return found if found.is_dir() else None
    return None


def kill(one: psutil.Process) -> None:
    """End a process at once and wait for it."""
    with contextlib.suppress(psutil.Error):
        one.kill()
        one.wait(END_SECONDS)


def end(found: Iterable[psutil.Process]) -> None:
    """End processes and wait for it; those that do not go by themselves are killed."""
    waiting = list(found)
    for one in waiting:
        with contextlib.suppress(psutil.Error):
            one.terminate()
            # A process that was stopped takes no signal but this one.
            one.resume()
    _, left = psutil.wait_procs(waiting, timeout=END_SECONDS)
    for one in left:
        kill(one)
