"""One of several classes, and a number: the same flights with another target, the whole way.

Only schema.yaml and params.yaml are others. What each task measures is tested in the project's own
tests; here, that it is released, served, batched, watched and rolled out by it.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from breaking import edit, stopped
from projects import ask, report_of, shrunk_project
from running import Project, free_port, port_of, use_port

pytestmark = pytest.mark.slow
PREDICTS = "        scores = self.model.predict(columns)\n"
NO_TARGET = (
    "  late:\n    {type: boolean, roles: [target],",
    "  late:\n    {type: boolean, roles: [leak],",
)
GATE = re.compile(r"(?s)    roc_auc: \{minimum.*?    calibration_error: \{maximum: 0\.10\}\n")


class Kind(NamedTuple):
    """What makes a task of the flights, what its answers have, and what is done to them."""

    schema: tuple[tuple[str, str], ...]
    params: tuple[tuple[str, str], ...]
    metrics: str
    # The fields of an answer, as the document has their types.
    answer: dict[str, Any]
    metric: str
    # Defects that come with single rows, and labels that are wrong.
    candidate: str
    label: str
    # What is wrong in the log of the last two weeks, by column, and what it is called then.
    faults: dict[str, tuple[str, str]]


# Of a feature that is a number, and of one that is a category.
SHIFTED = {
    "feature.distance": ("pl.col('feature.distance') * 1.609344", "drift: distance"),
    "feature.carrier": ("pl.col('feature.carrier').replace('UA', 'B6')", "drift: carrier"),
}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
AIRPORTS = ["EWR", "JFK", "LGA"]
KINDS = {
    "regression": Kind(
        (
            NO_TARGET,
            ("  arrival_delay:\n    {type: float, roles: [leak],",
             "  arrival_delay:\n    {type: float, roles: [target],"),
        ),
        (
            ("baselines: {metric: roc_auc, minimum_gain: -0.10}",
             "baselines: {metric: root_mean_squared_error, minimum_gain: -0.1}"),
            ("champion: {metric: roc_auc,", "champion: {metric: root_mean_squared_error,"),
            ("slices: {metric: roc_auc, minimum: 0.45}",
             "slices: {metric: mean_absolute_error, maximum: 90}"),
        ),
        "    r2: {minimum: -0.2, maximum: 0.9}\n    interval_coverage: {minimum: 0.6}\n",
        {key: {"type": "number"} for key in ("arrival_delay", "lower", "upper")},
        "root_mean_squared_error",
        "scores = scores * 1.2",
        "pl.col(schema.target) + 60",
        {**SHIFTED, "prediction": (
            "pl.col('prediction') + 2 * pl.col('prediction').std()", "prediction drift: prediction",
        )},
    ),
    "multiclass": Kind(
        (
            NO_TARGET,
            ("    roles: [feature, sensitive]\n    description: Airport of departure",
             "    roles: [target]\n    description: Airport of departure"),
            *((f"  {name}:\n    {{type: float, roles: [leak],",
               f"  {name}:\n    {{type: float, roles: [leak], null_share: 0.1,")
              for name in ("departure_delay", "air_time", "arrival_delay")),
            ("  late:\n    {type: boolean, roles: [leak],",
             "  late:\n    {type: boolean, roles: [leak], null_share: 0.1,"),
        ),
        (
            ("    - origin\n", ""),
            ("baselines: {metric: roc_auc, minimum_gain: -0.10}",
             "baselines: {metric: accuracy, minimum_gain: -0.5}"),
            ("champion: {metric: roc_auc,", "champion: {metric: accuracy,"),
            ("slices: {metric: roc_auc, minimum: 0.45}",
             "slices: {metric: accuracy, minimum: 0.2}"),
        ),
        "    accuracy: {minimum: 0.4, maximum: 1.0}\n    balanced_accuracy: {minimum: 0.3}\n",
        {
            "origin": {"type": "string", "enum": AIRPORTS}, "probability": SHARE,
            "probabilities": {
                "type": "object", "properties": dict.fromkeys(AIRPORTS, SHARE),
                "required": AIRPORTS, "additionalProperties": False,
            },
        },
        "accuracy",
        "scores = scores[:, ::-1]",
        'pl.col(schema.target).replace({"EWR": "JFK", "JFK": "LGA", "LGA": "EWR"})',
        {**SHIFTED, "decision": (
            "pl.col('decision').replace('EWR', 'LGA')", "prediction drift: decision",
        )},
    ),
}  # fmt: skip
# All that is held out is asked for, and labelled; some of it is scored as a file as well.
PLAY = """
import sys
from pathlib import Path
import polars as pl
from lifecycle.contract.columns import load_schema
from lifecycle.contract.outcome import chosen
from lifecycle.core.params import load_params
from lifecycle.loop.replay.traffic import records
from lifecycle.rollout.predict import send, url

