"""Breaks things in projects as reality does, and shows that nothing else has changed by it."""

import csv
import hashlib
import io
import json
import random
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from baking import succeed
from running import Project

Columns = dict[str, list[str]]
State = dict[str, Any]
Unchanged = Callable[..., AbstractContextManager[None]]

FLIGHTS, WEATHER = "data/source/flights.csv.zip", "data/source/weather.csv"
MODEL = "models/model.ubj"
EVALUATION = "reports/evaluation.json"
GATE = "reports/gate.json"
LIFECYCLE = "reports/lifecycle.json"
VALIDATION = "reports/validation.json"

# Reads the registries of many projects through MLflow, whose import takes two seconds.
READER = """
import json, sys
from mlflow import MlflowClient
for line in sys.stdin:
    database, name = json.loads(line)
    client = MlflowClient(f"sqlite:///{database}")
    models = client.search_registered_models(f"name = '{name}'")
    versions = client.search_model_versions(f"name = '{name}'")
    aliases = {key: int(value) for model in models for key, value in model.aliases.items()}
    print(json.dumps({"aliases": aliases, "versions": len(versions)}), flush=True)
"""

# Two months are enough to train on one and hold out the other; a champion that leaves room above.
SMALL = (
    ('    start: "2013-01"', '    start: "2013-02"'),
    ('    end: "2013-05"', '    end: "2013-03"'),
    ("  maximum_trees: 600", "  maximum_trees: 10"),
    ("  maximum_depth: 5", "  maximum_depth: 2"),
    ("roc_auc: {minimum: 0.65,", "roc_auc: {minimum: 0.55,"),
    ("slices: {metric: roc_auc, minimum: 0.55}", "slices: {metric: roc_auc, minimum: 0.45}"),
    ("minimum_gain: 0.01", "minimum_gain: -0.10"),
)
BETTER = (
    ("  maximum_trees: 10", "  maximum_trees: 60"),
    ("  maximum_depth: 2", "  maximum_depth: 5"),
)


@contextmanager
def flights(project: Project) -> Iterator[Columns]:
    """Give the source's flights, column by column, and write them back with what was changed."""
    path = project.root / FLIGHTS
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        columns = _parse(archive.read(name).decode("utf-8"))
    yield columns
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(name, _format(columns))


@contextmanager
def weather(project: Project) -> Iterator[Columns]:
    """Give the source's weather, column by column, and write it back with what was changed."""
    path = project.root / WEATHER
    columns = _parse(path.read_text(encoding="utf-8"))
    yield columns
    path.write_text(_format(columns), encoding="utf-8")


def _parse(text: str) -> Columns:
    header, *rows = csv.reader(io.StringIO(text))
    return {
        name: list(values) for name, values in zip(header, zip(*rows, strict=True), strict=True)
    }


def _format(columns: Columns) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return buffer.getvalue()


def keep(columns: Columns, wanted: Callable[[int], bool]) -> None:
    """Keep the rows whose number is wanted."""
    for name, values in columns.items():
        columns[name] = [value for number, value in enumerate(values) if wanted(number)]


def month_up_to(columns: Columns, last: int) -> Callable[[int], bool]:
    """Return a function that says whether the row of a number is of a month up to `last`."""
    months = [int(month) for month in columns["month"]]
    return lambda number: months[number] <= last


def rows_of(columns: Columns, month: int) -> list[int]:
    """Return the numbers of the rows of a month that have a label, where there are labels."""
    labels = columns.get("arr_delay", columns["month"])
    return [
        number
        for number, (found, label) in enumerate(zip(columns["month"], labels, strict=True))
        if int(found) == month and label != "NA"
    ]


def slipped(values: list[str]) -> list[str]:
    """Return the values one row further down, the last one on top."""
    return [values[-1], *values[:-1]]


def edit(project: Project, path: str, changes: tuple[tuple[str, str], ...]) -> None:
    """Make several replacements in a file."""
    for old, new in changes:
        project.change(path, old, new)


def edit_json(project: Project, path: str, change: Callable[[Any], object]) -> None:
    """Change what a JSON file holds."""
    value = read_json(project, path)
    change(value)
    (project.root / path).write_text(json.dumps(value), encoding="utf-8")


def read_json(project: Project, path: str) -> Any:
    """Return what a JSON file holds."""
    return json.loads((project.root / path).read_text(encoding="utf-8"))


