"""Nothing is registered that the pipeline made of other files and parameters than are here."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from lifecycle.contract.errors import StageError
from lifecycle.release.register import require_pipeline

CODE = "RATE = 1\n"
# As DVC 3 writes it down: the folder's files in JSON, and small numbers without a point.
LOCK = """\
stages:
  train:
    deps:
    - path: src/project/shared
      md5: {folder}.dir
    - path: src/project/model.py
      md5: {file}
    params:
      params.yaml:
        train:
          rate: 1e-05
          rates: [1e-06, 1]
    outs: []
"""


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    own = tmp_path / "src" / "project"
    shared = own / "shared"
    (shared / "__pycache__").mkdir(parents=True)
    (shared / "__pycache__" / "rates.pyc").write_text("compiled")
    (shared / "rates.py").write_text(CODE)
    (own / "model.py").write_text(CODE)
    file = hashlib.md5(CODE.encode()).hexdigest()
    folder = json.dumps([{"md5": file, "relpath": "rates.py"}])
    lock = LOCK.format(folder=hashlib.md5(folder.encode()).hexdigest(), file=file)
    (tmp_path / "dvc.lock").write_text(lock)
    (tmp_path / "params.yaml").write_text("train:\n  rate: 0.00001\n  rates: [0.000001, 1]\n")
    return tmp_path


def test_the_same_files_and_parameters_are_let_through(locked: Path) -> None:
    require_pipeline(locked)


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("src/project/model.py", "RATE = 2\n", "src/project/model.py"),
        ("src/project/shared/rates.py", "RATE = 2\n", "src/project/shared"),
        ("src/project/shared/more.py", "", "src/project/shared"),
        ("params.yaml", "train:\n  rate: 0.00002\n  rates: [0.000001, 1]\n", "params.yaml: train"),
        ("params.yaml", "train:\n  rate: 0.00001\n  rates: [0.000002, 1]\n", "params.yaml: train"),
    ],
)
def test_others_are_named(path: str, content: str, said: str, locked: Path) -> None:
    (locked / path).write_text(content)
    with pytest.raises(StageError, match=f"ran with other content of {said}"):
        require_pipeline(locked)
