"""What the service's OpenAPI document says beyond what BentoML writes.

Clients read it and schemathesis tests it, so it has the routes that the proxy passes on, but no
probes, and every status and header that they answer with.
"""

from __future__ import annotations

from typing import Any

import attrs

from lifecycle.serving.entrance import MODEL, PREDICT, PUBLIC

REFUSALS = {
    400: "The body is wrong; details name each field",
    401: "The API key is missing or wrong",
    405: "The route answers another method",
    408: "The body did not arrive in time",
    413: "The body is too large",
    415: "The body is no JSON in UTF-8",
    500: "The service failed; its log says why",
    502: "The service cannot answer now; ask again",
    503: "The service is not there now; ask again",
    504: "The answer took too long",
}
# What can become of a request whose body is not read.
WITHOUT_BODY = (401, 405, 500, 502, 503, 504)
TEXT = {"type": "string"}
DETAIL = {
    "type": "object",
    "required": ["field", "problem"],
    "properties": {"field": TEXT, "problem": TEXT},
}
REFUSAL = {
    "type": "object",
    "required": ["error", "details", "request_id"],
    "properties": {
        "error": TEXT,
        "details": {"type": "array", "items": DETAIL},
        "request_id": TEXT,
    },
}
FACTS = ("name", "version", "model_md5", "git_commit")
ABOUT = {"type": "object", "required": list(FACTS), "properties": dict.fromkeys(FACTS, TEXT)}
REQUEST_ID = "X-Request-ID"
# Either of them.
KEYS = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "required": True, "schema": TEXT}


def _schema(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _response(status: int, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    headers = {REQUEST_ID: _header("The request's id, as in the body")}
    if status == 401:
        headers["WWW-Authenticate"] = _header("How to send a key")
    if status == 405:
        headers["Allow"] = _header("The methods that are answered")
    content = {"application/json": {"schema": schema}}
    return {"description": description, "headers": headers, "content": content}


def _refusals(statuses: Any) -> dict[int, Any]:
    refusal = _schema("Refusal")
    return {status: _response(status, REFUSALS[status], refusal) for status in statuses}


def _operation(operation: dict[str, Any], with_keys: bool) -> dict[str, Any]:
    """Return an operation with what all of them have."""
    identity = {
        "name": REQUEST_ID, "in": "header", "schema": TEXT,
        "description": "An id of your own (up to 128 letters, digits and ._:-), which the answer "
        "repeats. Anything else is replaced by a new one.",
    }  # fmt: skip
    security: list[dict[str, Any]] = [{name: []} for name in KEYS] if with_keys else []
    return {**operation, "parameters": [identity], "security": security}


def _predict(found: dict[str, Any], with_keys: bool) -> dict[str, Any]:
    """Return BentoML's operation with our statuses, and how to ask again."""
    asked, answered = (_schema(name) for name in ("PredictionRequest", "PredictionAnswer"))
    again = {
        "operationId": found["operationId"],
        "description": "Ask again under the same id, where an answer was lost: it counts once.",
        "parameters": {f"header.{REQUEST_ID}": "$response.body#/request_id"},
        "requestBody": "$request.body",
    }
    answer = {**_response(200, "The predictions", answered), "links": {"again": again}}
    body = {"required": True, "content": {"application/json": {"schema": asked}}}
    found = {**found, "requestBody": body, "responses": {200: answer, **_refusals(REFUSALS)}}
    return _operation(found, with_keys)


def document(specification: Any, description: str, version: str, with_keys: bool) -> Any:
    """Return BentoML's specification as the service is: its routes, answers and keys."""
    paths = {path: item for path, item in specification.paths.items() if path not in PUBLIC}
    predict = _predict(paths[PREDICT].post, with_keys)
    about = {
        "summary": "Which model serves",
        "operationId": "model",
        "responses": {200: _response(200, "The model", ABOUT), **_refusals(WITHOUT_BODY)},
    }
    paths[PREDICT] = attrs.evolve(paths[PREDICT], post=predict)
    paths[MODEL] = attrs.evolve(paths[PREDICT], post=None, get=_operation(about, with_keys))
    components = {"schemas": {**specification.components["schemas"], "Refusal": REFUSAL}}
    if with_keys:
        components["securitySchemes"] = KEYS
    return attrs.evolve(
        specification,
        info=attrs.evolve(
            specification.info, description=description, version=version, contact=None
        ),
        # 3.1 is the version in which JSON schema's null is allowed, as pydantic writes it.
        openapi="3.1.0",
        paths=paths,
        components=components,
        tags=None,
    )
