"""Clients that others wrote reach the service through the proxy as they are meant to be used."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

import bentoml
import pytest
from rollout.served import KEY, behind_the_proxy, serving
from waiting import wait_for

from lifecycle.core.params import Params


def probe(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, set[str]]:
    """Return status, body and the names of the headers."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        line.request(method, path, headers=headers)
        answer = line.getresponse()
        return answer.status, answer.read(), {name.lower() for name, _ in answer.getheaders()}
    finally:
        line.close()


def test_the_client_of_bentoml_waits_and_predicts(service_port: int, good: dict[str, Any]) -> None:
    """Its wait asks /readyz, without the key; its requests carry it."""
    url = f"http://127.0.0.1:{service_port}"
    with bentoml.SyncHTTPClient(url, token=KEY, server_ready_timeout=20) as client:
        assert client.is_ready()
        answer = client.predict(records=good["records"], explain=True)
    assert len(answer["predictions"]) == len(good["records"])
    assert answer["predictions"][0]["contributions"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/livez", "/readyz", "/readyz?from=here"])
def test_probes_need_no_key_and_tell_a_status(service_port: int, method: str, path: str) -> None:
    status, body, headers = probe(service_port, path, method)
    assert (status, body) == (200, b"")
    assert headers <= {"cache-control", "content-length", "date", "server"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_answer_nothing_else(service_port: int, method: str, path: str) -> None:
    assert probe(service_port, path, method)[0] == 404


def test_a_probe_with_a_body_is_answered_before_it_is_there(service_port: int) -> None:
    head = b"GET /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", service_port), timeout=3) as line:
        line.sendall(head)
        assert line.recv(100).startswith(b"HTTP/1.1 200 ")


def test_it_is_not_ready_while_its_worker_is_away(
    release: Path, real_params: Params, tmp_path: Path, good: dict[str, Any]
) -> None:
    """What the proxy would answer a prediction with; the proxy itself lives all the time."""
    with (
        serving(release, tmp_path) as worker,
        behind_the_proxy(real_params, worker, tmp_path) as port,
    ):
        assert probe(port, "/readyz")[0] == 200
        settings = json.loads((tmp_path / "proxy.json").read_text())
    assert str(worker) in json.dumps(settings)
    with behind_the_proxy(real_params, worker, tmp_path) as port:
        assert probe(port, "/readyz")[:2] == (503, b"")
        assert probe(port, "/livez")[0] == 200
        (tmp_path / "again").mkdir()
        with serving(release, tmp_path / "again", port=worker):
            wait_for(lambda: probe(port, "/readyz")[0] == 200)