root, params, schema = Path.cwd(), load_params(), load_schema()
rows = pl.read_parquet(params.paths.holdout)
everything = records(rows.select(schema.request))
answers = []
for begin in range(0, len(everything), 1000):
    asked = {"records": everything[begin : begin + 1000]}
    answers += send(url(root, params), asked, 60)["predictions"]
scored = pl.read_parquet(sys.argv[1]).to_dicts()
outcome = chosen.of(schema)
decided = f"predicted_{schema.target}"
same = [
    outcome.of_answer(answer) == row[outcome.score.name] and answer[schema.target] == row[decided]
    for answer, row in zip(answers, scored, strict=True)
]
print(len(same), same.count(False))
labelled = rows.select(*schema.names("key"), schema.target)
(root / params.paths.labels).mkdir(parents=True, exist_ok=True)
labelled.write_parquet(root / params.paths.labels / "all.parquet")
"""
WRONG = """
import polars as pl
from lifecycle.contract.columns import load_schema
schema, path = load_schema(), "data/labels/all.parquet"
labels = pl.read_parquet(path).with_columns(({}).alias(schema.target))
labels.write_parquet(path)
"""
# What monitoring says of the log, and what it would, were columns of it others in two weeks.
FAULTY = """
import json, sys
from dataclasses import replace
from pathlib import Path
import polars as pl
from lifecycle.contract.columns import load_schema
from lifecycle.core.params import load_params
from lifecycle.monitoring import monitor

root, params, schema = Path.cwd(), load_params(), load_schema()
usual = monitor.look_at(root, params, schema, "development")
# Whoever tries the service has sent it dates of other centuries as well.
first, last = usual.windows[-2].start, usual.windows[-1].end
is_late = pl.col(schema.clock).is_between(first, last, closed="left")
rows = usual.log.predictions.with_columns(
    pl.when(is_late).then(eval(fault, {"pl": pl})).otherwise(name).alias(name)
    for name, fault in json.loads(sys.argv[1]).items()
)
monitor.read = lambda *_: replace(usual.log, predictions=rows)
for look in (usual, monitor.look_at(root, params, schema, "development")):
    print(json.dumps([f"{one.kind}: {one.subject}" for one in look.alerts]))
