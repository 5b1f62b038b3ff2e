"""Measures, in one run: the whole lifecycle against a plain script, a second one, and its costs.

`make benchmark` generates a project, sets it up, and for some rounds times in turn the plain
script (benchmarks/plain.py), a lifecycle from nothing, and one with nothing changed. It writes
docs/reference/lifecycle-benchmark.md; nothing is asserted but that both predict the same.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "lifecycle-benchmark.md"
# What each stage imports before it does anything, in a process of its own.
IMPORTS = {
    "ingest": "lifecycle.pipeline.ingest",
    "validate": "lifecycle.pipeline.validate, great_expectations",
    "prepare": "lifecycle.pipeline.prepare",
    "train": "lifecycle.pipeline.train, lifecycle.records.pyfunc",
    "evaluate": "lifecycle.pipeline.evaluate",
}
MADE = ("data", "models", "reports", "mlflow.db", "mlartifacts", ".bentoml", ".lifecycle",
        ".dvc/cache", ".dvc/tmp", "dvc.lock")  # fmt: skip


@dataclass(frozen=True)
class Run:
    """How long a command took, and the most memory that it and its children had at once."""

    seconds: float
    peak_megabytes: float


class Peak(threading.Thread):
    """Samples the memory of a process and all below it, twenty times a second."""

    def __init__(self, process: int) -> None:
        """Remember whom to watch."""
        super().__init__(daemon=True)
        self.process, self.bytes, self.over = psutil.Process(process), 0, threading.Event()

    def run(self) -> None:
        """Keep the largest sum seen."""
        while not self.over.wait(0.05):
            total = 0
            try:
                for one in (self.process, *self.process.children(recursive=True)):
                    total += one.memory_info().rss
            except psutil.NoSuchProcess:
                continue
            self.bytes = max(self.bytes, total)


def timed(command: list[str], folder: Path, environment: dict[str, str]) -> Run:
    """Run a command that must pass; what it prints is shown only when it does not."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        peak = Peak(process.pid)
        peak.start()
        code = process.wait()
        peak.over.set()
        if code:
            output.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{output.read()}")
    return Run(time.perf_counter() - started, peak.bytes / 1e6)


def size(folder: Path) -> float:
    """Return the megabytes of a folder."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6


def start_over(project: Path, environment: dict[str, str]) -> None:
    """Bring a project back to where nothing has run; its environments stay."""
    timed(["make", "stop"], project, environment)
    for name in MADE:
        path = project / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    first = subprocess.run(
        ["git", "rev-list", "--max-parents=0", "HEAD"],
        cwd=project, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    subprocess.run(["git", "reset", "--quiet", "--hard", first], cwd=project, check=True)


def plain(project: Path, target: Path, environment: dict[str, str]) -> Run:
    """Time the plain script with the project's own parameters and interpreter."""
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    months = int(params["data"]["window"]["end"][-2:])
    source = project / "data" / "source"
    return timed(
        [str(project / ".venv/bin/python"), str(ROOT / "benchmarks/plain.py"), str(source),
         json.dumps(params["train"]), str(months), str(target)],
        project, {**environment, "OMP_WAIT_POLICY": "PASSIVE"},
    )  # fmt: skip


