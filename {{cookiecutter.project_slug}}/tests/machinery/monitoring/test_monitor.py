"""The verdict of a look, the report and the page that say it."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lifecycle.contract.columns import Schema
from lifecycle.core.params import Params
from lifecycle.monitoring import monitor, monitor_checks
from lifecycle.monitoring.alerts import WHAT_TO_DO, Alert
from lifecycle.monitoring.look import Champion, Look, served
from lifecycle.monitoring.predictions import Log, read
from lifecycle.monitoring.windows import Window
from lifecycle.records.registry import Version


@pytest.fixture
def look(tmp_path: Path, real_params: Params, schema: Schema) -> Look:
    """A look with one healthy window of version 3."""
    log = read(tmp_path / "log", schema)
    window = Window(date(2013, 3, 1), date(2013, 3, 8), log.predictions, whole=True)
    who = Champion(Version(3, {}, "run"), "flight-delay:3-0", pl.DataFrame(), {})
    found: dict[str, Any] = {
        "name": window.name, "start": "2013-03-01", "end": "2013-03-08", "rows": 6000,
        "drift": {"carrier": {"effect": 0.02, "limit": 0.1, "missing": 0.0, "missing_effect": 0.0,
                              "missing_limit": 0.1, "fires": False, "sudden": False}},
        "prediction_drift": None, "invariants": [], "quality": None,
    }  # fmt: skip
    counted = {"requests": 200.0, "availability": 1.0, "milliseconds": 4.0, "judged": ""}
    return Look(tmp_path, real_params, schema, "staging", log, log.predictions, [window], who,
                found=[found], objectives=counted)  # fmt: skip


def test_a_healthy_look_says_what_was_not_judged(look: Look) -> None:
    assert monitor.report(look)["reason"] == (
        "version 3 keeps every limit in the window before 2013-03-08"
    )
    look.skip("quality", "no labels have come")
    made = monitor.report(look)
    assert made["verdict"] == "healthy"
    assert made["reason"].endswith("before 2013-03-08; not judged: quality")
    assert made["not_judged"] == {"quality": "no labels have come"}
    assert made["sentences"] == ["quality is not judged: no labels have come"]


def judged(look: Look, predicted: pl.DataFrame, labels: pl.DataFrame) -> Look:
    """Judge quality from labels that came."""
    folder = look.root / look.params.paths.labels
    (folder / "more").mkdir(parents=True)
    labels.write_csv(folder / "may.csv")
    (folder / "more" / "june.csv").write_text("x", encoding="utf-8")
    look.rows = predicted
    monitor_checks.judge_quality(look, look.champion or pytest.fail("no champion"))
    return look


@pytest.mark.parametrize(("share", "is_obstacle"), [(0.06, True), (0.45, True), (0.8, False)])
def test_labels_that_join_in_part_are_said_and_not_judged_from(
    look: Look, rows: pl.DataFrame, schema: Schema, share: float, is_obstacle: bool
) -> None:
    known = rows.select(*schema.names("key"), schema.target).unique(schema.names("key"))
    is_spoilt = pl.int_range(pl.len()) >= share * known.height
    carrier = pl.when(is_spoilt).then(pl.col("carrier").str.to_lowercase()).otherwise("carrier")
    judged(look, known.drop(schema.target), known.with_columns(carrier.alias("carrier")))
    assert look.sentences[0].startswith("data/labels: more/june.csv: not read, as labels are")
    said = next(one for one in look.sentences if "labels" in one and "are of one of" in one)
    assert re.search(r"\d{3,} more do not join: carrier differs in case", said)
    assert bool(look.obstacles) == is_obstacle
    assert (monitor.report(look)["verdict"] == "could not judge") == is_obstacle


def test_an_alert_is_stronger_than_what_could_not_be_judged(look: Look) -> None:
    look.obstacles.append("a.csv lacks the column late")
    made = monitor.report(look)
    assert (made["verdict"], made["reason"]) == ("could not judge", "a.csv lacks the column late")
    look.alerts += [Alert("drift", "carrier", "It drifts."), Alert("drift", "origin", "It does.")]
    made = monitor.report(look)
    assert (made["verdict"], made["reason"]) == ("firing", "drift: carrier, origin")
    look.champion = None
    assert monitor.report(look)["verdict"] == "firing"


def test_every_verdict_has_a_code_of_its_own() -> None:
    assert monitor.CODES == {"healthy": 0, "firing": 3, "could not judge": 4}


def test_report_and_page_say_the_same(look: Look, real_params: Params) -> None:
    look.alerts.append(Alert("invariant", "<b>", "5.0% & more", ("2013-03-01",)))
    made = monitor.report(look)
    monitor.write(look.root, real_params, made)
    path = look.root / real_params.paths.monitor_report
    assert json.loads(path.read_text(encoding="utf-8")) == made
    page = path.with_suffix(".html").read_text(encoding="utf-8")
    assert '<span class="bad">firing</span>' in page
    assert "invariant: &lt;b&gt;" in page
    assert "5.0% &amp; more" in page
    assert WHAT_TO_DO["invariant"] in page
    assert "evidently.html" not in page
    assert 'href="../docs/operations.md#invariant"' in page
    (first, *rest) = monitor.lines(made)
    assert first == "monitor: firing: invariant: <b>"
    assert "    invariant: 5.0% & more" in rest
    assert "    see docs/operations.md#invariant" in rest


def test_an_empty_log_is_one_sentence(tmp_path: Path, real_params: Params, schema: Schema) -> None:
    made = monitor.judge(tmp_path, real_params, schema, "production")
    assert made["verdict"] == "could not judge"
    assert made["reason"].startswith("the prediction log of production is empty: send requests")
    assert made["windows"] == []
    assert made["objectives"] == {"judged": "not judged: nothing is deployed"}
    assert list(tmp_path.iterdir()) == []


def test_shadow_and_probe_are_not_what_was_served(tmp_path: Path, schema: Schema) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    now = datetime.now(UTC) - timedelta(minutes=1)
    lines = [
        json.dumps({"kind": "prediction", "time": now.isoformat(), "request_id": variant, "row": 0,
                    "model_version": "1", "variant": variant, "received": {}, "features": {},
                    "probability": 0.5, "decision": True})
        for variant in ("live", "canary", "shadow", "probe")
    ]  # fmt: skip
    (folder / f"{now:%Y%m%dT%H%M%S%f}-1.jsonl").write_text("\n".join(lines) + "\n")
    log: Log = read(folder, schema)
    assert log.predictions.height == 4
    assert served(log)["variant"].to_list() == ["live", "canary"]
