"""Repro runs `dvc repro`, once what a killed one left cut off is out of its way.

DVC writes two of its files in place: the list of files in use, and dvc.lock. Killed meanwhile, it
leaves them empty or half-written, and stops at them from then on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import try_lock
from lifecycle.core import failure, git
from lifecycle.core.command import project_root
from lifecycle.core.params import load_params

LOCK = Path("dvc.lock")
STATE = Path(".dvc", "tmp")
IN_USE = STATE / "rwlock"
# What a stage no longer needs it gives back at once: else each library keeps some for itself, and
# ingest takes more the more rows there are. (By the environment, as libraries ask when they begin.)
SPARING = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_TRIM_THRESHOLD_": "65536"}


def mend(root: Path) -> list[Path]:
    """Remove those of both files that were cut off, and return them; DVC makes them again.

    What dvc.lock said is in DVC's run cache. While another DVC holds a lock, nothing is touched.
    """
    # By the names and in the way that DVC itself takes them.
    with try_lock(root / STATE / "lock") as ours, try_lock(root / STATE / "rwlock.lock") as too:
        if not (ours and too):
            return []
        tests = {LOCK: _is_cut_off, IN_USE: _is_no_json}
        cut = [path for path, test in tests.items() if test(root / path)]
        for path in cut:
            (root / path).unlink()
    return cut


def _is_cut_off(path: Path) -> bool:
    """Say whether it lacks its end; one with a conflict of a merge has it, and is left alone."""
    return path.is_file() and not path.read_bytes().endswith(b"\n")


def _is_no_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return False


def main() -> None:
    """Become `dvc repro`; where the gate asks for an ablation, have one of what came of it."""
    root = project_root()
    git.require_own(root)
    # A new attempt: what stopped the one before says nothing of it.
    failure.forget(root)
    for path in mend(root):
        print(f"repro: {path} was cut off when DVC was killed: DVC makes it again", flush=True)
    os.environ.update(SPARING)
    command = [sys.executable, "-u", "-m", "dvc", "repro"]
    if not _is_ablation_asked():
        os.execv(sys.executable, command)  # noqa: S606
    if code := subprocess.run(command, check=False).returncode:
        raise SystemExit(code)
    # Seconds of imports that DVC alone does not need.
    from lifecycle.pipeline.ablation import ablate

    ablate.renew(root)


def _is_ablation_asked() -> bool:
    """Say whether the gate will ask for an ablation; of a mistake in params.yaml a stage tells."""
    try:
        return load_params().gate.ablation.refuse_harmful
    except StageError:
        return False
