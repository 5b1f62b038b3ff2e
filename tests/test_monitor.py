"""What is served is watched: faults fire by name, healthy weeks do not, nothing ends in a crash.

One project serves real rows through a real worker; each test judges a log of its own, made of what
that worker wrote about some of the weeks that were sent.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from breaking import State, md5, state_of, stopped
from projects import released_project
from running import Forking, Project, free_port, use_port

pytestmark = pytest.mark.slow
REPORT, LOG = "reports/monitor.json", ".lifecycle/development/predictions"
PROFILE = "reports/reference_profile.json"
# Sends days of the source to the service, with a fault in the rows; prints the time it began.
SEND = """
import datetime, json, sys, time
from pathlib import Path
import polars as pl
from lifecycle.pipeline import ingest, source
from lifecycle.contract.columns import load_schema
from lifecycle.core.params import load_params
from lifecycle.loop.replay.traffic import Traffic

schema, params = load_schema(), load_params()
folder = Path(params.paths.source)
found, is_text = source.scan(params.data.source, folder, folder.parent, schema)
lazy = ingest.conform(found, schema, is_text=is_text)[0].drop("_refused")
keys = [schema.time, *(name for name in schema.names("key") if name != schema.time)]
rows = lazy.sort(keys).collect()
day = pl.col(schema.time).dt.date()
address = f"http://127.0.0.1:{params.serve.ports.development}"
size = int(sys.argv[2])
for name, (first, last, fault) in json.loads(sys.argv[1]).items():
    sent = rows.filter(day.is_between(*map(datetime.date.fromisoformat, (first, last))))
    request = sent.select(schema.request)
    if fault:
        request = request.with_columns(eval(fault, {"pl": pl})).select(schema.request)
    began = datetime.datetime.now(datetime.UTC).isoformat()
    answers = Traffic(address, 4, None).send(request, schema.time, size)
    time.sleep(1.1 * params.prediction_log.flush_seconds)
    print(json.dumps([name, began, datetime.datetime.now(datetime.UTC).isoformat(),
                      sent.height, dict(answers.statuses)]))
"""
LABELS = """
import sys
from pathlib import Path
import polars as pl
from lifecycle.pipeline import ingest, source
from lifecycle.contract.columns import load_schema
from lifecycle.core.params import load_params

schema, params = load_schema(), load_params()
folder = Path(params.paths.source)
found, is_text = source.scan(params.data.source, folder, folder.parent, schema)
lazy = ingest.conform(found, schema, is_text=is_text)[0].drop("_refused")
rows = lazy.collect().drop_nulls(schema.target)
if sys.argv[2] == "reversed":
    rows = rows.with_columns(~pl.col(schema.target))
if sys.argv[2] in ("universal", "zoned"):
    rows = rows.with_columns(pl.col(schema.time) + pl.duration(hours=5))
if sys.argv[2] == "zoned":
    rows = rows.with_columns(pl.col(schema.time).dt.replace_time_zone("UTC"))
