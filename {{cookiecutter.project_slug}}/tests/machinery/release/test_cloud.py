"""A workflow signs in with the token that GitHub gives it, or says what is missing."""

import itertools
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from folders import ROOT

from lifecycle.contract.errors import StageError
from lifecycle.core.cloud import chosen, renew, sign_in
from lifecycle.records.artefact import content_at
from lifecycle.release import register

AWS = {"AWS_ROLE_ARN": "arn:aws:iam::1:role/dvc", "AWS_REGION": "eu-west-1"}
AZURE = {"AZURE_CLIENT_ID": "1", "AZURE_TENANT_ID": "2"}
GOOGLE = {
    "GCP_WORKLOAD_IDENTITY_PROVIDER": "projects/1/providers/github",
    "GCP_SERVICE_ACCOUNT": "dvc@project.iam.gserviceaccount.com",
}


class Issuer(BaseHTTPRequestHandler):
    """Answers as GitHub does: each time another token, for whoever shows the job's secret."""

    count = itertools.count(1)

    def do_GET(self) -> None:
        is_known = self.headers["Authorization"] == "Bearer of-the-job"
        self.send_response(200 if is_known else 401)
        self.end_headers()
        self.wfile.write(
            json.dumps({"value": f"token {next(self.count)} for {self.path}"}).encode()
        )

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def issuer() -> Iterator[dict[str, str]]:
    Issuer.count = itertools.count(1)
    with HTTPServer(("127.0.0.1", 0), Issuer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{server.server_port}/?v=1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
        }
        server.shutdown()


def test_aws_finds_the_token_in_a_file_that_is_private(
    issuer: dict[str, str], tmp_path: Path
) -> None:
    found = sign_in("AWS", {**AWS, **issuer}, tmp_path)
    path = Path(found["AWS_WEB_IDENTITY_TOKEN_FILE"])
    assert path.read_text() == "token 1 for /?v=1&audience=sts.amazonaws.com"
    assert path.stat().st_mode & 0o77 == 0
    assert found["AWS_ROLE_ARN"] == AWS["AWS_ROLE_ARN"]


def test_google_finds_the_token_through_its_own_kind_of_file(
    issuer: dict[str, str], tmp_path: Path
) -> None:
    found = sign_in("Google", {**GOOGLE, **issuer}, tmp_path)
    made = json.loads(Path(found["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    assert made["audience"] == "//iam.googleapis.com/projects/1/providers/github"
    assert "projects%2F1%2F" in Path(made["credential_source"]["file"]).read_text()


def test_which_cloud_is_meant_is_said_by_its_variables() -> None:
    assert chosen({}) is None
    assert chosen(AWS) == "AWS"
    assert chosen(AZURE) == "Azure"
    with pytest.raises(StageError, match="AWS wants AWS_REGION as well"):
        chosen({"AWS_ROLE_ARN": "arn"})


def test_without_the_permission_or_with_a_wrong_secret_one_line_says_so(
    issuer: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(StageError, match="id-token: write"):
        sign_in("AWS", AWS, tmp_path)
    wrong = {**AWS, **issuer, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "guessed"}
    with pytest.raises(StageError, match="GitHub gave no token: HTTP Error 401"):
        sign_in("AWS", wrong, tmp_path)


@pytest.mark.parametrize(
    ("cloud", "variables"), [("AWS", AWS), ("Azure", AZURE), ("Google", GOOGLE)]
)
def test_a_token_is_fetched_again_with_what_the_steps_before_wrote_down(
    issuer: dict[str, str], tmp_path: Path, cloud: str, variables: dict[str, str]
) -> None:
    found = sign_in(cloud, {**variables, **issuer}, tmp_path)
    (path,) = tmp_path.glob("token")
    first = path.read_text()
    assert renew({**found, **issuer})
    # The same audience, another token, in the file that the cloud's library reads.
    assert path.read_text() == first.replace("token 1 ", "token 2 ")
    assert path.stat().st_mode & 0o77 == 0


def test_where_nobody_signed_in_nobody_is_asked() -> None:
    assert not renew({})


def test_a_token_that_is_refused_leaves_the_one_before(
    issuer: dict[str, str], tmp_path: Path
) -> None:
    found = sign_in("AWS", {**AWS, **issuer}, tmp_path)
    with pytest.raises(StageError, match="GitHub gave no token: HTTP Error 401"):
        renew({**found, **issuer, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "too old"})
    assert (tmp_path / "token").read_text().startswith("token 1 ")
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def read_of_another_commit(folder: Path) -> None:
    content_at(folder, "HEAD", Path("nowhere"), "a file")


@pytest.mark.parametrize("use", [register.push, read_of_another_commit])
def test_whatever_asks_the_remote_has_a_new_token_first(
    issuer: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    use: Callable[[Path], None],
) -> None:  # fmt: skip
    """GitHub's lives five minutes, and the pipeline between signing in and pushing takes longer."""
    found = sign_in("AWS", {**AWS, **issuer}, tmp_path)
    for name, value in {**found, **issuer}.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "no repository"
    folder.mkdir()
    with pytest.raises(StageError):
        use(folder)
    assert (tmp_path / "token").read_text().startswith("token 2 ")


def test_fetch_has_a_new_token_first() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "fetch"], capture_output=True, text=True, check=True,
        cwd=ROOT,
    )  # fmt: skip
    commands = [line.partition(" -m ")[2] for line in done.stdout.splitlines() if " -m " in line]
    assert commands[-2:] == [
        "lifecycle cloud --renew",
        'dvc fetch --run-cache || echo "fetch: what the remote lacks is made again"',
    ]
