"""The outermost layer: an id for every request, and nothing behind it but the paths there are.

BentoML keeps a metrics series for every path that anybody asks for; an unknown one is answered
before it gets there.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

from starlette.datastructures import Headers

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PREDICT, MODEL, PAGE = "/v1/predict", "/v1/model", "/"
# For probes and Prometheus; the proxy answers the first two by itself, and passes on none.
PUBLIC = ("/livez", "/readyz", "/healthz", "/metrics")
DOCUMENTS = (
    "/docs.json",
    "/schema.json",
    "/static_content/swagger-ui.css",
    "/static_content/swagger-ui-bundle.js",
)
KNOWN = {PREDICT, MODEL, PAGE, *PUBLIC, *DOCUMENTS}
SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

request_id: ContextVar[str] = ContextVar("request_id", default="")


async def send_json(
    send: Send, status: int, body: Any, headers: Mapping[str, str] | None = None
) -> None:
    """Answer with JSON."""
    content = json.dumps(body, allow_nan=False).encode("ascii")
    await send_bytes(send, status, content, {"content-type": "application/json", **(headers or {})})


async def send_bytes(send: Send, status: int, content: bytes, headers: Mapping[str, str]) -> None:
    """Answer with `content`."""
    every = {**headers, "content-length": str(len(content))}
    raw = [(name.lower().encode(), value.encode()) for name, value in every.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})


async def refuse(
    send: Send, status: int, error: str, details: Any = (), headers: Mapping[str, str] | None = None
) -> None:
    """Answer with what is wrong, field by field, and the request's id."""
    body = {"error": error, "details": list(details), "request_id": request_id.get()}
    await send_json(send, status, body, headers)


class Entrance:
    """ASGI middleware around the whole application."""

    def __init__(self, app: Any) -> None:
        """Keep the application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give the request its id, and hand it on where there is something to hand it to."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        identity = given if SANE_ID.fullmatch(given) else str(uuid.uuid4())
        request_id.set(identity)

        label = (b"x-request-id", identity.encode())

        async def labelled(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), label]
            await send(message)

        if scope["path"] in KNOWN:
            await self.app(scope, receive, labelled)
        else:
            await refuse(labelled, 404, "there is nothing here: see /docs.json for what there is")
