"""Keys of a YAML file are set, added and taken out where they stand; the rest keeps every byte.

What is replaced takes along the comments between a key and its value: they were about that value.
Comments above a key stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from lifecycle.contract.errors import StageError

WIDTH = 96


def entry(key: str, value: Any, column: int = 0) -> str:
    """Return a key and its value as YAML, in one line where it fits, else below the key."""
    begin = f"{' ' * column}{_flow(key, 10_000)}:"
    if not isinstance(value, dict | list) or not value or _is_short(value):
        one = f"{begin} {_flow(value, 10_000)}"
        if not isinstance(value, dict | list) or len(one) <= WIDTH:
            return one
    if isinstance(value, dict):
        return "\n".join([begin, *(entry(str(k), v, column + 2) for k, v in value.items())])
    margin = " " * (column + 2)
    if any(isinstance(one, dict) for one in value):
        below = [entry_of_list(one, column + 2) for one in value]
        return "\n".join([begin, *below])
    lines = _flow(value, WIDTH - column - 4)[1:-1].split("\n")
    return "\n".join(
        [f"{begin} [", *(f"{margin}{line.strip()}" for line in lines), " " * column + "]"]
    )


def entry_of_list(value: Any, column: int) -> str:
    """Return an entry of a list: a mapping, with its dash before its first key."""
    lines = "\n".join(entry(str(k), v, column + 2) for k, v in value.items())
    return lines[:column] + "- " + lines[column + 2 :]


def _is_short(value: Any) -> bool:
    """Say whether it reads well in one line: a list of plain values, or a mapping of some."""
    inner = value.values() if isinstance(value, dict) else value
    return not any(isinstance(one, dict) or (isinstance(one, list) and len(one) > 3)
                   for one in inner)  # fmt: skip


def _flow(value: Any, width: int) -> str:
    text: str = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True,
                               sort_keys=False, width=width)  # fmt: skip
    return text.strip()[1:-1]


def put(text: str, path: Sequence[str], value: Any) -> str:
    """Return the text with another value of a key; one that is not there comes last in its mapping.

    Raises:
        StageError: what stands above it is no mapping.
    """
    *above, last = path
    parent = _at(text, above)
    if parent is None:
        return put(text, above, {last: value})
    if isinstance(parent, yaml.ScalarNode) and not parent.value.strip():
        return put(text, above, {last: value})
    if not isinstance(parent, yaml.MappingNode):
        raise StageError(f"{'.'.join(above)} is no mapping, so {last} has no place in it")
    if parent.flow_style or not parent.value:
        held = yaml.safe_load(text[parent.start_mark.index : parent.end_mark.index]) or {}
        return put(text, above, {**held, last: value}) if above else entry(last, value) + "\n"
    there = next(((k, v) for k, v in parent.value if k.value == last), None)
    if there is None:
        column, end = parent.value[0][0].start_mark.column, _line_end(text, _end(parent))
        return text[:end] + "\n" + entry(last, value, column) + text[end:]
    key, node = there
    begin, end = key.start_mark.index, _end(node)
    return text[:begin] + entry(last, value, key.start_mark.column).lstrip(" ") + text[end:]


def taken(text: str, path: Sequence[str]) -> str:
    """Return the text without a key, if it has it; comments right above it go as well."""
    *above, last = path
    parent = _at(text, above)
    if not isinstance(parent, yaml.MappingNode):
        return text
    if parent.flow_style:
        held = yaml.safe_load(text[parent.start_mark.index : parent.end_mark.index])
        return put(text, above, {k: v for k, v in held.items() if k != last})
    there = next(((k, v) for k, v in parent.value if k.value == last), None)
    if there is None:
        return text
    begin = text.rfind("\n", 0, there[0].start_mark.index) + 1
    while text[:begin].rstrip("\n") != text[:begin] and _is_comment(_line_before(text, begin)):
        begin -= len(_line_before(text, begin)) + 1
    end = _line_end(text, _end(there[1])) + 1
    if len(parent.value) == 1:
        return put(text, above, {}) if above else text[:begin] + text[end:]
    return text[:begin] + text[end:]


def _line_before(text: str, begin: int) -> str:
    return text[text.rfind("\n", 0, begin - 1) + 1 : begin - 1]


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _at(text: str, path: Sequence[str]) -> yaml.Node | None:
    node: yaml.Node | None = yaml.compose(text, yaml.SafeLoader)
    for part in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        node = next((value for key, value in pairs if key.value == part), None)
    return node


def _end(node: yaml.Node) -> int:
    """Return where a value ends: a block's own mark is behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return node.end_mark.index


def _line_end(text: str, place: int) -> int:
    found = text.find("\n", place)
    return len(text) if found < 0 else found
