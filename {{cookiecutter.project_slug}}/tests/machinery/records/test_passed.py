"""What the registry says of a version is believed only where something else proves it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bundles import RULE
from proved import by_hand, make, md5

from lifecycle.contract.errors import StageError
from lifecycle.core.params import Params
from lifecycle.records import (
    history,
    kept_verdicts,
    passed,
    proof,
    received,
    registry,
    tracking,
    verdict,
)
from lifecycle.records.registry import Version

ADVICE = "say another, VERSION=n"


@pytest.fixture
def made(
    tmp_path: Path, params: Params, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> SimpleNamespace:
    """A project with one commit of all that a version leads back to, and its tags and verdict."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return make(tmp_path / "project", params, empty_store)


def with_run(made: SimpleNamespace, gate: Any, **changes: str) -> Version:
    """Make a version whose run keeps a verdict, which its tag names."""
    mlflow = tracking.connect(made.root)
    content = json.dumps(gate).encode()
    (made.root / "gate.json").write_bytes(content)
    experiment = tracking.experiment(mlflow, made.root, "any")
    run_id = mlflow.MlflowClient().create_run(experiment).info.run_id
    kept_verdicts.log_verdict(made.root, run_id, made.root / "gate.json")
    return Version(1, {**made.tags, "gate_md5": md5(content), **changes}, run_id)


def test_a_version_made_by_hand_is_refused_wherever_one_is_asked_for(made: SimpleNamespace) -> None:
    """It has every tag, and nothing that proves them."""
    version = by_hand(made)
    versions = registry.connect(made.root, made.params)
    versions.set_alias("challenger", version.number)
    words = (r"nothing proves that it passed: it has no run, git has no release model-1, and no "
             r"bundle brought it; the alias challenger")  # fmt: skip
    with pytest.raises(StageError, match=words):
        passed.wanted(made.root, versions)
    with pytest.raises(StageError, match=r"version 1 does not serve: nothing proves .*VERSION=n"):
        passed.require(made.root, version, ADVICE)


def record(made: SimpleNamespace, **changes: str) -> None:
    history.record(made.root, Version(1, {**made.tags, **changes}, ""), "name", "a" * 64)


@pytest.mark.parametrize("source", ["release", "bundle"])
def test_a_version_of_another_machine_is_proved_by_its_release_or_its_bundle(
    source: str, made: SimpleNamespace
) -> None:
    """And only with the tags that it had there, each of them."""
    if source == "release":
        record(made)
    else:
        received.keep(made.root, 1, made.tags, made.gate)
    assert passed.refusal(made.root, by_hand(made)) is None
    for tag in (*proof.NEEDED, "threshold", "train_last"):
        other = Version(1, {**made.tags, tag: "b" * 32}, "")
        words = "the gate did not pass it" if tag == "gate_verdict" else f"another {tag} than what"
        assert words in str(passed.refusal(made.root, other))
    added = Version(1, {**made.tags, "difference": "{}"}, "")
    assert "another difference than" in str(passed.refusal(made.root, added))
    assert passed.refusal(made.root, Version(2, made.tags, ""))
    # Anybody may add a remark.
    assert passed.refusal(made.root, Version(1, {**made.tags, "note": "x"}, "")) is None


def test_a_release_proves_a_version_whose_number_was_another_models_here(
    made: SimpleNamespace,
) -> None:
    other = with_run(made, {**made.gate, "model_md5": "2" * 32})
    version = Version(1, made.tags, other.run_id)
    assert "is another than its tags name" in str(passed.refusal(made.root, version))
    record(made)
    assert passed.refusal(made.root, version) is None