"""
# Two weeks, of which the second meets a model that is too old by then.
WEEKS = (
    ('    end: "2013-03"\n', '    end: "2013-03"\n  unit: week\n'),
    ("    development: 2\n", "    development: 0.5\n"),
    ("  minimum_requests: 200\n", "  minimum_requests: 60\n"),
    ("  maximum_age_days: 120\n", "  maximum_age_days: 3\n"),
    ("  window_months: 12\n", "  window_months: 1\n"),
    (
        "prepare:\n  # The newest days of data.window.\n  holdout_days: 31\n",
        "prepare:\n  holdout_days: 7\n",
    ),
)


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture(scope="module")
def served(
    kind: Kind, generated: Project, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """Return the shrunk project with another target, released and serving."""
    shrunk = shrunk_project(generated, tmp_path_factory)
    project = shrunk.copy(tmp_path_factory.mktemp("task") / "flight-delay")
    use_port(project.root, free_port())
    edit(project, "schema.yaml", kind.schema)
    edit(project, "params.yaml", kind.params)
    path = project.root / "params.yaml"
    text = re.sub(r"  #[^\n]*\n  threshold: 0\.3\n", "", path.read_text("utf-8"))
    text, count = GATE.subn(kind.metrics, text)
    assert count == 1
    assert "threshold" not in text
    path.write_text(text, encoding="utf-8")
    project.commit("Predict something else")
    project.must("lifecycle")
    yield project
    project.must("stop")


def monitored(project: Project) -> dict[str, Any]:
    """Return the report of a look at the service; that it fires is no failure of the command."""
    done = project.make("monitor")
    assert done.returncode in (0, 2), done.stderr
    found: dict[str, Any] = json.loads((project.root / "reports/monitor.json").read_text("utf-8"))
    return found


def test_it_is_released_and_answers_by_its_task(served: Project, kind: Kind) -> None:
    report = report_of(served)
    answer = ask(served, "/v1/predict", report["prediction"]["request"])
    assert set(answer["predictions"][0]) == {*kind.answer, "contributions"}
    told = ask(served, "/docs.json")["components"]["schemas"]["Prediction"]["properties"]
    said = {name: {key: told[name].get(key) for key in one} for name, one in kind.answer.items()}
    assert said == kind.answer
    printed = served.must("status")
    assert re.search(r"(?m)^live .*ready$", printed)
    gate = json.loads((served.root / "reports/gate.json").read_text("utf-8"))
    assert gate["verdict"] == "pass"
    page = (served.root / "reports/site/index.html").read_text("utf-8")
    assert ("Residuals" in page, "Confusion" in page) == (
        "lower" in kind.answer, "probabilities" in kind.answer,
    )  # fmt: skip
    assert "ROC curve" not in page


def test_a_threshold_and_a_metric_of_another_task_are_refused(served: Project) -> None:
    path = served.root / "params.yaml"
    kept = path.read_text("utf-8")
    try:
        for old, new, said in (
            ("evaluate:\n", "evaluate:\n  threshold: 0.5\n", "evaluate.threshold decides nothing"),
            ("  champion: {metric: ", "  champion: {metric: roc_auc} # {metric: ", "gate.champion"),
            ("  baselines: {metric: ", "  baselines: {metric: pr_auc, minimum_gain: 0} # {",
             "gate.baselines.metric: pr_auc is no metric of a"),
        ):  # fmt: skip
            path.write_text(kept.replace(old, new, 1), encoding="utf-8")
            done = served.python("-m", "lifecycle", "gate")
            assert done.returncode == 1
            assert said in done.stderr
            assert "Traceback" not in done.stderr
    finally:
        path.write_text(kept, encoding="utf-8")


def test_the_service_is_as_its_document_says(served: Project, tmp_path: Path) -> None:
    program = served.environment.venv / "bin" / "schemathesis"
    done = subprocess.run(
        [program, "--no-color", "run", f"http://127.0.0.1:{port_of(served.root)}/docs.json",
         "--checks", "all", "--mode", "all", "--phases", "examples,coverage,fuzzing,stateful",
         "--max-examples", "20", "--seed", "20130101", "--generation-deterministic",
         "--continue-on-failure", "--request-timeout", "20"],
        cwd=tmp_path, env=served.variables({}), capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout


def test_file_and_service_agree_and_monitoring_is_quiet_until_labels_are_wrong(
    served: Project, kind: Kind
) -> None:
    target = served.root / "scored.parquet"
    served.must("batch", "INPUT=data/holdout.parquet", f"OUTPUT={target.name}")
    done = served.python("-c", PLAY, str(target))
    assert done.returncode == 0, done.stderr
    rows, differing = map(int, done.stdout.split())
    assert rows > 20_000
    assert differing == 0
    found = monitored(served)
    judged = [window["quality"] for window in found["windows"] if window.get("quality")]
    assert len(judged) >= 3
    assert all(one["metric"] == kind.metric for one in judged)
    assert [one for one in found["alerts"] if one["kind"] in ("quality", "prediction drift")] == []
    done = served.python("-c", FAULTY, json.dumps({k: how for k, (how, _) in kind.faults.items()}))
    assert done.returncode == 0, done.stderr
    usual, faulty = (set(json.loads(line)) for line in done.stdout.splitlines())
    assert {said for _, said in kind.faults.values()} <= faulty - usual, (usual, faulty)
    done = served.python("-c", WRONG.format(kind.label))
    assert done.returncode == 0, done.stderr
    fired = {one["subject"] for one in monitored(served)["alerts"] if one["kind"] == "quality"}
    assert {kind.metric, "bias"} & fired


def test_a_candidate_that_decides_otherwise_is_returned(served: Project, kind: Kind) -> None:
    place = served.root / "src/lifecycle/serving/predictor.py"
    kept, packaged = place.read_text("utf-8"), served.root / ".lifecycle/packaged.json"
    good = packaged.read_text("utf-8")
    defect = f"        if len(records) < 10:\n            {kind.candidate}\n"
    served.change("src/lifecycle/serving/predictor.py", PREDICTS, PREDICTS + defect)
    try:
        done = served.python("-m", "lifecycle", "package")
        assert done.returncode == 0, done.stderr
        done = served.make("deploy")
    finally:
        place.write_text(kept, encoding="utf-8")
        bad = json.loads(packaged.read_text("utf-8"))["1"]
        shutil.rmtree(served.root / ".bentoml/bentos" / bad.replace(":", "/"))
        packaged.write_text(good, encoding="utf-8")
    stopped(done, "deploy", "rolled back at shadow", "changed decisions", "answers all requests")


def test_a_better_one_goes_live_and_the_gate_has_measured_how_it_differs(
    served: Project, kind: Kind
) -> None:
    edit(served, "params.yaml", (("  maximum_trees: 10", "  maximum_trees: 40"),))
    served.commit("Let the model be larger")
    printed = served.must("lifecycle")
    assert "its rollout expects that" in printed
    gate = json.loads((served.root / "reports/gate.json").read_text("utf-8"))
    line = next(one for one in gate["rules"] if one["kind"] == "against")
    assert line["rule"].startswith("against champion version 1")
    assert line["measured"].startswith(kind.metric)
    assert line["value"] > 0
    assert 0 < gate["difference"]["changed_decisions"]["mean"] < 1
    assert re.search(r"(?m)^live .*version 2", served.must("status"))


@pytest.mark.parametrize("kind", ["regression"], indirect=True)
def test_a_replay_plays_numbers(served: Project, kind: Kind, tmp_path: Path) -> None:
    """One model is too old in its second week: what is retrained meets gate and rollout."""
    project = served.copy(tmp_path / "flight-delay")
    edit(project, "params.yaml", WEEKS)
    project.commit("Play weeks")
    done = project.make("replay", "MONTHS=2013-W10..2013-W11")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((project.root / "reports/replay.json").read_text("utf-8"))
    first, second = found["months"]
    assert first["outcome"] == "kept"
    assert second["outcome"] in ("promoted", "refused", "rolled back"), second
    for week in (first, second):
        assert list(week["statuses"]) == ["200"]
        assert week["rows"] == sum(week["versions"].values()) > 5000
        assert week["scores"]["metrics"] == ["r2", "mean_absolute_error"]
        for gain in (one for each in week["scores"]["gains"].values() for one in each.values()):
            assert gain["low"] <= gain["value"] <= gain["high"]
    # Served, the frozen model is not a bit apart from itself.
    assert set(first["scores"]["gains"]["frozen"]["mean_absolute_error"].values()) == {0.0}
    assert found["conclusion"] in done.stdout
    table = (project.root / "reports/replay.html").read_text("utf-8")
    for said in ("R² live", "mean absolute error live", "gain over frozen", "2013-W11"):
        assert said in table
    project.must("report")
    page = (project.root / "reports/site/index.html").read_text("utf-8")
    section = page.partition("Replay")[2]
    assert found["conclusion"] in section.replace("&#x27;", "'")
    assert "R² by month" in section
