"""The Bento of a bundle: what the version's tag and lineage name, and everything in it readable.

What a worker, a rollout or the monitor would stumble over later is refused here, where nothing
serves yet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lifecycle.contract import seal
from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import parse_strict
from lifecycle.contract.outcome import chosen
from lifecycle.contract.outcome.answer import answer_model
from lifecycle.contract.section import first_mistake
from lifecycle.delivery.claims import Facts, Finite
from lifecycle.records import bento, expected, named
from lifecycle.records.unpack import BundleError
from lifecycle.serving.predictor import Release
from lifecycle.serving.request import request_model

SERVICE = "service:service"
# What BentoML writes has five.
DEEPEST = 20
Form = TypeVar("Form", bound=BaseModel)


class Parsed(BaseModel):
    """Something that another program wrote: as it says, and nothing converted."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Figure(Parsed):
    """A mean and its standard error."""

    model_config = ConfigDict(extra="forbid")

    mean: Finite
    error: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Difference(Parsed):
    """How a model differs from the champion, as the gate writes it."""

    champion: dict[str, Any]
    challenger: dict[str, Any]
    changed_decisions: Figure
    prediction_shift: Figure


class Smoke(Parsed):
    """The smoke request, and what the pipeline has answered to it."""

    model_config = ConfigDict(extra="forbid")

    request: dict[str, Any]
    answers: list[dict[str, Any]] | None = Field(None, min_length=1)
    # What Bentos had at first.
    probabilities: list[Annotated[float, Field(ge=0, le=1)]] | None = Field(None, min_length=1)


class About(Parsed):
    """What BentoML reads of a Bento before it loads anything of it."""

    name: str
    version: str
    service: str


def require_bento(place: Path, facts: Facts) -> None:
    """Let through only the Bento that the version's tag and lineage name.

    Raises:
        BundleError: what differs.
    """
    if not bento.TAG.fullmatch(facts.tag):
        raise BundleError("its tag is no tag of a Bento, which is name:version-hash")
    if not facts.tag.startswith(f"{facts.name}:{facts.version}-"):
        raise BundleError("its tag is of another name or version")
    if not (place / "bento.yaml").is_file():
        raise BundleError("it holds no Bento")
    try:
        found = named.damage(place, facts.tag, facts.lineage, at_first=True)
        if found:
            raise BundleError(f"its Bento is not what was packaged: {found}")
        _require_readable(place, facts)
    except FileNotFoundError as error:
        name = Path(str(error.filename)).name
        raise BundleError(f"its Bento is not what was packaged: {name} is missing") from None


def _require_readable(place: Path, facts: Facts) -> None:
    """Parse what will be parsed where it serves.

    Raises:
        BundleError: something is not as `package` writes it.
        FileNotFoundError: something is missing.
    """
    release = _parse(Release, place / named.RECORD)
    path = place / "src" / "release" / "schema.yaml"
    _yaml(path)
    try:
        schema = load_schema(path)
    except StageError as error:
        raise BundleError(f"{path.name}{str(error).removeprefix(str(path))}") from None
    smoke = _parse(Smoke, place / "src" / seal.SMOKE)
    body = request_model(schema, release.maximum_rows, BaseModel)
    try:
        request: Any = body.model_validate(smoke.request)
    except ValidationError as error:
        raise BundleError(f"smoke.json: request.{first_mistake(error)}") from None
    if len(request.records) != len(smoke.answers or smoke.probabilities or ()):
        raise BundleError("smoke.json: it has not one answer for each record")
    if smoke.answers:
        _require_answers(smoke.answers, schema)
    about = _check(About, _yaml(place / "bento.yaml"), "bento.yaml")
    if f"{about.name}:{about.version}" != facts.tag or about.service != SERVICE:
        raise BundleError("its bento.yaml is of another Bento")
    _require_difference(place / "src" / "release" / expected.FILE, facts.lineage.get("difference"))


def _require_answers(answers: list[dict[str, Any]], schema: Schema) -> None:
    """Let through only answers as this service gives them.

    Raises:
        BundleError: the first mistake in them.
    """
    model = answer_model(chosen.of(schema), BaseModel)
    said = {"model_version": "", "request_id": "", "predictions": answers}
    try:
        model.model_validate(said, strict=True)
    except ValidationError as error:
        raise BundleError(f"smoke.json: {first_mistake(error)}") from None


def _parse(form: type[Form], path: Path) -> Form:
    try:
        found = parse_strict(path.read_bytes())
    except ValueError as error:
        raise BundleError(f"{path.name} cannot be read ({error})") from None
    return _check(form, found, path.name)


def _check(form: type[Form], found: Any, name: str) -> Form:
    try:
        return form.model_validate(found)
    except ValidationError as error:
        raise BundleError(f"{name}: {first_mistake(error)}") from None


def _yaml(path: Path) -> Any:
    """Return plain YAML, every value a text; what a tag in it asks for is made by nobody.

    Raises:
        BundleError: it is no YAML, not plain, or nested deeper than ours is.
    """
    text, depth = path.read_bytes(), 0
    try:
        found = text.decode("utf-8")
        for event in yaml.parse(found):
            if getattr(event, "tag", None):
                raise BundleError(f"{path.name} holds a tag of YAML")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            # The parser's time grows with the square of it.
            if depth > DEEPEST:
                raise BundleError(f"{path.name} is nested too deep")
        return yaml.load(found, Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError):
        raise BundleError(f"{path.name} is no YAML") from None


def _require_difference(path: Path, measured: str | None) -> None:
    """Let through only the difference that the lineage names: a rollout expects that.

    Raises:
        BundleError: there is another, or none, or it is no difference.
    """
    kept = parse_strict(path.read_bytes()) if path.is_file() else None
    if kept != (None if measured is None else parse_strict(measured.encode())):
        raise BundleError(f"its {path.name} is not what its lineage names")
    if kept is not None:
        _check(Difference, kept, path.name)
