"""Takes data sets that are not the example through the whole lifecycle, without a line of Python.

`make benchmark-own-data` generates a project for each set of benchmarks/data_sets.py, adopts it,
and runs what an owner would type: lifecycle, batch, a prediction over HTTP, monitor on rows that
were held back, retrain, report. Then it tries the gate: other seeds, a shuffled target, leaks that
are kept. It writes docs/reference/own-data.md; a set that is not run keeps its lines there.
"""

import argparse
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

# Beside this script, and no package.
from data_sets import SETS, DataSet  # type: ignore[import-not-found]

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "own-data.md"
KEPT = Path(__file__).with_suffix(".json")
HERE = Path(__file__).parent
# Rows for the monitor: of few rows more, or no window of them says anything.
HELD_BACK, HELD_BACK_OF_FEW, FEW = 0.1, 0.25, 5_000
ROWS_A_REQUEST = 50
MOST_REQUESTS = 400


class Project:
    """A generated project, and the environment that it is run in."""

    def __init__(self, folder: Path, venv: Path) -> None:
        """Remember both."""
        self.folder, self.python = folder, venv / "bin" / "python"
        self.venvs = [f"VENV={venv}", f"SERVING_VENV={venv}-serving"]
        self.environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONUTF8": "1"}

    def make(self, *arguments: str, must: bool = True) -> tuple[float, str]:
        """Type `make ...`; return the seconds and what it printed."""
        return self.run(["make", "--no-print-directory", *self.venvs, *arguments], must=must)

    def run(self, command: list[str], *, must: bool = True) -> tuple[float, str]:
        """Run a command in the project; see `make`."""
        started = time.perf_counter()
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if must and done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}")
        return time.perf_counter() - started, done.stdout

    def own(self, script: str, *arguments: str) -> str:
        """Run a script of this folder with the project's interpreter and modules."""
        environment = {**self.environment, "PYTHONPATH": str(self.folder / "src")}
        done = subprocess.run(
            [str(self.python), "-P", "-W", "ignore", str(HERE / script), *arguments],
            cwd=self.folder, env=environment, text=True, capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{script} failed:\n{done.stderr[-3000:]}")
        return done.stdout

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.run(["git", "add", "-A"])
        self.run(["git", "-c", "user.name=Owner", "-c", "user.email=owner@example.org", "commit",
                  "-qm", message])  # fmt: skip

    def json(self, name: str) -> Any:
        """Read a JSON file of the project."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))


def free_ports() -> int:
    """Return a port that is free, as is the one above it."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            try:
                other.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def generated(scratch: Path, venv: Path) -> Project:
    """Generate a project whose service has ports of its own."""
    subprocess.run(
        [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", "-o", str(scratch),
         "project_name=Own data"], check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    (folder,) = (path for path in scratch.iterdir() if path.is_dir())
    project = Project(folder, venv)
    project.make("setup")
    path = folder / "params.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"development: 3000", f"development: {free_ports()}", text),
                    encoding="utf-8")  # fmt: skip
    project.commit("Take a free port")
    return project


def divided(project: Project, name: str, scratch: Path) -> tuple[Path, int]:
    """Write all rows to a file, and those that are not held back to the project's data/rows.csv.

    Returns the file, and how many rows the project has. Those held back are its last ones: the
    newest, or any where there is no time.
    """
    project.own("data_sets.py", name, str(scratch))
    whole = scratch / f"{name}.csv"
    share = HELD_BACK_OF_FEW if SETS[name].rows < FEW else HELD_BACK
    seen = int(SETS[name].rows * (1 - share))
    own = project.folder / "data" / "rows.csv"
    own.parent.mkdir(exist_ok=True)
    project.run([str(project.python), "-c", DIVIDE, str(whole), str(own), str(seen)])
    return whole, seen


DIVIDE = """
import sys, polars as pl
rows = pl.read_csv(sys.argv[1], infer_schema=False)
time = next((n for n in ("scheduled", "date") if n in rows.columns), None)
# In the order of time, or in none.
rows = rows.sort(time, maintain_order=True) if time else rows.sample(
    fraction=1, shuffle=True, seed=7)
rows.write_csv(sys.argv[1])
rows.head(int(sys.argv[3])).write_csv(sys.argv[2])
"""


def asked(port: int, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Send rows to the service, and return what it predicts for each."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = json.dumps({"records": records})
    line.request("POST", "/v1/predict", body, {"Content-Type": "application/json"})
    answer = line.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"the service answered {answer.status}: {content.decode()[:500]}")
    predictions: list[dict[str, Any]] = json.loads(content)["predictions"]
    return predictions


def served(project: Project, scratch: Path) -> str:
    """Send rows that nobody has seen; each answer must be what `make batch` says of the row."""
    requests, scored = scratch / "requests.parquet", scratch / "scored.parquet"
    project.make("batch", f"INPUT={requests}", f"OUTPUT={scored}")
    text = project.own("own_requests.py", str(requests), str(scored))
    rows = json.loads(text)
    ports = re.search(r"development: (\d+)", (project.folder / "params.yaml").read_text())
    assert ports is not None
    sent = 0
    for begin in range(
        0, min(len(rows["records"]), MOST_REQUESTS * ROWS_A_REQUEST), ROWS_A_REQUEST
    ):
        part = slice(begin, begin + ROWS_A_REQUEST)
        answers = asked(int(ports[1]), rows["records"][part])
        for answer, known in zip(answers, rows["scores"][part], strict=True):
            wrong = {name for name, value in known.items() if answer[name] != value}
            if wrong:
                raise RuntimeError(f"the service says {answer}, and batch {known}")
            sent += 1
    refused = f", {rows['refused']} refused by the schema" if rows["refused"] else ""
    return f"{sent} rows the same{refused}"


def monitored(project: Project, scratch: Path) -> str:
    """Hand in the labels of what was served, and return the monitor's verdict."""
    labels = project.folder / "data" / "labels"
    labels.mkdir(exist_ok=True)
    (labels / "later.parquet").write_bytes((scratch / "labels.parquet").read_bytes())
    time.sleep(2)
    project.make("monitor", f"VERDICT={scratch / 'verdict'}", must=False)
    made = project.json("reports/monitor.json")
    kinds = Counter(one["kind"] for one in made["alerts"])
    said = ", ".join(f"{kind} of {count}" for kind, count in kinds.items())
    return str(made["verdict"]) + (f" ({said})" if said else "")


def retrained(project: Project, whole: Path) -> str:
    """Give the source all rows, and return what became of a retrain."""
    project.run(["git", "status", "--short"])
    (project.folder / "data" / "rows.csv").write_bytes(whole.read_bytes())
    is_timed = "window:" in (project.folder / "params.yaml").read_text(encoding="utf-8")
    if is_timed:
        project.run(["rm", "-rf", "data/source"])
    _, said = project.make("retrain", must=False)
    lines = [line for line in said.splitlines() if line.startswith(("retrain:", "ERROR"))]
    return lines[-1].removeprefix("retrain: ") if lines else said.splitlines()[-1]


def whole_path(name: str, one: DataSet, project: Project, scratch: Path) -> dict[str, Any]:
    """Take a set through everything, and return its line of the table."""
    whole, seen = divided(project, name, scratch)
    print(f"{name}: adopt", flush=True)
    adopt, said = project.make("adopt", "SOURCE=data/rows.csv", f"TARGET={one.target}", *one.asked)
    project.commit("Our own data")
    (scratch / "adopt.txt").write_text(said, encoding="utf-8")
    print(f"{name}: lifecycle", flush=True)
    lifecycle, _ = project.make("lifecycle")
    evaluation = project.json("reports/evaluation.json")
    gate = project.json("reports/gate.json")
    metric = next(iter(gate_limits(project)))
    project.own("own_rows.py", str(whole), str(seen), str(scratch))
    flagged = re.search(r"(?ms)^look at\n(.*?)\n\n", said)
    found = {
        "rows": one.rows, "columns": len(project.json("expectations/.adopted.json")["schema"]),
        "adopt": adopt, "lifecycle": lifecycle, "metric": metric,
        "constant": evaluation["baselines"]["constant"][metric],
        "linear": evaluation["baselines"]["linear"][metric],
        "holdout": evaluation["metrics"][metric], "limits": gate_limits(project)[metric],
        "gate": gate["verdict"],
        "flagged": [line.strip() for line in flagged[1].splitlines()] if flagged else [],
    }  # fmt: skip
    for step, act in (("served", lambda: served(project, scratch)),
                      ("monitor", lambda: monitored(project, scratch)),
                      # As it was adopted: a retrain has other rows.
                      ("floors", lambda: floors(project)),
                      ("retrain", lambda: retrained(project, whole))):  # fmt: skip
        print(f"{name}: {step}", flush=True)
        found[step] = act()
    project.make("report")
    assert (project.folder / "reports/site/index.html").is_file()
    return found


def gate_limits(project: Project) -> dict[str, Any]:
    """Return the limits of each metric that adopt wrote."""
    made: dict[str, Any] = project.json("expectations/.adopted.json")["params"]["gate.metrics"]
    return made


def floors(project: Project) -> dict[str, Any]:
    """Return what the gate says to other seeds, a shuffled target, and leaks that are kept."""
    found: dict[str, Any] = json.loads(
        project.own("own_floors.py", str(project.folder / "data" / "rows.csv")).splitlines()[-1]
    )
    return found


def lines_of(name: str, made: dict[str, Any]) -> tuple[str, str, list[str]]:
    """Return a set's line in both tables, and its notes."""
    one, limits, tried = SETS[name], made["limits"], made.get("floors")
    ends = f"{limits['minimum']} to {limits.get('maximum', '-')}"
    first = (f"| {name} | {one.package} ({one.licence}) | {made['rows']:,} | {made['columns']} | "
             f"{one.task} | {made['adopt']:.0f} | {made['lifecycle']:.0f} | {made['metric']} | "
             f"{made['constant']:.3f} | {made['linear']:.3f} | {made['holdout']:.3f} | {ends} | "
             f"{made['served']} | {made['monitor']} | {made['retrain']} |")  # fmt: skip
    second = f"| {name} | not run since adopt was changed | | | |"
    if tried:
        passed = sum(not one for one in tried["seeds"])
        kept = [
            f"{leak}: {'named' if tried['named'][leak] else '**not named**'}, "
            f"{'refused' if tried['kept'][leak] else '**passes**'}"
            for leak in tried["kept"]
        ]
        words = {True: "refused", False: "**passes**"}
        second = (f"| {name} | {passed} of {len(tried['seeds'])} pass | "
                  f"{words[bool(tried['shuffled'])]} | {words[bool(tried['shuffled, adopted'])]} | "
                  f"{'; '.join(kept)} |")  # fmt: skip
    asked_for = " ".join([f"TARGET={one.target}", *one.asked])
    notes = [
        f"- **{name}**, {one.about} (`{asked_for}`): {'; '.join(made['flagged']) or 'nothing'}"
    ]
    return first, second, notes


def page(found: dict[str, Any]) -> str:
    """Return the page."""
    made = {name: lines_of(name, found[name]) for name in SETS if name in found}
    missing = [name for name in SETS if name not in found]
    said = f"Not run yet: {', '.join(missing)}." if missing else "All sets have been run."
    lines = [
        "# Other people's data", "",
        f"Made by `make benchmark-own-data`. {said} For each set a project is generated; nobody "
        "edits its Python, nor what `make adopt` wrote.", "",
        "| set | package | rows | columns | task | adopt, s | lifecycle, s | metric | constant | "
        "linear | holdout | floor to ceiling | HTTP against batch | monitor | retrain |",
        "|" + " --- |" * 15, *(one for one, _, _ in made.values()), "",
        "## Whether the gate is honest", "",
        "By the functions of the stages and the gate, in one process: the adopted project with "
        "three other seeds (of the model, and without time of what is held out); the same project "
        "with a shuffled target; a project that adopted the shuffled target; and a copy of the "
        "target, a noisy one (5 %) and a code for it, each kept as a feature.", "",
        "| set | other seeds | shuffled | adopted shuffled | leaks |",
        "|" + " --- |" * 5, *(two for _, two, _ in made.values()), "",
        "## What adopt asked to look at", "",
        *(note for _, _, notes in made.values() for note in notes), "",
    ]  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    """Run the sets that are named, or all, and write the page."""
    parser = argparse.ArgumentParser(description="Take other data sets through the lifecycle.")
    parser.add_argument("sets", nargs="*", help=f"of {', '.join(SETS)}")
    parser.add_argument("--venv", type=Path, help="an environment of a project to use or make")
    given = parser.parse_args()
    unknown = set(given.sets) - SETS.keys()
    if unknown:
        raise SystemExit(f"own_data: {', '.join(sorted(unknown))} is none of {', '.join(SETS)}")
    found = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else {}
    for name in given.sets or SETS:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            venv = given.venv or ROOT / "build" / "own-data-venv"
            (folder / "projects").mkdir()
            project = generated(folder / "projects", venv.absolute())
            try:
                made = whole_path(name, SETS[name], project, folder)
            finally:
                project.make("stop", must=False)
            found[name] = made
        KEPT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        PAGE.write_text(page(found), encoding="utf-8")
        print(page({name: found[name]}), flush=True)


if __name__ == "__main__":
    main()
