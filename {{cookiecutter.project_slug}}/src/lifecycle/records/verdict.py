"""What a verdict of the gate has to be before anything may follow from it.

A file that says so proves nothing by itself: it must have the form that the gate writes, hold every
rule that the parameters ask for, and be about exactly the contents that it is used for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_strict
from lifecycle.contract.section import Section, first_mistake
from lifecycle.core.metric_names import RATES
from lifecycle.core.params import Judged, Params
from lifecycle.records import ablation, definition

# The contents that a verdict and the tags of the version that it let through have in common.
CONTENTS = (
    "model_md5", "train_md5", "holdout_md5", "evaluation_md5",
    "params_md5", "schema_md5", "features_md5",
)  # fmt: skip
AGAIN = "run `make gate`"
PASS = "pass"  # noqa: S105
LONGEST = 200


class Line(Section, strict=True):
    """One rule, as it stands in the report."""

    rule: str = Field(min_length=1)
    measured: str
    required: str
    verdict: Literal["pass", "fail"]
    # What verdicts did not have at first.
    kind: str = ""
    value: float | None = None
    interval: list[float] | None = None
    minimum: float | None = None
    maximum: float | None = None


class Report(BaseModel):
    """The report of a model that passed: nothing in it may be missing or of another type."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    verdict: Literal["pass"]
    rules: list[Line] = Field(min_length=1)
    model_md5: str
    train_md5: str
    holdout_md5: str
    evaluation_md5: str
    params_md5: str
    schema_md5: str
    features_md5: str
    champion: int | None = Field(ge=1, le=10**9 - 1)
    base: str | None

    @property
    def against(self) -> str | None:
        """What the model was compared with, None where there was nothing."""
        if self.champion is not None:
            return f"champion version {self.champion}"
        return f"the model of base {self.base[:12]}" if self.base else None


def required_rules(params: Params | Judged, schema: Schema, against: str | None) -> list[str]:
    """Return the name of every rule that the parameters ask for."""
    compared = ["holdout unseen by the champion", f"against {against}"]
    rates = [rate.replace("_", " ") for rate in RATES[schema.task]]
    return [
        *params.gate.metrics,
        "beats the constant model",
        "beats the linear model",
        *(compared if against else ["against the champion"]),
        *(f"slices of {name}" for name in params.evaluate.slices),
        *(f"disparity of {name}, {rate}" for name in schema.names("sensitive") for rate in rates),
        "median time for one row",
        "size of the model file",
        *([ablation.RULE] if params.gate.ablation.refuse_harmful else []),
    ]


def read(path: Path) -> dict[str, Any]:
    """Return a report of the gate, whatever its verdict.

    Raises:
        StageError: it is no JSON object with a verdict and a reason, each key once.
    """
    try:
        found = read_strict(path)
    except (ValueError, OSError) as error:
        raise StageError(f"{path} is no verdict of the gate ({short(error)}): {AGAIN}") from None
    if not isinstance(found, dict) or not isinstance(found.get("reason"), str):
        raise StageError(f"{path} is no verdict of the gate: {AGAIN}")
    return found


def passed(found: Any, required: list[str] | None = None) -> Report:
    """Return the report of a model that passed every rule, those that are `required` among them.

    Raises:
        StageError: the verdict is another than `pass`, or does not follow from its rules.
    """
    try:
        report = Report.model_validate(found)
    except ValidationError as error:
        mistake = short(first_mistake(error))
        raise _refusal(f"the gate's verdict is not one of the gate ({mistake})") from None
    failed = [line.rule for line in report.rules if line.verdict != "pass"]
    twice = [rule for rule, times in Counter(line.rule for line in report.rules).items()
             if times > 1]  # fmt: skip
    names = [line.rule for line in report.rules]
    missing = [rule for rule in required or [] if rule not in names]
    unknown = [rule for rule in names if required is not None and rule not in required]
    for said, rules in (("failed", failed), ("are there twice", twice), ("are missing", missing),
                        ("are no rules of params.yaml", unknown)):  # fmt: skip
        if rules:
            shown = short(", ".join(rules))
            raise _refusal(f"the gate's verdict does not hold: rules that {said}: {shown}", rules)
    return report


def _refusal(reason: str, rules: Iterable[str] = ()) -> StageError:
    return StageError(reason, AGAIN, about=rules)


def contents(tags: dict[str, str], found: dict[str, Any]) -> dict[str, Any]:
    """Return what a verdict has to be about to be that of a version with these tags."""
    # Neither verdicts nor versions had it at first; that of one belongs to that of the other.
    kept = [definition.HASH] if definition.HASH in found or definition.HASH in tags else []
    return {**{key: tags[key] for key in CONTENTS}, **{key: tags.get(key) for key in kept}}


def differing(found: dict[str, Any], contents: dict[str, Any]) -> list[str]:
    """Return which contents a report is not about."""
    return [key for key, value in contents.items() if key not in found or found[key] != value]


def short(text: object) -> str:
    """Return the first line of something that anybody may have written, cut to a readable length.

    What is no plain character is left out: it could rewrite a terminal's line.
    """
    line = (str(text).splitlines() or [""])[0]
    line = "".join(one for one in line if one.isprintable())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
