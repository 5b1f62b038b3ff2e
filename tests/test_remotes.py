"""Each DVC remote, as generated, takes data and gives it back, with the lock's own versions."""

import base64
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from baking import QUESTIONS, SLUG, succeed
from running import PLAIN, free_port, install

pytestmark = pytest.mark.slow
BUCKET = f"{SLUG}-dvc"


@contextmanager
def serve(port: int, folder: Path, *command: str | Path, **variables: str) -> Iterator[str]:
    """Run a server until the end of the block; yield its address once it answers."""
    words = [str(word) for word in command]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            words, cwd=folder, stdout=log, stderr=log, env=os.environ | variables
        )
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    httpx.get(f"http://127.0.0.1:{port}/", timeout=5, **PLAIN)
                    break
                except httpx.TransportError:
                    assert server.poll() is None, (folder / "server.log").read_text()
                    assert time.monotonic() < deadline, "the server does not answer"
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=30)


def dvc_of(project: Path, remote: str, folder: Path) -> Path:
    """Install DVC with the remote's extra in the versions of the project's lock."""
    lock = (project / "requirements" / "development.txt").read_text()
    pins = re.findall(r"(?m)^(\S+==[^\\\n]+)", lock)
    (folder / "versions.txt").write_text("\n".join(pins))
    wanted = (project / "requirements" / "remote.in").read_text().strip()
    assert wanted == ("dvc" if remote == "local" else f"dvc[{remote}]")
    return install(folder / "dvc", wanted, "--constraint", str(folder / "versions.txt")) / "dvc"


def check_round_trip(project: Path, dvc: Path, variables: dict[str, str], *options: str) -> None:
    """Push a file, lose it, pull it back; only address and secrets are added, unseen by Git."""

    def run(*arguments: str) -> str:
        return succeed(dvc, *arguments, folder=project, environment=variables)

    for option in options:
        run("remote", "modify", "--local", "storage", *option.split("=", 1))
    committed = succeed("git", "status", "--porcelain", folder=project, environment=variables)
    assert committed == ""
    (project / "example.csv").write_text("kept\n")
    run("add", "--quiet", "example.csv")
    assert "1 file pushed" in run("push", "example.csv.dvc")
    shutil.rmtree(project / ".dvc" / "cache")
    (project / "example.csv").unlink()
    run("pull", "example.csv.dvc")
    assert (project / "example.csv").read_text() == "kept\n"


def test_local(bake: Callable[..., Path], tmp_path: Path, environment: dict[str, str]) -> None:
    """A folder of the user's home, which every clone on the machine finds."""
    project = bake(dvc_remote="local")
    dvc = dvc_of(project, "local", tmp_path)
    check_round_trip(project, dvc, environment)
    stored = tmp_path / "home" / ".local" / "share" / "dvc-storage" / SLUG
    assert len([path for path in stored.rglob("*") if path.is_file()]) == 1


def test_s3(bake: Callable[..., Path], tmp_path: Path, environment: dict[str, str]) -> None:
    """Amazon's protocol, as moto speaks it."""
    project = bake(dvc_remote="s3")
    dvc = dvc_of(project, "s3", tmp_path)
    moto = install(tmp_path / "moto", "moto[server]>=5,<6") / "moto_server"
    port = free_port()
    secret = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with serve(port, tmp_path, moto, "-H", "127.0.0.1", "-p", str(port)) as address:
        httpx.put(f"{address}/{BUCKET}", **PLAIN).raise_for_status()
        check_round_trip(project, dvc, environment | secret, f"endpointurl={address}")
        check_sign_in(project, dvc, environment | {"AWS_ENDPOINT_URL": address}, tmp_path)


class Issuer(BaseHTTPRequestHandler):
    """Gives a job its token, as GitHub does."""

    def do_GET(self) -> None:
        """Answer whoever shows the job's secret."""
        assert self.headers["Authorization"] == "Bearer of-the-job"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"value": "signed-by-github"}).encode())


