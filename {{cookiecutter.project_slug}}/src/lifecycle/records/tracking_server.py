"""The server that MLFLOW_TRACKING_URI may name instead of the project's own store.

Whatever is wrong with it is said at once, in one line, and without the password in its address.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lifecycle.contract.errors import StageError
from lifecycle.records import store

# MLflow's own client would ask for minutes, without a word.
ANSWER_SECONDS = 10
# What a proxy answers for a server that it does not reach.
UNREACHED = (502, 503, 504)
# Where a database listens whose address names no port.
PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
INSTEAD = "or unset MLFLOW_TRACKING_URI, and the store in the project's folder is used"
LONGEST_REASON = 300


def require(root: Path) -> None:
    """Ask for an answer of the server that MLFLOW_TRACKING_URI names, where it names one.

    Raises:
        StageError: there is none, or it is no server.
    """
    if store.is_local(root):
        return
    named = os.environ["MLFLOW_TRACKING_URI"]
    kind = named.partition("://")[0].partition("+")[0]
    if "://" not in named or kind == "file":
        raise StageError(f"MLFLOW_TRACKING_URI is {named!r}, and MLflow keeps nothing in plain "
                         "files any more", "name a server, or unset it")  # fmt: skip
    if kind == "sqlite":
        _require_file(root, named)
    elif kind in PORTS:
        _require_listener(named, PORTS[kind])
    elif kind in ("http", "https"):
        _require_health(named)


def _require_file(root: Path, named: str) -> None:
    """Let the folder of a SQLite file be there: MLflow would make it for any slip in a name."""
    path = root / unquote(named.partition(":///")[2].partition("?")[0])
    if path == root or path.name == ":memory:":
        raise StageError(f"MLFLOW_TRACKING_URI is {named!r}, which names no file", f"name one, "
                         f"{INSTEAD}")  # fmt: skip
    if not path.parent.is_dir():
        raise StageError(f"MLFLOW_TRACKING_URI is {named!r}, and there is no folder "
                         f"{path.parent}", f"make it, {INSTEAD}")  # fmt: skip
    if path.exists():
        store.require_whole(path, INSTEAD)


def _require_listener(named: str, port: int) -> None:
    """Let somebody listen where a database is said to be."""
    try:
        parts = urlsplit(named)
        if parts.hostname is None:
            return
        where = (parts.hostname, parts.port or port)
        with socket.create_connection(where, timeout=ANSWER_SECONDS):
            return
    except (OSError, ValueError) as error:
        raise _silent(named, str(error) or type(error).__name__) from None


def _require_health(named: str) -> None:
    # Without a password, which urllib would take for a part of the host's name.
    asked = without_password(named).rstrip("/") + "/health"
    try:
        with urllib.request.urlopen(asked, timeout=ANSWER_SECONDS):  # noqa: S310
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
    raise _silent(named, reason)


def _silent(named: str, reason: str) -> StageError:
    return StageError(f"the tracking server {without_password(named)} does not answer ({reason})",
                      f"start it, {INSTEAD}")  # fmt: skip


def require_variables() -> None:
    """Let MLflow be able to read each of its variables that stand in the environment.

    Raises:
        StageError: it cannot read one: it would stop at it later, or take its stop for an answer.
    """
    from mlflow import environment_variables

    for name, variable in vars(environment_variables).items():
        if name in os.environ and hasattr(variable, "get"):
            try:
                variable.get()
            except ValueError as error:
                raise StageError(f"{_line(error)}", f"correct or unset {name}") from None


def require_answer(mlflow: Any, root: Path) -> None:
    """Let MLflow itself get an answer from where it keeps runs and versions.

    Raises:
        StageError: it gets none: no driver, no such kind of server, no right, an older schema.
    """
    from sqlalchemy.exc import SQLAlchemyError

    failures = (mlflow.exceptions.MlflowException, SQLAlchemyError, ImportError, OSError)
    try:
        client = mlflow.MlflowClient()
        client.search_experiments(max_results=1)
        client.search_registered_models(max_results=1)
    except failures as error:
        if store.is_local(root):
            raise StageError(f"MLflow cannot use {root / 'mlflow.db'}: {_line(error)}") from None
        named = os.environ["MLFLOW_TRACKING_URI"]
        shown = without_password(named)
        reason = _line(error).replace(named, shown)
        way = "name another server, " + INSTEAD
        if isinstance(error, ImportError):
            way = "add what it lacks to requirements/development.in and type `make lock setup`, "
            way += INSTEAD
        raise StageError(
            f"MLFLOW_TRACKING_URI is {shown!r}, which MLflow cannot use ({reason}): {way}"
        ) from None


def _line(error: Exception) -> str:
    """Return an error's words as one line, as far as they help."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= LONGEST_REASON else words[:LONGEST_REASON] + "..."


def without_password(address: str) -> str:
    """Return an address without who asks and with which password, in whatever way it is given."""
    before, _, after = address.partition("://")
    # A file's name may have any letter.
    if before.startswith("sqlite"):
        return address
    return f"{before}://{after.partition('?')[0].rpartition('@')[2]}"
