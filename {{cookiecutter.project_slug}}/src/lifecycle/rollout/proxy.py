"""The proxy's configuration: one way in, limits, keys, and a route for every step of a rollout.

Which route holds, and which worker is live or canary, stands in small files that Caddy reads at
each request. Loading a new configuration closes idle connections while clients write to them, and
loses a request now and then (docs/reference/rollout.md has the figures); replacing a file loses
none. (ML Test Score, Infrastructure 6 and 7.)
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from lifecycle.contract.files import write_text
from lifecycle.core.params import Params
from lifecycle.rollout.proxy_guards import (
    OPEN,
    RETRY_SECONDS,
    answer,
    guards,
    too_large,
    too_late,
    unreadable,
    wrong_method,
)
from lifecycle.rollout.proxy_probes import probes
from lifecycle.rollout.settings import RolloutSettings

# The finest share of a canary is one in so many.
FINEST = 100
# How Caddy says that a worker could not be reached, or that its connection broke.
BROKEN = "^dial |EOF$|: connection reset by peer$|: broken pipe$"
# How it begins where a worker's answer is no HTTP, and how it ends where something took too long.
NO_ANSWER = "^net/http: |timeout$"
# A body in chunks has no length before the proxy has read it to its end.
CHUNKED = {"Transfer-Encoding": ["chunked"]}
# How long ago the request began, in milliseconds.
DURATION = "{http.request.duration_ms}"
# Whether a worker did not answer. The status would not do: where the key was asked about first,
# that of the answer to it stays.
UNANSWERED = "{http.reverse_proxy.is_transport_error} == true"


def _forward(params: Params, *dials: str) -> dict[str, Any]:
    """Return a handler that hands on to one of the workers, and to another where it fails.

    By chance, each time anew: Caddy's weighted turns come in blocks, and whoever asks in turns as
    well would have its requests split by kind.
    """
    seconds = params.serve.timeout_seconds
    return {
        "handler": "reverse_proxy",
        # Kept whole, a request can be sent again: a prediction has no effect but its log line.
        "request_buffers": params.serve.maximum_body_bytes + 1,
        "load_balancing": {
            "selection_policy": {"policy": "random"},
            "try_duration": f"{RETRY_SECONDS}s",
            "try_interval": "50ms",
            # A connection that cannot be made is always tried again. An answer that broke off is
            # asked for again, whatever was asked for (by default Caddy does so for GET alone, and
            # with a condition of ours not even then), but not because a body never came whole. The
            # expression is also evaluated on answers that did come, which stay.
            "retry_match": [
                {
                    "path": list(OPEN),
                    "not": [{"header": {**CHUNKED, "Content-Length": None}}],
                    "expression": f"{UNANSWERED} && {DURATION} < {1000.0 * seconds}",
                }
            ],
        },
        # No count of failures: to Caddy a body that a client spoils is one of the worker, which
        # nobody would then be sent to. One that cannot be reached is passed over all the same.
        "transport": {
            "protocol": "http",
            "dial_timeout": "1s",
            "response_header_timeout": f"{4 * seconds}s",
            # Shorter than the worker's five seconds, so that it is not the one who hangs up.
            "keep_alive": {"idle_timeout": "3s", "max_idle_conns_per_host": 256},
        },
        "upstreams": [{"dial": dial} for dial in dials],
    }


def _server(
    params: Params, listen: str, live: str, routes: list[dict[str, Any]], with_keys: bool
) -> dict[str, Any]:
    seconds = params.serve.timeout_seconds
    failed = answer(500, "the service cannot answer now: try again", Connection=["close"])
    return {
        "listen": [listen],
        "automatic_https": {"disable": True},
        "read_header_timeout": f"{seconds}s",
        "read_timeout": f"{2 * seconds}s",
        # Off. When a handler is done, Caddy takes every limit off the connection with this one,
        # and Go's server then waits for the rest of a body without end.
        "read_idle_timeout": -1,
        "write_timeout": f"{2 * RETRY_SECONDS}s",
        "idle_timeout": "2m",
        "max_header_bytes": 16384,
        "routes": [*probes(live), *guards(params, live, with_keys), *routes],
        "errors": {"routes": [
            # Caddy itself refuses one of more than 32 letters.
            *wrong_method(vars={"{http.error.status_code}": ["405"]}),
            {"match": [{"vars": {"{http.error.status_code}": ["413"]}}],
             "handle": [too_large(params)]},
            {"match": [{"vars": {"{http.error.status_code}": ["502"]},
                        # A worker that cannot be reached or breaks off is no fault of the client.
                        "not": [{"vars_regexp": {"{http.error.message}": {"pattern": BROKEN}}}],
                        "expression": DURATION + f" >= {2000.0 * seconds}"}],
             "handle": [too_late(params)]},
            {"match": [{"vars": {"{http.error.status_code}": ["502"]}, "header": CHUNKED,
                        "not": [{"vars_regexp": {"{http.error.message}":
                                                 {"pattern": f"{BROKEN}|{NO_ANSWER}"}}}]}],
             "handle": [unreadable()]},
            {"handle": [{**failed, "status_code": "{http.error.status_code}"}]},
        ]},
    }  # fmt: skip


def _logging() -> dict[str, Any]:
    """Return what is logged: warnings, with no header of a request and nothing after its path.

    Keys stand there, and Caddy knows only its own names for them.
    """
    headers = ("request>headers", "headers", "resp_headers")
    fields: dict[str, Any] = {name: {"filter": "delete"} for name in headers}
    fields["request>uri"] = {"filter": "regexp", "regexp": "[?].*", "value": "?"}
    encoder = {"format": "filter", "wrap": {"format": "json"}, "fields": fields}
    return {"logs": {"default": {"level": "WARN", "encoder": encoder}}}


def _configuration(servers: dict[str, Any], admin: str | None) -> dict[str, Any]:
    where = {"disabled": True} if admin is None else {"listen": admin}
    return {
        "admin": {**where, "config": {"persist": False}},
        "logging": _logging(),
        "apps": {"http": {"grace_period": "30s", "metrics": {}, "servers": servers}},
    }


def for_rollout(params: Params, number: int, metrics_port: int, with_keys: bool) -> dict[str, Any]:
    """Return the configuration of a proxy that follows the files in its working directory.

    It listens on a socket that was opened for it (file descriptor 0); `number` tells two proxies
    apart while one takes over from the other.
    """

    def content(name: str) -> str:
        return "{file." + name + "}"

    def socket(name: str) -> str:
        return "unix/" + content(name)

    def when(name: str, value: str) -> list[dict[str, Any]]:
        return [{"vars": {content(name): [value]}}]

    closing = {"handler": "headers",
               "response": {"deferred": True, "set": {"Connection": ["close"]}}}  # fmt: skip
    routes: list[dict[str, Any]] = [{"match": when(f"closing-{number}", "1"), "handle": [closing]}]
    for share in params.part(RolloutSettings).canary_shares:
        part = Fraction(share).limit_denominator(FINEST)
        others = part.denominator - part.numerator
        both = _forward(params, *[socket("live")] * others, *[socket("canary")] * part.numerator)
        routes.append(
            {"match": when("share", step_name(share)), "handle": [both], "terminal": True}
        )
    routes.append({"handle": [_forward(params, socket("live"))]})
    workers = [_worker_metrics(name, socket(name)) for name in ("live", "canary")]
    servers = {
        "service": _server(params, "fd/0", socket("live"), routes, with_keys),
        "inside": _inside(f"127.0.0.1:{metrics_port}", workers),
    }
    found = _configuration(servers, f"unix/admin-{number}.sock|0600")
    # To a file: written into the pipe of a supervisor that was killed, a line would be its last.
    found["logging"]["logs"]["default"]["writer"] = {
        "output": "file", "filename": "../logs/proxy-requests.log", "mode": "0600",
        "roll_size_mb": 5, "roll_keep": 2, "roll_gzip": False,
    }  # fmt: skip
    return found


def _inside(listen: str, workers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the server for Prometheus, which no client reaches."""
    own = {
        "match": [{"path": ["/metrics"]}],
        "handle": [{"handler": "metrics"}],
        "terminal": True,
    }
    nothing = {"handle": [answer(404, "there is nothing here but /metrics")]}
    return {
        "listen": [listen],
        "automatic_https": {"disable": True},
        "routes": [own, *workers, nothing],
    }


