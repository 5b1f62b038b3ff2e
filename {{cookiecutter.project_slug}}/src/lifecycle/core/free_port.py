"""A port for a service that nobody has given one."""

from __future__ import annotations

import contextlib
import secrets
import socket

from lifecycle.contract.errors import StageError

# Below those that systems lend to connections (from 32768 on Linux, from 49152 on macOS): such a
# one may be in use by the time that the first model is trained and something listens.
PORTS = range(10_000, 20_000, 2)


def free_port() -> int:
    """Return a port that nobody listens on, nor on the one above it.

    Raises:
        StageError: there is none.
    """
    for port in secrets.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as one, socket.socket() as above, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            above.bind(("127.0.0.1", port + 1))
            return port
    raise StageError(f"no port is free from {PORTS[0]} to {PORTS[-1]}: stop what listens there")