def same_predictions(project: Path, target: Path) -> bool:
    """Say whether script and pipeline predict the same, to the last bit."""
    script = (
        "import sys, numpy, polars; print(int(numpy.array_equal(numpy.load(sys.argv[1]), "
        "polars.read_parquet('data/holdout_predictions.parquet')['probability'].to_numpy())))"
    )
    done = subprocess.run(
        [str(project / ".venv/bin/python"), "-c", script, str(target)],
        cwd=project, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip() == "1"


def cold_start(project: Path, environment: dict[str, str]) -> float:
    """Return the seconds from no service to its first answer (`make deploy predict`)."""
    timed(["make", "stop"], project, environment)
    return timed(["make", "deploy", "predict"], project, environment).seconds


def imports(project: Path, environment: dict[str, str]) -> dict[str, float]:
    """Return the median seconds that each stage's imports take alone, out of three runs."""
    inside = {**environment, "PYTHONPATH": "src"}
    return {
        stage: statistics.median(
            timed([".venv/bin/python", "-c", f"import {names}"], project, inside).seconds
            for _ in range(3)
        )
        for stage, names in IMPORTS.items()
    }


def measure(project: Path, rounds: int, environment: dict[str, str]) -> dict[str, Any]:
    """Return every figure of the page."""
    setup = timed(["make", "setup"], project, environment)
    # Once unmeasured: the first imports compile every library.
    timed(["make", "lifecycle"], project, environment)
    target = project.parent / "plain.npy"
    plain(project, target, environment)
    scripts, firsts, seconds, starts, steps = [], [], [], [], []
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", flush=True)
        start_over(project, environment)
        timed([".venv/bin/python", "-m", "lifecycle", "source"], project,
              {**environment, "PYTHONPATH": "src"})  # fmt: skip
        scripts.append(plain(project, target, environment))
        firsts.append(timed(["make", "lifecycle"], project, environment))
        steps.append(json.loads((project / "reports/lifecycle.json").read_text())["steps"])
        seconds.append(timed(["make", "lifecycle"], project, environment))
        starts.append(cold_start(project, environment))
        if not same_predictions(project, target):
            sys.exit("the plain script and the pipeline predict differently: no comparison")
    timed(["make", "stop"], project, environment)
    names = [step["name"] for step in steps[0]]
    return {
        "setup": setup.seconds,
        "environment": size(project / ".venv"),
        "serving environment": size(project / ".venv-serving"),
        "plain": statistics.median(run.seconds for run in scripts),
        "first": statistics.median(run.seconds for run in firsts),
        "second": statistics.median(run.seconds for run in seconds),
        "ratios": [(f.seconds / p.seconds, s.seconds / p.seconds)
                   for p, f, s in zip(scripts, firsts, seconds, strict=True)],
        "plain peak": max(run.peak_megabytes for run in scripts),
        "first peak": max(run.peak_megabytes for run in firsts),
        "cold start": statistics.median(starts),
        "imports": imports(project, environment),
        "steps": {n: statistics.median(s[i]["seconds"] for s in steps)
                  for i, n in enumerate(names)},
    }  # fmt: skip


def page(found: dict[str, Any], rounds: int) -> str:
    """Return the page with every figure."""
    first = statistics.median(one for one, _ in found["ratios"])
    second = statistics.median(two for _, two in found["ratios"])
    total = found["first"]
    rows = [
        ("plain script: read, features, fit, predict in one process", f"{found['plain']:.1f} s"),
        ("lifecycle from nothing to a served prediction", f"{total:.1f} s"),
        ("… ÷ plain script (median of the rounds)", f"**{first:.1f}**"),
        ("lifecycle again, nothing changed", f"{found['second']:.1f} s"),
        ("… ÷ plain script", f"**{second:.2f}**"),
        ("peak memory of the process tree, plain script", f"{found['plain peak']:.0f} MB"),
        ("peak memory of the process tree, lifecycle", f"{found['first peak']:.0f} MB"),
        ("`make setup`, package cache as found", f"{found['setup']:.0f} s"),
        ("size of the development environment", f"{found['environment']:.0f} MB"),
        ("size of the serving environment", f"{found['serving environment']:.0f} MB"),
        ("cold start: no service to first answer (`make deploy predict`)",
         f"{found['cold start']:.1f} s"),
    ]  # fmt: skip
    inside = sum(found["steps"].values())
    alone = {stage: f"{seconds:.2f}" for stage, seconds in found["imports"].items()}
    shares = [
        f"| {n} | {s:.2f} | {s / total:.0%} | {alone.get(n, '')} |"
        for n, s in found["steps"].items()
    ]
    around = f"| make, DVC and imports before and between them | {total - inside:.2f} | "
    lines = [
        "# What the lifecycle costs",
        "",
        f"Made by `make benchmark`: {rounds} rounds in turn, medians, on {os.cpu_count()} cores, "
        f"Python {platform.python_version()}. Both sides give the same predictions to the last "
        "bit; the run stops where they do not.",
        "",
        "| what | measured |",
        "| --- | --- |",
        *(f"| {what} | {figure} |" for what, figure in rows),
        "",
        "| step of the first run | seconds | share | its imports alone |",
        "| --- | --- | --- | --- |",
        *shares,
        f"{around}{(total - inside) / total:.0%} | |",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print the page, and write it above what is said about the figures."""
    parser = argparse.ArgumentParser(description="Measure the lifecycle against a plain script.")
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(
            [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", "-o", scratch],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        (project,) = Path(scratch).iterdir()
        text = page(measure(project, rounds, environment), rounds)
    print(text)
    mark = "## Where it goes"
    kept = PAGE.read_text(encoding="utf-8").partition(mark) if PAGE.is_file() else ("", "", "")
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text + "\n" + "".join(kept[1:]) if kept[1] else text, encoding="utf-8")


if __name__ == "__main__":
    main()
