"""What the registry says of a version is believed only where something else proves it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from bundles import RULE

from lifecycle.contract.errors import StageError
from lifecycle.core.params import Params
from lifecycle.records import (
    history,
    kept_verdicts,
    passed,
    proof,
    received,
    registry,
    store,
    tracking,
    verdict,
)
from lifecycle.records.deployment import Deployment
from lifecycle.records.recovery import Serving, State
from lifecycle.records.registry import TRACKED, Version
from lifecycle.rollout import asking, rollback, start, status

ROOT = Path(__file__).parents[2]
MODEL = "1" * 32
ADVICE = "say another, VERSION=n"


def git(folder: Path, *arguments: str) -> str:
    somebody = ("-c", "user.name=a", "-c", "user.email=a@localhost",
                "-c", "core.hooksPath=/dev/null")  # fmt: skip
    done = subprocess.run(
        ["git", "-C", str(folder), *somebody, *arguments],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which nothing is, as making one takes a second."""
    root = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        store.ensure(root)
    return root / "mlflow.db"


@pytest.fixture
def made(
    tmp_path: Path, params: Params, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> SimpleNamespace:
    """A project with one commit of all that a version leads back to, and its tags and verdict."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    root = tmp_path / "project"
    for path in TRACKED.values():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    shutil.copy(ROOT / "schema.yaml", root)
    text = yaml.safe_dump(params.model_dump(mode="json", by_alias=True), sort_keys=False)
    (root / "params.yaml").write_text(text)
    (root / "dvc.lock").write_text(
        f"stages:\n  train:\n    outs:\n    - path: m\n      md5: {MODEL}\n"
    )
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "All")
    shutil.copy(empty_store, root)
    tags = dict.fromkeys(proof.NEEDED, "a" * 32) | {
        "git_commit": git(root, "rev-parse", "HEAD"), "model_md5": MODEL, "gate_verdict": "pass",
        "window": "2013-01 to 2013-02", "train_last": "2013-02-01",
        "threshold": repr(params.evaluate.threshold),
        **{tag: md5((root / path).read_bytes()) for tag, path in TRACKED.items()},
    }  # fmt: skip
    found = proof.required(root, Version(1, tags, ""), SimpleNamespace(against=None))  # type: ignore[arg-type]
    assert found
    gate: dict[str, Any] = {
        "verdict": "pass", "reason": "every rule holds", "champion": None, "base": None,
        "rules": [{**RULE, "rule": rule} for rule in found],
        **{key: tags[key] for key in verdict.CONTENTS},
    }  # fmt: skip
    return SimpleNamespace(root=root, params=params, tags=tags, gate=gate)


def by_hand(made: SimpleNamespace, **changes: str) -> Version:
    """Make a version as one does in MLflow, without a run."""
    versions = registry.connect(made.root, made.params)
    versions._ensure()
    return registry._version(versions._client.create_model_version(
        versions.name, "git:whatever", tags={**made.tags, **changes}, await_creation_for=0
    ))  # fmt: skip


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


@pytest.fixture
def deployed(made: SimpleNamespace) -> SimpleNamespace:
    """The project with version 1, which passed, live and the one before as well."""
    received.keep(made.root, 1, made.tags, made.gate)
    version = by_hand(made)
    made.versions = registry.connect(made.root, made.params)
    made.serving = Serving(version.number, "shrunk:1-00000000", "now")
    made.state = State(live=made.serving, previous=made.serving)
    Deployment(made.root, "development").save(made.state)
    return made


def revoke(made: SimpleNamespace) -> None:
    made.versions._client.set_model_version_tag(made.versions.name, "1", "gate_verdict", "fail")


def test_what_was_taken_back_in_the_registry_is_said_and_not_started(
    deployed: SimpleNamespace,
) -> None:
    root, params = deployed.root, deployed.params
    assert asking.ask(root, params, 1) == asking.Answer()
    assert "registry" not in "\n".join(status.lines(root, params, "development"))
    assert rollback.target(root, params, deployed.state, None).tag == deployed.serving.tag
    revoke(deployed)
    words = "the gate did not pass it (its tag gate_verdict is fail)"
    (line,) = (one for one in status.lines(root, params, "development") if "registry" in one)
    assert f"version 1 may not serve any more: {words}; run `make rollback`" in line
    with pytest.raises(StageError, match=r"version 1 does not serve: .* is fail\); say which"):
        rollback.target(root, params, deployed.state, None)
    with pytest.raises(StageError, match=r"version 1 does not serve: .*`make rollback VERSION=n`"):
        start.start(root, params, "development")


def gone(root: Path, patch: pytest.MonkeyPatch) -> None:
    (root / "mlflow.db").unlink()


def broken(root: Path, patch: pytest.MonkeyPatch) -> None:
    (root / "mlflow.db").write_bytes(b"no database" * 1000)


def cut_off(root: Path, patch: pytest.MonkeyPatch) -> None:
    (root / "mlflow.db").write_bytes(b"")


def dead_server(root: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")


@pytest.mark.parametrize("harm", [gone, broken, cut_off, dead_server])
def test_where_the_registry_cannot_be_asked_it_is_said_in_one_line_and_nothing_stops(
    harm: Callable[[Path, pytest.MonkeyPatch], object], deployed: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    root, params = deployed.root, deployed.params
    harm(root, monkeypatch)
    (line,) = (one for one in status.lines(root, params, "development") if "registry" in one)
    assert "cannot be asked of version 1: " in line
    assert "\n" not in line
    capsys.readouterr()
    assert rollback.target(root, params, deployed.state, None).version == 1
    said = capsys.readouterr().out
    assert said.startswith("whether version 1 may still serve could not be asked: ")
    assert said.count("\n") == 1
    assert (root / "mlflow.db").exists() == (harm is not gone)
