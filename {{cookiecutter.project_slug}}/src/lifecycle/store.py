"""MLflow's store in the project's folder: a SQLite file that is whole, and can be moved with it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from lifecycle.files import locked

# Columns of MLflow's SQLite store that hold absolute paths of artefacts.
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def address(root: Path) -> str:
    """Return the address of the store in the project's folder."""
    # Absolute: a relative one would depend on the folder that a command is run from.
    return f"sqlite:///{root / 'mlflow.db'}"


def is_local(root: Path) -> bool:
    """Say whether the store is the project's own; MLflow itself sets the variable as well."""
    return os.environ.get("MLFLOW_TRACKING_URI", "") in ("", address(root))


def ensure(root: Path) -> None:
    """Make the store if there is none, whole or not at all.

    MLflow makes its sixty tables one by one: whoever is killed among them leaves a file that
    MLflow can neither use nor repair, and two processes at it stop each other.
    """
    database = root / "mlflow.db"
    if database.is_file():
        return
    from mlflow import MlflowClient  # two seconds, so only where it is used

    with locked(root / ".lifecycle" / "store.lock"):
        if database.is_file():
            return
        part = root / "mlflow.db.part"
        for stale in root.glob(f"{part.name}*"):
            stale.unlink()
        MlflowClient(f"sqlite:///{part}").search_experiments(max_results=1)
        part.replace(database)


def relocate(database: Path, artefacts: Path) -> None:
    """Point the store at `artefacts` where the project's folder has been moved.

    MLflow writes absolute paths into its SQLite store; without this a moved project would log
    into the old folder, and its runs would show no artefacts.
    """
    if not database.is_file():
        return
    with sqlite3.connect(database) as connection:
        tables = {row[0] for row in connection.execute("select name from sqlite_master")}
        # Experiment 0 is MLflow's own, and nothing is logged there.
        row = connection.execute(
            "select artifact_location from experiments where experiment_id != 0"
        ).fetchone()
        if row is None or row[0] == str(artefacts):
            return
        for table, column in LOCATIONS:
            if table in tables:
                connection.execute(
                    f"update {table} set {column} = replace({column}, ?, ?)",  # noqa: S608
                    (str(Path(row[0]).parent), str(artefacts.parent)),
                )
    connection.close()