def test_where_git_cannot_look_the_bundle_is_proof_and_else_the_reason_is_said(
    made: SimpleNamespace,
) -> None:
    shutil.move(made.root / ".git", made.root / "git")
    version = Version(1, made.tags, "")
    assert "its release is not to be found (git tag failed: " in str(
        passed.refusal(made.root, version)
    )
    shutil.move(made.root / "git", made.root / ".git")
    received.keep(made.root, 1, made.tags, made.gate)
    assert passed.refusal(made.root, version) is None


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"lineage": {}}', '{"lineage": [], "gate": {}}']
)
def test_what_was_kept_of_a_bundle_and_is_broken_proves_nothing(
    content: str, made: SimpleNamespace
) -> None:
    received.keep(made.root, 1, made.tags, made.gate)
    (made.root / ".lifecycle/verdicts/1.json").write_text(content)
    assert "nothing proves" in str(passed.refusal(made.root, Version(1, made.tags, "")))


FORGED: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("one rule", lambda gate: gate.update(rules=gate["rules"][:1]), "rules that are missing: "),
    ("no rule", lambda gate: gate.update(rules=[]), "rules: "),
    ("a rule of his own", lambda gate: gate["rules"].append({**RULE, "rule": "mine"}), "mine"),
    ("a rule that fails", lambda gate: gate["rules"][0].update(verdict="fail"), "that failed"),
    ("unchanged", lambda gate: gate.update(verdict="unchanged"), "verdict: "),
    ("a difference", lambda gate: gate.update(difference={"a": 1}), "about another difference"),
    *(
        (key, lambda gate, key=key: gate.update({key: "0" * 32}), f"verdict is about another {key}")
        for key in verdict.CONTENTS
    ),
]


@pytest.mark.parametrize("kept", ["run", "bundle"])
@pytest.mark.parametrize(
    ("forge", "words"), [row[1:] for row in FORGED], ids=[r[0] for r in FORGED]
)
def test_a_verdict_rewritten_with_its_hash_is_refused(
    forge: Callable[[dict[str, Any]], object], words: str, kept: str, made: SimpleNamespace
) -> None:
    forge(made.gate)
    if kept == "run":
        version = with_run(made, made.gate)
    else:
        received.keep(made.root, 1, made.tags, made.gate)
        version = Version(1, made.tags, "")
    assert words in str(passed.refusal(made.root, version))


def test_the_verdict_that_the_gate_wrote_is_believed(made: SimpleNamespace) -> None:
    version = with_run(made, made.gate)
    assert passed.refusal(made.root, version) is None
    other = Version(1, {**version.tags, "gate_md5": "0" * 32}, version.run_id)
    assert "another than its tags name" in str(passed.refusal(made.root, other))


def empty(folder: Path) -> None:
    (folder / "gate.json").unlink()


def a_folder(folder: Path) -> None:
    empty(folder)
    (folder / "gate.json").mkdir()


def binary(folder: Path) -> None:
    (folder / "gate.json").write_bytes(b"\xff\xfe\x00")


@pytest.mark.parametrize("spoil", [empty, a_folder, binary, shutil.rmtree])
def test_what_a_run_keeps_may_be_anything_and_is_told_in_one_line(
    spoil: Callable[[Path], object], made: SimpleNamespace
) -> None:
    version = with_run(made, made.gate)
    (folder,) = made.root.glob("mlartifacts/*/artifacts/gate")
    spoil(folder)
    found = passed.refusal(made.root, version)
    assert found
    assert "\n" not in found
    assert kept_verdicts.kept_verdict(made.root, version.run_id, version.tags["gate_md5"]) is None


def test_versions_of_one_run_keep_their_own_verdicts(made: SimpleNamespace) -> None:
    """Where only the threshold differs, the model and its run are the same."""
    first = with_run(made, made.gate)
    content = json.dumps({**made.gate, "reason": "judged anew"}).encode()
    (made.root / "gate.json").write_bytes(content)
    for _ in range(2):
        kept_verdicts.log_verdict(made.root, first.run_id, made.root / "gate.json")
    second = Version(2, {**made.tags, "gate_md5": md5(content)}, first.run_id)
    for version in (first, second):
        assert passed.refusal(made.root, version) is None