def md5(path: Path) -> str:
    """Return the name that DVC gives a file's content."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def shuffle_outcomes(columns: Columns, wanted: Callable[[int], bool]) -> None:
    """Give flights the outcomes of others, each outcome whole, so that no check of data fails."""
    labels = columns["arr_delay"]
    rows = [row for row, label in enumerate(labels) if label != "NA" and wanted(row)]
    others = random.Random(1).sample(rows, len(rows))  # noqa: S311
    for name in ("dep_delay", "arr_delay"):
        before = list(columns[name])
        for row, other in zip(rows, others, strict=True):
            columns[name][row] = before[other]


def rewrite_model(project: Project) -> None:
    """Write the same trees as another file, as another library version would."""
    done = project.python("-c", (
        "import xgboost, pathlib; path = pathlib.Path('models/model.ubj');"
        "booster = xgboost.Booster(model_file=str(path)); booster.set_attr(note='again');"
        "path.write_bytes(booster.save_raw('ubj'))"
    ))  # fmt: skip
    assert done.returncode == 0, done.stderr


def evaluated_as_it_is(project: Project) -> None:
    """Let the evaluation say that it is of the model file that is there."""
    found = md5(project.root / MODEL)
    edit_json(project, EVALUATION, lambda report: report.update(model_md5=found))


def unreachable_remote(project: Project) -> None:
    """Point the remote, on this machine only, to where no folder can be."""
    text = "['remote \"storage\"']\n    url = /dev/null/storage\n"
    (project.root / ".dvc/config.local").write_text(text, encoding="utf-8")


def locked(text: str) -> State:
    """Return what a dvc.lock says of each stage."""
    return dict((yaml.safe_load(text) or {}).get("stages", {}))


def lost(project: Project, lock: State) -> list[str]:
    """Return what a lock's stages made and DVC's cache does not have."""
    made = {out["md5"] for stage in lock.values() for out in stage["outs"]}
    files = (project.root / ".dvc/cache/files").rglob("*")
    return sorted(made - {path.parent.name + path.name for path in files})


def git(project: Project, *arguments: str) -> str:
    """Run git and return what it printed."""
    environment = project.environment.variables
    return succeed("git", *arguments, folder=project.root, environment=environment).strip()


def state_of(project: Project, registry: Callable[[Project], State]) -> State:
    """Return everything that a stopped line must leave as it was."""
    root = project.root
    remembered = (".lifecycle/development/deployment.json", ".lifecycle/released.json")
    paths = [root / name for name in remembered] + sorted((root / ".bentoml").rglob("*"))
    lock = root / "dvc.lock"
    # What the last good run made can be had again: `git checkout dvc.lock`, `dvc checkout`.
    tracked = git(project, "ls-files", "dvc.lock")
    good = locked(git(project, "show", "HEAD:dvc.lock")) if tracked else {}
    return {
        "registry": registry(project),
        "commit": git(project, "rev-parse", "HEAD"),
        "lost": lost(project, good),
        "stages": locked(lock.read_text(encoding="utf-8")) if lock.exists() else {},
        "files": {str(path.relative_to(root)): md5(path) for path in paths if path.is_file()},
    }


@pytest.fixture(scope="session")
def registry(generated: Project) -> Iterator[Callable[[Project], State]]:
    """Return a function that reads a project's aliases and number of versions through MLflow."""
    command = [str(generated.environment.venv / "bin/python"), "-c", READER]
    with subprocess.Popen(
        command, env=generated.environment.variables, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip

        def read(project: Project) -> State:
            database = project.root / "mlflow.db"
            # Asking would make it.
            if not database.exists():
                return {"aliases": {}, "versions": 0}
            assert process.stdin
            assert process.stdout
            print(json.dumps([str(database), "flight-delay"]), file=process.stdin, flush=True)
            state: State = json.loads(process.stdout.readline())
            return state

        yield read


@pytest.fixture(scope="session")
def unchanged(registry: Callable[[Project], State]) -> Unchanged:
    """Return a context in which a project's registry, commit, data, Bentos, service stay as is.

    DVC locks each stage as it passes, so those before the one that stops the line may be `passed`.
    """

    @contextmanager
    def context(project: Project, *passed: str) -> Iterator[None]:
        before = state_of(project, registry)
        assert before["lost"] == []
        yield
        after = state_of(project, registry)
        for stage in passed:
            after["stages"][stage] = before["stages"][stage]
        assert after == before

    return context


def stopped(done: subprocess.CompletedProcess[str], stage: str, *words: str) -> str:
    """Assert that a stage stopped the line with one clear message; returns that line."""
    printed = done.stdout + done.stderr
    assert done.returncode != 0, printed
    assert "Traceback" not in printed, printed
    messages = [line for line in done.stderr.splitlines() if line.startswith(f"{stage}: ")]
    assert len(messages) == 1, printed
    for word in words:
        assert word in messages[0]
    # Never a dump of values.
    assert len(messages[0]) < 500
    assert len(printed.splitlines()) < 60
    return messages[0]


def commit(project: Project) -> None:
    """Commit everything as somebody; the commit hook is not what is tested."""
    git(project, "add", "--all")
    somebody = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
    git(project, *somebody, "commit", "--no-verify", "-qm", "Change")


@pytest.fixture(scope="session")
def unrun(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project with the first three months of the source and a small model, not yet run."""
    project = generated.copy(tmp_path_factory.mktemp("unrun") / "flight-delay")
    edit(project, "params.yaml", SMALL)
    project.must("source")
    for table in (flights, weather):
        with table(project) as columns:
            keep(columns, month_up_to(columns, 3))
    commit(project)
    return project


@pytest.fixture(scope="session")
def small(unrun: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return that project released: version 1 is champion; tests work on `champion`, a copy."""
    project = unrun.copy(tmp_path_factory.mktemp("small") / "flight-delay")
    project.must("pipeline", "release")
    return project


@pytest.fixture(scope="session")
def better(small: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the project with a better model that the gate lets through, not yet registered.

    That it passes here shows that a copy of it, broken in one way, fails for that reason.
    """
    project = small.copy(tmp_path_factory.mktemp("better") / "flight-delay")
    edit(project, "params.yaml", BETTER)
    project.must("pipeline")
    commit(project)
    project.must("gate")
    return project


@pytest.fixture
def champion(small: Project, tmp_path: Path) -> Project:
    """Return a copy of the released project, which the test may break."""
    return small.copy(tmp_path / "flight-delay")


@pytest.fixture
def challenger(better: Project, tmp_path: Path) -> Project:
    """Return a copy of the project with a better model, which the test may break."""
    return better.copy(tmp_path / "flight-delay")