def check_sign_in(project: Path, dvc: Path, variables: dict[str, str], folder: Path) -> None:
    """Sign in as a workflow does, without a key of the cloud; DVC reads with what came of it."""
    written = folder / "github.env"
    with HTTPServer(("127.0.0.1", 0), Issuer) as issuer:
        threading.Thread(target=issuer.handle_request, daemon=True).start()
        given = {
            "PYTHONPATH": str(project / "src"),
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{issuer.server_port}/?v=1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/reader",
            "AWS_REGION": "us-east-1",
            "GITHUB_ENV": str(written),
        }
        cloud = (sys.executable, "-m", "lifecycle", "cloud")
        printed = succeed(*cloud, folder=project, environment=variables | given)
    assert "cloud: signed in to AWS" in printed
    found = dict(line.split("=", 1) for line in written.read_text().splitlines())
    (project / "example.csv").unlink()
    shutil.rmtree(project / ".dvc" / "cache")
    succeed(dvc, "pull", "example.csv.dvc", folder=project, environment=variables | found)
    assert (project / "example.csv").read_text() == "kept\n"
    # Without it there is nothing to sign in with.
    shutil.rmtree(project / ".dvc" / "cache")
    alone = subprocess.run(
        [dvc, "fetch", "example.csv.dvc"], cwd=project, env=variables, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert alone.returncode != 0
    assert "Unable to locate credentials" in alone.stderr


def test_gs(bake: Callable[..., Path], tmp_path: Path, environment: dict[str, str]) -> None:
    """Google's protocol, as an emulator speaks it."""
    project = bake(dvc_remote="gs")
    dvc = dvc_of(project, "gs", tmp_path)
    emulator = install(tmp_path / "emulator", "gcp-storage-emulator") / "gcp-storage-emulator"
    port = free_port()
    start = ("start", "--host", "127.0.0.1", "--port", str(port), "--in-memory")
    with serve(port, tmp_path, emulator, *start, "--default-bucket", BUCKET) as address:
        variables = environment | {"STORAGE_EMULATOR_HOST": address}
        check_round_trip(project, dvc, variables, f"endpointurl={address}")


@pytest.mark.skipif(
    not shutil.which("npm") and os.environ.get("CI") != "true",
    reason="Azure's emulator comes from npm",
)
def test_azure(bake: Callable[..., Path], tmp_path: Path, environment: dict[str, str]) -> None:
    """Microsoft's protocol, as Azurite speaks it."""
    project = bake(dvc_remote="azure")
    dvc = dvc_of(project, "azure", tmp_path)
    npm = (
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        tmp_path,
        "azurite@3",
    )
    succeed(*npm, folder=tmp_path, environment=dict(os.environ))
    port, key = free_port(), base64.b64encode(secrets.token_bytes(64)).decode()
    azurite = tmp_path / "node_modules" / ".bin" / "azurite-blob"
    options = ("--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", tmp_path / "blobs")
    quiet = ("--silent", "--skipApiVersionCheck", "--disableTelemetry")
    with serve(
        port, tmp_path, azurite, *options, *quiet, AZURITE_ACCOUNTS=f"tester:{key}"
    ) as address:
        connection = (
            f"DefaultEndpointsProtocol=http;AccountName=tester;AccountKey={key};"
            f"BlobEndpoint={address}/tester;"
        )
        make_container = (
            "import sys; from azure.storage.blob import BlobServiceClient as Client; "
            "Client.from_connection_string(sys.argv[1]).create_container(sys.argv[2])"
        )
        python = (dvc.parent / "python", "-c", make_container, connection, BUCKET)
        succeed(*python, folder=tmp_path, environment=environment)
        check_round_trip(project, dvc, environment, f"connection_string={connection}")


def test_every_remote_is_tried() -> None:
    """A new value of the question needs a test of its own here."""
    assert [name for name in QUESTIONS["dvc_remote"] if f"test_{name}" not in globals()] == []
