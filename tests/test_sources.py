"""The same table from servers gives the same snapshot as from a file, and no password is kept.

An https server with a certificate of its own, moto for S3, and PostgreSQL, each started here.
"""

import hashlib
import os
import shutil
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from baking import succeed
from running import PLAIN, Project, free_port, install
from system_packages import can_install
from system_packages import install as install_packages
from test_remotes import serve

pytestmark = pytest.mark.slow
CANARY = "canary-4711-password"
SCHEMA = """\
columns:
  id: {type: integer, roles: [key], description: Number}
  at: {type: datetime, roles: [time], description: When}
  amount: {type: float, roles: [feature], description: How much, null_share: 0.5}
  place: {type: string, roles: [ignored], description: Where, null_share: 0.5}
  late: {type: boolean, roles: [target], description: Whether}
"""
PLACES = ("Köln", '"say ""no"""', '"a, b"', "", "日本")
# As the log of a command or of DVC would have it.
HIDDEN = (CANARY, CANARY.encode().hex())
# Writes dvc.lock.
BY_DVC = "dvc repro ingest"


def table() -> str:
    """Return the rows as CSV: exact in a database's numbers too."""
    lines = ["id,at,amount,place,late"]
    for one in ((7 * number) % 500 for number in range(500)):
        amount = "" if one % 11 == 0 else str((one - 200) / 7)
        at = f"2013-0{1 + one % 3}-{1 + one % 28:02}T05:{one % 60:02}:00"
        lines.append(f"{one},{at},{amount},{PLACES[one % 5]},{str(one % 3 == 0).lower()}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def tried(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project that is about the table, which lies in it as a file."""
    project = generated.copy(tmp_path_factory.mktemp("sources") / "flight-delay")
    (project.root / "schema.yaml").write_text(SCHEMA, encoding="utf-8")
    (project.root / "rows.csv").write_text(table(), encoding="utf-8")
    return project


def snapshot(
    project: Project, settings: dict[str, Any], ingest: str = "lifecycle ingest", **variables: str
) -> str:
    """Fetch and ingest a source as `make pipeline` does; return the hash of the snapshot."""
    said, made = (
        run(project, settings, ingest, **variables),
        project.root / "data" / "snapshot.parquet",
    )
    assert made.is_file(), said
    return hashlib.sha256(made.read_bytes()).hexdigest()


def run(
    project: Project, settings: dict[str, Any], ingest: str = "lifecycle ingest", **variables: str
) -> str:
    """Fetch and ingest a source from nothing; return all that was printed: never the password."""
    shutil.rmtree(project.root / "data", ignore_errors=True)
    path = project.root / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    window = {"start": "2013-01", "end": "2013-03"}
    params["data"] = {"source": settings, "window": window}
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    printed = ""
    for command in ("lifecycle source", ingest):
        done = project.python("-m", *command.split(), **variables)
        printed += done.stdout + done.stderr
        if done.returncode:
            break
    for hidden in HIDDEN:
        assert hidden not in printed
        kept = [one for one in project.root.rglob("*") if one.is_file()]
        assert not [one for one in kept if hidden.encode() in one.read_bytes()]
    return printed


@pytest.fixture(scope="module")
def expected(tried: Project) -> str:
    """Return the hash of the snapshot of the file."""
    return snapshot(tried, {"kind": "csv", "path": "rows.csv"})


@pytest.fixture(scope="module")
def web(tried: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Serve the project's folder over https; yield the address, and the certificate's file."""
    folder = tmp_path_factory.mktemp("certificate")
    succeed(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-keyout", "key.pem", "-out", "certificate.pem", folder=folder,
        environment=dict(os.environ),
    )  # fmt: skip

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    port = free_port()
    handler = partial(Quiet, directory=str(tried.root))
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://localhost:{port}", str(folder / "certificate.pem")
    server.shutdown()
    server.server_close()


def test_a_file_from_https_is_the_same(tried: Project, expected: str, web: tuple[str, str]) -> None:
    place, certificate = web
    pin = hashlib.sha256(table().encode()).hexdigest()
    settings = {"kind": "csv", "path": f"{place}/rows.csv", "sha256": pin}
    assert snapshot(tried, settings, SSL_CERT_FILE=certificate) == expected
    # Of a server that nobody vouches for, nothing is taken.
    assert "could not be fetched: ConnectError" in run(tried, settings)
    other = {**settings, "sha256": "0" * 64}
    assert "the source has changed: its SHA-256 is not" in run(
        tried, other, SSL_CERT_FILE=certificate
    )
    # An address that opens by itself is in the environment.
    secret = f"{place}/rows.csv?token={CANARY}"
    named = {"kind": "csv", "variable": "ROWS"}
    assert snapshot(tried, named, SSL_CERT_FILE=certificate, ROWS=secret) == expected
    missing = secret.replace("rows.csv", "none.csv")
    assert "answers 404" in run(tried, named, SSL_CERT_FILE=certificate, ROWS=missing)
    assert not (tried.root / "data" / "source").exists()


def test_files_from_a_bucket_are_the_same(tried: Project, expected: str, tmp_path: Path) -> None:
    moto = install(tmp_path / "moto", "moto[server]>=5,<6") / "moto_server"
    port = free_port()
    header, *lines = table().splitlines(keepends=True)
    secret = {
        "AWS_ACCESS_KEY_ID": "who",
        "AWS_SECRET_ACCESS_KEY": CANARY,
        "AWS_REGION": "us-east-1",
    }
    with serve(port, tmp_path, moto, "-H", "127.0.0.1", "-p", str(port)) as place:
        given = {**secret, "AWS_ENDPOINT_URL": place}
        httpx.put(f"{place}/rows", **PLAIN).raise_for_status()
        for name, part in (("a", lines[:200]), ("b", lines[200:])):
            content = "".join([header, *part]).encode()
            httpx.put(f"{place}/rows/in/{name}.csv", content=content, **PLAIN).raise_for_status()
        httpx.put(f"{place}/rows/in/README.md", content=b"no table", **PLAIN).raise_for_status()
        for path in ("s3://rows/in", "s3://rows/in/*.csv"):
            assert snapshot(tried, {"kind": "csv", "path": path}, **given) == expected
        named = {"kind": "csv", "path": "s3://rows/none.csv"}
        assert "s3://rows/none.csv" in run(tried, named, **given)
        assert "could not be fetched" in run(
            tried, {"kind": "csv", "path": "s3://nobody/a.csv"}, **given
        )


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """Run a server whose only user needs the password; yield the URL without it."""
    if not _programs():
        if not can_install():
            pytest.skip("PostgreSQL is not here, and this user cannot install it")
        complaint = install_packages({"pg_ctlcluster": "postgresql"}, dict(os.environ))
        assert complaint is None, complaint
    programs, port = _programs()[-1], free_port()
    # The server refuses to be root's, and others cannot look into the folders of pytest.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    (folder / "password").write_text(CANARY, encoding="utf-8")
    user: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    for one in (folder, folder / "password") if user else ():
        shutil.chown(one, "postgres", "postgres")

    def must(program: str, *arguments: str) -> None:
        subprocess.run(
            [programs / program, *arguments], cwd=folder, check=True, capture_output=True, **user
        )

    must("initdb", "-D", "data", "-U", "reader", "--pwfile=password", "--auth=scram-sha-256",
         "--encoding=UTF8", "--locale=C.UTF-8")  # fmt: skip
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    must("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")
    yield f"postgresql://reader@127.0.0.1:{port}/postgres"
    must("pg_ctl", "-D", "data", "-w", "-m", "fast", "stop")
    shutil.rmtree(folder)


def _programs() -> list[Path]:
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"))


COPY = """
import os, sys
import psycopg
with psycopg.connect(os.environ["DATABASE"]) as opened:
    opened.execute("CREATE TABLE rows (id bigint, at timestamp, amount double precision,"
                   " place text, late boolean, price numeric, who uuid DEFAULT gen_random_uuid())")
    with opened.cursor().copy("COPY rows (id, at, amount, place, late) FROM STDIN"
                              " (FORMAT csv, HEADER)") as copy:
        copy.write(open("rows.csv", "rb").read())
    opened.execute("UPDATE rows SET price = id / 7.0")
"""


def test_the_rows_of_a_database_are_the_same(tried: Project, expected: str, postgres: str) -> None:
    url = postgres.replace("reader@", f"reader:{CANARY}@")
    done = tried.python("-c", COPY, DATABASE=url)
    assert done.returncode == 0, done.stderr
    query = "SELECT *, '12:30 100%' AS \"a:b\", at::date AS day FROM rows"
    named = {"kind": "sql", "variable": "DATABASE", "query": query}
    assert snapshot(tried, named, BY_DVC, DATABASE=url) == expected
    assert "DATABASE" in (tried.root / "dvc.lock").read_text(encoding="utf-8")
    plain = {"kind": "sql", "url": postgres, "query": query}
    assert snapshot(tried, plain, PGPASSWORD=CANARY) == expected
    # What is wrong is said, and never by what.
    assert "password" in run(tried, plain)
    assert "authentication failed" in run(tried, named, DATABASE=url.replace("-4711", "-4712"))
    assert 'relation "none" does not exist' in run(
        tried, {**named, "query": "SELECT * FROM none"}, DATABASE=url
    )
    assert "the variable DATABASE is not set" in run(tried, named)


def test_a_source_that_is_another_than_in_the_lock_is_said_to_have_changed(
    tried: Project, expected: str
) -> None:
    settings = {"kind": "csv", "path": "rows.csv"}
    assert snapshot(tried, settings, BY_DVC) == expected
    assert "has changed" not in run(tried, settings)
    try:
        changed = table().replace("Köln", "Bonn")
        (tried.root / "rows.csv").write_text(changed, encoding="utf-8")
        printed = run(tried, settings)
    finally:
        (tried.root / "rows.csv").write_text(table(), encoding="utf-8")
    assert "source: the source has changed since dvc.lock was written: 1 files of" in printed
    assert "ingest: 500 rows" in printed
