"""What each part tells in the report is what is so, and nothing on it is anything but text."""

from __future__ import annotations

import re
from os.path import normpath
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from lifecycle.core.params import Params
from lifecycle.records.deployment import Deployment, Outcome, Serving, State
from lifecycle.records.facts import Facts, Place, gather
from lifecycle.records.registry import Version
from lifecycle.reporting import overview, report

# Parts that can be deleted: this is about a page to which all of them add something.
pytest.importorskip("lifecycle.rollout")
pytest.importorskip("lifecycle.monitoring")

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
    alert = {"kind": "drift", "subject": "temperature", "message": WICKED, "windows": [],
             "see": "docs/operations.md#drift"}  # fmt: skip
    return {
        "verdict": "firing", "reason": "drift: temperature", "judged_at": LIVE.since,
        "environment": "production", "version": 2, "sentences": [WICKED], "windows": windows,
        "alerts": [alert], **changes,
    }  # fmt: skip


def facts(params: Params, monitor: dict[str, Any] | None, *, runs: bool = True) -> Facts:
    """Return facts of which everything is known but reports of the pipeline."""
    last = Outcome(3, "rolled back", "latency", WICKED, LIVE.since)
    place = Place("production", State(live=LIVE, last=last), runs=runs)
    told: dict[str, Any] = {
        "monitoring": {"report": monitor, "labelled": False}, "rollouts": [],
        "gate": {"last": None, "released": None},
        "model": {"found": None, "roc": None, "residuals": None},
        "replay": None, "features": None,
    }  # fmt: skip
    return Facts(
        Path("nowhere"), params, [place, Place("staging"), Place("development")],
        versions=[Version(2, TAGS, "d" * 32)], aliases={"champion": 2},
        sections=report.sections(), told=told,
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
    found = overview.headline(facts(params, monitor, runs=runs))
    assert found[1] == mark
    assert found[0].startswith(f"Version 2 is live in production: {words}")


def test_everything_is_text(params: Params) -> None:
    named = params.model_copy(update={"project": params.project.model_copy(
        update={"name": WICKED}
    )})  # fmt: skip
    told = facts(named, look(reason=WICKED))
    line = dict.fromkeys(("time", "action", "reason", "by"), WICKED)
    told.told["rollouts"] = [{**line, "version": 1}]
    told.told["gate"]["last"] = {"verdict": WICKED, "reason": WICKED, "rules": [
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


def test_an_alert_leads_to_the_runbook_from_where_the_page_lies(params: Params) -> None:
    page = report.page(facts(params, look()))
    (link,) = re.findall(r'href="([^"]*operations\.md#drift)"', page)
    assert normpath(params.paths.site / link) == "docs/operations.md#drift"


def test_a_part_that_fails_is_noted_and_the_others_are_there(params: Params) -> None:
    told = facts(params, look())
    told.told["gate"]["last"] = {"verdict": "pass"}
    page = report.page(told)
    assert told.notes == [
        "gate: a report has not the form that this version writes (KeyError: 'reason'): "
        "run its step again"
    ]
    assert "This part cannot be shown" in page
    assert "temperature" in page


def test_a_torn_audit_log_is_noted_and_a_broken_state_found_out_from_it(
    project: Path, params: Params
) -> None:
    deployment = Deployment(project, "staging")
    deployment.note("deploy", 1)
    with (deployment.folder / "audit.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"time": "2026')
    deployment.note("completed", 1, "every rule holds")
    (deployment.folder / "deployment.json").write_text('{"live": null', encoding="utf-8")
    told = gather(project, params, report.sections())
    assert [(one["action"], one["environment"]) for one in told.told["rollouts"]] == [
        ("completed", "staging"), ("deploy", "staging"),
    ]  # fmt: skip
    assert sorted(told.notes) == [
        "1 line is not whole in .lifecycle/staging/audit.jsonl, as a crash leaves them: left out",
    ]
