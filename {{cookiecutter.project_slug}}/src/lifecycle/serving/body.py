"""A request's body: parsed and validated once, or refused field by field."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

import orjson
from annotated_types import MaxLen
from pydantic import BaseModel, ValidationError

SHOWN_DETAILS, SHOWN_CHARACTERS, SHOWN_PROBLEM = 20, 100, 500
# Between quotes a bracket or comma is text.
STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)


def _sayable(text: str, characters: int) -> str:
    """Return the beginning of `text`, with escapes for what no JSON in UTF-8 can hold."""
    return text[:characters].encode("utf-8", "backslashreplace").decode("utf-8")


class RefusalError(Exception):
    """The answer to a request that is not served: a status and what is wrong, field by field."""

    def __init__(
        self,
        status: int,
        error: str,
        details: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Keep what the answer will say: as much as can be said, whatever the client sent."""
        super().__init__(error)
        self.status, self.headers = status, dict(headers or {})
        self.error = _sayable(error, SHOWN_PROBLEM)
        self.details = [
            {
                "field": _sayable(field, SHOWN_CHARACTERS),
                "problem": _sayable(problem, SHOWN_PROBLEM),
            }
            for field, problem in details[:SHOWN_DETAILS]
        ]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that stands twice: which of the two was meant cannot be known."""
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise RefusalError(
                    400, "a field stands twice", [(name, "stands twice in one object")]
                )
            seen.add(name)
    return value


def _keys(body: bytes) -> int | None:
    """Return at most how many keys the objects in `body` have; None where that takes parsing it.

    Without escapes and without space after a quote, a key is what ends in a quote and a colon.
    """
    if any(mark in body for mark in (b"\\", b'" ', b'"\t', b'"\r', b'"\n')):
        return None
    return body.count(b'":')


def _values(body: bytes) -> int:
    """Return at least how many values `body` holds: one after each bracket and comma."""
    return sum(body.count(mark) for mark in (b",", b"[", b"{"))


def _quotes(body: bytes) -> int:
    """Return at least how many quotes begin or end text: one after a backslash may be text."""
    return body.count(b'"') - body.count(b'\\"')


def _refuse_too_many_values(body: bytes, model: type[BaseModel]) -> None:
    """Refuse a body of more values than the records that it may hold can have.

    Whatever is made of a body, objects and mistakes, is then bounded before it is made.
    """
    records = model.model_fields["records"]
    rows = next(limit.max_length for limit in records.metadata if isinstance(limit, MaxLen))
    fields = len(get_args(records.annotation)[0].model_fields)
    # Room for one record and one field too many, which are then named.
    most = (rows + 2) * (fields + 2)
    if _values(body) <= most:
        return
    # A key and a value of text for each have four quotes. With more of them, finding what stands
    # between quotes would take longer than all the rest.
    if _quotes(body) > 4 * most or _values(STRING.sub(b"", body)) > most:
        problem = f"more values than {rows} records of {fields} fields have: send fewer records"
        raise RefusalError(400, "the body holds too much", [("body", problem)])


def parse(body: bytes, model: type[BaseModel]) -> BaseModel:
    """Return the validated request.

    A body of the usual form is read once, quickly; what that refuses, and whatever may have a
    field twice, is read again to say what is wrong with it.
    """
    _refuse_too_many_values(body, model)
    keys = _keys(body)
    if keys is not None:
        try:
            # Not pydantic's own reader: for each mistake it copies the object that it is in.
            request: Any = model.model_validate(orjson.loads(body))
        except (ValidationError, orjson.JSONDecodeError):
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
            ".".join(str(part) for part in each["loc"]) or "body",
            each["msg"].removeprefix("Value error, "),
        )
        for each in found
    ]
