"""A worker runs the code of its Bento, and nothing that lies in a cache beside it."""

from __future__ import annotations

import importlib.util
import os
import py_compile
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from sealed_bento import packaged

from lifecycle.core.params import Params
from lifecycle.records.recovery import Serving
from lifecycle.rollout import uncached
from lifecycle.rollout.worker import Worker


@pytest.fixture
def made(tmp_path: Path) -> SimpleNamespace:
    """A folder with one Bento in it."""
    return packaged(tmp_path)


UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH


@pytest.mark.parametrize("mode", [UNCHECKED, py_compile.PycInvalidationMode.TIMESTAMP])
@pytest.mark.parametrize("name", ["plain", "package.inner", "package"])
def test_what_is_planted_in_a_cache_does_not_run(
    mode: py_compile.PycInvalidationMode, name: str, tmp_path: Path
) -> None:
    """Python itself believes it: the cache names the right source, at its time and of its size."""
    code = tmp_path / "code"
    (code / "package").mkdir(parents=True)
    (code / "package/__init__.py").write_text("WHAT = 'good'")
    for module in ("plain", "package/inner"):
        (code / f"{module}.py").write_text("WHAT = 'good'")
    source = code / f"{name.replace('.', '/')}.py"
    source = source if source.is_file() else code / name / "__init__.py"
    evil = tmp_path / "evil.py"
    evil.write_text("WHAT = 'evil'")
    os.utime(evil, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))
    planted = importlib.util.cache_from_source(str(source))
    py_compile.compile(str(evil), planted, str(source), doraise=True, invalidation_mode=mode)
    (tmp_path / "ask.py").write_text(f"import {name}, sys; print({name}.WHAT, *sys.argv[1:])")
    before = sorted(code.rglob("*.pyc"))

    def said(*command: str) -> str:
        variables = {"PYTHONPATH": f"{code}{os.pathsep}{tmp_path}"}
        done = subprocess.run([sys.executable, *command, "--fd", "0"], env=variables, cwd="/",
                              capture_output=True, text=True, check=True)  # fmt: skip
        return done.stdout.strip()

    assert said("-B", "-m", "ask") == "evil --fd 0"
    assert said("-P", str(uncached.__file__), str(code), "ask") == "good --fd 0"
    assert sorted(code.rglob("*.pyc")) == before


def test_a_worker_reads_no_cache_of_its_bento_and_knows_its_tag(
    made: SimpleNamespace, real_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVING_PYTHON", sys.executable)
    (made.root / "requirements").mkdir()
    (made.root / "requirements/serving.txt").touch()
    serving = Serving(7, made.tag, "now")
    program = Worker(made.root, "development", made.root, serving).program(real_params)
    command = [str(part) for part in program.command]
    assert command[1:4] == ["-P", str(uncached.__file__), str(made.place / "src")]
    assert program.variables["BENTO_TAG"] == made.tag
