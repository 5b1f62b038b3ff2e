"""The report says what is so, and nothing on it is anything but text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from lifecycle.core.params import Params
from lifecycle.pages import charts, web
from lifecycle.pages.charts import Curve, Series
from lifecycle.records.deployment import Deployment, Outcome, Serving, State
from lifecycle.records.registry import Version
from lifecycle.reporting import report, report_overview
from lifecycle.reporting.report_facts import Facts, Place, gather

LIVE = Serving(2, "flight-delay:2-1234", "2026-01-02T03:04:05+00:00")
WICKED = "<script>alert(1)</script>\"'&"
TAGS = {
    "metric.roc_auc": "0.75", "metric.brier": "0.15", "window": "2013-01 to 2013-05",
    "git_commit": "a" * 40, "data_md5": "b" * 32, "model_md5": "c" * 32, "gate_verdict": "pass",
}  # fmt: skip


def look(**changes: Any) -> dict[str, Any]:
    """Return a report of monitoring, of two windows of which one has labels."""
    drift = {
        "temperature": {"effect": 0.9, "limit": 0.6, "fires": True},
        "origin": {"effect": None, "limit": 0.1, "fires": False},
    }
    quality = {
        "metric": "roc_auc", "value": 0.61, "low": 0.55, "high": 0.66, "rows": 900,
        "base_rate": 0.3, "mean_prediction": 0.2,
        "slices": [{"slice": "origin", "of": WICKED, "rows": 400, "value": 0.6, "low": 0.5,
                    "high": 0.7}],
    }  # fmt: skip
    windows = [
        {"name": name, "rows": 1000, "drift": drift, "prediction_drift": None, "quality": found}
        for name, found in (("2013-06-01", quality), ("2013-06-08", None))
    ]
    alert = {"kind": "drift", "subject": "temperature", "message": WICKED, "windows": []}
    return {
        "verdict": "firing", "reason": "drift: temperature", "judged_at": LIVE.since,
        "environment": "production", "version": 2, "sentences": [WICKED], "windows": windows,
        "alerts": [alert], **changes,
    }  # fmt: skip


def facts(params: Params, monitor: dict[str, Any] | None, *, runs: bool = True) -> Facts:
    """Return facts of which everything is known but reports of the pipeline."""
    last = Outcome(3, "rolled back", "latency", WICKED, LIVE.since)
    place = Place("production", State(live=LIVE, last=last), runs=runs, monitor=monitor)
    return Facts(
        Path("nowhere"), params, [place, Place("staging"), Place("development")],
        versions=[Version(2, TAGS, "d" * 32)], aliases={"champion": 2},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("monitor", "runs", "mark", "words"),
    [
        (look(), True, "bad", "monitoring fires (drift: temperature)"),
        (look(verdict="healthy"), True, "good", "healthy"),
        (look(verdict="healthy"), False, "bad", "it does not run, no request is answered"),
        (look(verdict="healthy", version=1), True, "open", "not judged yet; the last look was at"),
        (look(verdict="could not judge", version=None), True, "open", "could not be judged"),
        (None, True, "open", "how it does is not known yet"),
    ],
)
def test_it_is_healthy_only_where_that_was_found(
    monitor: dict[str, Any] | None, runs: bool, mark: str, words: str, params: Params
) -> None:
    found = report_overview.headline(facts(params, monitor, runs=runs))
    assert found[1] == mark
    assert found[0].startswith(f"Version 2 is live in production: {words}")


def test_everything_is_text(params: Params) -> None:
    named = params.model_copy(update={"project": params.project.model_copy(
        update={"name": WICKED}
    )})  # fmt: skip
    told = facts(named, look(reason=WICKED))
    told.audit = [{"time": WICKED, "action": WICKED, "reason": WICKED, "by": WICKED, "version": 1}]
    told.gate = {"verdict": WICKED, "reason": WICKED, "rules": [
        dict.fromkeys(("rule", "measured", "required", "verdict"), WICKED)
    ]}  # fmt: skip
    told.notes = [WICKED]
    page = report.page(told)
    assert told.notes == [WICKED]
    assert page.count("&lt;script&gt;alert(1)") >= 15
    assert set(re.findall(r"<script|alert\(1\)</script", page)) == set()
    assert "version 3 rolled back (latency), 2026-01-02 03:04 UTC" in page
    # Every tag is closed, so no text has opened one.
    body = page.partition("<body>")[2].partition("</body>")[0].replace("<br>", "<br/>")
    Xml.fromstring(f"<body>{body}</body>")


def test_a_part_that_fails_is_noted_and_the_others_are_there(params: Params) -> None:
    told = facts(params, look())
    told.gate = {"verdict": "pass"}
    page = report.page(told)
    assert told.notes == [
        "gate: a report has not the form that this version writes (KeyError: 'reason'): "
        "run its step again"
    ]
    assert "This part cannot be shown" in page
    assert "temperature" in page


def test_what_a_pipeline_leaves_is_told_and_nothing_is_made(project: Path, params: Params) -> None:
    before = sorted(project.rglob("*"))
    told = gather(project, params)
    page = report.page(told)
    assert told.notes == []
    assert "A model was made and no version is registered: type <code>make release</code>." in page
    assert "which is not registered" in page
    assert sorted(project.rglob("*")) == before
    for one in json.loads((project / params.paths.metrics).read_text(encoding="utf-8")).values():
        assert f"{one:.4f}" in page


def test_a_torn_audit_log_is_noted_and_a_broken_state_found_out_from_it(
    project: Path, params: Params
) -> None:
    deployment = Deployment(project, "staging")
    deployment.note("deploy", 1)
    with (deployment.folder / "audit.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"time": "2026')
    deployment.note("completed", 1, "every rule holds")
    (deployment.folder / "deployment.json").write_text('{"live": null', encoding="utf-8")
    told = gather(project, params)
    assert [(one["action"], one["environment"]) for one in told.audit] == [
        ("completed", "staging"), ("deploy", "staging"),
    ]  # fmt: skip
    assert sorted(told.notes) == [
        "1 line is not whole in .lifecycle/staging/audit.jsonl, as a crash leaves them: left out",
    ]


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


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0.0, 1.0, [0.0, 0.5, 1.0]),
        (0.605, 0.779, [0.6, 0.65, 0.7, 0.75, 0.8]),
        (0.5, 0.5, [0.5, 0.5]),
        (-3.0, 120.0, [-50.0, 0.0, 50.0, 100.0, 150.0]),
    ],
)
def test_an_axis_has_round_figures_around_its_values(
    low: float, high: float, found: list[float]
) -> None:
    assert charts.steps(low, high) == pytest.approx(found)


def test_a_gap_is_not_bridged_and_nothing_leaves_the_chart() -> None:
    one = Series("a", "first", [0.1, None, 0.3, 0.5], [(0.0, 0.2), None, (0.2, 0.4), (0.3, 0.6)])
    drawn = Xml.fromstring(charts.over_time(["1", "2", "3", "4"], [one], WICKED, limit=0.9))
    assert drawn.get("aria-label") == WICKED
    lines = [each.get("points", "").split() for each in drawn.iter("polyline")]
    assert [len(points) for points in lines] == [1, 2]
    assert len(list(drawn.iter("circle"))) == 3
    assert len(list(drawn.iter("polygon"))) == 1
    assert [one.get("class") for one in drawn.iter("line")].count("first") == 1
    box = [float(number) for number in drawn.get("viewBox", "").split()]
    for point in (pair for points in lines for pair in points):
        x, y = map(float, point.split(","))
        assert 0 <= x <= box[2]
        assert 0 <= y <= box[3]
    assert charts.over_time(["1"], [Series("a", "first", [None])], "none") == ""


def test_a_chart_of_one_moment_is_drawn() -> None:
    drawn = Xml.fromstring(charts.over_time(["1"], [Series("a", "first", [0.5])], "one"))
    assert len(list(drawn.iter("circle"))) == 1
    Xml.fromstring(charts.square([Curve("a", "first", [(0.0, 0.0)])], "flat", ("x", "y")))
    Xml.fromstring(charts.bars([WICKED], [0.0], "nothing"))


def test_a_table_sets_numbers_to_the_right_and_escapes() -> None:
    made = web.table(
        ["name", "rows", WICKED], [["a", "1,200", WICKED], ["b", "", web.Cell("x", "bad", WICKED)]],
        "What",
    )  # fmt: skip
    table = Xml.fromstring(made)
    assert [one.get("class") for one in table.iter("th")][:3] == [None, "number", None]
    assert [one.text for one in table.iter("td")] == ["1,200", WICKED, None, "x"]
    assert [one.get("title") for one in table.iter("td")][-1] == WICKED


def test_times_are_utc_and_what_is_no_time_stays() -> None:
    assert web.moment("2026-01-02T03:04:05+02:00") == "2026-01-02 01:04 UTC"
    assert web.moment("2026-01-02T03:04:05+00:00", seconds=True) == "2026-01-02 03:04:05"
    assert [web.moment(one) for one in ("yesterday", None)] == ["yesterday", "None"]