def _worker_metrics(name: str, dial: str) -> dict[str, Any]:
    return {
        "match": [{"path": [f"/workers/{name}/metrics"]}],
        "handle": [
            {"handler": "rewrite", "uri": "/metrics"},
            {"handler": "reverse_proxy", "upstreams": [{"dial": dial}]},
        ],
        "terminal": True,
    }


def for_upstream(params: Params, upstream: str, listen: str, metrics: str) -> dict[str, Any]:
    """Return the configuration of a proxy before one service at a fixed address (host:port)."""
    routes = [{"handle": [_forward(params, upstream)]}]
    servers = {
        "service": _server(params, listen, upstream, routes, with_keys=True),
        "inside": _inside(metrics, []),
    }
    return _configuration(servers, None)


def step_name(share: float | None) -> str:
    """Return what the file `share` holds at a canary share; `none` where all goes to live."""
    return "none" if share is None else f"{share:g}"


def steer(routing: Path, live: Path, canary: Path | None, share: float | None) -> None:
    """Send all requests to `live`, or `share` of them to `canary`, from the next request on."""
    # The proxy runs in that folder.
    both = live.name, (canary or live).name
    if share is None:
        write_text(routing / "share", step_name(None))
        write_text(routing / "live", both[0])
        write_text(routing / "canary", both[1])
        return
    write_text(routing / "live", both[0])
    write_text(routing / "canary", both[1])
    write_text(routing / "share", step_name(share))


def is_steered(routing: Path, live: Path, canary: Path | None, share: float | None) -> bool:
    """Say whether requests are sent as `steer` would send them."""
    names = live.name, (canary or live).name
    wanted = {"live": names[0], "canary": names[1], "share": step_name(share)}
    return all(_says(routing / name, text) for name, text in wanted.items())


def _says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()
