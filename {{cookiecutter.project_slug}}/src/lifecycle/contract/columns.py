"""schema.yaml, the one place where every column is defined (ML Test Score, Data 1)."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import available_timezones

from pydantic import Field, model_validator

from lifecycle.contract.errors import StageError
from lifecycle.contract.section import Section, Share, parse

Type = Literal["integer", "float", "boolean", "category", "string", "datetime"]
Role = Literal["key", "time", "group", "feature", "target", "sensitive", "leak", "ignored"]
# What not every data set has.
OPTIONAL: tuple[Role, ...] = ("time", "group")
Private = Literal["left_out", "hashed"]
Epoch = Literal["seconds", "milliseconds", "microseconds"]


def _is_place(zone: str) -> bool:
    """Return whether it is a zone of a place: other names are old, or another on each machine."""
    return "/" in zone and zone in available_timezones()


class Column(Section):
    """One column: its type, its roles and the limits of its values."""

    name: str
    type: Type
    roles: tuple[Role, ...] = Field(min_length=1)
    description: str = Field(min_length=1)
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] = ()
    null_share: Share = 0.0
    unknown_share: Share = 0.0
    # How its values stand in the prediction log; without it, as they are. Nothing else that leaves
    # the data has them at all.
    private: Private | None = None
    # Of a datetime: whose local time it is, to which values with a zone are converted.
    zone: str | None = None
    # Of a datetime that is given as a number: of what, since 1970 began in UTC.
    epoch: Epoch | None = None

    @property
    def is_asked(self) -> bool:
        """Whether a prediction needs it."""
        return bool({"key", "time", "group", "feature"} & set(self.roles))

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.type == "category") != bool(self.categories):
            raise ValueError(f"{self.name}: a category, and only a category, lists its categories")
        limited = self.minimum is not None or self.maximum is not None
        if limited and self.type not in ("integer", "float"):
            raise ValueError(f"{self.name}: only numbers have a minimum or a maximum")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"{self.name}: its minimum is above its maximum")
        if "feature" in self.roles and self.type not in ("integer", "float", "boolean", "category"):
            raise ValueError(f"{self.name}: a {self.type} is no feature; derive one in features.py")
        if "feature" in self.roles and {"leak", "target"} & set(self.roles):
            raise ValueError(f"{self.name}: known only after the event, so it cannot be a feature")
        if "group" in self.roles and self.type not in ("integer", "category", "string"):
            raise ValueError(f"{self.name}: a group is text or a whole number")
        if self.private and "time" in self.roles:
            raise ValueError(f"{self.name}: windows go by it, so it cannot be private")
        if self.zone is not None and self.type != "datetime":
            raise ValueError(f"{self.name}: only a datetime has a zone")
        if self.epoch is not None and self.type != "datetime":
            raise ValueError(f"{self.name}: only a datetime has an epoch")
        if self.zone not in (None, "UTC") and not _is_place(str(self.zone)):
            raise ValueError(f"{self.name}: {self.zone} is no zone; give one as Europe/Berlin")
        return self


class Schema(Section):
    """All columns, in order."""

    columns: tuple[Column, ...]

    @model_validator(mode="before")
    @classmethod
    def _from_mapping(cls, value: Any) -> Any:
        """Accept the file's form, a mapping of names to definitions."""
        if isinstance(value, dict) and isinstance(value.get("columns"), dict):
            columns = [
                {"name": name, **(definition if isinstance(definition, dict) else {})}
                for name, definition in value["columns"].items()
            ]
            return {**value, "columns": columns}
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if len(self.names("target")) != 1:
            found = len(self.names("target"))
            raise ValueError(f"exactly one column has the role target, not {found}")
        for role in OPTIONAL:
            if len(self.names(role)) > 1:
                raise ValueError(f"at most one column has the role {role}")
        if self.time and self[self.time].type != "datetime":
            raise ValueError(f"{self.time}: the time column is a datetime")
        if self[self.target].type != "boolean":
            raise ValueError(f"{self.target}: the target is a boolean")
        if not self.names("key") or not self.names("feature"):
            raise ValueError("at least one column has the role key, and one the role feature")
        return self

    def __getitem__(self, name: str) -> Column:
        """Return the column of that name."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    def names(self, *roles: Role) -> list[str]:
        """Return the names of the columns that have any of `roles`, in the file's order."""
        return [c.name for c in self.columns if set(roles) & set(c.roles)]

    @cached_property
    def private_categories(self) -> dict[str, tuple[str, ...]]:
        """The categories of each private column: other values of it may be learned by no model."""
        return {c.name: c.categories for c in self.columns if c.private and c.categories}

    @cached_property
    def time(self) -> str | None:
        """The column that splits and windows go by, where the data has one."""
        return next(iter(self.names("time")), None)

    @cached_property
    def clock(self) -> str:
        """The same where there has to be one.

        Raises:
            StageError: there is none.
        """
        if self.time is None:
            raise StageError("no column of schema.yaml has the role time")
        return self.time

    @cached_property
    def group(self) -> str | None:
        """The column whose rows of one value are alike, so that they stay together."""
        return next(iter(self.names("group")), None)

    @cached_property
    def target(self) -> str:
        """The column that is predicted."""
        return self.names("target")[0]

    @cached_property
    def request(self) -> list[str]:
        """The columns that a prediction needs: what is known when it is made."""
        return self.names("key", "time", "group", "feature")


def load_schema(path: Path = Path("schema.yaml")) -> Schema:
    """Read schema.yaml; a mistake in it raises a `StageError` naming the column."""
    schema = parse(Schema, path)
    assert isinstance(schema, Schema)
    return schema
