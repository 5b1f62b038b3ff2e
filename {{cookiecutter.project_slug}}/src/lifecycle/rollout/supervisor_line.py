"""The line to the supervisor: each question has its answer in seconds, or it hangs and is said to.

Nothing that waits is asked of it: whoever waits asks again and again how far it is.
"""

from __future__ import annotations

import xmlrpc.client
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.core.direct_http import Connection
from lifecycle.serving.socket_path import reach

SECONDS = 5.0


def line(path: Path) -> Any:
    """Return what calls the supervisor's functions over the socket `path`; not connected yet.

    Each call may raise OSError, of what is not there, and
        StageError: it says nothing.
    """
    from supervisor.xmlrpc import SupervisorTransport

    class Transport(SupervisorTransport):
        def _get_connection(self) -> Connection:
            return Connection(reach(path), SECONDS)

        def request(self, *given: Any, **named: Any) -> Any:
            try:
                return super().request(*given, **named)
            # A connection that nobody takes is one of these as well, where too many wait for it.
            except (TimeoutError, BlockingIOError):
                self.close()
                raise StageError(
                    f"the supervisor said nothing for {SECONDS:.0f} s",
                    "run `make deploy`, which ends it and starts another",
                ) from None

    transport = Transport(serverurl="unix://")
    # It keeps its own way in the instance.
    del transport.__dict__["_get_connection"]
    return xmlrpc.client.ServerProxy("http://supervisor", transport).supervisor
