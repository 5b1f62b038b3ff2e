"""Playing: what a replay does in each month, and what it has found so far."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from lifecycle.contract import model_file
from lifecycle.contract.columns import Schema
from lifecycle.contract.files import read_json, replacing
from lifecycle.contract.model_file import Model
from lifecycle.core.failure import Failure
from lifecycle.core.params import Params, load_params
from lifecycle.core.window import Unit, Window, day_after, first_day, period_of, shifted
from lifecycle.loop.replay import first_model
from lifecycle.loop.replay import report as replay_report
from lifecycle.loop.replay.clone import Clone, ended
from lifecycle.loop.replay.scores import Scores
from lifecycle.loop.replay.settings import Replay
from lifecycle.loop.replay.traffic import Traffic
from lifecycle.monitoring import monitor
from lifecycle.monitoring.settings import Monitor
from lifecycle.records import registry
from lifecycle.records.deployment import Deployment

ENVIRONMENT = "development"
# Requests a second while a rollout is under way, and how many before looking whether it still is.
ROLLOUT_RATE, ROLLOUT_REQUESTS = 20.0, 10
# The day of a month, or another unit, on which monitoring looks; everything follows from that.
MIDDLE: dict[Unit, int] = {"week": 4, "month": 15, "quarter": 46}
Months = dict[str, pl.DataFrame]


@dataclass
class Month:
    """What happened in one month."""

    name: str
    rows: int = 0
    versions: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    verdict: str = ""
    reason: str = ""
    alerts: list[dict[str, Any]] = field(default_factory=list)
    outcome: str = ""
    why: str = ""
    scores: dict[str, Any] = field(default_factory=dict)
    # Which month of the training period was sent as well, to which version, and the verdict.
    control: dict[str, Any] | None = None
    seconds: float = 0.0


class Played:
    """One replay: the clone, the rows by month, and what has happened."""

    def __init__(
        self, clone: Clone, params: Params, schema: Schema, rows: Months, rate: float | None
    ) -> None:
        """Keep what is played; nothing happens yet."""
        self.clone, self.params, self.schema = clone, params, schema
        self.rows, self.rate = rows, rate
        self.first: dict[str, Any] = {}
        self.months: list[Month] = []
        self.scores: Scores
        # When the first request of a month was sent, and which months each version has as control.
        self._began: dict[str, datetime] = {}
        self._controlled: set[tuple[int, str]] = set()

    def begin(self, window: Window) -> None:
        """Train, release and deploy the first model, and keep it as the control."""
        print(f"replay: the first model is trained on {window}, released and deployed", flush=True)
        refused = first_model.release(self.clone, self.params, window)
        if refused:
            print(f"replay: the gate refused it ({refused}): its floors are opened for this one",
                  flush=True)  # fmt: skip
        self.first = {"window": str(window), "refused": refused}
        names = window.periods(self.params.data.unit)
        for name in names:
            self._deliver_labels(name)
        labels = pl.concat([self.rows[name][self.schema.target] for name in names])
        self.scores = Scores(self.params, self.schema, float(labels.mean()))  # type: ignore[arg-type]
        self.scores.models["frozen"] = self._model()

    def _model(self) -> Model:
        return model_file.load(self.clone.root / self.params.paths.model)

    def play(self, name: str) -> Month:
        """Play one month and return what happened in it."""
        began, month = time.monotonic(), Month(name)
        self.months.append(month)
        self._began[name] = datetime.now(UTC)
        rows = self.rows[name]
        day = pl.col(self.schema.clock).dt.date()
        middle = rows.filter(day <= self._middle(name)).height
        first = self._send(month, rows[:middle])
        self._deliver_labels(shifted(name, -1))
        self._monitor(month)
        second = self._react_while_sending(month, rows[middle:])
        month.rows = rows.height
        month.scores = self.scores.of_month(rows.hstack(pl.concat([first, second])))
        if month.outcome == "promoted":
            # From the next month on: in this one it was not there yet.
            self.scores.models.setdefault("settled", self._model())
        self._control(month)
        month.seconds = round(time.monotonic() - began, 1)
        print(replay_report.line(month), flush=True)
        return month

    def _send(self, month: Month, rows: pl.DataFrame, rate: float | None = None) -> pl.DataFrame:
        port = self.params.serve.ports.of(ENVIRONMENT)
        options = self.params.part(Replay)
        rates = [one for one in (rate, self.rate) if one]
        traffic = Traffic(f"http://127.0.0.1:{port}", options.connections, min(rates, default=None))
        answers = traffic.send(
            rows.select(self.schema.request), self.schema.clock, options.rows_per_request
        )
        for status, count in answers.statuses.items():
            month.statuses[str(status)] = month.statuses.get(str(status), 0) + count
        frame = answers.as_frame()
        for version, count in frame["version"].drop_nulls().value_counts().iter_rows():
            month.versions[version] = month.versions.get(version, 0) + count
        return frame

    def _deliver_labels(self, name: str) -> None:
        """Let the labels of a month arrive."""
        labelled = self.rows[name].drop_nulls(self.schema.target)
        path = self.clone.root / self.params.paths.labels / f"{name}.parquet"
        with replacing(path) as part:
            labelled.select(*self.schema.names("key"), self.schema.target).write_parquet(part)

    def _judge(self, since: datetime) -> dict[str, Any]:
        # Answers of the last second are not in the log yet.
        time.sleep(2 * self.params.prediction_log.flush_seconds)
        return monitor.judge(self.clone.root, self.params, self.schema, ENVIRONMENT, since)

    def _middle(self, month: str) -> date:
        """Return the day on which monitoring looks."""
        return first_day(month) + timedelta(MIDDLE[self.params.data.unit] - 1)

    def _first_day(self, month: str) -> date:
        """Return the first day that monitoring looks at in the middle of a month."""
        days = self.params.part(Monitor).windows * self.params.evaluate.window_days
        return self._middle(month) + timedelta(1 - days)

    def _monitor(self, month: Month) -> None:
        begun = period_of(self._first_day(month.name), self.params.data.unit)
        since = min(at for name, at in self._began.items() if name >= begun)
        found = self._judge(since)
        month.verdict, month.reason, month.alerts = (
            found[key] for key in ("verdict", "reason", "alerts")
        )
        print(f"replay: {month.name} up to {self._middle(month.name)}: {month.verdict}: "
              f"{month.reason}", flush=True)  # fmt: skip

    def _react_while_sending(self, month: Month, rows: pl.DataFrame) -> pl.DataFrame:
        """Send the second half; where monitoring fires, after a retrain and during its rollout."""
        end, root = shifted(month.name, -1), self.clone.root
        if month.verdict != "firing":
            month.outcome, month.why = "kept", f"monitoring is {month.verdict}"
            return self._send(month, rows)
        window = load_params(root / "params.yaml").data.window
        if window and day_after(end) <= window.until:
            month.outcome, month.why = "kept", f"it has the labels up to {end} already"
            return self._send(month, rows)
        done = self.clone.run("retrain", "--end", end, "--no-deploy")
        if done.returncode:
            month.outcome, month.why = "refused", self._refusal(self.clone.why(done.stderr))
            return self._send(month, rows)
        return self._roll_out_while_sending(month, rows)

    def _refusal(self, found: Failure) -> str:
        """Return what each rule of the gate that failed had measured; else the reason."""
        if found.step != "gate" or not found.about:
            return found.reason
        report = read_json(self.clone.root / self.params.paths.gate_report)
        failed = [one for one in report["rules"] if one["verdict"] == "fail"]
        return "; ".join(f"{one['rule']}: {one['measured']}" for one in failed)

    def _roll_out_while_sending(self, month: Month, rows: pl.DataFrame) -> pl.DataFrame:
        sent, answers, rollout = 0, [], self.clone.start("deploy")
        size = ROLLOUT_REQUESTS * self.params.part(Replay).rows_per_request
        with ended(rollout):
            while rollout.poll() is None and sent < rows.height:
                answers.append(self._send(month, rows[sent : sent + size], ROLLOUT_RATE))
                sent += size
            _, said = rollout.communicate()
        if rollout.returncode:
            month.outcome, month.why = "rolled back", self.clone.why(said).said
        else:
            live = Deployment(self.clone.root, ENVIRONMENT).load().live
            assert live is not None
            month.outcome = "promoted"
            month.why = f"version {live.version} ({live.tag}) serves {ENVIRONMENT}"
        if sent < rows.height:
            answers.append(self._send(month, rows[sent:]))
        return pl.concat(answers)

    def _control(self, month: Month) -> None:
        """Send a month of the live model's own training period: monitoring must not fire there.

        Without the holdout, which it was not trained on. The newest month that it has not had;
        where it has had all, nothing new would be learned.
        """
        live = Deployment(self.clone.root, ENVIRONMENT).load().live
        assert live is not None
        tags = registry.connect(self.clone.root, self.params).get(live.version).tags
        start, _, end = tags["window"].partition(" to ")
        last = datetime.fromisoformat(tags["train_last"])
        # What is sent now must not be among the days that are judged in the middle of next month.
        limit = min(self._first_day(shifted(month.name, 1)), last.date() + timedelta(1))
        free = [
            name for name in Window(start=start, end=end).periods(self.params.data.unit)
            if self._middle(name) < limit and name in self.rows
            and (live.version, name) not in self._controlled
        ]  # fmt: skip
        if not free:
            return
        rows = self.rows[free[-1]].filter(pl.col(self.schema.clock).dt.date() < limit)
        since, counted = datetime.now(UTC), Month(free[-1])
        self._send(counted, rows)
        found = self._judge(since)
        self._controlled.add((live.version, free[-1]))
        month.control = {
            "month": free[-1], "version": live.version, "verdict": found["verdict"],
            "reason": found["reason"], "alerts": found["alerts"], "statuses": counted.statuses,
        }  # fmt: skip
