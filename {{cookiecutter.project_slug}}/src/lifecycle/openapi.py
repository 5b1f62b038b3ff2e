"""What the service's OpenAPI document says beyond what BentoML writes."""

from __future__ import annotations

from typing import Any

import attrs

from lifecycle.entrance import MODEL, PREDICT

REFUSALS = {
    400: "The body is wrong; details name each field",
    401: "The API key is missing or wrong",
    405: "The route answers another method",
    408: "The body did not arrive in time",
    413: "The body is too large",
    415: "The body is no JSON in UTF-8",
    500: "The service failed; its log says why",
    504: "The explanations took too long",
}
TEXT = {"type": "string"}
REFUSAL = {
    "type": "object",
    "required": ["error", "details", "request_id"],
    "properties": {
        "error": TEXT,
        "details": {
            "type": "array",
            "items": {"type": "object", "properties": {"field": TEXT, "problem": TEXT}},
        },
        "request_id": TEXT,
    },
}
ABOUT = {
    "type": "object",
    "properties": dict.fromkeys(("name", "version", "model_md5", "git_commit"), TEXT),
}


def _response(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def document(specification: Any, description: str, version: str) -> Any:
    """Return BentoML's specification with our refusals and the model's route in it."""
    paths = dict(specification.paths)
    refusals = {
        status: _response(text, {"$ref": "#/components/schemas/Refusal"})
        for status, text in REFUSALS.items()
    }
    predict = dict(paths[PREDICT].post)
    predict["responses"] = {200: predict["responses"][200], **refusals}
    paths[PREDICT] = attrs.evolve(paths[PREDICT], post=predict)
    about = {
        "summary": "Which model serves",
        "operationId": "model",
        "responses": {200: _response("The model", ABOUT), 401: refusals[401]},
    }
    paths[MODEL] = attrs.evolve(paths[PREDICT], post=None, get=about)
    schemas = {**specification.components["schemas"], "Refusal": REFUSAL}
    # 3.1 is the version in which JSON schema's null is allowed, as pydantic writes it.
    information = attrs.evolve(
        specification.info, description=description, version=version, contact=None
    )
    return attrs.evolve(
        specification,
        info=information,
        openapi="3.1.0",
        paths=paths,
        components={"schemas": schemas},
    )
