"""What stands before the endpoint: API keys, limits, and a body that is right or is refused.

A refused request never reaches BentoML's endpoint, which would log a traceback for a client's
mistake; a good one is parsed once, here, and handed on as a validated object.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from starlette.datastructures import Headers

from lifecycle.body import RefusalError, parse
from lifecycle.command import StageError
from lifecycle.entrance import (
    MODEL,
    PAGE,
    PREDICT,
    PUBLIC,
    Receive,
    Scope,
    Send,
    refuse,
    send_bytes,
    send_json,
)

VALIDATED = "lifecycle.validated"
# BentoML's own page reports every visit to an analytics service.
PAGE_CONTENT = b"""<!DOCTYPE html>
<meta charset="utf-8"><title>API</title>
<link rel="stylesheet" href="./static_content/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="./static_content/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({url: "./docs.json", dom_id: "#swagger-ui", validatorUrl: null})</script>
"""


def environment_keys(environment: Mapping[str, str] = os.environ) -> list[bytes] | None:
    """Return the keys of which a request must carry one; None where none is needed.

    Raises:
        StageError: outside development, and no key is configured.
    """
    keys = [key.strip().encode() for key in environment.get("API_KEYS", "").split(",")]
    keys = [key for key in keys if key]
    if environment.get("LIFECYCLE_ENVIRONMENT") == "development":
        return None
    if not keys:
        raise StageError(
            "no API key is configured: set API_KEYS to one or more keys with commas between, "
            "or LIFECYCLE_ENVIRONMENT=development to serve without"
        )
    return keys


def _is_known(given: bytes, keys: Sequence[bytes]) -> bool:
    """Compare with every key, whole, so that the time taken says nothing about any of them."""
    known = False
    for key in keys:
        known |= hmac.compare_digest(given, key)
    return known


def _authenticate(headers: Headers, keys: Sequence[bytes] | None) -> None:
    if keys is None:
        return
    given = headers.get("x-api-key")
    if given is None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else ""
    # Header values arrive as Latin-1, whatever bytes the client sent.
    if not _is_known(given.encode("latin-1"), keys):
        raise RefusalError(
            401,
            "missing or wrong API key: send it as X-API-Key",
            headers={"WWW-Authenticate": "Bearer"},
        )


def _require_method(scope: Scope, *methods: str) -> None:
    if scope["method"] not in methods:
        allow = ", ".join(methods)
        raise RefusalError(405, f"{scope['path']} answers {allow} only", headers={"Allow": allow})


def _require_json(headers: Headers) -> None:
    media, _, parameters = headers.get("content-type", "").lower().partition(";")
    charset = parameters.strip().removeprefix("charset=").strip('"')
    if media.strip() != "application/json" or charset not in ("", "utf-8", "utf8"):
        raise RefusalError(415, "the content type must be application/json, in UTF-8")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise RefusalError(415, "a compressed body is not accepted")


class Guard:
    """ASGI middleware that lets through only what the service can answer."""

    def __init__(
        self,
        app: Any,
        *,
        model: type[BaseModel],
        about: Mapping[str, str],
        maximum_body_bytes: int,
        body_seconds: float,
    ) -> None:
        """Read the keys when the service starts; without keys, where they are needed, refuse."""
        self.app, self.model, self.about = app, model, dict(about)
        self.maximum_body_bytes, self.body_seconds = maximum_body_bytes, body_seconds
        self.keys = environment_keys()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse or hand on one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            await self._route(scope, Headers(scope=scope), receive, send)
        except RefusalError as refusal:
            await refuse(send, refusal.status, refusal.error, refusal.details, refusal.headers)

    async def _route(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path not in PUBLIC:
            _authenticate(headers, self.keys)
        if path == PREDICT:
            _require_method(scope, "POST")
            _require_json(headers)
            scope[VALIDATED] = parse(await self._body(headers, receive), self.model)
        elif path == MODEL:
            _require_method(scope, "GET", "HEAD")
            await send_json(send, 200, self.about)
            return
        elif path == PAGE:
            _require_method(scope, "GET", "HEAD")
            await send_bytes(send, 200, PAGE_CONTENT, {"content-type": "text/html; charset=utf-8"})
            return
        await self.app(scope, receive, send)

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        """Read the body, and no more of it than is allowed, whatever its length is said to be."""
        limit = self.maximum_body_bytes
        too_large = RefusalError(413, f"the body is larger than {limit} bytes: send fewer records")
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > limit:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self.body_seconds):
                while True:
                    message = await receive()
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise too_large
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise RefusalError(408, f"the body did not arrive in {self.body_seconds:g} s") from None
