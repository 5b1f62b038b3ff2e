"""A mistake in schema.yaml is refused in one line that names the column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError


def write(root: Path, folder: Path, changes: dict[str, Any]) -> Path:
    """Write the real schema with columns changed (None takes one out)."""
    columns = yaml.safe_load((root / "schema.yaml").read_text(encoding="utf-8"))["columns"]
    for name, change in changes.items():
        if change is None:
            del columns[name]
        else:
            columns[name] = {**columns.get(name, {}), **change}
    path = folder / "schema.yaml"
    path.write_text(yaml.safe_dump({"columns": columns}, sort_keys=False), encoding="utf-8")
    return path


NEW = {"description": "New", "type": "float"}
MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"late": {"minimun": 1}}, "minimun: Extra inputs are not permitted"),
    "unknown type": ({"late": {"type": "bool"}}, "type: Input should be 'integer'"),
    "unknown role": ({"late": {"roles": ["label"]}}, "roles.0: Input should be 'key'"),
    "no role": ({"late": {"roles": []}}, "roles: Tuple should have at least 1 item"),
    "no description": ({"late": {"description": ""}}, "description: String should have"),
    "share above one": ({"humidity": {"null_share": 2}}, "null_share: Input should be less"),
    "category without categories": (
        {"origin": {"categories": []}}, "origin: a category, and only a category, lists",
    ),
    "categories without category": (
        {"humidity": {"categories": ["wet"]}}, "humidity: a category, and only a category, lists",
    ),
    "limits of a text": (
        {"tail_number": {"minimum": 1}}, "tail_number: only numbers have a minimum or a maximum",
    ),
    "text as a feature": (
        {"tail_number": {"roles": ["feature"]}}, "tail_number: a string is no feature",
    ),
    "leak as a feature": (
        {"arrival_delay": {"roles": ["leak", "feature"]}},
        "arrival_delay: known only after the event, so it cannot be a feature",
    ),
    "target as a feature": (
        {"late": {"roles": ["target", "feature"]}}, "late: known only after the event",
    ),
    "unknown privacy": (
        {"carrier": {"private": "secret"}}, "private: Input should be 'left_out' or 'hashed'",
    ),
    "private time": (
        {"scheduled_departure": {"private": "hashed"}},
        "scheduled_departure: windows go by it, so it cannot be private",
    ),
    "zone of a number": ({"humidity": {"zone": "UTC"}}, "humidity: only a datetime has a zone"),
    "epoch of a number": (
        {"humidity": {"epoch": "seconds"}}, "humidity: only a datetime has an epoch",
    ),
    "unknown epoch": (
        {"scheduled_departure": {"epoch": "days"}}, "epoch: Input should be 'seconds', 'mill",
    ),
    "a group that is a measure": (
        {"humidity": {"roles": ["group"]}}, "humidity: a group is text or a whole number",
    ),
    "two groups": (
        {"carrier": {"roles": ["key", "group"]}, "origin": {"roles": ["group"]}},
        "at most one column has the role group",
    ),
    "no such zone": (
        {"scheduled_departure": {"zone": "Berlin"}},
        "scheduled_departure: Berlin is no zone; give one as Europe/Berlin",
    ),
    "an old zone": (
        {"scheduled_departure": {"zone": "WET"}}, "scheduled_departure: WET is no zone",
    ),
    "the zone of each machine": (
        {"scheduled_departure": {"zone": "localtime"}}, "scheduled_departure: localtime is no zone",
    ),
    "no target": ({"late": None}, "exactly one column has the role target, not 0"),
    "two targets": (
        {"later": {**NEW, "roles": ["target"]}}, "exactly one column has the role target, not 2",
    ),
    "two times": (
        {"tail_number": {"type": "datetime", "roles": ["time"]}},
        "at most one column has the role time",
    ),
    "time is no datetime": (
        {"scheduled_departure": {"roles": ["key"]}, "hour": {**NEW, "roles": ["time"]}},
        "hour: the time column is a datetime",
    ),
    "target is no boolean": (
        {"late": {"type": "float"}}, "late: the target is a boolean",
    ),
    "no key": (
        {
            "scheduled_departure": {"roles": ["time"]},
            "carrier": {"roles": ["feature"]},
            "flight_number": {"roles": ["ignored"]},
        },
        "at least one column has the role key",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(root: Path, tmp_path: Path, mistake: str) -> None:
    changes, message = MISTAKES[mistake]
    with pytest.raises(StageError) as refused:
        load_schema(write(root, tmp_path, changes))
    line = str(refused.value)
    assert message in line
    assert "schema.yaml" in line
    assert "\n" not in line


def test_the_unchanged_schema_is_accepted(root: Path, tmp_path: Path, schema: Schema) -> None:
    assert load_schema(write(root, tmp_path, {})) == schema


def test_a_schema_needs_no_time(root: Path, tmp_path: Path) -> None:
    found = load_schema(write(root, tmp_path, {"scheduled_departure": {"roles": ["key"]}}))
    assert (found.time, found.group) == (None, None)
    with pytest.raises(StageError, match=r"no column of schema\.yaml has the role time"):
        assert found.clock
    grouped = load_schema(write(root, tmp_path, {"tail_number": {"roles": ["group"]}}))
    assert grouped.group == "tail_number"
    # What is drawn together has to be known of what is served.
    assert "tail_number" in grouped.request


def test_the_request_is_what_is_known_before_the_event(schema: Schema) -> None:
    assert set(schema.request) >= {schema.clock, *schema.names("key"), *schema.names("feature")}
    assert not set(schema.request) & set(schema.names("leak", "target", "ignored"))
    assert schema.target == "late"


def test_a_schema_cannot_be_changed(schema: Schema) -> None:
    with pytest.raises(ValueError, match="frozen"):
        schema.columns = ()  # type: ignore[misc]
