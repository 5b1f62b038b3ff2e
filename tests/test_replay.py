"""Real months are played through a real service, in a clone that leaves the project as it is."""

import os
import re
import signal
from pathlib import Path

import pytest
from baking import files_of
from breaking import (
    SMALL,
    commit,
    edit,
    flights,
    git,
    keep,
    md5,
    month_up_to,
    read_json,
    shuffle_outcomes,
    stopped,
    weather,
)
from projects import Running, wait_until
from running import Project

pytestmark = pytest.mark.slow
# One flight of so many, in five months.
SPARSE, MONTHS = 6, 5
THIN = (
    # A replay sets the window itself.
    *SMALL[2:],
    ("    development: 2\n", "    development: 0.5\n"),
    ("  minimum_requests: 200\n", "  minimum_requests: 60\n"),
    ("  minimum_rows: 1000\n", "  minimum_rows: 300\n"),
    ("  minimum_slice_rows: 300\n", "  minimum_slice_rows: 100\n"),
    # Of so few rows: every sixth flight.
    ("disparity: {maximum: 0.25}", "disparity: {maximum: 0.9}"),
    # The first model has more, the second less.
    ("calibration_error: {maximum: 0.10}", "calibration_error: {maximum: 0.06}"),
    # Too old in March and in April; not in February, and not on its own training period.
    ("  maximum_age_days: 120\n", "  maximum_age_days: 40\n"),
)
# What is the user's, and nothing to a clone.
SHARED = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "API_KEYS": "secret", "ENV": "staging"}


