"""A request's body: parsed and validated once, or refused field by field."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel, ValidationError

SHOWN_DETAILS, SHOWN_CHARACTERS = 20, 100


class RefusalError(Exception):
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


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that stands twice: which of the two was meant cannot be known."""
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RefusalError(
            400, "a field stands twice", [(twice[:SHOWN_CHARACTERS], "stands twice in one object")]
        )
    return value


def _keys(body: bytes) -> int | None:
    """Return at most how many keys the objects in `body` have; None where that takes parsing it.

    Without escapes and without space after a quote, a key is what ends in a quote and a colon.
    """
    if any(mark in body for mark in (b"\\", b'" ', b'"\t', b'"\r', b'"\n')):
        return None
    return body.count(b'":')


def parse(body: bytes, model: type[BaseModel]) -> BaseModel:
    """Return the validated request.

    A body of the usual form is read once, by pydantic; what that refuses, and whatever may have a
    field twice, is read again to say what is wrong with it.
    """
    keys = _keys(body)
    if keys is not None:
        try:
            request: Any = model.model_validate_json(body)
        except ValidationError:
            return _parse_slowly(body, model)
        every = len(request.model_fields_set)
        every += sum(len(record.model_fields_set) for record in request.records)
        # All that was set was there, so there is no room for a field that stands twice.
        if keys == every:
            return cast(BaseModel, request)
    return _parse_slowly(body, model)


def _parse_slowly(body: bytes, model: type[BaseModel]) -> BaseModel:
    """Return the validated request, or say what is wrong with it.

    Every mistake in the body is a 400: one status that says "this body will never do", and the
    one BentoML documents and its clients know; `details` tell the mistakes apart.
    """
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise RefusalError(400, "the body is not UTF-8") from None
    except RecursionError:
        raise RefusalError(400, "the body is nested too deeply") from None
    except ValueError as error:
        # Python's own limit on the digits of a number is a ValueError as well.
        reason = str(error) if isinstance(error, json.JSONDecodeError) else "a number is too long"
        raise RefusalError(400, f"the body is no valid JSON: {reason}") from None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise RefusalError(400, _summary(error), _details(error)) from None


def _summary(error: ValidationError) -> str:
    count = error.error_count()
    shown = f", the first {SHOWN_DETAILS} are shown" if count > SHOWN_DETAILS else ""
    return f"{count} {'mistake' if count == 1 else 'mistakes'} in the request{shown}"


def _details(error: ValidationError) -> list[tuple[str, str]]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        (
            ".".join(str(part) for part in each["loc"])[:SHOWN_CHARACTERS] or "body",
            each["msg"].removeprefix("Value error, "),
        )
        for each in found[:SHOWN_DETAILS]
    ]