path = Path(params.paths.labels) / sys.argv[1]
path.parent.mkdir(parents=True, exist_ok=True)
found = rows.select(*schema.names("key"), schema.target)
found.write_csv(path) if path.suffix == ".csv" else found.write_parquet(path)
"""
BACKGROUND = ("2013-02-26", "2013-03-18")
WEEK = ("2013-03-19", "2013-03-25")
# Each is sent instead of the background's last week; the alerts that name it.
FAULTS: dict[str, tuple[str, set[str]]] = {
    "a unit changed": (
        "((pl.col('temperature') - 32) / 1.8).alias('temperature')",
        {"invariant: dewpoint_above_temperature", "invariant: humidity_off_formula"},
    ),
    "another unit changed": ("pl.col('distance') * 1.609344", {"drift: distance"}),
    "a column nulled": (
        "pl.lit(None, pl.Float64).alias('visibility')",
        {"invariant: visibility", "drift: visibility"},
    ),
    "a category renamed": (
        "pl.col('destination').replace('LAX', 'KLAX')", {"invariant: destination"},
    ),
    "a closed category renamed": ("pl.col('origin').replace('LGA', 'KLGA')", {"refusals: origin"}),
    "a stuck clock": (
        "pl.col('scheduled_departure').max()", {"invariant: scheduled_departure"},
    ),
    "shuffled features": (
        "pl.col('distance').shuffle(seed=1)", {"invariant: route_distance_spread"},
    ),
    "swapped features": (
        "[pl.col('wind_direction').alias('humidity').clip(0, 100),"
        " pl.col('humidity').alias('wind_direction')]",
        # Both drift as well, but it takes a second window to say so.
        {"invariant: humidity_off_formula"},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """What was sent under a name: when, how many rows, and the answers by status."""

    began: str
    ended: str
    rows: int
    statuses: dict[str, int]


@dataclass(frozen=True)
class Served:
    """A project whose service runs, and the lines that it logged about each thing sent."""

    project: Project
    sent: dict[str, Sent]
    lines: list[str]

    def lines_of(self, *names: str) -> list[str]:
        """Return the lines of what was sent under these names, in the order of time."""
        spans = [(self.sent[name].began, self.sent[name].ended) for name in names]
        return [
            line for line in self.lines
            if any(began <= json.loads(line)["time"] <= ended for began, ended in spans)
        ]  # fmt: skip


def send(project: Project, wanted: dict[str, tuple[str, str, str]], rows: int) -> dict[str, Sent]:
    """Send days to a project's service, `rows` in a request at most."""
    done = project.python("-c", SEND, json.dumps(wanted), str(rows))
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: Sent(*rest) for name, *rest in found}


