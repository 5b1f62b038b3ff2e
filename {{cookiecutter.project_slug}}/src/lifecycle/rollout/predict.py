"""Predict sends one real request to the running service and shows both sides as JSON."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_json
from lifecycle.core import direct_http, environment
from lifecycle.core.command import project_root
from lifecycle.core.params import Params, load_params
from lifecycle.records import bento
from lifecycle.records.deployment import Deployment
from lifecycle.rollout.machine import Machine
from lifecycle.serving.entrance import PREDICT
from lifecycle.serving.keys import own_key


def first_record(root: Path) -> dict[str, Any]:
    """Return a request with the first real row of the champion's smoke request."""
    smoke = read_json(bento.release_folder(root, bento.released(root).tag) / "smoke.json")
    request = smoke["request"]
    return {"records": request["records"][:1], "explain": request.get("explain", True)}


def send(url: str, body: Any, seconds: float, key: str | None = None) -> Any:
    """Return the service's answer; the key is API_KEY's where none is given.

    Raises:
        StageError: nobody answers, or the answer is a refusal.
    """
    headers = {"Content-Type": "application/json"}
    if key := key or own_key():
        headers["X-API-Key"] = key
    try:
        status, content = direct_http.ask(url, PREDICT, seconds, json.dumps(body), headers)
    except OSError as error:
        raise StageError(f"the service does not answer ({error})", "run `make deploy`") from None
    if status != 200:
        said = content.decode(errors="replace").strip()
        hint = ": set API_KEY to one of the service's keys" if status == 401 else ""
        raise StageError(f"the service answered {status}{hint}: {said}")
    return json.loads(content)


def url(root: Path, params: Params) -> str:
    """Return the address of the environment's service.

    Raises:
        StageError: nothing serves it.
    """
    name = environment.current()
    deployment = Deployment(root, name)
    if deployment.load().live is None:
        raise StageError(f"nothing serves {name}", "run `make deploy`")
    return Machine(root, params, deployment).url


def predict(root: Path, params: Params, body: Any = None) -> dict[str, Any]:
    """Send `body`, or one real record, and return {"request": ..., "answer": ...}.

    Raises:
        StageError: no service runs.
    """
    address = url(root, params)
    request = first_record(root) if body is None else body
    # Longer than the service may take, so that its own answer arrives.
    return {
        "request": request,
        "answer": send(address, request, 4 * params.serve.timeout_seconds),
    }


def main(given: argparse.Namespace) -> None:
    """Send a JSON file, or one real record, and print request and answer."""
    file = given.request
    if file is not None and not file.is_file():
        raise StageError(f"{file} is missing")
    try:
        body = None if file is None else json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StageError(f"{file} is no valid JSON: {error}") from None
    print(json.dumps(predict(project_root(), load_params(), body), indent=2, ensure_ascii=False))
