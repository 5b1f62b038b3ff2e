"""The whole lifecycle, once: from the source's files to a prediction of the champion.

Left of the gate DVC runs what has changed; right of it each step is safe to repeat. The closing
table and reports/lifecycle.json say what every step did. (ML Test Score, Infrastructure 3.)
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lifecycle.contract.columns import load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_json, write_json
from lifecycle.core import environment, git
from lifecycle.core.command import project_root
from lifecycle.core.params import Params, load_params
from lifecycle.pipeline import source
from lifecycle.records import tracking, tracking_server

RUNNING = re.compile(r"Running stage '(\w+)'")
SKIPPED = re.compile(r"Stage '(\w+)' (?:didn't change|is cached)")
# What DVC says to somebody who types its commands by hand.
HINTS = ("> ", "Generating lock", "Updating lock", "To ", "\t", "Use `dvc push`", "Data and pipe")


@dataclass
class Step:
    """One step of the lifecycle: what became of it, how long it took, what it made."""

    name: str
    status: str
    seconds: float
    made: str = ""


@dataclass
class Report:
    """What reports/lifecycle.json holds."""

    steps: list[Step] = field(default_factory=list)
    champion: dict[str, Any] | None = None
    previous: dict[str, Any] | None = None
    prediction: dict[str, Any] | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time a step; an error in it is recorded and goes on up."""
        print(f"--- {name}", flush=True)
        current, started = Step(name, "failed", 0.0), time.perf_counter()
        self.steps.append(current)
        try:
            yield current
            current.status = "ran" if current.status == "failed" else current.status
        finally:
            current.seconds = round(time.perf_counter() - started, 2)


def pipeline(root: Path, params: Params, report: Report) -> None:
    """Run `dvc repro`, following its output to know which stage runs.

    Raises:
        StageError: a stage stopped the line; its own message stands above.
    """
    made = {
        "ingest": params.paths.snapshot, "validate": params.paths.validation_report,
        "prepare": params.paths.holdout, "train": params.paths.model,
        "evaluate": params.paths.metrics,
    }  # fmt: skip
    current: Step | None = None
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "lifecycle", "pipeline"],
        cwd=root, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stdout or ():
        begun, skipped = RUNNING.match(line), SKIPPED.match(line)
        now = time.perf_counter()
        if begun and not any(step.status != "cached" for step in report.steps):
            # There will be a new model to judge: import early what that takes.
            in_background(importlib.import_module, "lifecycle.release.judge")
        if begun or skipped:
            if current:
                current.status, current.seconds = "ran", round(now - started, 2)
            name = (begun or skipped)[1]  # type: ignore[index]
            current = Step(name, "failed" if begun else "cached", 0.0, str(made.get(name, "")))
            report.steps.append(current)
            started, current = now, current if begun else None
            print(f"--- {name}{'' if begun else ': nothing changed'}", flush=True)
        elif line.strip() and not line.startswith(HINTS):
            print(line, end="", flush=True)
    code = process.wait()
    if current:
        current.seconds = round(time.perf_counter() - started, 2)
        current.status = "failed" if code else "ran"
    if code:
        where = current.name if current else "the pipeline"
        raise StageError(f"stopped at {where}; its message stands above, nothing is released")


def prepare_store(root: Path, params: Params) -> None:
    """Open the tracking store, and fill it if it is new, on the core that the pipeline leaves."""
    tracking.experiment(tracking.connect(root), root, params.project.name)


def in_background(task: Callable[..., Any], *arguments: Any) -> None:
    """Run `task` beside what goes on; whoever needs its result does it again, and at once."""

    def quietly() -> None:
        with suppress(StageError):
            task(*arguments)

    threading.Thread(target=quietly, daemon=True).start()


def describe(version: Any) -> dict[str, Any] | None:
    """Return what a report says of a registered version."""
    if version is None:
        return None
    prefix = "metric."
    return {
        "version": version.number,
        "git_commit": version.tags["git_commit"],
        "data_md5": version.tags["data_md5"],
        "model_md5": version.tags["model_md5"],
        "metrics": {
            name.removeprefix(prefix): float(value)
            for name, value in version.tags.items()
            if name.startswith(prefix)
        },
    }


