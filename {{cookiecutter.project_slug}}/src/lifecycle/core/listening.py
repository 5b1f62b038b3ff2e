"""Starts programs on their sockets, and keeps the port's socket while nobody else has it.

`listening.py start PROGRAM.json NUMBER` becomes a program whose socket is descriptor 0. It runs in
the folder of sockets and uses names relative to it: a path to a socket may have no more than 107
characters. `listening.py hold`, in the environment's folder, keeps the listening socket of the
port, hands it out, and ends when it is told to. It does nothing else, so that it outlives proxy and
supervisor: while those are started again, new connections wait. It is run by its path, with the
standard library alone.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import Any

HOLDER = "holder.sock"
# What the holder is told instead of an address.
END = "end"
# Where a program's number stands in its command, if several share a socket.
NUMBER = "@NUMBER@"
SECONDS = 5.0


def _bound(name: str) -> socket.socket:
    """Return a unix socket in this folder that nobody else may connect to."""
    Path(name).unlink(missing_ok=True)
    found = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    found.bind(name)
    os.umask(before)
    found.listen(1024)
    return found


def _open(host: str, port: int) -> socket.socket:
    """Return a new socket for an address, which it may share with another one of this user."""
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        found.bind((host, port))
        found.listen(1024)
    except OSError:
        found.close()
        raise
    return found


def ask(holder: str, host: str, port: int) -> tuple[dict[str, Any], socket.socket | None]:
    """Ask the holder behind a socket for an address; return what it says and the socket.

    Raises:
        OSError: nobody answers.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(holder)
        connection.sendall(json.dumps([host, port]).encode() + b"\n")
        said, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
    if not said:
        raise ConnectionResetError("it hung up")
    return json.loads(said), socket.socket(fileno=descriptors[0]) if descriptors else None


def dismiss(holder: str) -> bool:
    """Let the holder behind a socket end, and wait until it has; return whether there was one."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        try:
            connection.connect(holder)
            connection.sendall(json.dumps(END).encode() + b"\n")
            # It hangs up by ending: its sockets are closed then.
            return connection.recv(1) == b""
        except OSError:
            return False


def _held(holder: str, host: str, port: int) -> socket.socket:
    """Return the socket that the holder keeps, or another one for its address where it died."""
    try:
        said, found = ask(holder, host, port)
    except OSError as error:
        print(f"listening: the holder of the port does not answer ({error})", file=sys.stderr)
        return _open(host, port)
    if found is None:
        raise SystemExit(f"listening: Error: cannot listen on {host}:{port} ({said['error']})")
    return found


def start(path: str, number: str) -> None:
    """Become a program."""
    program = json.loads(Path(path).read_text(encoding="utf-8"))
    place = program["socket"]
    if place is not None:
        found = _bound(place) if isinstance(place, str) else _held(*place)
        os.dup2(found.fileno(), 0)
    if program["folder"] is not None:
        os.chdir(program["folder"])
    command = [part.replace(NUMBER, number) for part in program["command"]]
    os.execve(command[0], command, {**os.environ, **program["variables"]})  # noqa: S606


class AskedAgainError(Exception):
    """The file of the holder's socket is gone, and is to be made again."""


class Holder:
    """One address and its socket."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self.address: list[object] = []
        self.held: socket.socket | None = None

    def answer(self, connection: socket.socket) -> None:
        """Hand out the socket of the address that is asked for; it takes the place of another."""
        connection.settimeout(SECONDS)
        asked = json.loads(connection.makefile().readline())
        if asked == END:
            if self.held is not None:
                self.held.close()
            raise SystemExit
        host, port = asked
        is_new = self.address != [host, port]
        if is_new:
            try:
                opened = _open(host, port)
            except OSError as error:
                connection.sendall(json.dumps({"error": os.strerror(error.errno or 0)}).encode())
                return
            if self.held is not None:
                self.held.close()
            self.held, self.address = opened, [host, port]
        assert self.held is not None
        socket.send_fds(connection, [json.dumps({"is_new": is_new}).encode()], [self.held.fileno()])

    def serve(self) -> None:
        """Answer until the process is ended."""
        with _bound(HOLDER) as door:
            while True:
                connection, _ = door.accept()
                with connection:
                    try:
                        self.answer(connection)
                    except (OSError, TypeError, ValueError):
                        # Whoever asked has gone, or asked for nonsense.
                        continue


def hold() -> None:
    """Keep the port; a hang-up signal makes the socket anew by which one asks for it."""

    def again(number: int, frame: FrameType | None) -> None:
        raise AskedAgainError

    signal.signal(signal.SIGHUP, again)
    holder = Holder()
    while True:
        try:
            holder.serve()
        except AskedAgainError:
            continue


if __name__ == "__main__":
    if sys.argv[1:] == ["hold"]:
        hold()
    else:
        start(*sys.argv[2:])
