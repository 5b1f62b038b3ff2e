"""MLflow's store in the project's folder: a SQLite file that is whole, and can be moved with it."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import sqlite3
import ssl
import urllib.error
import urllib.request
from pathlib import Path

from lifecycle.command import StageError
from lifecycle.files import locked, move

# MLflow's own client would ask for minutes, without a word.
ANSWER_SECONDS = 10
# What a proxy answers for a server that it does not reach.
UNREACHED = (502, 503, 504)
# MLflow reads a path as an address, in which a question mark begins a query and `%41` is a letter.
READ_OTHERWISE = re.compile(r"\?|%[0-9A-Fa-f]{2}")
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


def require_server(root: Path) -> None:
    """Ask for an answer of the server that MLFLOW_TRACKING_URI names, where it names one.

    Raises:
        StageError: there is none, or it is no server.
    """
    if is_local(root):
        return
    named = os.environ["MLFLOW_TRACKING_URI"]
    if "://" not in named or named.startswith("file:"):
        raise StageError(f"MLFLOW_TRACKING_URI is {named!r}, and MLflow keeps nothing in plain "
                         "files any more: name a server, or unset it")  # fmt: skip
    # Databases and clouds are asked otherwise, and answer for themselves.
    if not named.startswith(("http://", "https://")):
        return
    try:
        with urllib.request.urlopen(named.rstrip("/") + "/health", timeout=ANSWER_SECONDS):  # noqa: S310
            return
    except urllib.error.HTTPError as error:
        # Whoever refuses is there.
        if error.code not in UNREACHED:
            return
        reason = str(error)
    except (OSError, http.client.HTTPException, ValueError) as error:
        said = getattr(error, "reason", error)
        # MLflow has certificates of its own.
        if isinstance(said, ssl.SSLError):
            return
        reason = str(said) or type(said).__name__
    raise StageError(
        f"the tracking server {_without_password(named)} does not answer ({reason}): start it, or "
        "unset MLFLOW_TRACKING_URI, and the store in the project's folder is used"
    )


def _without_password(address: str) -> str:
    before, _, after = address.partition("://")
    return f"{before}://{after.rpartition('@')[2]}"


def ensure(root: Path) -> None:
    """Make the store if there is none, whole or not at all.

    MLflow makes its sixty tables one by one: whoever is killed among them leaves a file that
    MLflow can neither use nor repair, and two processes at it stop each other.

    Raises:
        StageError: the folder's path has what MLflow reads as something else.
    """
    if strange := READ_OTHERWISE.search(str(root)):
        raise StageError(f"MLflow cannot keep its files below {root}, since it reads "
                         f"{strange.group()!r} in a path as something else: name the folder "
                         "otherwise, or set MLFLOW_TRACKING_URI to a server's address")  # fmt: skip
    database = root / "mlflow.db"
    if database.is_file():
        return
    # Two seconds, so only where it is used.
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with locked(root / ".lifecycle" / "store.lock"):
        if database.is_file():
            return
        part = root / "mlflow.db.part"
        for stale in root.glob(f"{part.name}*"):
            stale.unlink()
        # MLflow writes this folder into its SQL as it stands, where quotes or a colon would be
        # syntax; an address has them encoded.
        SqlAlchemyStore(f"sqlite:///{part}", (root / "mlruns").as_uri())
        move(part, database)


def version(database: Path, name: str, number: int) -> tuple[dict[str, str], str] | None:
    """Return tags and run of a version, read from the store's file; None where there is none.

    Raises:
        StageError: there is no such file.
        sqlite3.Error: it cannot be read.
    """
    if not database.is_file():
        raise StageError(f"{database} is missing")
    which = (name, str(number))
    with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as file:
        found = file.execute(
            "select run_id from model_versions where name = ? and version = ? "
            "and coalesce(current_stage, '') != 'Deleted_Internal'", which,
        ).fetchone()  # fmt: skip
        tags = file.execute(
            "select key, value from model_version_tags where name = ? and version = ?", which
        ).fetchall()
    return None if found is None else (dict(tags), found[0] or "")


def renumber(database: Path, name: str, version: int, number: int) -> None:
    """Give a version that nothing refers to yet another number."""
    with sqlite3.connect(database) as connection:
        connection.execute(
            "update model_versions set version = ? where name = ? and version = ?",
            (number, name, version),
        )
    connection.close()


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