def release(root: Path, params: Params, report: Report) -> None:
    """Gate, register, package, deploy and predict, each doing only what is not done yet."""
    from lifecycle.records import bento, registry
    from lifecycle.release import gate, package, register
    from lifecycle.rollout import deploy, predict

    schema = load_schema()
    versions = registry.connect(root, params)
    report.previous = describe(versions.by_alias("champion"))
    with report.step("gate") as step:
        verdict = gate.gate(root, params, schema)
        step.status = "ran" if verdict == "pass" else "unchanged"
        step.made = str(params.paths.gate_report)
    with report.step("register") as step:
        version = register.register(root, params, schema)
        step.status = "ran" if version else "unchanged"
        step.made = f"version {version.number}" if version else ""
    with report.step("package") as step:
        before = bento.packaged(root).values()
        packaged = package.package(root, params, schema)
        step.status = "unchanged" if packaged.tag in before else "ran"
        step.made = packaged.tag
    with report.step("deploy") as step:
        _, is_new = deploy.deploy(root, params, environment.current())
        step.status, step.made = ("ran" if is_new else "unchanged"), predict.url(root, params)
    report.champion = describe(versions.by_alias(deploy.alias(environment.current())))
    with report.step("predict") as step:
        report.prediction = predict.predict(root, params)
        step.made = str(params.paths.lifecycle_report)


def closing(report: Report, params: Params) -> str:
    """Return the closing table: step, status, seconds, what it made."""
    lines = ["", f"{'step':10} {'status':10} {'seconds':>8}  made"]
    lines += [f"{s.name:10} {s.status:10} {s.seconds:8.2f}  {s.made}" for s in report.steps]
    total = sum(step.seconds for step in report.steps)
    return "\n".join([*lines, f"{'total':10} {'':10} {total:8.2f}", ""])


def gain_over_champion(gate_report: Path) -> str:
    """Return what the gate measured against the champion before, on the same holdout."""
    lines = [one for one in read_json(gate_report)["rules"] if "champion version" in one["rule"]]
    return "; ".join(f"{one['rule']} on the same holdout: {one['measured']}" for one in lines)


def live(report: Report, params: Params, root: Path) -> str:
    """Return the last lines: what is live, how good, where, and what to type next."""
    now, before = report.champion, report.previous
    if now is None or report.prediction is None:
        raise StageError("nothing is live: there is no champion")
    metric = params.gate.champion.metric
    against = f"champion before: {'the same version' if before else 'none'}"
    if before and before["version"] != now["version"]:
        # Not the champion's own figure: that is from another holdout.
        against = gain_over_champion(root / params.paths.gate_report)
    url = next(step.made for step in report.steps if step.name == "deploy")
    answer = {k: v for k, v in report.prediction["answer"]["predictions"][0].items()
              if k != "contributions"}  # fmt: skip
    return "\n".join(
        [
            f"live       {params.project.name} version {now['version']} at {url}",
            f"quality    {metric} {now['metrics'][metric]:.4f} ({against})",
            f"answer     {answer}",
            f"report     {params.paths.site}/index.html, {params.paths.data_docs}/index.html",
            "next       make predict; change params.yaml, commit, make lifecycle; make stop",
        ]
    )


def write_site(root: Path, params: Params) -> None:
    """Write the page about the lifecycle, without DVC's own page of plots, which takes seconds."""
    from lifecycle.reporting import report

    report.write(root, params, with_plots=False)


def main() -> None:
    """Run everything that is not done yet, and say what is live."""
    params, root, report = load_params(), project_root(), Report()
    # At once, and not after minutes of training.
    git.require_own(root)
    tracking_server.require(root)
    environment.current()
    in_background(prepare_store, root, params)
    steps: list[Callable[[], None]] = [
        source.main,
        lambda: pipeline(root, params, report),
        lambda: release(root, params, report),
    ]
    try:
        for step in steps:
            step()
    finally:
        write_json(root / params.paths.lifecycle_report, asdict(report))
        print(closing(report, params), flush=True)
    write_site(root, params)
    print(live(report, params, root))
