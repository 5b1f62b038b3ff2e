"""Limits of quality, objectives and invariants, on both of their sides."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import polars as pl
import pytest

from lifecycle.core.params import Params
from lifecycle.monitoring import invariants, objectives, quality
from lifecycle.monitoring.alerts import fires
from lifecycle.monitoring.settings import InvariantRule, Monitor
from lifecycle.monitoring.windows import cut
from lifecycle.tasks.binary import Binary

BAD, SUDDEN = (True, False), (True, True)
GOOD = (False, False)


def figure(low: float, high: float) -> dict[str, float]:
    return {"value": (low + high) / 2, "low": low, "high": high}


def judged(
    params: Params, key: str, interval: tuple[float, float], worst: dict[str, float] | None = None
) -> quality.Verdict:
    """Return the verdict on one figure of a window, when on the holdout every figure was 0."""
    figures = dict.fromkeys(("roc_auc", "log_loss", "bias", "origin=EWR"), (0.0, 0.0))
    found = {name: figure(*ends) for name, ends in {**figures, key: interval}.items()}
    window = {
        "metric": "roc_auc", **found["roc_auc"], "log_loss": found["log_loss"],
        "bias": found["bias"], "mean_prediction": 0.3, "base_rate": 0.3,
        "slices": [{"slice": "origin", "of": "EWR", **found["origin=EWR"]},
                   {"slice": "origin", "of": "unknown", **figure(-9, -9)}],
    }  # fmt: skip
    evaluation: dict[str, Any] = {
        "metrics": {"roc_auc": 0.0, "log_loss": 0.0},
        "slices": [{"slice": "carrier", "value": "EWR", "metrics": {"roc_auc": 9.0}},
                   {"slice": "origin", "value": "EWR", "metrics": {"roc_auc": 0.0}}],
    }  # fmt: skip
    if worst is not None:
        evaluation["worst_blocks"] = {
            "days": params.evaluate.window_days, "metric": "roc_auc", "figures": worst,
        }  # fmt: skip
    verdicts = quality.verdicts(window, evaluation, params, Binary())
    assert set(verdicts) == set(figures)
    assert [name for name, one in verdicts.items() if one.bad and name != key] == []
    return verdicts[key]


@pytest.mark.parametrize("key", ["roc_auc", "origin=EWR", "log_loss", "bias high", "bias low"])
@pytest.mark.parametrize("worst", [None, {}, 0.02, 0.2])
def test_the_whole_interval_lies_beyond_the_limit(
    real_params: Params, key: str, worst: float | dict[str, float] | None
) -> None:
    """The limit is the tolerance, or what the worst block had where that was worse."""
    rule = real_params.part(Monitor)
    sign = 1 if key in ("log_loss", "bias high") else -1
    blocks = {key: sign * worst} if isinstance(worst, float) else worst
    limit = max(rule.quality.tolerance, worst if isinstance(worst, float) else 0.0)
    name = key.partition(" ")[0]
    for nearest, said in (
        (limit, GOOD), (limit * 1.001, BAD), (rule.sudden_factor * limit, BAD),
        (rule.sudden_factor * limit * 1.001, SUDDEN), (-limit, GOOD),
    ):  # fmt: skip
        interval = sorted((sign * nearest, sign * 7.0))
        found = judged(real_params, name, (interval[0], interval[1]), blocks)
        assert (found.bad, found.sudden) == said, (nearest, found.sentence)
    assert f"(limit {sign * limit:.3f}: " in found.sentence
    assert ("what the worst" in found.sentence) is (limit > rule.quality.tolerance)


def test_a_bias_that_leans_to_neither_side_is_shown_its_upper_limit(real_params: Params) -> None:
    assert "(limit 0.050" in judged(real_params, "bias", (-0.1, 0.1)).sentence
    assert "(limit -0.050" in judged(real_params, "bias", (-0.2, 0.1)).sentence


def counted(requests: float, **more: Any) -> dict[str, Any]:
    seconds = {"0.1": requests, "1.0": requests, "inf": requests}
    return {"requests": requests, "failed": 0, "log_lines_lost": 0, "seconds": seconds, **more}


def test_a_promise_that_is_just_kept_is_kept(real_params: Params) -> None:
    rule = real_params.part(Monitor).objectives.model_copy(
        update={"availability": 0.75, "minimum_requests": 100, "latency_share": 0.5,
                "milliseconds": 50.0}
    )  # fmt: skip
    found, alerts = objectives.judge(counted(100, failed=25), rule)
    assert (found["availability"], found["milliseconds"], alerts) == (0.75, 50.0, [])
    found, alerts = objectives.judge(counted(100, failed=26), rule)
    assert [one.kind for one in alerts] == ["availability"]
    assert alerts[0].message == "74.000% of 100 requests were answered, 75.000% are promised"
    slower = rule.model_copy(update={"milliseconds": 49.9})
    found, alerts = objectives.judge(counted(100), slower)
    assert [one.kind for one in alerts] == ["latency"]
    found, alerts = objectives.judge(counted(99, failed=99), rule)
    assert (found["requests"], alerts) == (99, [])


def test_what_is_as_it_was_was_not_started_anew() -> None:
    now = {"live": "a", **counted(50, failed=2, log_lines_lost=3)}
    found = objectives.since(now, now)
    assert (found["requests"], found["failed"], found["log_lines_lost"]) == (0, 0, 0)
    assert set(found["seconds"].values()) == {0}
    # One of the proxy's counters that fell, or of the worker's, is enough.
    proxy = objectives.since(now, {**now, "failed": 3})
    assert (proxy["requests"], proxy["failed"], proxy["log_lines_lost"]) == (50, 2, 0)
    worker = objectives.since(now, {**now, "log_lines_lost": 4})
    assert (worker["requests"], worker["log_lines_lost"], worker["seconds"]["inf"]) == (0, 3, 50)
    bucket = objectives.since(now, {**now, "seconds": {**now["seconds"], "0.1": 51}})
    assert (bucket["log_lines_lost"], bucket["seconds"]["1.0"]) == (3, 50)
    # What was not counted at the look before counts from nothing.
    assert objectives.since(now, {"live": "a"})["log_lines_lost"] == 3


PROXY = """\
# TYPE caddy_http_request_duration_seconds histogram
caddy_http_request_duration_seconds_count{code="200",handler="reverse_proxy",server="service"} 90
caddy_http_request_duration_seconds_count{code="503",handler="reverse_proxy",server="service"} 7
caddy_http_request_duration_seconds_count{code="404",handler="reverse_proxy",server="service"} 3
caddy_http_request_duration_seconds_count{code="503",handler="subroute",server="service"} 1000
caddy_http_request_duration_seconds_count{code="503",handler="reverse_proxy",server="metrics"} 1000
caddy_http_request_duration_seconds_sum{code="503",handler="reverse_proxy",server="service"} 1000
"""
WORKER = """\
# TYPE lifecycle_log_failures_total counter
lifecycle_log_failures_total 4
# TYPE lifecycle_request_seconds histogram
lifecycle_request_seconds_bucket{le="0.01",variant="live"} 50
lifecycle_request_seconds_bucket{le="+Inf",variant="live"} 80
lifecycle_request_seconds_bucket{le="+Inf",variant="canary"} 10
lifecycle_request_seconds_bucket{le="+Inf",variant="shadow"} 1000
"""


class Metrics(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write((WORKER if "live" in self.path else PROXY).encode())

    def log_message(self, *_: Any) -> None:
        pass


def test_only_what_the_proxy_passed_on_to_the_service_is_counted() -> None:
    with HTTPServer(("127.0.0.1", 0), Metrics) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        found = objectives.scrape(server.server_port)
        server.shutdown()
    seconds = {"0.01": 50.0, "inf": 90.0}
    assert found == {"requests": 100, "failed": 7, "log_lines_lost": 4, "seconds": seconds}


@pytest.mark.parametrize(
    ("kept", "is_read"),
    [
        ({"live": "a", "requests": 5, "failed": 0.0, "log_lines_lost": 0, "seconds": {}}, True),
        ({"live": "a", "requests": 5, "failed": 0.0, "log_lines_lost": 0}, False),
        ({"live": 1, "requests": 5, "failed": 0.0, "log_lines_lost": 0, "seconds": {}}, False),
        ({"live": "a", "requests": True, "failed": 0, "log_lines_lost": 0, "seconds": {}}, False),
        ([], False),
    ],
)
def test_a_broken_note_of_the_look_before_is_none(kept: Any, is_read: bool, tmp_path: Path) -> None:
    path = tmp_path / "monitor.json"
    assert objectives._before(path, {"live": "b", **counted(9.0)}) is None
    path.write_text(json.dumps(kept), encoding="utf-8")
    assert (objectives._before(path, {"live": "b", **counted(9.0)}) == kept) is is_read


def refused(rule: InvariantRule, answered: int, *fields: list[str] | None) -> list[str]:
    frame = pl.DataFrame({"fields": list(fields)}, schema={"fields": pl.List(pl.String)})
    found, alerts = invariants.refusals(answered, frame, rule)
    assert found["requests"] == answered + len(fields)
    return [one.subject for one in alerts]


def test_the_lower_end_of_the_share_that_is_refused_counts(real_params: Params) -> None:
    """Wilson's interval of 10 in 100 ends with 5.52 %, as in tables of it."""
    rule = real_params.part(Monitor).invariants
    for limit, subjects in ((0.0551, ["origin"]), (0.0553, [])):
        limited = rule.model_copy(update={"maximum_refused": limit})
        assert refused(limited, 90, *[["records.12.origin"]] * 10) == subjects
    # No single field is refused that often, all together are.
    some = [["records.0.origin"], ["records.0.carrier"]] * 5
    assert refused(rule.model_copy(update={"maximum_refused": 0.04}), 90, *some) == ["requests"]
    # A refusal that names no field is one as well.
    assert refused(rule, 90, *[None] * 10) == ["requests"]
    assert refused(rule, 0, *[None] * 9) == []


