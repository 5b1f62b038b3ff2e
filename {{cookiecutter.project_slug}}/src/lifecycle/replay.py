"""Replay plays real months through the running service: predict, label late, monitor, retrain.

It plays in a clone of the project (build/replay). The first model is trained on the month before,
and kept beside as the frozen control: what would have become of the service had nobody done
anything. In each month the first half is sent, then the labels of the month before arrive, then
monitoring judges; where it fires, the model is retrained on everything that is labelled by then
and, where the gate lets it, rolled out while the second half is being sent.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from lifecycle import features, ingest, monitor, replay_report, source
from lifecycle.columns import Schema, load_schema
from lifecycle.command import StageError, project_root, run
from lifecycle.files import replacing
from lifecycle.model import Model
from lifecycle.params import Params, Window, load_params
from lifecycle.prepare import arrays
from lifecycle.theatre import Theatre, reason
from lifecycle.traffic import Traffic

ENVIRONMENT = "development"
# Requests a second while a rollout is under way.
ROLLOUT_RATE = 20.0


@dataclass
class Month:
    """What happened in one month."""

    name: str
    rows: int = 0
    versions: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    verdict: str = ""
    alerts: list[str] = field(default_factory=list)
    action: str = ""
    scores: dict[str, Any] = field(default_factory=dict)


def months_of(text: str) -> list[str]:
    """Return the months of MONTHS, YYYY-MM or YYYY-MM..YYYY-MM.

    Raises:
        StageError: it is neither.
    """
    found = re.fullmatch(r"(\d{4}-\d{2})(?:\.\.(\d{4}-\d{2}))?", text)
    try:
        assert found is not None
        return Window(start=found[1], end=found[2] or found[1]).months
    except (AssertionError, ValueError):
        raise StageError(
            f"{text} are no months: give MONTHS=2013-02 or MONTHS=2013-02..2013-12"
        ) from None


def month_before(month: str) -> str:
    """Return the month before."""
    number = int(month[:4]) * 12 + int(month[5:]) - 2
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


class Replay:
    """One replay: the clone, the rows of the source, and what has happened so far."""

    def __init__(
        self, theatre: Theatre, params: Params, schema: Schema, rate: float | None
    ) -> None:
        """Read the source's rows, labelled or not, in the order of time."""
        self.theatre, self.params, self.schema, self.rate = theatre, params, schema, rate
        folder = theatre.root / params.paths.source
        lazy = source.find(params.data.source).scan(folder, folder.parent)
        keys = [schema.time, *(name for name in schema.names("key") if name != schema.time)]
        self.rows = ingest.conform(lazy, schema).drop("_unreadable").sort(keys).collect()
        self.frozen: Model | None = None
        self.months: list[Month] = []

    def begin(self) -> None:
        """Train, release and deploy the first model, and keep it as the control."""
        print("replay: the first model is trained, released and deployed", flush=True)
        self.theatre.must("lifecycle")
        self.frozen = Model.load(self.theatre.root / self.params.paths.model)

    def play(self, name: str) -> Month:
        """Play one month and return what happened in it."""
        month = Month(name)
        self.months.append(month)
        rows = self.rows.filter(pl.col(self.schema.time).dt.strftime("%Y-%m") == name)
        if rows.is_empty():
            raise StageError(f"the source has no rows in {name}")
        middle = rows.filter(pl.col(self.schema.time).dt.day() < 16).height
        first = self._send(month, rows[:middle])
        self._deliver_labels(month_before(name))
        self._monitor(month)
        second = self._retrain_while_sending(month, rows[middle:], month_before(name))
        answered = pl.concat([first, second])
        self._score(month, rows.hstack(answered))
        return month

    def _send(self, month: Month, rows: pl.DataFrame, rate: float | None = None) -> pl.DataFrame:
        port = self.params.serve.ports.of(ENVIRONMENT)
        options = self.params.replay
        traffic = Traffic(f"http://127.0.0.1:{port}", options.connections, rate or self.rate)
        answers = traffic.send(
            rows.select(self.schema.request), self.schema.time, options.rows_per_request
        )
        for status, count in answers.statuses.items():
            month.statuses[str(status)] = month.statuses.get(str(status), 0) + count
        month.rows += rows.height
        frame = answers.as_frame()
        for version, count in frame["version"].drop_nulls().value_counts().iter_rows():
            month.versions[version] = month.versions.get(version, 0) + count
        return frame

    def _deliver_labels(self, name: str) -> None:
        """Let the labels of a month arrive."""
        labelled = self.rows.filter(
            (pl.col(self.schema.time).dt.strftime("%Y-%m") == name)
            & pl.col(self.schema.target).is_not_null()
        )
        path = self.theatre.root / self.params.paths.labels / f"{name}.parquet"
        with replacing(path) as part:
            labelled.select(*self.schema.names("key"), self.schema.target).write_parquet(part)

    def _monitor(self, month: Month) -> None:
        # Answers of the last second are not in the log yet.
        time.sleep(2 * self.params.prediction_log.flush_seconds)
        found = monitor.judge(self.theatre.root, self.params, self.schema, ENVIRONMENT)
        month.verdict = found["verdict"]
        month.alerts = [f"{one['kind']}: {one['subject']}" for one in found["alerts"]]

    def _retrain_while_sending(self, month: Month, rows: pl.DataFrame, end: str) -> pl.DataFrame:
        """Send the second half; where monitoring fires, after a retrain and during its rollout."""
        if month.verdict != "firing":
            month.action = "nothing to do"
            return self._send(month, rows)
        if end <= load_params(self.theatre.root / "params.yaml").data.window.end:
            month.action = "no newer labels to train on"
            return self._send(month, rows)
        done = self.theatre.run("lifecycle.retrain", "--end", end, "--no-deploy")
        if done.returncode:
            month.action = f"refused: {reason(done.stderr).removeprefix('retrain: ')}"
            return self._send(month, rows)
        rollout, sent, answers = self.theatre.start("lifecycle.deploy"), 0, []
        size = 10 * self.params.replay.rows_per_request
        while rollout.poll() is None and sent < rows.height:
            answers.append(self._send(month, rows[sent : sent + size], ROLLOUT_RATE))
            sent += size
        printed, said = rollout.communicate()
        month.action = (
            f"promoted: {printed.strip().splitlines()[-1].removeprefix('deploy: ')}"
            if rollout.returncode == 0 else f"rolled back: {reason(said).removeprefix('deploy: ')}"
        )  # fmt: skip
        if sent < rows.height:
            answers.append(self._send(month, rows[sent:]))
        return pl.concat(answers)

    def _score(self, month: Month, rows: pl.DataFrame) -> None:
        """Compare what was answered with the frozen model on the labelled rows."""
        assert self.frozen is not None
        judged = rows.filter(
            pl.col(self.schema.target).is_not_null() & pl.col("probability").is_not_null()
        )
        framed = features.on_frame(self.schema, judged)
        frozen = self.frozen.predict(arrays(framed, list(self.frozen.names)))
        share = self.rows.filter(
            pl.col(self.schema.time).dt.strftime("%Y-%m") == month_before(self.months[0].name)
        )[self.schema.target].mean()
        month.scores = replay_report.scores(
            judged[self.schema.target].cast(pl.Float64).to_numpy(),
            judged["probability"].to_numpy(), frozen, float(share),  # type: ignore[arg-type]
            judged[self.schema.time].dt.date().to_numpy(), self.params.gate.champion,
            self.params.train.seed,
        )  # fmt: skip


