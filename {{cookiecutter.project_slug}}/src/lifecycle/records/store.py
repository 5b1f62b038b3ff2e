"""MLflow's store in the project's folder: a SQLite file that is whole, and can be moved with it."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import locked, move

# How long another process may write before this one gives up.
LOCKED_SECONDS = 30
# MLflow reads a path as an address, in which a question mark begins a query and `%41` is a letter.
READ_OTHERWISE = re.compile(r"\?|%[0-9A-Fa-f]{2}")
# What is tracked in git and by DVC gives the store of this machine back, but for what was tried.
AGAIN = "then type `make history`: it brings the released versions back from git's tags"
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

    Raises:
        StageError: the folder's path has what MLflow reads as something else, or the store that is
            there is broken.
    """
    if strange := READ_OTHERWISE.search(str(root)):
        raise StageError(f"MLflow cannot keep its files below {root}, since it reads "
                         f"{strange.group()!r} in a path as something else", "name the folder "
                         "otherwise, or set MLFLOW_TRACKING_URI to a server's address")  # fmt: skip
    database = root / "mlflow.db"
    if _is_there(database):
        require_whole(database, AGAIN)
        return
    # Two seconds, so only where it is used.
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with locked(root / ".lifecycle" / "store.lock"):
        if _is_there(database):
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


def _is_there(database: Path) -> bool:
    """Say whether there is a store; an empty file, as a full disk leaves one, holds none."""
    return database.exists() and not (database.is_file() and database.stat().st_size == 0)


def require_whole(database: Path, instead: str) -> None:
    """Let a SQLite file be one that can be read, or an empty one: MLflow tries for minutes.

    Raises:
        StageError: it is a folder, another kind of file, or broken; what to do `instead`.
    """
    if not database.is_file():
        raise StageError(f"{database} is no file", f"move it away, {instead}")
    with _opened(database, instead) as connection:
        ((said,),) = connection.execute("pragma quick_check(1)").fetchall()
    if said != "ok":
        raise StageError(f"{database} is broken ({said})", f"move it away, {instead}")


@contextlib.contextmanager
def _opened(database: Path, instead: str = "") -> Iterator[sqlite3.Connection]:
    """Give a connection to a store, whose changes are kept where all goes well.

    Raises:
        StageError: SQLite cannot use it; why, and what to do.
    """
    try:
        connection = sqlite3.connect(database, timeout=LOCKED_SECONDS)
        with contextlib.closing(connection), connection:
            yield connection
    except sqlite3.OperationalError as error:
        # No fault of its content: another process is at it, or the system refuses.
        if "no such" in str(error):
            raise StageError(f"{database} is no store of MLflow ({error})", f"move it away, "
                             f"{instead or AGAIN}") from None  # fmt: skip
        raise StageError(f"{database} cannot be used ({error}): see that no other process holds "
                         "it, and its rights, then type the same again") from None  # fmt: skip
    except sqlite3.DatabaseError as error:
        raise StageError(f"{database} is broken ({error})", f"move it away, "
                         f"{instead or AGAIN}") from None  # fmt: skip


def renumber(database: Path, name: str, version: int, number: int) -> None:
    """Give a version that nothing refers to yet another number."""
    with _opened(database) as connection:
        connection.execute(
            "update model_versions set version = ? where name = ? and version = ?",
            (number, name, version),
        )


def relocate(database: Path, artefacts: Path) -> None:
    """Point the store at `artefacts` where the project's folder has been moved.

    MLflow writes absolute paths into its SQLite store; without this a moved project would log
    into the old folder, and its runs would show no artefacts.
    """
    if not database.is_file():
        return
    with _opened(database) as connection:
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