def test_one_time_may_have_a_multiple_of_its_usual_share(real_params: Params) -> None:
    rule = real_params.part(Monitor).invariants.model_copy(update={"clock_factor": 2.0})
    first = datetime(2013, 3, 1)
    usual = pl.DataFrame({"at": [first + timedelta(hours=n // 2) for n in range(8)]})

    def at(repeated: int, rows: int) -> list[str]:
        moments = [first] * repeated + [first + timedelta(n) for n in range(1, rows - repeated + 1)]
        found = invariants.stuck_clock(usual, pl.DataFrame({"at": moments}), "at", 1, rule)
        return [one.message for one in found]

    # The most frequent has two of eight rows: half of them are allowed.
    assert at(4, 8) == []
    assert at(5, 8) == [
        "at is 2013-03-01 00:00:00 in 62.5% of the rows (limit 50.0%): a clock stands still"
    ]
    nothing = pl.DataFrame(schema={"at": pl.Datetime("us")})
    assert invariants.stuck_clock(usual, nothing, "at", 1, rule) == []


def test_a_window_with_just_enough_rows_is_one(real_params: Params) -> None:
    rule = real_params.part(Monitor).model_copy(update={"windows": 2, "minimum_rows": 14})
    first = datetime(2013, 3, 1, 12)
    rows = pl.DataFrame({"at": [first + timedelta(n // 2) for n in range(28)]})
    found, said = cut(rows, "at", rule, 7)
    assert ([(one.start, one.rows.height) for one in found], said) == (
        [(date(2013, 3, 1), 14), (date(2013, 3, 8), 14)], [],
    )  # fmt: skip
    stray = pl.DataFrame({"at": [datetime(2013, 6, 1)] * 2})
    found, said = cut(pl.concat([rows, stray]), "at", rule, 7)
    assert said == ["2 rows dated after 2013-03-14: too few to be judged"]


@pytest.mark.parametrize(
    ("flags", "sudden", "expected"),
    [
        ([True], False, False), ([True], True, True), ([False], True, False), ([], True, False),
        ([True, True], False, True), ([True, False, True], False, True),
        ([True, True, False], False, False), ([True, False, False, True], False, True),
        ([True, False, False, False, True], False, False),
    ],
)  # fmt: skip
def test_two_of_the_last_four_fire(
    real_params: Params, flags: list[bool], sudden: bool, expected: bool
) -> None:
    rule = real_params.part(Monitor).model_copy(update={"windows": 4, "firing_windows": 2})
    assert fires(flags, rule, sudden=sudden) is expected
