"""The sections of params.yaml that a Bento carries: what its service accepts and writes down."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from pydantic import Field

from lifecycle.contract.section import Count, Section

Value = TypeVar("Value")


class ByEnvironment(Section, Generic[Value]):
    """A value for each environment that a service can run in."""

    development: Value
    staging: Value
    production: Value

    def of(self, environment: str) -> Value:
        """Return the value of `environment`."""
        found: Value = getattr(self, environment)
        return found


class Serve(Section):
    """Where the service listens, and what it accepts."""

    host: str
    ports: ByEnvironment[Annotated[int, Field(ge=1, le=65534)]]
    maximum_rows: Count
    maximum_body_bytes: Count
    timeout_seconds: Count
    start_timeout_seconds: Count


class PredictionLog(Section):
    """How predictions are written down, and for how long they are kept."""

    flush_seconds: Annotated[float, Field(gt=0, le=60)]
    rotate_bytes: Count
    rotate_seconds: Count
    keep_days: Count
