"""What is published comes out of the bundle whose hash is known, and from nowhere else."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from lifecycle.contract.errors import StageError
from lifecycle.contract.seal import sha256
from lifecycle.delivery import notes
from lifecycle.delivery.publish import unpack

FACTS = {"version": 2, "lineage": {"git_commit": "1" * 40}}


def packed(path: Path, **members: bytes) -> Path:
    """Write an archive; a name has two underscores for a slash, and one for a dot."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name.replace("__", "/").replace("_", "."))
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A folder as the job gets it; what lies beside the bundle was changed on the way."""
    folder = tmp_path / "dist"
    folder.mkdir()
    facts = json.dumps(FACTS).encode()
    packed(folder / "bundle.tar.gz", version_json=facts, bento__sbom_cdx_json=b'{"of": "bundle"}')
    (folder / "version.json").write_text('{"version": 99}')
    (folder / "sbom.cdx.json").write_text("{}")
    return folder


def test_facts_and_bill_of_materials_are_those_of_the_bundle(
    dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = sha256(dist / "bundle.tar.gz")
    monkeypatch.setenv("BUNDLE_SHA256", known)
    assert unpack(dist) == (FACTS, known)
    assert json.loads((dist / "version.json").read_text()) == FACTS
    assert json.loads((dist / "sbom.cdx.json").read_text()) == {"of": "bundle"}


@pytest.mark.parametrize(
    ("value", "said"), [("0" * 64, "not what was built"), ("", "is no SHA-256")]
)
def test_a_bundle_with_another_hash_publishes_nothing(
    dist: Path, monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.setenv("BUNDLE_SHA256", value)
    with pytest.raises(StageError, match=said):
        unpack(dist)
    assert (dist / "version.json").read_text() == '{"version": 99}'


def test_what_is_no_bundle_publishes_nothing(dist: Path) -> None:
    for content in (b"text", packed(dist / "other", version_json=b"{}").read_bytes()):
        (dist / "bundle.tar.gz").write_bytes(content)
        with pytest.raises(StageError, match="is no bundle: `make bundle` packs one"):
            unpack(dist)
        assert (dist / "version.json").read_text() == '{"version": 99}'


def test_without_a_bundle_it_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="is missing: run `make bundle`"):
        unpack(tmp_path)


def test_the_notes_say_what_was_done_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IMAGE", "ATTESTED", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    rule = {"rule": "roc_auc", "measured": "0.7 < 0.8", "required": "", "verdict": "pass"}
    facts = {**FACTS, "name": "late", "tag": "late:2-0", "metrics": {"roc_auc": 0.7, "of": "x"},
             "gate": {"rules": [rule]}}  # fmt: skip
    (tmp_path / "version.json").write_text(json.dumps(facts))
    said = notes.of_folder(tmp_path)
    assert said.startswith("Version 2 of late: the gate compared it with no version (it is the ")
    for line in ("| roc_auc | 0.7000 |", "| roc_auc | 0.7 < 0.8 |  | pass |",
                 f"| commit | `{'1' * 40}` |", "No image (deploy target none).",
                 "- nowhere yet"):  # fmt: skip
        assert line in said.splitlines()
    assert "| of |" not in said
    assert "\nNot attested: " in said
    step = {"step": "smoke and load", "found": "200 requests"}
    for name, steps in (("staging", [step]), ("production", [])):
        kept = {"rehearsed": name == "staging", "steps": steps}
        (tmp_path / f"{name}.json").write_text(json.dumps(kept))
    monkeypatch.setenv("IMAGE", "registry/late@sha256:0")
    monkeypatch.setenv("ATTESTED", "success")
    monkeypatch.setenv("GITHUB_REPOSITORY", "me/late")
    said = notes.of_folder(tmp_path)
    assert "- staging: was rehearsed on the workflow's machine (200 requests)\n" in said
    assert said.endswith("- production: serves\n")
    assert "Image: `registry/late@sha256:0`" in said
    assert "--repo me/late` says which run built it." in said