@pytest.fixture(scope="module")
def project(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project with few flights, in which the outcomes of March mean nothing."""
    thin = generated.copy(tmp_path_factory.mktemp("replay") / "flight-delay")
    edit(thin, "params.yaml", THIN)
    thin.must("source")
    with flights(thin) as columns:
        early = month_up_to(columns, MONTHS)
        keep(columns, lambda row: early(row) and row % SPARSE == 0)
        months = list(columns["month"])
        shuffle_outcomes(columns, lambda row: months[row] == "3")
    with weather(thin) as columns:
        keep(columns, month_up_to(columns, MONTHS))
    commit(thin)
    return thin


def everything(project: Project) -> dict[str, str]:
    """Return the hash of every file of a project but those of a replay, and its commit.

    Why a command failed is kept in a file of its own, which is no state of the project.
    """
    mine = re.compile(
        r"build/|reports/replay\.|\.lifecycle/failure\.json|\.venv|.*__pycache__|\.git/"
    )
    found = {
        str(path): md5(project.root / path)
        for path in files_of(project.root)
        if not mine.match(str(path))
    }
    return {**found, "HEAD": git(project, "rev-parse", "HEAD")}


def processes(project: Project) -> list[str]:
    """Return the command of every process that runs in a project's clone."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            place = str((path / "cwd").readlink())
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(project.root / "build" / "replay") in f"{place} {command}":
            found.append(command)
    return found


def test_a_killed_replay_is_played_again_and_shows_all_that_happened(project: Project) -> None:
    """Kept, promoted, refused with the reason; table, JSON and page; the project is untouched."""
    before = everything(project)
    killed = Running(project, "replay", "MONTHS=2013-02")
    killed.wait_for("replay: the first model is trained")
    stopped(project.make("replay", "MONTHS=2013-02"), "replay", "another replay plays in",
            "try again")  # fmt: skip
    killed.wait_for("replay: 2013-02 up to 2013-02-15: ")
    killed.kill()
    assert any("service" in command for command in processes(project)), "its service was to remain"
    done = project.make("replay", "MONTHS=2013-02..2013-04", **SHARED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert processes(project) == []
    assert everything(project) == before
    assert git(project, "status", "--porcelain") == ""

    found = read_json(project, "reports/replay.json")
    february, march, april = found["months"]
    assert [one["outcome"] for one in found["months"]] == ["kept", "promoted", "refused"], done
    assert "roc_auc: 0." in april["why"]
    assert set(february["versions"]) == {"1"}
    assert set(march["versions"]) == {"1", "2"}
    assert set(april["versions"]) == {"2"}
    for month in found["months"]:
        assert month["rows"] == sum(month["versions"].values())
        assert list(month["statuses"]) == ["200"]
        gains = month["scores"]["gains"]
        assert {"frozen", "constant"} <= set(gains)
        for gain in (gain for one in gains.values() for gain in one.values()):
            assert gain["low"] <= gain["value"] <= gain["high"]
    # Until another version came, live is the frozen model itself, served: not a bit apart.
    assert set(february["scores"]["gains"]["frozen"]["roc_auc"].values()) == {0.0}
    assert april["scores"]["gains"]["frozen"]["roc_auc"]["value"] != 0
    controls = [month["control"] for month in found["months"] if month["control"]]
    assert [(one["version"], one["month"]) for one in controls] == [
        (1, "2013-01"), (2, "2013-01"),
    ]  # fmt: skip
    assert found["false_alarms"] == {"replayed": 2, "fired": [], "not_judged": []}
    # The gate refused the first model; the second it let through by its own limits, given back.
    assert found["first"] == {"window": "2013-01 to 2013-01", "refused": "calibration_error"}
    assert "0.06" in (project.root / "build/replay/params.yaml").read_text(encoding="utf-8")
    assert set(april["scores"]["gains"]["settled"]["roc_auc"].values()) == {0.0}

    lines = done.stdout.splitlines()
    assert lines[-1].startswith("replay: continuous training, 1 times promoted, ")
    assert lines[-1] == f"replay: {found['conclusion']} (see reports/replay.html)"
    for said in ("2013-02", "2013-03", "2013-04", "gain over frozen", "false alarms: "):
        assert any(said in line for line in lines), said
    page = (project.root / "reports/replay.html").read_text(encoding="utf-8")
    assert found["conclusion"] in page.replace("&#x27;", "'")
    assert page.count("<polyline") >= 2
    assert "http" not in page


def test_an_interrupted_replay_stops_its_service(project: Project) -> None:
    """Ctrl-C reaches everything that was started, and a half-played year is no report."""
    report = project.root / "reports" / "replay.json"
    report.unlink(missing_ok=True)
    playing = Running(project, "replay", "MONTHS=2013-02")
    playing.wait_for("replay: 2013-02 up to 2013-02-15: ")
    assert processes(project)
    os.killpg(playing.process.pid, signal.SIGINT)
    assert playing.finish() != 0
    printed = playing.printed
    assert "replay: interrupted" in printed
    assert "Traceback" not in printed
    wait_until(lambda: not processes(project), "something still runs")
    assert not report.exists()


BAD = {
    "no months": ((), "say which months: make replay MONTHS=2013-02..2013-12"),
    "words": (("MONTHS=last year",), "'last year' are no months: give MONTHS=2013-02"),
    "wrong order": (("MONTHS=2013-04..2013-02",), "2013-04 lies after 2013-02: give MONTHS="),
    "a speed": (("MONTHS=2013-02", "SPEED=fast"), "'fast' is no speed: give SPEED=full"),
    "no rows": (("MONTHS=2013-04..2014-01",), "no rows in 2013-06: it has 2013-01 to 2013-05"),
    "nothing before": (("MONTHS=2013-01",), "no rows in 2012-12: begin with 2013-02"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_played_is_said_in_one_line(case: str, project: Project) -> None:
    """Before anything is cloned, trained or started."""
    before, clone = everything(project), project.root / "build" / "replay"
    made = clone.stat().st_mtime if clone.exists() else None
    arguments, said = BAD[case]
    stopped(project.make("replay", *arguments), "replay", said)
    assert everything(project) == before
    assert (clone.stat().st_mtime if clone.exists() else None) == made


def test_what_is_not_committed_is_not_played(project: Project) -> None:
    """A clone would not have it."""
    path = project.root / "notes.txt"
    path.write_text("mine", encoding="utf-8")
    try:
        stopped(project.make("replay", "MONTHS=2013-02"), "replay", "notes.txt not committed",
                "git add -A && git commit")  # fmt: skip
    finally:
        path.unlink()
