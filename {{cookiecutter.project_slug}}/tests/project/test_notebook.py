"""The notebook runs on what the pipeline has made, and is kept without its output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def cells(root: Path) -> list[dict[str, Any]]:
    text = (root / "notebooks" / "explore.ipynb").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(text)["cells"]
    return [cell for cell in found if cell["cell_type"] == "code"]


def test_each_cell_runs(made: Path, cells: list[dict[str, Any]]) -> None:
    known: dict[str, Any] = {}
    for number, cell in enumerate(cells):
        exec(compile("".join(cell["source"]), f"cell {number}", "exec"), known)
    assert 0 < known["by_month"]["late"][0] < 1
    assert known["by_hour"].height > 12
    assert known["attributions"].columns == ["feature", "attribution"]
    assert known["attributions"]["attribution"].is_sorted(descending=True)


def test_it_is_kept_without_output(cells: list[dict[str, Any]]) -> None:
    assert cells
    assert [cell for cell in cells if cell["outputs"] or cell["execution_count"]] == []
