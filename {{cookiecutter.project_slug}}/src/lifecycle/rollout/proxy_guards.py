"""What the proxy refuses before it keeps a body: other paths, large or slow ones, missing keys.

Every refusal has the service's own form. The time limits are those of the server, in `proxy`.
"""

from __future__ import annotations

import json
from typing import Any

from lifecycle.core.params import Params
from lifecycle.serving.entrance import DOCUMENTS, MODEL, PAGE, PREDICT

OPEN = (PREDICT, MODEL, PAGE, *DOCUMENTS)
# A worker that died is back within this time, and a request waits for it.
RETRY_SECONDS = 20
# What the worker's server takes, and refuses in our form where a path does not answer it.
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
INTERNAL_HEADER = "X-Lifecycle-Variant"
LENGTH = "{http.request.header.Content-Length}"
# The proxy keeps a body until it is whole. Of whoever has no right key it keeps no more than this,
# as much as a request's headers may have; for a longer body it asks a worker about the key first.
UNASKED_BYTES = 16384


def answer(status: int, error: str, **headers: list[str]) -> dict[str, Any]:
    """Return a handler that refuses in the service's own form."""
    body = json.dumps({"error": error, "details": [], "request_id": "{http.request.uuid}"})
    content = {"Content-Type": ["application/json"], "X-Request-ID": ["{http.request.uuid}"]}
    return {
        "handler": "static_response",
        "status_code": status,
        "headers": {**content, **headers},
        "body": body,
    }


def too_late(params: Params) -> dict[str, Any]:
    """Return the refusal of a body that did not come whole in time (408)."""
    seconds = 2 * params.serve.timeout_seconds
    return answer(408, f"the body did not arrive in {seconds} s", Connection=["close"])


def unreadable() -> dict[str, Any]:
    """Return the refusal of a body that is cut off, or whose chunks are none (400)."""
    return answer(
        400, "the body cannot be read: it ends too early, or is not in chunks as HTTP has them",
        Connection=["close"],
    )  # fmt: skip


def too_large(params: Params) -> dict[str, Any]:
    """Return the refusal of a body over `serve.maximum_body_bytes` (413)."""
    limit = params.serve.maximum_body_bytes
    return answer(
        413, f"the body is larger than {limit} bytes: send fewer records", Connection=["close"]
    )


def _keys_first(params: Params, live: str) -> list[dict[str, Any]]:
    """Return the routes that let a worker see the key before the body is kept."""
    missing = [{"X-Api-Key": None, "Authorization": None}]
    refusal = answer(
        401, "missing API key: send it as X-API-Key", **{"WWW-Authenticate": ["Bearer"]}
    )
    ask = {
        "handler": "reverse_proxy",
        # As in `proxy_probes`: what changes something goes without its body. Which keys are right
        # the worker knows, and compares in constant time.
        "rewrite": {"method": "GET", "uri": MODEL + "?{http.request.uuid}"},
        "load_balancing": {"try_duration": f"{RETRY_SECONDS}s", "try_interval": "50ms"},
        "transport": {
            "protocol": "http",
            "dial_timeout": "1s",
            "response_header_timeout": f"{4 * params.serve.timeout_seconds}s",
            "keep_alive": {"idle_timeout": "3s", "max_idle_conns_per_host": 256},
        },
        "upstreams": [{"dial": live}],
        # With anything else the worker's answer is the answer.
        "handle_response": [
            {"match": {"status_code": [2]}, "routes": [{"handle": [{"handler": "vars"}]}]}
        ],
    }
    long = f"{LENGTH} == '' || int({LENGTH}) > {UNASKED_BYTES}"
    return [
        {"match": [{"header": one} for one in missing], "handle": [refusal], "terminal": True},
        {"match": [{"method": ["POST"], "expression": long}], "handle": [ask]},
        {"match": [{"not": [{"method": ["POST"]}]}],
         "handle": [{"handler": "request_body", "max_size": UNASKED_BYTES}]},
    ]  # fmt: skip


def wrong_method(**where: Any) -> list[dict[str, Any]]:
    """Return the routes that refuse a method (405), at each path what matches `where`."""
    return [
        {"match": [{"path": [path], **where}],
         "handle": [answer(405, f"{path} answers {allow} only", Allow=[allow])], "terminal": True}
        for path, allow in ((path, "POST" if path == PREDICT else "GET, HEAD") for path in OPEN)
    ]  # fmt: skip


def guards(params: Params, live: str, with_keys: bool) -> list[dict[str, Any]]:
    """Return what every request passes before it is handed on."""
    soon = "{http.request.duration_ms} < " + f"{500.0 * params.serve.timeout_seconds}"
    passed: list[dict[str, Any]] = [
        {"match": [{"not": [{"path": list(OPEN)}]}],
         "handle": [answer(404, "there is nothing here: see /docs.json for what there is")],
         "terminal": True},
        {"handle": [
            # Only our own programs may say what variant a request is, straight to a worker.
            {"handler": "headers", "request": {"delete": [INTERNAL_HEADER]}},
            {"handler": "request_body", "max_size": params.serve.maximum_body_bytes},
            # A body that is cut off, by its client or as it is late, looks to Caddy like a client
            # that has gone.
            {"handler": "intercept", "handle_response": [
                {"match": {"status_code": [499]}, "routes": [
                    {"match": [{"expression": soon}], "handle": [unreadable()]},
                    {"handle": [too_late(params)]},
                ]},
            ]},
        ]},
        # Two kinds of request that the worker's server would refuse in words of its own.
        {"match": [{"header_regexp": {"Upgrade": {"pattern": "(?i)websocket"}}}],
         "handle": [answer(400, "there are no websockets here: see /docs.json for what there is")],
         "terminal": True},
        *wrong_method(**{"not": [{"method": METHODS}]}),
        # One that says how large it is need not be read to be refused.
        {"match": [{"expression": f"{LENGTH} != '' && int({LENGTH}) > "
                                  f"{params.serve.maximum_body_bytes}"}],
         "handle": [too_large(params)], "terminal": True},
    ]  # fmt: skip
    return [*passed, *(_keys_first(params, live) if with_keys else [])]
