"""The verdicts that are kept with a model's run in MLflow, byte by byte."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5_of, parse_strict
from lifecycle.records import store, tracking

# Where a run keeps the verdict that let its model through.
VERDICTS = "gate"


def log_verdict(root: Path, run_id: str, gate_report: Path) -> None:
    """Keep the verdict that let a model through with its run.

    Versions of one model, with another threshold, share its run: each keeps its own verdict.
    """
    content = gate_report.read_bytes()
    kept = verdict_content(root, run_id, md5_of(content))
    if kept != content:
        place = VERDICTS if kept is None else f"{VERDICTS}/{md5_of(content)}"
        tracking.connect(root).MlflowClient().log_artifact(run_id, str(gate_report), place)


def verdict_content(root: Path, run_id: str, wanted: str = "") -> bytes | None:
    """Return a verdict kept with a run, byte by byte, or None where run or verdict are gone.

    Of several it is the one with the MD5 `wanted`, else the first.

    Raises:
        StageError: MLflow has them and cannot give them.
    """
    if not run_id:
        return None
    here = root / "mlartifacts" / run_id / "artifacts" / VERDICTS
    if store.is_local(root) and here.is_dir():
        # Nothing is copied, so that a full disk is no reason.
        return _wanted(here, wanted)
    client = tracking.connect(root).MlflowClient()
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as scratch:
        try:
            client.get_run(run_id)
            if not client.list_artifacts(run_id, VERDICTS):
                return None
            folder = client.download_artifacts(run_id, VERDICTS, scratch)
        except (MlflowException, OSError) as error:
            # Only what MLflow does not have is absent: anything else is no answer.
            if getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise StageError(f"MLflow cannot read the verdict kept with run {run_id}: "
                             f"{' '.join(str(error).split())}") from None  # fmt: skip
        return _wanted(Path(folder), wanted)


def _wanted(folder: Path, wanted: str) -> bytes | None:
    """Return the content of the file with an MD5 below a folder, else of the first, if any."""
    paths = sorted(folder.rglob("*"), key=lambda path: (len(path.parts), path))
    found = [path.read_bytes() for path in paths if path.is_file()]
    return next((one for one in found if md5_of(one) == wanted), found[0] if found else None)


def kept_verdict(root: Path, run_id: str, wanted: str = "") -> dict[str, Any] | None:
    """Return a verdict kept with a run, or None where it is gone or cannot be read; see above."""
    try:
        found = parse_strict(verdict_content(root, run_id, wanted) or b"")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
