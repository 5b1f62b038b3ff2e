"""What stands before the endpoint: API keys, limits, and a body that is right or is refused.

A refused request never reaches BentoML's endpoint, which would log a traceback for a client's
mistake; a good one is parsed once, here, and handed on as a validated object.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers, MutableHeaders

from lifecycle.command import StageError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PREDICT, MODEL = "/v1/predict", "/v1/model"
# For probes and Prometheus, inside; the proxy does not pass them on.
PUBLIC = ("/livez", "/readyz", "/healthz", "/metrics")
DOCUMENTS = re.compile(r"/|/docs\.json|/schema\.json|/static_content/.*")
VALIDATED = "lifecycle.validated"
SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
SHOWN_DETAILS, SHOWN_CHARACTERS = 20, 100

request_id: ContextVar[str] = ContextVar("request_id", default="")


class Refusal(Exception):
    """The answer to a request that is not served: a status and what is wrong, field by field."""

    def __init__(
        self,
        status: int,
        error: str,
        details: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Keep what the answer will say."""
        super().__init__(error)
        self.status, self.error, self.headers = status, error, dict(headers or {})
        self.details = [{"field": field, "problem": problem} for field, problem in details]


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
        raise Refusal(
            401,
            "missing or wrong API key: send it as X-API-Key",
            headers={"WWW-Authenticate": "Bearer"},
        )


def _require_method(scope: Scope, *methods: str) -> None:
    if scope["method"] not in methods:
        allow = ", ".join(methods)
        raise Refusal(405, f"{scope['path']} answers {allow} only", headers={"Allow": allow})


def _require_json(headers: Headers) -> None:
    media, _, parameters = headers.get("content-type", "").lower().partition(";")
    charset = parameters.strip().removeprefix("charset=").strip('"')
    if media.strip() != "application/json" or charset not in ("", "utf-8", "utf8"):
        raise Refusal(415, "the content type must be application/json, in UTF-8")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "a compressed body is not accepted")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that stands twice: which of the two was meant cannot be known."""
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refusal(400, "a field stands twice", [(twice, "stands twice in one object")])
    return value


def parse(body: bytes, model: type[BaseModel]) -> BaseModel:
    """Return the validated request.

    Every mistake in the body is a 400: one status that says "this body will never do", and the
    one BentoML documents and its clients know; `details` tell the mistakes apart.
    """
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise Refusal(400, "the body is not UTF-8") from None
    except RecursionError:
        raise Refusal(400, "the body is nested too deeply") from None
    except ValueError as error:
        # Python's own limit on the digits of a number is a ValueError as well.
        reason = str(error) if isinstance(error, json.JSONDecodeError) else "a number is too long"
        raise Refusal(400, f"the body is no valid JSON: {reason}") from None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Refusal(400, _summary(error), _details(error)) from None


def _summary(error: ValidationError) -> str:
    count = error.error_count()
    shown = f", the first {SHOWN_DETAILS} are shown" if count > SHOWN_DETAILS else ""
    return f"{count} {'mistake' if count == 1 else 'mistakes'} in the request{shown}"


def _details(error: ValidationError) -> list[tuple[str, str]]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        (
            ".".join(str(part) for part in each["loc"]) or "body",
            each["msg"].removeprefix("Value error, "),
        )
        for each in found[:SHOWN_DETAILS]
    ]


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
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        identity = given if SANE_ID.fullmatch(given) else str(uuid.uuid4())
        request_id.set(identity)

        async def labelled(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = identity
            await send(message)

        try:
            await self._route(scope, headers, receive, labelled)
        except Refusal as refusal:
            body = {"error": refusal.error, "details": refusal.details, "request_id": identity}
            await _answer(labelled, refusal.status, body, refusal.headers)

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
            await _answer(send, 200, self.about)
            return
        elif path not in PUBLIC and not DOCUMENTS.fullmatch(path):
            raise Refusal(404, "there is nothing here: see /docs.json for what there is")
        await self.app(scope, receive, send)

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        """Read the body, and never more of it than is allowed, whatever its length is said to be."""
        limit = self.maximum_body_bytes
        too_large = Refusal(413, f"the body is larger than {limit} bytes: send fewer records")
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
            raise Refusal(408, f"the body did not arrive in {self.body_seconds:g} s") from None


async def _answer(
    send: Send, status: int, body: Any, headers: Mapping[str, str] | None = None
) -> None:
    content = json.dumps(body, allow_nan=False).encode("ascii")
    every = {"content-type": "application/json", "content-length": str(len(content))}
    raw = [(k.lower().encode(), v.encode()) for k, v in {**every, **(headers or {})}.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})
