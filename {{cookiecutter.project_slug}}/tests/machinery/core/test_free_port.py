"""A port for a replay, which nobody has and nobody is lent."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lifecycle.contract.errors import StageError
from lifecycle.core.free_port import free_port


def test_a_port_that_somebody_has_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setattr("lifecycle.core.free_port.PORTS", (port,))
    for taken in (port, port + 1):
        with (
            socket.create_server(("127.0.0.1", taken)),
            pytest.raises(StageError, match=f"no port is free from {port} to {port}"),
        ):
            free_port()
    assert free_port() == port


def test_a_free_port_is_none_that_a_connection_may_be_lent() -> None:
    """The system gives a connection any port of its range, at any time."""
    given = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(given.read_text().split()[0]) if given.exists() else 49152
    assert free_port() + 1 < first
