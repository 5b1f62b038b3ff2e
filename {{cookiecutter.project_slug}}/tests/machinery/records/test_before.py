"""What was made before there was a src/project/ is found where it is."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from lifecycle.records import named, registry

NOW, BEFORE = "src/project/features.py", "src/lifecycle/features.py"


def write(folder: Path, name: str, text: str) -> str:
    """Write a file, and return its MD5."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("place", [NOW, BEFORE])
def test_the_features_of_a_bento_are_compared_where_it_has_them(place: str, tmp_path: Path) -> None:
    write(tmp_path, named.RECORD, json.dumps({"model_md5": "m", "gate_verdict": "pass"}))
    tags = {
        "model_md5": "m", "gate_verdict": "pass",
        "features_md5": write(tmp_path, place, "derive"),
        "schema_md5": write(tmp_path, "src/release/schema.yaml", "columns"),
    }  # fmt: skip
    assert named.difference(tmp_path, tags) is None
    write(tmp_path, place, "another")
    assert "features_md5" in str(named.difference(tmp_path, tags))
    (tmp_path / place).unlink()
    with pytest.raises(OSError, match=r"features\.py"):
        named.difference(tmp_path, tags)


def test_what_stands_in_both_places_is_taken_from_where_it_belongs(tmp_path: Path) -> None:
    write(tmp_path, named.RECORD, "{}")
    here = write(tmp_path, NOW, "derive")
    write(tmp_path, BEFORE, "another")
    assert named.difference(tmp_path, {"features_md5": here}) is None


@pytest.mark.parametrize("place", [NOW, BEFORE])
def test_the_features_of_a_commit_are_read_where_it_has_them(place: str, tmp_path: Path) -> None:
    write(tmp_path, place, "derive")
    who = ("-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "core.hooksPath=/dev/null")
    for command in (("init", "--quiet"), ("add", "--all"), (*who, "commit", "-qm", "First")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert registry.at_commit(tmp_path, "HEAD", NOW) == b"derive"
    assert registry.at_commit(tmp_path, "HEAD", "schema.yaml") is None
