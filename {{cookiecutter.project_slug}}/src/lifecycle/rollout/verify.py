"""Verify asks the running service what a client would: its smoke request, then a bounded load.

The line stops when an answer through the proxy is not the pipeline's to the last bit, when more
requests fail than `rollout.maximum_error_share`, or when 95 % of them take longer than
`rollout.maximum_milliseconds`.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_json
from lifecycle.contract.outcome.answer import known_answers
from lifecycle.core import environment, outputs
from lifecycle.core.command import project_root
from lifecycle.core.direct_http import Connection
from lifecycle.core.params import Params, load_params
from lifecycle.records import bento
from lifecycle.records.deployment import Deployment, Serving
from lifecycle.release.package import compare
from lifecycle.rollout.machine import Machine
from lifecycle.rollout.predict import send
from lifecycle.rollout.settings import RolloutSettings
from lifecycle.serving.entrance import PREDICT
from lifecycle.serving.keys import keys_of, own_key

SECONDS, RATE, CONNECTIONS = 5.0, 40.0, 4


@dataclass(frozen=True)
class Figures:
    """What the load was answered with."""

    requests: int
    failed: int
    p50_milliseconds: float
    p95_milliseconds: float
    p99_milliseconds: float
    first_failure: str = ""

    @property
    def error_share(self) -> float:
        """The share of requests that were not answered with 200."""
        return self.failed / self.requests

    def __str__(self) -> str:
        return (f"{self.requests} requests, {self.error_share:.2%} failed, "
                f"p50 {self.p50_milliseconds:.1f} ms, p95 {self.p95_milliseconds:.1f} ms, "
                f"p99 {self.p99_milliseconds:.1f} ms")  # fmt: skip


def ask(line: Connection, body: bytes, headers: dict[str, str]) -> str:
    """Return what was wrong with the answer; nothing where it was 200."""
    try:
        status, content = line.ask("POST", PREDICT, body, headers)
    except OSError as error:
        return f"no answer ({type(error).__name__})"
    return "" if status == 200 else f"{status}: {content[:200].decode()}"


def load(
    url: str, bodies: list[bytes], headers: dict[str, str], seconds: float, timeout: float
) -> Figures:
    """Send RATE requests a second for so long, over CONNECTIONS connections; return the figures."""
    count, begin = max(CONNECTIONS, int(seconds * RATE)), time.monotonic()
    local, taken, failures = threading.local(), list[float](), list[str]()

    def one(number: int) -> None:
        # Each thread keeps its own.
        if not hasattr(local, "line"):
            local.line = Connection(url, timeout)
        time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
        sent = time.perf_counter()
        wrong = ask(local.line, bodies[number % len(bodies)], headers)
        taken.append(1000 * (time.perf_counter() - sent))
        if wrong:
            failures.append(wrong)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(one, range(count)))
    ordered = sorted(taken)
    p50, p95, p99 = (ordered[int(share * (count - 1))] for share in (0.5, 0.95, 0.99))
    return Figures(count, len(failures), p50, p95, p99, failures[0] if failures else "")


def key_of(deployment: Deployment) -> str | None:
    """Return a key that opens the service: API_KEY, or the first that it was given."""
    if given := own_key():
        return given
    path = deployment.folder / "api_keys"
    keys = keys_of(path) if path.is_file() else []
    return keys[0] if keys else None


def check_smoke(root: Path, url: str, live: Serving, key: str | None, seconds: float) -> Any:
    """Let the service answer the live version's smoke request; return that request.

    Raises:
        StageError: it does not answer, or another version does, or otherwise than the pipeline.
    """
    smoke = read_json(bento.release_folder(root, live.tag) / "smoke.json")
    answer = send(url, smoke["request"], seconds, key)
    if answer["model_version"] != str(live.version):
        raise StageError(f"version {answer['model_version']} answers, not {live.version}")
    compare(known_answers(smoke), answer)
    return smoke["request"]


def verify(root: Path, params: Params, name: str, seconds: float = SECONDS) -> Figures:
    """Check the environment's service from outside, through the proxy; return the figures.

    Raises:
        StageError: nothing serves, or something of what is asked for does not hold.
    """
    deployment = Deployment(root, name)
    live = deployment.load().live
    if live is None:
        raise StageError(f"nothing serves {name}", "run `make deploy`")
    url, key, rules = (
        Machine(root, params, deployment).url,
        key_of(deployment),
        params.part(RolloutSettings),
    )
    request = check_smoke(root, url, live, key, 4 * params.serve.timeout_seconds)
    bodies = [json.dumps({"records": [record]}).encode() for record in request["records"]]
    headers = {"Content-Type": "application/json", **({"X-API-Key": key} if key else {})}
    found = load(url, bodies, headers, seconds, 4 * params.serve.timeout_seconds)
    if found.error_share > rules.maximum_error_share:
        raise StageError(
            f"{found.error_share:.2%} of {found.requests} requests failed, at most "
            f"{rules.maximum_error_share:.2%} may: the first was answered {found.first_failure}"
        )
    if found.p95_milliseconds > rules.maximum_milliseconds:
        raise StageError(
            f"95 % of the requests took up to {found.p95_milliseconds:.1f} ms, at most "
            f"{rules.maximum_milliseconds:g} ms are allowed (rollout.maximum_milliseconds)"
        )
    return found


def main(given: argparse.Namespace) -> None:
    """Verify the environment that LIFECYCLE_ENVIRONMENT names."""
    seconds = SECONDS if given.seconds is None else given.seconds
    name = environment.current()
    if seconds <= 0:
        raise StageError(f"a load of {seconds:g} seconds asks nothing", "give SECONDS above 0")
    found = verify(project_root(), load_params(), name, seconds)
    print(f"verify: {name} answers its smoke request as the pipeline did; {found}")
    outputs.write({"figures": json.dumps(asdict(found))})
