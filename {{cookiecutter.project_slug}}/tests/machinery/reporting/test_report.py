"""The report is about the parts that are there, and only looks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from folders import EXAMPLE, ROOT

from lifecycle.core.params import Params
from lifecycle.records.facts import gather
from lifecycle.reporting import report

# Which part each section of the page is of, in the page's order.
PARTS = {
    "environments": "rollout", "gate": "release", "model": "pipeline",
    "features": "pipeline/ablation", "monitoring": "monitoring", "rollouts": "rollout",
    "versions": "release", "replay": "loop/replay",
}  # fmt: skip
# What params.yaml has for a part.
SETTINGS = {
    "loop": ("retrain", "replay"), "loop/replay": ("replay",), "monitoring": ("monitor",),
    "rollout": ("rollout",),
}  # fmt: skip
WRITES = """
from pathlib import Path
from lifecycle.core.params import load_params
from lifecycle.reporting import report
facts = report.write(Path.cwd(), load_params(), with_plots=False)
print(*(one.anchor for one in facts.sections), facts.notes)
"""
PLANTED = """
from lifecycle.records.facts import Link, Section

SECTIONS = (
    Section(35, "weather", "Weather & more", "weather/templates/section.html",
            gather=lambda facts: "rain & <i>wind</i>", values=lambda facts: {"warm": 21},
            links=lambda facts: [Link("Map", facts.params.paths.source / "x", "of it")]),
)
"""


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the machinery with the example, in which nothing has run."""
    shutil.copytree(ROOT / "src" / "lifecycle", tmp_path / "src" / "lifecycle")
    shutil.copytree(EXAMPLE / "project", tmp_path / "src" / "project")
    shutil.copy(EXAMPLE / "params.yaml", tmp_path)
    return tmp_path


def written(project: Path) -> tuple[str, str]:
    """Write the page of another project; return what its sections are, with notes, and the page."""
    done = subprocess.run(
        [sys.executable, "-c", WRITES], cwd=project, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": "src"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = (project / "reports/site/index.html").read_text(encoding="utf-8")
    return done.stdout.strip(), page


def test_a_part_adds_its_section_by_being_there(copied: Path) -> None:
    part = copied / "src" / "lifecycle" / "weather"
    (part / "templates").mkdir(parents=True)
    (part / "__init__.py").touch()
    (part / "report_section.py").write_text(PLANTED, encoding="utf-8")
    # Not written out: cookiecutter would take it for its own.
    begin, end = "{" * 2, "}" * 2
    template = f"{begin} facts.told.weather {end}: {begin} warm {end}"
    (part / "templates" / "section.html").write_text(template, encoding="utf-8")
    (copied / "data/source").mkdir(parents=True)
    (copied / "data/source/x").touch()
    said, page = written(copied)
    assert "model features weather" in said
    assert "rain &amp; &lt;i&gt;wind&lt;/i&gt;: 21" in page
    assert "<h2>Weather &amp; more</h2>" in page
    assert '<a href="../../data/source/x">Map</a>: of it' in page


@pytest.mark.parametrize(
    "gone",
    [(), ("loop",), ("loop/replay",), ("monitoring", "loop/replay"), ("delivery",),
     ("loop", "monitoring", "rollout", "delivery")],
    ids=lambda names: " ".join(names) or "none",
)  # fmt: skip
def test_the_page_is_about_the_parts_that_are_there(gone: tuple[str, ...], copied: Path) -> None:
    settings = yaml.safe_load((copied / "params.yaml").read_text(encoding="utf-8"))
    for name in gone:
        shutil.rmtree(copied / "src" / "lifecycle" / name, ignore_errors=True)
        for section in SETTINGS.get(name, ()):
            settings.pop(section, None)
    (copied / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    said, page = written(copied)
    anchors = [anchor for anchor, part in PARTS.items()
               if (copied / "src" / "lifecycle" / part).is_dir()]  # fmt: skip
    assert said == f"{' '.join(anchors)} []"
    for anchor in (*anchors, "more"):
        assert page.count(f'<section id="{anchor}">') == page.count(f'href="#{anchor}"') == 1
    assert page.count("<section id=") == len(anchors) + 1
    assert "Nothing is live." in page


def test_what_a_pipeline_leaves_is_told_and_nothing_is_made(project: Path, params: Params) -> None:
    before = sorted(project.rglob("*"))
    told = gather(project, params, report.sections())
    page = report.page(told)
    assert told.notes == []
    assert "A model was made and no version is registered: type <code>make release</code>." in page
    assert "which is not registered" in page
    assert sorted(project.rglob("*")) == before
    for one in json.loads((project / params.paths.metrics).read_text(encoding="utf-8")).values():
        assert f"{one:.4f}" in page


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (f"https://me:{'x' * 9}@tracking.example.org/ml", "https://tracking.example.org/ml"),
        ("http://tracking.example.org:5000", "http://tracking.example.org:5000"),
        ("javascript:alert(1)", None),
        ("sqlite:///elsewhere.db", None),
    ],
)
def test_only_a_web_address_is_linked_and_without_its_password(
    given: str, shown: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", given)
    assert report.mlflow_address() == shown