def logged(project: Project) -> list[str]:
    """Return every line of a project's log."""
    files = sorted((project.root / LOG).glob("*.jsonl"))
    return [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def served(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Return the shrunk project behind its proxy, after all weeks were sent to it."""
    project = released_project(generated, tmp_path_factory).copy(
        tmp_path_factory.mktemp("monitor") / "flight-delay"
    )
    (project.root / ".lifecycle/development/deployment.json").unlink()
    shutil.rmtree(project.root / LOG, ignore_errors=True)
    use_port(project.root, free_port())
    project.commit("Choose a port")
    project.must("deploy")
    weeks = {"background": (*BACKGROUND, ""), "healthy": (*WEEK, "")}
    weeks |= {name: (*WEEK, fault) for name, (fault, _) in FAULTS.items()}
    sent = send(project, weeks, 50)
    assert sent["background"].statuses.keys() == {"200"}
    found = Served(project, sent, logged(project))
    measure_reference(found, tmp_path_factory.mktemp("measured") / "flight-delay")
    yield found
    project.must("stop")


def measure_reference(served: Served, place: Path) -> None:
    """Give the project what its first look finds out, once for a version, of the reference."""
    first = served.project.copy(place)
    shutil.rmtree(first.root / LOG)
    write_log(first, served.lines_of("background", "healthy"))
    judge(first, 0)
    models = ".lifecycle/models"
    assert list((first.root / models).glob("*d.json"))
    shutil.copytree(first.root / models, served.project.root / models, dirs_exist_ok=True)


@pytest.fixture
def watched(served: Served, tmp_path: Path) -> Callable[..., Project]:
    """Return a function that makes a copy of the project whose log is what was sent under names."""

    def make(*names: str, lines: list[str] | None = None) -> Project:
        project = served.project.copy(tmp_path / "flight-delay")
        # The copy's service is the one that runs: what it counted is the same.
        shutil.rmtree(project.root / LOG, ignore_errors=True)
        chosen = served.lines_of(*names) if lines is None else lines
        if chosen:
            write_log(project, chosen)
        return project

    return make


def write_log(project: Project, lines: list[str], rest: str = "") -> Path:
    """Write lines into a closed file of a project's log."""
    begun = datetime.fromisoformat(json.loads(lines[0])["time"])
    path = project.root / LOG / f"{begun:%Y%m%dT%H%M%S%f}-7.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n" + rest, encoding="utf-8")
    return path


# What a look imports takes two thirds of its time: for the many looks of this file, once.
_forking = list[Forking]()


@pytest.fixture(scope="module", autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    while _forking:
        _forking.pop().close()


def judge(project: Project, code: int) -> dict[str, Any]:
    """Run monitor as a script does, assert its exit code, and return the report."""
    if not _forking:
        _forking.append(Forking(project, "great_expectations", "evidently", "mlflow"))
    done = _forking[0].run(project, "lifecycle", "monitor", LIFECYCLE_ENVIRONMENT="development")
    printed = done.stdout + done.stderr
    assert done.returncode == code, printed
    assert "Traceback" not in printed
    report: dict[str, Any] = json.loads((project.root / REPORT).read_text(encoding="utf-8"))
    assert done.stdout.startswith(f"monitor: {report['verdict']}: {report['reason']}\n")
    assert {"healthy": 0, "firing": 3, "could not judge": 4}[report["verdict"]] == code
    return report


def features(project: Project) -> set[str]:
    """Return the features of the model, as the reference profile has them."""
    profile = json.loads((project.root / PROFILE).read_text(encoding="utf-8"))
    return set(profile["features"])


def rounded(found: Any) -> Any:
    """Return what was found with every figure to nine digits."""
    return json.loads(json.dumps(found), parse_float=lambda text: round(float(text), 9))


def alerts(report: dict[str, Any]) -> set[str]:
    """Return kind and subject of each alert."""
    return {f"{one['kind']}: {one['subject']}" for one in report["alerts"]}


def state(project: Project, registry: Callable[[Project], State]) -> State:
    """Return everything that monitoring must leave as it was."""
    inside = project.root / ".lifecycle/development"
    return {
        **state_of(project, registry),
        "tracked": {
            path.name: md5(path)
            for path in (*sorted(inside.glob("*.json*")), project.root / "params.yaml")
            if path.name != "monitor.json"
        },
        "data": {p.name: md5(p) for p in sorted((project.root / "data").glob("*.parquet"))},
    }


def test_weeks_of_the_training_period_are_healthy(
    watched: Callable[..., Project], registry: Callable[[Project], State]
) -> None:
    """No alert, a page and a report that say so, and nothing else is changed."""
    project = watched("background", "healthy")
    before = state(project, registry)
    printed = project.must("monitor")
    assert printed.startswith("monitor: healthy: version 1 keeps every limit in 4 windows")
    report = json.loads((project.root / REPORT).read_text(encoding="utf-8"))
    assert (report["verdict"], report["alerts"], report["version"]) == ("healthy", [], 1)
    assert set(report["not_judged"]) == {"quality"}
    assert [one["rows"] > 5000 for one in report["windows"]] == [True] * 4
    assert all(set(one["drift"]) == features(project) for one in report["windows"])
    assert report["objectives"]["availability"] == 1.0
    page = (project.root / "reports/monitor.html").read_text(encoding="utf-8")
    assert '<span class="good">healthy</span>' in page
    assert "Nothing fires." in page
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page)
    evidently = project.root / "reports/evidently.html"
    assert 'href="evidently.html"' in page
    assert evidently.stat().st_size > 100_000
    assert state(project, registry) == before
    (compacted,) = (project.root / LOG).iterdir()
    assert compacted.suffix == ".parquet"
    # What was compacted is judged as the lines were; sums in another order differ by a last bit.
    again = judge(project, 0)
    assert rounded(again["windows"]) == rounded(report["windows"])
    assert again["objectives"]["judged"].startswith("not judged: ")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fires_by_its_name_within_one_window(
    fault: str, watched: Callable[..., Project], served: Served
) -> None:
    """Three healthy weeks, then one with the fault: its own alerts, and no window before fires."""
    expected = FAULTS[fault][1]
    if "closed" in fault:
        assert served.sent[fault].statuses["400"] > 100
    elif fault == "another unit changed":
        # Honolulu in kilometres is further than schema.yaml allows.
        assert served.sent[fault].statuses["200"] > served.sent[fault].statuses["400"]
    else:
        assert served.sent[fault].statuses.keys() == {"200"}
    project = watched("background", fault)
    report = judge(project, 3)
    assert expected <= alerts(report), report["reason"]
    windows = {name for one in report["alerts"] for name in one["windows"]}
    assert windows <= {report["windows"][-1]["name"]}
    page = (project.root / "reports/monitor.html").read_text(encoding="utf-8")
    assert '<span class="bad">firing</span>' in page
    for one in report["alerts"]:
        assert one["subject"] in page


def test_make_tells_the_verdicts_apart(watched: Callable[..., Project], served: Served) -> None:
    """Make ends with 2 and names the code; with VERDICT a script gets the word, and no failure."""
    project = watched("a column nulled")
    done = project.make("monitor")
    assert done.returncode == 2
    assert re.search(r"\*\*\* \[.*monitor\] Error 3", done.stderr), done.stderr
    word = project.root / "reports/verdict.txt"
    word.write_text("healthy", encoding="utf-8")
    project.must("monitor", "VERDICT=reports/verdict.txt")
    assert word.read_text(encoding="utf-8") == "firing\n"
    project.change("params.yaml", "  windows: 4\n", "  windows: 4\n  wnidows: 4\n")
    stopped(project.make("monitor", "VERDICT=reports/verdict.txt"), "monitor", "monitor.wnidows")
    assert not word.exists()


def test_three_at_once_one_judges_and_the_others_say_so(
    watched: Callable[..., Project], served: Served
) -> None:
    """All would write one report and compact one log, of many files here."""
    project, lines = watched("healthy"), served.lines_of("healthy")
    shutil.rmtree(project.root / LOG)
    for begin in range(0, len(lines), 50):
        write_log(project, lines[begin : begin + 50])
    command = ["-m", "lifecycle", "monitor"]
    with ThreadPoolExecutor(3) as pool:
        # One wave is enough for one of them to come second; a lone one has nobody to meet.
        ended = list(pool.map(lambda _: project.python(*command), range(3)))
    for done in ended:
        if done.returncode == 1:
            said = stopped(done, "monitor", "the monitor's report", "wait for it")
            assert "is being changed by process" in said or "another command" in said
        else:
            assert (done.returncode, done.stderr) == (0, "")
    assert 0 in [done.returncode for done in ended]
    assert 1 in [done.returncode for done in ended]
    assert json.loads((project.root / REPORT).read_text(encoding="utf-8"))["verdict"] == "healthy"
    assert judge(project, 0)["windows"][-1]["rows"] > 1000


def test_an_empty_log_cannot_be_judged(watched: Callable[..., Project]) -> None:
    """Nothing was asked: that is not health."""
    report = judge(watched(lines=[]), 4)
    assert report["reason"] == (
        "the prediction log of development is empty: send requests, then run `make monitor` again"
    )
    assert report["windows"] == []


def test_nothing_deployed_and_nothing_released(watched: Callable[..., Project]) -> None:
    """Objectives are not judged; the champion is compared with, as long as there is one."""
    project = watched("healthy")
    (project.root / ".lifecycle/development/deployment.json").unlink()
    report = judge(project, 0)
    assert report["objectives"] == {"judged": "not judged: nothing is deployed"}
    (project.root / "mlflow.db").unlink()
    report = judge(project, 4)
    assert report["reason"] == "no version serves: run `make release` and `make deploy`"


def test_a_window_too_small_cannot_be_judged(
    watched: Callable[..., Project], served: Served
) -> None:
    """The sentence says how many rows there are, and which parameter asks for more."""
    lines = served.lines_of("healthy")[:700]
    report = judge(watched(lines=lines), 4)
    assert report["reason"] == ("no 7 days have 1000 rows (monitor.minimum_rows): the log has 700")


def test_torn_lines_and_clocks_are_said_and_do_no_harm(
    watched: Callable[..., Project], served: Served
) -> None:
    """A cut-off last line, a record of tomorrow, one of yesterday, a flight of the year 2099."""
    lines = served.lines_of("healthy")
    ahead, back, stray = (json.loads(lines[-n]) for n in (1, 2, 3))
    ahead["time"] = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    back["time"] = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    stray["received"]["scheduled_departure"] = "2099-01-01T05:00:00"
    project = watched(lines=[])
    whole = [*lines[:-3], *(json.dumps(one, separators=(",", ":")) for one in (stray, back, ahead))]
    write_log(project, whole, rest=lines[0][:100])
    report = judge(project, 0)
    said = "\n".join(report["sentences"])
    assert "1 line is torn" in said
    assert "clock skew: 1 record is dated after now" in said
    assert "clock skew: in 1 file of the log the time goes backwards" in said
    assert "1 row dated after 2013-03-25: too few to be judged" in said
    assert report["windows"][-1]["end"] == "2013-03-26"


def test_a_log_that_has_fallen_silent_is_not_healthy(
    watched: Callable[..., Project], served: Served
) -> None:
    """Nothing new for longer than a window: what was healthy then may not be so now."""
    old = datetime.now(UTC) - timedelta(days=8)
    lines = []
    for line in served.lines_of("healthy"):
        record = json.loads(line)
        record["time"] = old.isoformat()
        lines.append(json.dumps(record, separators=(",", ":")))
    report = judge(watched(lines=lines), 4)
    assert "more than 7 days ago" in report["reason"]


def test_a_missing_reference_cannot_be_judged(watched: Callable[..., Project]) -> None:
    """Neither workspace, cache nor remote have it: one sentence says which file and what to do."""
    project = watched("healthy")
    (project.root / "data/reference.parquet").unlink()
    shutil.rmtree(project.root / ".dvc/cache")
    shutil.rmtree(project.root / ".lifecycle/models", ignore_errors=True)
    text = "['remote \"storage\"']\n    url = /dev/null/storage\n"
    (project.root / ".dvc/config.local").write_text(text, encoding="utf-8")
    report = judge(project, 4)
    assert report["reason"].startswith("the reference sample of commit ")
    assert "`dvc pull`" in report["reason"]
    (project.root / "data/reference.parquet").write_bytes(b"PAR1 cut off")
    assert judge(project, 4)["reason"] == report["reason"]


def test_labels_that_cannot_be_read_are_no_health(watched: Callable[..., Project]) -> None:
    """The rest is judged; quality is not, and the file and its fault are named."""
    project = watched("background", "healthy")
    labels = project.root / "data/labels/march.csv"
    labels.parent.mkdir(parents=True)
    labels.write_text("scheduled_departure,carrier,flight_number\n", encoding="utf-8")
    report = judge(project, 4)
    assert report["reason"].endswith("march.csv lacks the column late")
    assert report["windows"][-1]["drift"]
    labels.write_bytes(b"\x00\xff not a table")
    assert "march.csv" in judge(project, 4)["reason"]


def test_labels_that_join_with_nothing_are_no_health(watched: Callable[..., Project]) -> None:
    """Counted and said, with what would let them join; what has a zone is refused by name."""
    project = watched("background", "healthy")
    done = project.python("-c", LABELS, "march.csv", "universal")
    assert done.returncode == 0, done.stderr
    report = judge(project, 4)
    assert re.search(r"of \d{5,} labels \d{1,3} are of one of the \d{5,} rows", report["reason"])
    assert "scheduled_departure of the labels is 5 hours ahead of that of" in report["reason"]
    assert report["not_judged"] == {"quality": report["reason"]}
    assert report["windows"][-1]["drift"]
    (project.root / "data/labels/march.csv").unlink()
    done = project.python("-c", LABELS, "march.parquet", "zoned")
    assert done.returncode == 0, done.stderr
    reason = judge(project, 4)["reason"]
    assert re.search(r"march\.parquet: scheduled_departure: \d+ values are no datetime", reason)
    assert "it has a zone: name the column's zone in schema.yaml" in reason


def test_quality_is_judged_when_labels_have_come(watched: Callable[..., Project]) -> None:
    """True labels are healthy, with intervals and slices; reversed ones fire at once."""
    project = watched("background", "healthy")
    done = project.python("-c", LABELS, "march.parquet", "true")
    assert done.returncode == 0, done.stderr
    report = judge(project, 0)
    assert report["not_judged"] == {}
    counted = re.compile(r"of \d+ labels \d{5,} are of one of the \d{5,} rows that the log has")
    assert any(counted.match(sentence) for sentence in report["sentences"])
    for window in report["windows"]:
        found = window["quality"]
        assert found["low"] < found["value"] < found["high"]
        assert {one["slice"] for one in found["slices"]} == {"origin", "carrier"}
    # Sorted by name, so that its labels are those that count.
    done = project.python("-c", LABELS, "worse.csv", "reversed")
    assert done.returncode == 0, done.stderr
    report = judge(project, 3)
    assert {"quality: roc_auc", "quality: log_loss", "quality: bias"} <= alerts(report)
    assert {one["kind"] for one in report["alerts"]} == {"quality"}
    assert "on the holdout it was" in report["alerts"][0]["message"]


def test_the_champion_changed_in_the_middle_of_a_window(
    watched: Callable[..., Project], served: Served
) -> None:
    """Features are judged on all rows; what the new version did not predict is not its own."""
    lines = []
    for number, line in enumerate(served.lines_of("background", "healthy")):
        record = json.loads(line)
        record["model_version"] = "1" if number % 9 == 0 else "2"
        lines.append(json.dumps(record, separators=(",", ":")))
    project = watched(lines=lines)
    report = judge(project, 0)
    assert report["not_judged"]["prediction drift"] == (
        "version 1 has fewer than 1000 rows in the latest window"
    )
    assert set(report["windows"][-1]["drift"]) == features(project)


def test_an_old_model_is_stale(watched: Callable[..., Project]) -> None:
    """By the schema's time: from the last row of training to the newest prediction."""
    project = watched("healthy")
    project.change("params.yaml", "maximum_age_days: 120", "maximum_age_days: 20")
    report = judge(project, 3)
    assert alerts(report) == {"stale: version 1"}
    assert "was trained on rows up to 2013-02-28, 25 days before" in report["alerts"][0]["message"]


def test_a_service_that_is_gone_fires(watched: Callable[..., Project]) -> None:
    """Deployed, and its proxy does not answer: whatever the log says, nobody is served."""
    project = watched("healthy")
    use_port(project.root, free_port())
    report = judge(project, 3)
    assert alerts(report) == {"availability: proxy"}
    assert "run `make status`" in report["alerts"][0]["message"]


# Defects of a worker that is deployed where nothing served before, so that no rollout compares.
PREDICTS = "        scores = self.model.predict(columns)\n"
ARRAYS = "    return {\n        name: _array(schema[name],"
ALONE = "len(records) < 10"
DEFECTS: dict[str, tuple[str, str, str, set[str]]] = {
    "skew": (
        "serving/request.py", ARRAYS,
        f"    if {ALONE}:\n        records = [one.model_copy(update={{'temperature': "
        f"one.temperature and one.temperature + 1}}) for one in records]\n{ARRAYS}",
        {"skew: temperature", "skew: dewpoint_spread"},
    ),
    "availability": (
        "serving/predictor.py", PREDICTS,
        f"        if {ALONE} and columns['distance'][0] % 2:\n"
        f"            raise ValueError\n{PREDICTS}",
        {"availability: availability"},
    ),
    "latency": (
        "serving/predictor.py", PREDICTS,
        f"        if {ALONE}:\n            __import__('time').sleep(0.25)\n{PREDICTS}",
        {"latency: latency"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defective_service_fires(
    defect: str, served: Served, tmp_path: Path, watched: Callable[..., Project]
) -> None:
    """Other features than training computes, answers that fail, answers that take too long."""
    module, old, new, expected = DEFECTS[defect]
    project = watched("healthy")
    # A service of its own: what the copy holds of the other one would lead there.
    shutil.rmtree(project.root / ".lifecycle/development")
    write_log(project, served.lines_of("healthy"))
    use_port(project.root, free_port())
    path = f"src/lifecycle/{module}"
    good = (project.root / path).read_text(encoding="utf-8")
    project.change(path, old, new)
    done = project.python("-m", "lifecycle", "package")
    (project.root / path).write_text(good, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    try:
        project.must("deploy")
        days = ("2013-03-25", "2013-03-25")
        sent = send(project, {defect: (*days, "")}, 8)[defect]
        assert ("500" in sent.statuses) is (defect == "availability")
        report = judge(project, 3)
    finally:
        project.must("stop")
    assert alerts(report) == expected, report["reason"]
