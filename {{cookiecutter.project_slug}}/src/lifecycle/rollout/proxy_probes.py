"""What load balancers and clients ask before they send anything: does it live, is it ready?

Both are answered without a key, and with a status alone.
"""

from __future__ import annotations

from typing import Any

ALIVE, READY = "/livez", "/readyz"
METHODS = ["GET", "HEAD"]
# A worker that says nothing for so long would keep a client waiting as well.
PATIENCE = "2s"


def _status(status: int) -> dict[str, Any]:
    return {
        "handler": "static_response",
        "status_code": status,
        "headers": {"Cache-Control": ["no-store"]},
    }


def probes(dial: str) -> list[dict[str, Any]]:
    """Return the routes for both; ready is what the worker at `dial` says, asked each time."""
    ask = {
        "handler": "reverse_proxy",
        # Nothing of the request reaches the worker. Caddy leaves the body away, and does not wait
        # for it, where this changes something: so the address is always another.
        "rewrite": {"method": "GET", "uri": READY + "?{http.request.uuid}"},
        "headers": {"request": {"delete": ["*"]}},
        "transport": {
            "protocol": "http",
            "dial_timeout": PATIENCE,
            "response_header_timeout": PATIENCE,
            "keep_alive": {"idle_timeout": "3s"},
        },
        "upstreams": [{"dial": dial}],
        "handle_response": [
            {"match": {"status_code": [200]}, "routes": [{"handle": [_status(200)]}]},
            {"routes": [{"handle": [_status(503)]}]},
        ],
    }
    unreachable = {"routes": [{"handle": [_status(503)]}]}
    ready = {"handler": "subroute", "routes": [{"handle": [ask]}], "errors": unreachable}
    return [
        {"match": [{"path": [path], "method": METHODS}], "handle": [handler], "terminal": True}
        for path, handler in ((ALIVE, _status(200)), (READY, ready))
    ]
