"""The line to the supervisor: each question has its answer in seconds, or it hangs and is said to.

Nothing that waits is asked of it: whoever waits asks again and again how far it is.
"""

from __future__ import annotations

import http.client
import socket
import xmlrpc.client
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.serving.socket_path import reach

SECONDS = 5.0


class _Connection(http.client.HTTPConnection):
    """HTTP over the supervisor's socket, each step of which takes seconds at most."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def line(path: Path) -> Any:
    """Return what calls the supervisor's functions over the socket `path`; not connected yet.

    Each call may raise OSError, of what is not there, and
        StageError: it says nothing.
    """
    from supervisor.xmlrpc import SupervisorTransport

    class Transport(SupervisorTransport):
        def _get_connection(self) -> _Connection:
            return _Connection(reach(path))

        def request(self, *given: Any, **named: Any) -> Any:
            try:
                return super().request(*given, **named)
            # A connection that nobody takes is one of these as well, where too many wait for it.
            except (TimeoutError, BlockingIOError):
                self.close()
                raise StageError(
                    f"the supervisor said nothing for {SECONDS:.0f} s: run `make deploy`, which "
                    "ends it and starts another"
                ) from None

    transport = Transport(serverurl="unix://")
    # It keeps its own way in the instance.
    del transport.__dict__["_get_connection"]
    return xmlrpc.client.ServerProxy("http://supervisor", transport).supervisor