def replay(root: Path, params: Params, names: list[str], rate: float | None) -> dict[str, Any]:
    """Play the months and return the report; see the module for how."""
    began, theatre = time.monotonic(), Theatre(root)
    schema = load_schema(root / "schema.yaml")
    inside = theatre.build(params, month_before(names[0]))
    try:
        played = Replay(theatre, inside, schema, rate)
        played.begin()
        for name in names:
            started = time.monotonic()
            month = played.play(name)
            print(replay_report.line(month, time.monotonic() - started), flush=True)
    finally:
        theatre.close()
    return replay_report.report(played.months, time.monotonic() - began)


def main() -> None:
    """Play MONTHS and write reports/replay.json and reports/replay.html."""
    parser = argparse.ArgumentParser(description="Play real months through the service.")
    parser.add_argument("months", help="YYYY-MM or YYYY-MM..YYYY-MM")
    parser.add_argument("--speed", default="full", help="requests a second, or full")
    given = parser.parse_args()
    if given.speed != "full" and not re.fullmatch(r"[1-9]\d*", given.speed):
        raise StageError(f"{given.speed} is no speed: give SPEED=full or SPEED=100")
    # What heavy libraries write belongs to the replay's clone, not to where they are imported.
    os.environ["LIFECYCLE_ENVIRONMENT"] = ENVIRONMENT
    rate = None if given.speed == "full" else float(given.speed)
    root, params = project_root(), load_params()
    found = replay(root, params, months_of(given.months), rate)
    replay_report.write(root, params, found)
    print(replay_report.table(found))
    print(f"replay: {found['conclusion']} ({params.paths.replay_report})")


if __name__ == "__main__":
    run("replay", main)
