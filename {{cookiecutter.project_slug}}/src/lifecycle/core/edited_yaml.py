"""Values of a YAML file are replaced where they stand: no byte of anything else changes.

PyYAML says where in the text a value begins and ends. A round trip through a writer of YAML keeps
comments and quotes, yet not the owner's indentation, spaces within braces and line ends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_text


class _Places(yaml.SafeLoader):
    """Composes an alias as what stands there, not as what it stands for."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            there = self.get_event()  # type: ignore[no-untyped-call]
            return yaml.ScalarNode("alias", there.anchor, there.start_mark, there.end_mark)
        return super().compose_node(parent, index)


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """Return the value of a key; of one that is there twice the last, as for whoever reads it."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in reversed(pairs) if name.value == key), None)


def _end(node: yaml.Node) -> int:
    """Return where a value ends: a block's own mark is behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return node.end_mark.index


def replaced(text: str, values: Mapping[str, Any], name: str = "params.yaml") -> str:
    """Return the text of a YAML file with other values of the dotted keys.

    Raises:
        StageError: the file `name` has no such key, or what shares its value would change as well.
    """
    root, places = yaml.compose(text, _Places), []
    for key, value in values.items():
        node = root
        for part in key.split("."):
            node = _child(node, part)
        if node is None:
            raise StageError(f"{name} has no {key} to write to", "give it a line there")
        begin = node.start_mark.index
        if text[begin] == "&":
            raise StageError(
                f"{name}: the value of {key} has an anchor, which other keys may share",
                "write the value out at each of them",
            )
        style = node.style if isinstance(node, yaml.ScalarNode) and isinstance(value, str) else None
        # Within a list nothing follows that a value alone would end with.
        written = yaml.safe_dump([value], default_style=style, default_flow_style=True,
                                 width=math.inf, allow_unicode=True)  # fmt: skip
        places.append((begin, _end(node), written[1:-2]))
    for begin, end, written in sorted(places, reverse=True):
        text = text[:begin] + written + text[end:]
    return text


def rewrite(path: Path, values: Mapping[str, Any]) -> None:
    """Replace values in a YAML file; see `replaced`."""
    # Of bytes: reading a text would make its line ends those of this system.
    write_text(path, replaced(path.read_bytes().decode("utf-8"), values, path.name))
