"""The section `data.source` of params.yaml: of which kind a source is, and how it is read.

No credential stands in it: params.yaml is in every commit, and in dvc.lock. An address or a URL
that needs one is in a variable of the environment, which `variable` names.
"""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator

from lifecycle.contract.section import Section

# What a query of an address is called that opens what it names.
SECRET = re.compile(r"(?i)(^|[&?;])[^=&;]*(sig|signature|token|key|secret|password|pwd|auth|"
                    r"credential)[^=&;]*=")  # fmt: skip
# What Arrow takes: one byte.
Character = Annotated[str, Field(pattern=r"^[\t\x1f -~]$")]
GIVE_VARIABLE = "give `variable`: the name of a variable of the environment that holds it"


def holds_secret(address: str) -> bool:
    """Return whether an address has a password, or a query that is named like a key."""
    parts = urlsplit(address)
    return bool(parts.password or SECRET.search(parts.query))


class PythonSource(Section):
    """The owner's own, of src/project/source.py."""

    kind: Literal["python"]
    name: str


class NamedSource(Section):
    """What all others have."""

    # What stands for no value, besides an empty cell and NA in files of text.
    nulls: tuple[str, ...] = ()
    # By the names of the source, those of schema.yaml.
    columns: dict[str, str] = Field(default_factory=dict)
    # A column that has the number of the row, for rows without an identifier.
    number_rows: Annotated[str | None, Field(min_length=1)] = None

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        names = list(self.columns.values())
        if len(set(names)) < len(names):
            raise ValueError("columns: two columns get one and the same name")
        # Of a file that has it, nobody could tell which of both is meant.
        if twice := sorted({*names} & {*self.columns}):
            raise ValueError(f"columns: {twice[0]!r} is a column of the source, and the new name "
                             "of another")  # fmt: skip
        return self


class FileSource(NamedSource):
    """A file, a folder, a pattern (data/*.csv), or an address: https://... or s3://..."""

    path: Annotated[str | None, Field(min_length=1)] = None
    variable: Annotated[str | None, Field(min_length=1)] = None
    # What is fetched has this hash, or is refused.
    sha256: Annotated[str | None, Field(pattern="^[0-9a-f]{64}$")] = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.variable is None):
            raise ValueError("give either path, or variable")
        if self.path and holds_secret(self.path):
            raise ValueError(f"path holds a credential: {GIVE_VARIABLE}")
        return self


class CsvSource(FileSource):
    """Text with one record a line; gzip and zstd are known by how a file begins."""

    kind: Literal["csv"]
    delimiter: Character = ","
    encoding: str = "utf-8"
    quote: Character | None = '"'
    decimal: Literal[".", ","] = "."

    @field_validator("encoding")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            "a".encode(name)
            codecs.lookup(name)
        except (LookupError, UnicodeError):
            raise ValueError(f"no encoding is called {name!r}") from None
        return name


class ParquetSource(FileSource):
    """Parquet files."""

    kind: Literal["parquet"]


class JsonLinesSource(FileSource):
    """Text with one JSON object a line; gzip and zstd are known by how a file begins."""

    kind: Literal["json_lines"]


class ExcelSource(FileSource):
    """One sheet of a workbook; its first row has the names."""

    kind: Literal["excel"]
    # Where there is more than one.
    sheet: str | None = None


class SqlSource(NamedSource):
    """The rows of a query, to any database that SQLAlchemy has a driver for."""

    kind: Literal["sql"]
    url: Annotated[str | None, Field(min_length=1)] = None
    variable: Annotated[str | None, Field(min_length=1)] = None
    query: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.url is None) == (self.variable is None):
            raise ValueError("give either url, or variable")
        if self.url and holds_secret(self.url):
            raise ValueError(f"url holds a credential: {GIVE_VARIABLE}")
        return self


Known = CsvSource | ParquetSource | JsonLinesSource | ExcelSource | SqlSource


def _in_words(value: Any) -> Any:
    """Let a name alone be that of the owner's own source, as older commits have it."""
    return {"kind": "python", "name": value} if isinstance(value, str) else value


SourceSettings = Annotated[
    PythonSource | CsvSource | ParquetSource | JsonLinesSource | ExcelSource | SqlSource,
    Field(discriminator="kind"),
    BeforeValidator(_in_words),
]
