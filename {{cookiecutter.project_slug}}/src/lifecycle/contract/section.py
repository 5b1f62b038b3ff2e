"""What every file of settings shares: strict, frozen models, and one line for a mistake in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lifecycle.contract.errors import StageError

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A section of a settings file: immutable, and strict about what it holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def first_mistake(error: ValidationError, unknown: str = "") -> str:
    """Return where the first mistake is, what it is, and how many more there are.

    Args:
        error: What pydantic found.
        unknown: What to say besides of a section that there is not.
    """
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"] if part != "[key]")
    is_section = first["type"] == "extra_forbidden" and len(first["loc"]) == 1
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{where}: {first['msg']}{unknown if is_section else ''}{more}"


def plain(text: str | bytes) -> Any:
    """Return what YAML holds, as plain values, by libyaml, which PyYAML's wheels carry.

    Raises:
        yaml.YAMLError: it is no YAML.
    """
    return yaml.load(text, yaml.CSafeLoader)


def parse(model: type[BaseModel], path: Path, unknown: str = "") -> BaseModel:
    """Parse a YAML file into `model`; of a section that there is not, `unknown` says more.

    Raises:
        StageError: naming the file, the key and what is wrong with it.
    """
    try:
        return model.model_validate(plain(path.read_bytes()))
    except FileNotFoundError:
        raise StageError(f"{path} is missing", "run this from the project's folder") from None
    except yaml.YAMLError as error:
        raise StageError(f"{path} is no valid YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise StageError(f"{path}: {first_mistake(error, unknown)}") from None
