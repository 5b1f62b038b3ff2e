"""What one part of the lifecycle is told changes nothing of the others: no stage, no Bento."""

import re
from pathlib import Path

import pytest
from projects import released_project
from running import Project

pytestmark = pytest.mark.slow
TRAINED = "  maximum_age_days: 120\n"
MONITOR = "src/lifecycle/monitoring/settings.py"
# What is changed: where, what, to what; which stages then run; whether the Bento is the same.
CHANGES: dict[str, tuple[str, str, str, set[str], bool]] = {
    "a setting of monitoring": ("params.yaml", TRAINED, "  maximum_age_days: 90\n", set(), True),
    "what monitoring can be told": (
        MONITOR, "    maximum_age_days: Count\n", "    maximum_age_days: Count = 90\n", set(), True
    ),
    "a setting of rollouts": (
        "params.yaml", "  drain_seconds: 10\n", "  drain_seconds: 11\n", set(), True
    ),
    "a setting of the replay": (
        "params.yaml", "  rows_per_request: 20\n", "  rows_per_request: 21\n", set(), True
    ),
    "a command of monitoring": (
        "src/lifecycle/monitoring/commands.py", "could not judge\"", "could not\"", set(), True
    ),
    "what the service accepts": (
        "params.yaml", "  maximum_rows: 1000\n", "  maximum_rows: 900\n", set(), False
    ),
    "what answers": (
        "src/lifecycle/serving/answering.py", "from __future__", "# Another.\nfrom __future__",
        set(), False,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def released(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a copy of a project whose version 1 is packaged; each test leaves it as it was."""
    project = released_project(generated, tmp_path_factory)
    return project.copy(tmp_path_factory.mktemp("parts") / "flight-delay")


@pytest.mark.parametrize("change", CHANGES)
def test_it_reaches_what_it_is_about_and_nothing_else(change: str, released: Project) -> None:
    path, old, new, stages, is_same = CHANGES[change]
    known = Path(released.root, ".lifecycle/packaged.json")
    kept = {one: one.read_bytes() for one in (released.root / path, known)}
    before = set((released.root / ".bentoml/bentos/flight-delay").iterdir())
    released.change(path, old, new)
    try:
        printed = released.must("pipeline")
        assert set(re.findall(r"Running stage '(\w+)'", printed)) == stages
        done = released.python("-m", "lifecycle", "package")
        assert done.returncode == 0, done.stderr
        assert ("is there already" in done.stdout) == is_same
        made = set((released.root / ".bentoml/bentos/flight-delay").iterdir()) - before
        assert (not made) == is_same
    finally:
        for one, content in kept.items():
            one.write_bytes(content)
