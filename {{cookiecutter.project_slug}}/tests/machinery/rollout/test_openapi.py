"""The service does what its OpenAPI document says, and nothing else: schemathesis with all checks.

Against a real worker, with keys, as clients reach it (through the proxy) and directly.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rollout.served import KEY, behind_the_proxy, serving

from lifecycle.core.params import Params

EXAMPLES, SEED = 60, 20130101
# What a careless change could do, and what schemathesis says to it.
DEFECTS = {
    "a status that is not documented": (
        "from lifecycle.serving import openapi\ndel openapi.REFUSALS[400]\n",
        "Undocumented status code",
    ),
    "a key that opens whatever it is": (
        "from lifecycle.serving import guard\nguard.is_known = lambda given, keys: True\n",
        "API accepts requests without authentication",
    ),
    "a crash on a value that is allowed": (
        "from lifecycle.serving import predictor\n"
        "real = predictor.to_arrays\n"
        "def fail(records, schema):\n"
        "    if any(one.distance == 10 for one in records):\n"
        "        raise ValueError\n"
        "    return real(records, schema)\n"
        "predictor.to_arrays = fail\n",
        "Server error",
    ),
}


def schemathesis(port: int, folder: Path, examples: int = EXAMPLES) -> tuple[int, str]:
    """Run every check in every phase, good and bad data; return its exit code and its report."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--no-color", "run",
        f"http://127.0.0.1:{port}/docs.json", "--header", f"X-API-Key: {KEY}",
        "--checks", "all", "--mode", "all", "--phases", "examples,coverage,fuzzing,stateful",
        "--max-examples", str(examples), "--seed", str(SEED), "--generation-deterministic",
        "--continue-on-failure", "--request-timeout", "20",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def worker(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serving(release, tmp_path_factory.mktemp("openapi")) as port:
        yield port


@pytest.mark.parametrize("way", ["directly", "through the proxy"])
def test_the_service_is_as_documented(
    way: str, worker: int, real_params: Params, tmp_path: Path
) -> None:
    if way == "directly":
        code, report = schemathesis(worker, tmp_path)
    else:
        with behind_the_proxy(real_params, worker, tmp_path) as port:
            # What a worker answers to more of the same, it has been asked directly.
            code, report = schemathesis(port, tmp_path, examples=20)
    assert code == 0, report
    assert "No issues found" in report
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in report, report


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_found(defect: str, release: Path, tmp_path: Path) -> None:
    code, said = DEFECTS[defect]
    with serving(release, tmp_path, code) as port:
        found, report = schemathesis(port, tmp_path, examples=10)
    assert found == 1, report
    assert said in report
