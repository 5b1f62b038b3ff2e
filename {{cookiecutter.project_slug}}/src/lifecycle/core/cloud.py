"""Cloud signs a workflow in to the cloud of the DVC remote by its own identity (OpenID Connect).

GitHub gives the job a token that says which repository and branch runs. It lives five minutes, and
the cloud gives an hour for it. No key of a cloud is kept anywhere. The clouds' own libraries, which
DVC uses, read the token from a file that the variables written here name; whatever asks the remote
has it fetched again first, however long ago the job signed in.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import replacing, write_json

# By cloud: what has to be set as variables of the repository, and whom the token is for.
CLOUDS = {
    "AWS": (("AWS_ROLE_ARN", "AWS_REGION"), "sts.amazonaws.com"),
    "Azure": (("AZURE_CLIENT_ID", "AZURE_TENANT_ID"), "api://AzureADTokenExchange"),
    "Google": (("GCP_WORKLOAD_IDENTITY_PROVIDER", "GCP_SERVICE_ACCOUNT"), ""),
}
SECONDS = 20
# By these the steps that follow know that the job has signed in, and how to do it again.
FILE, AUDIENCE = "CLOUD_TOKEN_FILE", "CLOUD_TOKEN_AUDIENCE"


def chosen(variables: Mapping[str, str]) -> str | None:
    """Return the cloud whose variables are set; None where none is.

    Raises:
        StageError: only some of a cloud's variables are set.
    """
    for cloud, (names, _) in CLOUDS.items():
        missing = [name for name in names if not variables.get(name)]
        if not missing:
            return cloud
        if len(missing) < len(names):
            raise StageError(f"{cloud} wants {' and '.join(missing)} as well", "set them as "
                             "variables of the repository")  # fmt: skip
    return None


def token(audience: str, variables: Mapping[str, str]) -> str:
    """Return the token that GitHub gives this job.

    Raises:
        StageError: it gives none.
    """
    url, secret = (variables.get(f"ACTIONS_ID_TOKEN_REQUEST_{name}") for name in ("URL", "TOKEN"))
    if not url or not secret:
        raise StageError("this job may not sign in: it needs the permission `id-token: write`, "
                         "which the pull request of a fork never has")  # fmt: skip
    address = f"{url}&audience={urllib.parse.quote(audience, safe='')}"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {secret}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return str(json.load(answer)["value"])
    except (OSError, ValueError, KeyError) as error:
        raise StageError(f"GitHub gave no token: {error}") from None


def keep(path: Path, audience: str, variables: Mapping[str, str]) -> None:
    """Fetch a token into a file that only this user can read, whole or not at all."""
    content = token(audience, variables)
    with replacing(path) as part:
        part.touch(mode=0o600)
        part.write_text(content, encoding="utf-8")


def renew(variables: Mapping[str, str]) -> bool:
    """Fetch the token again where this job has signed in, and say whether it has."""
    path = variables.get(FILE, "")
    if path:
        keep(Path(path), variables[AUDIENCE], variables)
    return bool(path)


def sign_in(cloud: str, variables: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Write the token below `folder`; return the variables by which it is found."""
    (names, audience), path = CLOUDS[cloud], folder / "token"
    provider = variables.get("GCP_WORKLOAD_IDENTITY_PROVIDER", "")
    audience = audience or f"//iam.googleapis.com/{provider}"
    keep(path, audience, variables)
    again = {FILE: str(path), AUDIENCE: audience}
    if cloud == "AWS":
        found = {n: variables[n] for n in names}
        return {"AWS_WEB_IDENTITY_TOKEN_FILE": str(path), **found, **again}
    if cloud == "Azure":
        return {
            "AZURE_FEDERATED_TOKEN_FILE": str(path),
            **{n: variables[n] for n in names},
            **again,
        }
    account = variables["GCP_SERVICE_ACCOUNT"]
    write_json(folder / "google.json", {
        "type": "external_account",
        "audience": audience,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/"
                                             f"serviceAccounts/{account}:generateAccessToken",
        "credential_source": {"file": str(path)},
    })  # fmt: skip
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(folder / "google.json"), **again}


def main(given: argparse.Namespace) -> None:
    """Sign in where a cloud is configured; the steps that follow find what was written."""
    if given.renew:
        renew(os.environ)
        return
    cloud = chosen(os.environ)
    if cloud is None:
        print("cloud: no cloud is configured, nothing to sign in to")
        return
    folder = Path(tempfile.mkdtemp(prefix="cloud-", dir=os.environ.get("RUNNER_TEMP")))
    found = sign_in(cloud, os.environ, folder)
    if path := os.environ.get("GITHUB_ENV"):
        with Path(path).open("a", encoding="utf-8") as handle:
            handle.writelines(f"{name}={value}\n" for name, value in found.items())
    print(f"cloud: signed in to {cloud} ({', '.join(found)})")
