"""Retrain takes newer data, and lets the new model prove itself.

It moves the data window to newer months. A source that params.yaml names is fetched anew first,
unless the month that is asked for is there already; the owner's own (src/project/source.py) only
where the data has no time.
The same pipeline, the same gate, the same rollout: it bypasses nothing. Where pipeline or gate stop
the line, parameters, data and model are as before; a run that was killed there is undone by the
next one. From then on the window has moved, in a commit, and running it again goes on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_json, read_state, write_json
from lifecycle.contract.section import plain
from lifecycle.core import child, edited_yaml, failure, git
from lifecycle.core.command import project_root
from lifecycle.core.moments import named
from lifecycle.core.params import Params, load_params
from lifecycle.core.source_settings import PythonSource
from lifecycle.core.timing import window_of
from lifecycle.core.window import (
    ALL,
    TYPED,
    Unit,
    Window,
    day_after,
    is_period,
    moved_by_months,
    unit_of,
)
from lifecycle.loop import source_again
from lifecycle.loop.settings import Retrain
from lifecycle.pipeline import ingest
from lifecycle.release.register import hash_of_folder

TRACKED = ("params.yaml", "dvc.lock")
# The commands that release a model.
STEPS = ("register", "package", "deploy")


def last_days(root: Path, params: Params, schema: Schema) -> dict[str, date]:
    """Return the last day of each period (data.unit) that has a label in the source."""
    names = [schema.clock, schema.target]
    with ingest.opened(root / params.paths.source, params, schema) as (lazy, readings, _):
        refused = pl.struct(pl.col("_refused").struct.field(*names)).alias("_refused")
        rows = ingest.refuse(lazy.select(*names, refused).collect(), readings, schema).drop_nulls()
    time = pl.col(schema.clock)
    period = named(time, params.data.unit).alias("period")
    last = rows.group_by(period).agg(time.dt.date().max().alias("day"))
    return dict(last.iter_rows())


def whole(labelled: dict[str, date]) -> list[str]:
    """Return the periods that are labelled to their end.

    That is where its last day has a label, or a later period has one: not every day has rows.
    """
    newest = max(labelled, default="")
    return [name for name, day in labelled.items()
            if name < newest or day == day_after(name) - timedelta(1)]  # fmt: skip


def chosen_end(labelled: dict[str, date], asked: str | None, unit: Unit = "month") -> str:
    """Return the period that was asked for, or the newest that is labelled to its end.

    Raises:
        StageError: there is none, or what was asked for has no labels.
    """
    if asked and asked not in labelled:
        newest = f"its newest are of {max(labelled)}" if labelled else "it has none"
        raise StageError(f"the source has no labels in {asked}: {newest}")
    found = whole(labelled)
    if not asked and not found:
        raise StageError(
            f"the source has no {unit} that is labelled up to its last day", "give END"
        )
    return asked or max(found)


def moved(window: Window, end: str, months: int) -> Window:
    """Return the window up to the period `end`, from where it began but at most so many months.

    Raises:
        StageError: `end` lies before the window's own end.
    """
    until = day_after(end)
    if until < window.until:
        said = f"the window ends with {window.end} already"
        raise StageError(said, f"give a later END={TYPED[unit_of(end)]}")
    last = Window.over(end, end)
    since = moved_by_months(until, -months)
    if since <= window.since:
        return Window(start=window.start, end=last.end)
    is_month = since.day == 1 and unit_of(end) == "month"
    return Window(start=since.isoformat()[: 7 if is_month else 10], end=last.end)


def write_window(path: Path, window: Window) -> None:
    """Write the window into params.yaml, which keeps its comments.

    Raises:
        StageError: see `edited_yaml.replaced`.
    """
    edited_yaml.rewrite(path, {f"data.window.{end}": month for end, month in window})


def _newer(root: Path, params: Params, schema: Schema, window: Window, end: str | None) -> Window:
    """Return the window that is asked for, as far as the source has labels."""
    asked = chosen_end(last_days(root, params, schema), end, params.data.unit)
    return moved(window, asked, params.part(Retrain).window_months)


def _needs_fetching(root: Path, params: Params, schema: Schema, end: str | None) -> bool:
    """Say whether a source may have, by now, what a retrain is about."""
    if schema.time is None:
        return True
    if isinstance(params.data.source, PythonSource):
        return False
    is_there = (root / params.paths.source).is_dir()
    return end is None or not is_there or end not in whole(last_days(root, params, schema))


def _run(root: Path, *arguments: str) -> None:
    """Run a step of the lifecycle; its failure becomes the error."""
    failure.forget(root)
    done = subprocess.run(
        [sys.executable, "-m", "lifecycle", *arguments], cwd=root, stderr=subprocess.PIPE,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise failure.passed_on(failure.of(root, done.stderr, arguments[0]))


def _renew(root: Path, params: Params) -> None:
    """Fetch the source anew; rows that somebody has put there since the pipeline ran are those."""
    folder = root / params.paths.source
    lock = plain((root / "dvc.lock").read_bytes()) if (root / "dvc.lock").is_file() else {}
    known = [one for stage in lock.get("stages", {}).values() for one in stage.get("deps", [])]
    wanted = next((one["md5"] for one in known if one["path"] == str(params.paths.source)), None)
    if folder.is_dir() and hash_of_folder(folder) != wanted:
        print(f"retrain: {params.paths.source} has other files than when the pipeline ran: "
              "they are taken, nothing is fetched")  # fmt: skip
        return
    source_again.set_aside(folder)
    _run(root, "source")


def undo(root: Path) -> None:
    """Bring parameters, lock, data and model back to the last commit."""
    git.restore(root, *TRACKED)
    is_locked = (root / "dvc.lock").is_file()
    if is_locked and child.run(root, "dvc", "checkout", "--quiet", "--force").returncode:
        # Not an error of its own: it would hide why the line was stopped.
        print("retrain: data and model of before are not in the cache: type `make pipeline`")
    if folder := (read_state(_note(root)) or {}).get("source"):
        source_again.undo(root / folder)
    _note(root).unlink(missing_ok=True)


def _note(root: Path) -> Path:
    """Return where a retrain that is under way says so."""
    return root / ".lifecycle" / "retrain.json"


def require_clean(root: Path) -> None:
    """Let nobody's work be lost; what a killed retrain left is undone.

    Raises:
        StageError: files are not committed.
    """
    note, dirty = _note(root), git.changed(root)
    begun = (read_state(note) or {}).get("head")
    if begun == git.head(root) and set(dirty) <= set(TRACKED):
        print("retrain: a run before this one was interrupted: it is undone")
        undo(root)
    elif dirty:
        raise StageError(
            f"{', '.join(dirty[:5])} not committed", "type `git add -A && git commit` first"
        )


def retrain(
    root: Path, params: Params, schema: Schema, end: str | None, steps: Sequence[str]
) -> str:
    """Retrain up to the period `end`, then run `steps` (of STEPS); return what became of it.

    Raises:
        StageError: a stage, the gate or a step stopped the line.
    """
    require_clean(root)
    window, folder = window_of(params, schema), root / params.paths.source
    is_renewed = _needs_fetching(root, params, schema, end)
    if window is not None and not is_renewed:
        window = _newer(root, params, schema, window, end)
    elif window is None and end:
        raise StageError(f"END={end} is of time, and no column of schema.yaml has the role time")
    write_json(_note(root), {"head": git.head(root), "source": str(params.paths.source)})
    try:
        if is_renewed:
            _renew(root, params)
        if window is not None:
            window = _newer(root, params, schema, window, end) if is_renewed else window
            write_window(root / "params.yaml", window)
        _run(root, "pipeline")
        _run(root, "gate")
    except BaseException:
        undo(root)
        raise
    span = window or ALL
    if read_json(root / params.paths.gate_report)["verdict"] == "unchanged":
        undo(root)
        return f"nothing new: the model of {span} is the champion already"
    changed = [path for path in TRACKED if path in git.changed(root)]
    if changed:
        said = f"Move the data window to {window}" if window else "Take the source's rows of today"
        git.commit(root, said, *changed)
    source_again.keep(folder)
    _note(root).unlink()
    for step in steps:
        _run(root, step)
    done = f"{' and '.join(steps)} done" if steps else "committed; nothing is released"
    return f"the window is {span}, {done}"


def main(given: argparse.Namespace) -> None:
    """Retrain, release and deploy."""
    params = load_params()
    unit = params.data.unit
    if given.end and not is_period(given.end, unit):
        raise StageError(f"{given.end} is no {unit}", f"give END={TYPED[unit]}")
    steps = [step for step in STEPS if step != "deploy" or not given.no_deploy]
    steps = [] if given.no_release else steps
    print(f"retrain: {retrain(project_root(), params, load_schema(), given.end, steps)}")
