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
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from lifecycle.contract.columns import load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_json
from lifecycle.core import environment, failure, git, parts
from lifecycle.core.command import project_root
from lifecycle.core.lifecycle_report import Report, Step, describe
from lifecycle.core.params import Params, load_params
from lifecycle.core.terminal import table, working
from lifecycle.pipeline import fetch
from lifecycle.records import bento, tracking, tracking_server

RUNNING = re.compile(r"Running stage '(\w+)'")
SKIPPED = re.compile(r"Stage '(\w+)' (?:didn't change|is cached)")
# What DVC says to somebody who types its commands by hand.
HINTS = ("> ", "Generating lock", "Updating lock", "To ", "\t", "Use `dvc push`", "Data and pipe")


@working("pipeline")
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
    # A stage that is killed leaves no record: that of an older failure would be taken for its.
    failure.forget(root)
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
        found = failure.read(root) or failure.Failure("", where, (), "", "", "")
        where = "the pipeline" if found.step == "pipeline" else found.step
        line = f"stopped at {where}; its message stands above, nothing is released"
        raise StageError(line, reason=found.reason, about=found.about, step=where)


def prepare_store(root: Path, params: Params) -> None:
    """Open the tracking store, and fill it if it is new, on the core that the pipeline leaves."""
    tracking.experiment(tracking.connect(root), root, params.project.name)


def in_background(task: Callable[..., Any], *arguments: Any) -> None:
    """Run `task` beside what goes on; whoever needs its result does it again, and at once."""

    def quietly() -> None:
        with suppress(StageError):
            task(*arguments)

    threading.Thread(target=quietly, daemon=True).start()


def parts_of_it() -> list[ModuleType]:
    """Return what parts add to the whole, in its order: their modules `in_lifecycle`."""
    found = [module for _, module in parts.offering("in_lifecycle")]
    return sorted(found, key=lambda module: int(module.ORDER))


def release(root: Path, params: Params, report: Report) -> None:
    """Gate, register, package, and what parts do with it: each only what is not done yet."""
    from lifecycle.records import registry
    from lifecycle.release import gate, package, register

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
    for one in parts_of_it():
        one.steps(root, params, report)


def closing(report: Report) -> str:
    """Return the closing table: step, status, seconds, what it made."""
    rows = [[one.name, one.status, f"{one.seconds:.2f}", one.made] for one in report.steps]
    rows.append(["total", "", f"{sum(one.seconds for one in report.steps):.2f}", ""])
    return f"\n{table(['step', 'status', 'seconds', 'made'], rows, numbers=['seconds'])}\n"


def last_lines(root: Path, params: Params, report: Report) -> list[str]:
    """Return what is live by now, or what is packaged where no part deploys; and what is next."""
    said = [line for one in parts_of_it() for line in one.closing(root, params, report)]
    if report.champion is None:
        tag = next(step.made for step in report.steps if step.name == "package")
        serving = f"BENTOML_HOME=.bentoml {bento.python_of(root, tag)} -m bentoml serve {tag}"
        said = [("packaged", tag), ("serve", serving), *said,
                ("next", "change params.yaml, commit, make lifecycle")]  # fmt: skip
    # What is next comes last.
    return [f"{word:<11}{text}" for word, text in sorted(said, key=lambda line: line[0] == "next")]


def main() -> None:
    """Run everything that is not done yet, and say what is live."""
    params, root, report = load_params(), project_root(), Report()
    # At once, and not after minutes of training.
    git.require_own(root)
    tracking_server.require(root)
    environment.current()
    in_background(prepare_store, root, params)
    steps: list[Callable[[], None]] = [
        fetch.main,
        lambda: pipeline(root, params, report),
        lambda: release(root, params, report),
    ]
    try:
        for step in steps:
            step()
    finally:
        write_json(root / params.paths.lifecycle_report, asdict(report))
        print(closing(report), flush=True)
    print("\n".join(last_lines(root, params, report)))
