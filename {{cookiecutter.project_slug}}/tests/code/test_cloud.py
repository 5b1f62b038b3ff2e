"""A workflow signs in with the token that GitHub gives it, or says what is missing."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from lifecycle.cloud import chosen, sign_in
from lifecycle.command import StageError

AWS = {"AWS_ROLE_ARN": "arn:aws:iam::1:role/dvc", "AWS_REGION": "eu-west-1"}
GOOGLE = {
    "GCP_WORKLOAD_IDENTITY_PROVIDER": "projects/1/providers/github",
    "GCP_SERVICE_ACCOUNT": "dvc@project.iam.gserviceaccount.com",
}


class Issuer(BaseHTTPRequestHandler):
    """Answers as GitHub does: a token for whoever shows the job's secret."""

    def do_GET(self) -> None:
        is_known = self.headers["Authorization"] == "Bearer of-the-job"
        self.send_response(200 if is_known else 401)
        self.end_headers()
        self.wfile.write(json.dumps({"value": f"token for {self.path}"}).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def issuer() -> Iterator[dict[str, str]]:
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
    assert path.read_text() == "token for /?v=1&audience=sts.amazonaws.com"
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
    assert chosen({"AZURE_CLIENT_ID": "1", "AZURE_TENANT_ID": "2"}) == "Azure"
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
