"""Where runs and versions are kept: what is wrong there is said at once, in one line."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from lifecycle.contract.errors import StageError
from lifecycle.core import inherited
from lifecycle.records import kept_verdicts, store, tracking


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    """Let what a connection sets be gone afterwards, and MLflow begin with no store."""
    before = dict(os.environ)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a store as MLflow makes it."""
    folder = tmp_path_factory.mktemp("made")
    store.ensure(folder)
    return (folder / "mlflow.db").read_bytes()


ADDRESSES = {
    "no driver": ("postgresql+psycopg2://me:{word}@127.0.0.1:{open}/x", "psycopg2", "make lock"),
    "no driver by default": ("mysql://me:{word}@127.0.0.1:{open}/x", "No module named", "unset"),
    "nobody listens": ("postgresql://me:{word}@127.0.0.1:{shut}/x", "refused", "start it"),
    "no port": ("postgresql://me:{word}@127.0.0.1:x/y", "Port could not", "start it"),
    "no such host": ("mysql://me:{word}@nowhere.invalid/x", "does not answer", "unset"),
    "a password in the query": ("mssql://127.0.0.1:{shut}/x?password=secret", "refused", "unset"),
    "no such kind": ("junk://me:{word}@x", "unsupported URI 'junk://x'", "name another server"),
    "a cloud without credentials": ("databricks://x", "Databricks", "name another server"),
    "a catalogue": ("uc://x", "Unity Catalog", "name another server"),
    "a file in no folder": ("sqlite:///{tmp}/gone/x.db", "there is no folder {tmp}/gone", "unset"),
    "a folder": ("sqlite:///{tmp}/folder", "is no file", "unset MLFLOW_TRACKING_URI"),
    "another kind of file": ("sqlite:///{tmp}/random", "file is not a database", "unset"),
    "a memory": ("sqlite://", "names no file", "unset"),
    "a memory by name": ("sqlite:///:memory:", "names no file", "unset"),
    "a plain folder": ("file:///{tmp}", "plain files", "unset"),
    "another server": ("http://me:{word}@127.0.0.1:{other}", "cannot use", "name another server"),
}


