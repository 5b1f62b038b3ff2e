"""A bundle is used only where it has the hash that was handed over, and no hash is no agreement."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from folders import ROOT

from lifecycle.contract.errors import StageError
from lifecycle.contract.seal import sha256
from lifecycle.delivery.checksum import named, require

HASH = hashlib.sha256(b"test").hexdigest()


@pytest.fixture
def built(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.tar.gz"
    path.write_bytes(b"test")
    return path


def check(path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the target; `make` and Python are found as a person's are."""
    given = [f"{name}={value}" for name, value in variables.items()]
    command = ["env", *given, "make", "--no-print-directory", "checksum", f"BUNDLE={path}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_file_that_was_built_passes(built: Path) -> None:
    assert sha256(built) == HASH
    require(built, HASH)
    done = check(built, BUNDLE_SHA256=HASH)
    assert done.returncode == 0, done.stderr
    assert f"checksum: {built} is what was built" in done.stdout


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"BUNDLE_SHA256": "0" * 64}, "not what was built"),
        ({"BUNDLE_SHA256": ""}, "BUNDLE_SHA256= is no SHA-256"),
        ({"BUNDLE_SHA256": HASH.upper()}, "is no SHA-256"),
        ({"BUNDLE_SHA256": HASH[:-1]}, "is no SHA-256"),
        ({"BUNDLE_SHA256": f"{HASH}  other"}, "is no SHA-256"),
        ({}, "say which hash it must have"),
    ],
)
def test_another_hash_or_none_is_refused(built: Path, variables: dict[str, str], said: str) -> None:
    done = check(built, **variables)
    assert done.returncode != 0
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("checksum: ")]
    assert said in line


def test_one_flipped_bit_or_no_file_is_refused(built: Path, tmp_path: Path) -> None:
    built.write_bytes(b"uest")
    with pytest.raises(StageError, match="not what was built"):
        require(built, HASH)
    with pytest.raises(StageError, match="is missing: say which bundle"):
        require(tmp_path / "none", HASH)


def test_a_variable_that_is_not_there_asks_for_no_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREVIOUS_SHA256", raising=False)
    assert named("PREVIOUS_SHA256") == ""
    monkeypatch.setenv("PREVIOUS_SHA256", "")
    with pytest.raises(StageError, match="PREVIOUS_SHA256= is no SHA-256"):
        named("PREVIOUS_SHA256")
