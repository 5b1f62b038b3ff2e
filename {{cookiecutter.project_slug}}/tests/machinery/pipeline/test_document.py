"""What is written down about the project is what the project is."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.pages import links
from lifecycle.pipeline import document


def test_every_column_has_a_row(schema: Schema) -> None:
    lines = document.table(schema).splitlines()
    for column in schema.columns:
        (line,) = [one for one in lines if one.startswith(f"| `{column.name}` |")]
        assert line.count("|") == 8
        assert column.description in line


def test_the_zone_of_a_column_is_said(schema: Schema) -> None:
    zoned = schema[schema.time].model_copy(update={"zone": "America/New_York"})
    columns = (zoned if c.name == schema.time else c for c in schema.columns)
    assert "| datetime (America/New_York) |" in document.table(Schema(columns=tuple(columns)))


def test_every_link_of_the_pages_leads_somewhere(root: Path) -> None:
    assert document.dead_links(root) == []


def test_every_rule_of_prometheus_has_its_paragraph_in_the_runbook(root: Path) -> None:
    rules = "".join(path.read_text(encoding="utf-8") for path in root.glob("deploy/*/alerts.yml"))
    seen = re.findall(r"(?m)^ +see: (.*)$", rules)
    assert len(seen) == rules.count("- alert:")
    assert [see for see in seen if not links.leads(root / "README.md", see)] == []


@pytest.mark.parametrize(
    ("page", "link"),
    [
        ("README.md", "[gone](docs/gone.md)"),
        ("README.md", "[gone](docs/operations.md#gone)"),
        ("README.md", '<img src="docs/gone.svg" alt="">'),
        ("docs/operations.md", "[gone](#gone)"),
        ("docs/operations.md", "[`code` in it](gone.md)"),
    ],
)
def test_a_link_that_leads_nowhere_stops_the_line(
    page: str, link: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("README.md", "schema.yaml"):
        shutil.copy(root / name, tmp_path / name)
    shutil.copytree(root / "docs", tmp_path / "docs")
    monkeypatch.setattr(document, "project_root", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    document.main()
    with (tmp_path / page).open("a", encoding="utf-8") as written:
        written.write(f"\n`[in code](gone.md)` {link}\n")
    with pytest.raises(StageError, match=rf"{page}: \S*gone\S*$"):
        document.main()