@pytest.mark.parametrize("case", ADDRESSES.values(), ids=ADDRESSES)
def test_an_address_that_is_of_no_use_is_named(
    case: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line without a password, and nothing is made there."""
    address, *said = case
    (tmp_path / "folder").mkdir()
    (tmp_path / "random").write_bytes(bytes(range(256)) * 20)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket() as shut,
        other() as web,
    ):
        shut.bind(("127.0.0.1", 0))
        ports = {"open": listener.getsockname()[1], "shut": shut.getsockname()[1], "other": web}
        places = {"tmp": tmp_path, "word": "secret", **ports}
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address.format(**places))
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(StageError) as refused:
            tracking.connect(tmp_path)
    words = str(refused.value)
    for part in ("MLFLOW_TRACKING_URI", *said):
        assert part.format(**places) in words, words
    assert "secret" not in words
    assert "\n" not in words
    assert len(words) < 700
    assert sorted(tmp_path.rglob("*")) == before


class other:  # noqa: N801
    """A web server that knows nothing of MLflow; gives its port."""

    def __enter__(self) -> int:
        """Begin to answer."""
        self.server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
        serve = {"poll_interval": 0.01}
        threading.Thread(target=self.server.serve_forever, kwargs=serve, daemon=True).start()
        return int(self.server.server_address[1])

    def __exit__(self, *_: object) -> None:
        """Answer no more."""
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize("is_there", [True, False])
def test_a_file_that_is_named_becomes_a_store(
    is_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty, or not there yet, in a folder that is."""
    if is_there:
        (tmp_path / "x.db").touch()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/x.db")
    mlflow = tracking.connect(tmp_path)
    tracking.experiment(mlflow, tmp_path, "any")
    assert tracking.connect(tmp_path).get_experiment_by_name("any")


def folder(database: Path) -> None:
    database.unlink()
    database.mkdir()


def without_tables(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("alter table experiments rename to elsewhere")
    connection.close()


# A revision of MLflow's tables, of 2019.
OLDER = "451aebb31d03"  # pragma: allowlist secret


def of_another_version(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("update alembic_version set version_num = ?", (OLDER,))
    connection.close()


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "random": (lambda one: one.write_bytes(os.urandom(9000)), "is broken (file is not a database)"),
    "cut": (lambda one: os.truncate(one, one.stat().st_size // 3), "is broken ("),
    "zeros": (lambda one: one.write_bytes(one.read_bytes()[:100] + bytes(90000)), "is broken ("),
    "a folder": (folder, "is no file"),
    "no tables": (without_tables, "is no store of MLflow (no such table: experiments)"),
    "another version": (of_another_version, "Detected out-of-date database schema"),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_a_broken_store_is_named(
    case: tuple[Callable[[Path], object], str], made: bytes, tmp_path: Path
) -> None:
    """With what brings it back; and it is left as it is."""
    spoil, said = case
    database = tmp_path / "mlflow.db"
    database.write_bytes(made)
    spoil(database)
    before = database.read_bytes() if database.is_file() else None
    with pytest.raises(StageError) as refused:
        tracking.connect(tmp_path)
    assert said in str(refused.value)
    assert str(database) in str(refused.value)
    assert "make history" in str(refused.value) or "mlflow db upgrade" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert before is None or database.read_bytes() == before


def test_an_emptied_store_is_made_anew(made: bytes, tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    database.write_bytes(b"")
    mlflow = tracking.connect(tmp_path)
    assert mlflow.get_experiment_by_name("any") is None
    assert database.stat().st_size == len(made)


def test_a_store_that_another_process_holds_is_not_called_broken(
    made: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mlflow.db").write_bytes(made)
    monkeypatch.setattr(store, "LOCKED_SECONDS", 0.1)
    holder = sqlite3.connect(tmp_path / "mlflow.db")
    holder.execute("begin exclusive")
    with pytest.raises(StageError, match=r"database is locked.*no other process holds it"):
        tracking.connect(tmp_path)
    holder.close()


# What of MLflow's variables reaches our commands.
KEPT = (
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT", "MLFLOW_DISABLE_TELEMETRY",
    "MLFLOW_GCS_DOWNLOAD_CHUNK_SIZE", "MLFLOW_GCS_UPLOAD_CHUNK_SIZE", "MLFLOW_GCS_DEFAULT_TIMEOUT",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER", "MLFLOW_PORT", "MLFLOW_S3_ENDPOINT_URL",
    "MLFLOW_S3_IGNORE_TLS", "MLFLOW_S3_UPLOAD_EXTRA_ARGS", "MLFLOW_TRACKING_AUTH",
    "MLFLOW_TRACKING_AWS_SIGV4", "MLFLOW_TRACKING_CLIENT_CERT_PATH",
    "MLFLOW_TRACKING_INSECURE_TLS", "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME",
)  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a folder whose store has a run with a verdict, and the run."""
    # MLflow itself names in the environment what it was last pointed at.
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    folder = tmp_path_factory.mktemp("kept")
    (folder / "gate.json").write_text("{}", encoding="utf-8")
    mlflow = tracking.connect(folder)
    with mlflow.start_run(experiment_id=tracking.experiment(mlflow, folder, "any")) as run:
        mlflow.log_artifact(str(folder / "gate.json"), "gate")
    return folder, run.info.run_id


def elsewhere(folder: Path) -> str:
    """Return an address of a folder's store that is none of the project's own: MLflow is asked."""
    return f"sqlite:///{folder}/./mlflow.db"


@pytest.mark.parametrize("value", ["junk", "", "-1"])
@pytest.mark.parametrize("name", [
    *KEPT, "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD",
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "MLFLOW_ENABLE_ASYNC_LOGGING", "MLFLOW_RUN_ID",
])  # fmt: skip
def test_a_strange_variable_of_mlflow_is_named_or_changes_nothing(
    name: str, value: str, kept: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verdict that cannot be read is not one that is missing."""
    folder, run = kept
    monkeypatch.setenv("MLFLOW_TRACKING_URI", elsewhere(folder))
    monkeypatch.setenv(name, value)
    assert (name in inherited.foreign(os.environ)) == (name not in KEPT)
    inherited.settle(os.environ, folder)
    try:
        assert kept_verdicts.verdict_content(folder, run) == b"{}"
    except StageError as error:
        assert name in KEPT
        assert f"correct or unset {name}" in str(error)
        assert "\n" not in str(error)


def test_only_what_mlflow_has_not_is_absent(
    kept: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, run = kept
    monkeypatch.setenv("MLFLOW_TRACKING_URI", elsewhere(folder))
    assert kept_verdicts.verdict_content(folder, "") is None
    assert kept_verdicts.verdict_content(folder, "0" * 32) is None
    mlflow = tracking.connect(folder)
    from mlflow.exceptions import MlflowException

    failures = (
        OSError("no route"), MlflowException("no answer"), PermissionError(13, "denied"),
        MlflowException("Failed\nto convert 'junk'", error_code=1),
    )  # fmt: skip
    for method in ("get_run", "list_artifacts", "download_artifacts"):
        for failure in failures:
            with monkeypatch.context() as patched:
                patched.setattr(mlflow.MlflowClient, method, _failing(failure))
                with pytest.raises(
                    StageError, match=f"cannot read the verdict kept with run {run}: "
                ):
                    kept_verdicts.verdict_content(folder, run)
    (verdict,) = (folder / "mlartifacts").rglob("gate.json")
    verdict.unlink()
    assert kept_verdicts.verdict_content(folder, run) is None


def _failing(error: Exception) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail
