"""A request to the service goes to it, whatever the caller's proxies are."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from lifecycle.rollout.predict import send


class Service(BaseHTTPRequestHandler):
    """Answers anything with what it was sent."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


# An address of this machine that no list of exceptions names, as serve.host may be.
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_no_proxy_stands_between(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "example.org")
    try:
        server = HTTPServer((host, 0), Service)
    except OSError:
        # macOS has the one address only, until it is given others.
        server, host = HTTPServer(("127.0.0.1", 0), Service), "127.0.0.1"
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            answer = send(f"http://{host}:{server.server_port}", {"records": []}, 5)
        finally:
            server.shutdown()
    assert json.dumps(answer) == '{"records": []}'
