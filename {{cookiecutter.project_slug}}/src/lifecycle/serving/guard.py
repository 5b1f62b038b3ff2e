"""What stands before everything: API keys, limits, and a body that is right or is refused.

Predictions are answered here, in front of BentoML's own layers: they cost more than the model does.
Its endpoint stays the contract (the OpenAPI document and its clients come from it), and every
other route is BentoML's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from lifecycle.serving.answering import Answering, Request
from lifecycle.serving.body import RefusalError, parse
from lifecycle.serving.entrance import (
    DOCUMENTS,
    MODEL,
    PAGE,
    PREDICT,
    PUBLIC,
    Receive,
    Scope,
    Send,
    refuse,
    request_id,
    send_bytes,
    send_json,
)
from lifecycle.serving.keys import Keys, is_known
from lifecycle.serving.routing import VARIANT_HEADER

# BentoML's own page reports every visit to an analytics service.
PAGE_CONTENT = b"""<!DOCTYPE html>
<meta charset="utf-8"><title>API</title>
<link rel="stylesheet" href="./static_content/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="./static_content/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({url: "./docs.json", dom_id: "#swagger-ui", validatorUrl: null})</script>
"""
HTML, JSON = {"content-type": "text/html; charset=utf-8"}, {"content-type": "application/json"}

logger = logging.getLogger("lifecycle.serving.guard")


def _authenticate(headers: Headers, keys: Sequence[bytes] | None) -> None:
    if keys is None:
        return
    given = headers.get("x-api-key")
    if given is None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else ""
    # Header values arrive as Latin-1, whatever bytes the client sent.
    if not is_known(given.encode("latin-1"), keys):
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
    """ASGI middleware that answers predictions and lets through what else the service answers."""

    def __init__(
        self, app: Any, *, model: type[BaseModel], about: Mapping[str, str], answering: Answering
    ) -> None:
        """Read the keys; without keys, where they are needed, refuse to start."""
        self.app, self.model, self.about, self.answering = app, model, dict(about), answering
        self.maximum_body_bytes = answering.release.maximum_body_bytes
        self.body_seconds = answering.release.timeout_seconds
        self.keys = Keys()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse or hand on one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["path"] == PREDICT and scope["method"] == "POST":
            await self._predict(scope, receive, send)
        else:
            await self._beside(scope, receive, send)

    async def _predict(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a prediction; count, log and mirror what came of it."""
        answering, headers, identity = self.answering, Headers(scope=scope), request_id.get()
        variant = answering.router.variant(headers.get(VARIANT_HEADER, ""))
        try:
            _authenticate(headers, self.keys.current)
            _require_json(headers)
            body = await self._body(headers, receive)
            began = time.perf_counter()
            asked: Any = parse(body, self.model)
            request = Request(identity, variant, asked.records, asked.explain)
            content, decisions = await answering.answer(request)
        except ClientDisconnect:
            return
        except Exception as error:
            refusal = error if isinstance(error, RefusalError) else _failure(identity)
            answering.refused(identity, variant, refusal)
            await self._refuse(send, refusal)
        else:
            await send_bytes(send, 200, content, JSON)
            answering.figures(variant).answered(200, time.perf_counter() - began)
            answering.mirrored(request, body, scope["headers"], decisions)

    async def _beside(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is no prediction, or hand it on to BentoML."""
        path, headers = scope["path"], Headers(scope=scope)
        try:
            if path not in PUBLIC:
                _authenticate(headers, self.keys.current)
            if path == PREDICT:
                _require_method(scope, "POST")
            if path in (MODEL, PAGE, *DOCUMENTS):
                _require_method(scope, "GET", "HEAD")
        except RefusalError as refusal:
            await self._refuse(send, refusal)
            return
        if path == MODEL:
            await send_json(send, 200, self.about)
        elif path == PAGE:
            await send_bytes(send, 200, PAGE_CONTENT, HTML)
        else:
            await self.app(scope, receive, send)

    async def _refuse(self, send: Send, refusal: RefusalError) -> None:
        self.answering.instruments.refusals.labels(str(refusal.status)).inc()
        await refuse(send, refusal.status, refusal.error, refusal.details, refusal.headers)

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
                    if message["type"] == "http.disconnect":
                        raise ClientDisconnect
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise too_large
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise RefusalError(408, f"the body did not arrive in {self.body_seconds:g} s") from None


def _failure(identity: str) -> RefusalError:
    """Log what is being handled, and return what the client is told of it."""
    logger.exception("request %s failed", identity)
    return RefusalError(500, "the service failed; its log says why")
