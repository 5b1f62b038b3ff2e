"""Files of a version by content: from the workspace, DVC's cache, or the DVC remote."""

from __future__ import annotations

import os
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, md5_of, replacing
from lifecycle.core import cloud
from lifecycle.core.params import load_params


def content_at(root: Path, commit: str, path: Path, what: str) -> bytes:
    """Return a file of the pipeline as it was at `commit`.

    Raises:
        StageError: neither DVC's cache nor its remote have it; `what` is not to be had.
    """
    import dvc.api
    from dvc.exceptions import DvcException
    from scmrepo.exceptions import SCMError

    cloud.renew(os.environ)
    try:
        content = dvc.api.read(str(path), repo=str(root), rev=commit, mode="rb")
    except (DvcException, SCMError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise StageError(
            f"{what} of commit {commit[:12]} is not to be had ({reason}): "
            "check the DVC remote with `dvc pull`"
        ) from None
    assert isinstance(content, bytes)
    return content


def _fetch(root: Path, commit: str, path: Path, wanted: str, what: str) -> Path:
    """Return a file with exactly the content `wanted`, from here or from `commit`."""
    if (root / path).is_file() and md5(root / path) == wanted:
        return root / path
    kept = root / ".lifecycle" / "models" / f"{wanted}{path.suffix}"
    if kept.is_file() and md5(kept) == wanted:
        return kept
    content = content_at(root, commit, path, f"{what} {wanted}")
    if md5_of(content) != wanted:
        raise StageError(f"commit {commit[:12]} holds something else than {what} {wanted}")
    with replacing(kept) as temporary:
        temporary.write_bytes(content)
    return kept


def fetch_model(root: Path, tags: dict[str, str]) -> Path:
    """Return a file with exactly the model that a version's tags name.

    Raises:
        StageError: neither the workspace nor DVC's cache and remote have it.
    """
    path = load_params(root / "params.yaml").paths.model
    return _fetch(root, tags["git_commit"], path, tags["model_md5"], "the model")


def fetch_evaluation(root: Path, tags: dict[str, str]) -> Path:
    """Return a file with exactly the evaluation that a version's tags name; raises as above."""
    path = load_params(root / "params.yaml").paths.evaluation_report
    return _fetch(root, tags["git_commit"], path, tags["evaluation_md5"], "the evaluation")


def fetch_reference(root: Path, tags: dict[str, str]) -> Path:
    """Return the file with the reference sample of a version; it names its model's content.

    Raises:
        StageError: neither the workspace nor DVC's cache and remote have it.
    """
    import polars as pl

    def is_of_version(path: Path) -> bool:
        try:
            return path.is_file() and pl.read_parquet_metadata(path).get("model_md5") == wanted
        except pl.exceptions.PolarsError:
            return False  # cut off, so that it is of no version

    wanted, commit = tags["model_md5"], tags["git_commit"]
    path = load_params(root / "params.yaml").paths.reference_sample
    kept = root / ".lifecycle" / "models" / f"{wanted}.parquet"
    for here in (root / path, kept):
        if is_of_version(here):
            return here
    content = content_at(root, commit, path, "the reference sample")
    with replacing(kept) as temporary:
        temporary.write_bytes(content)
    if not is_of_version(kept):
        raise StageError(f"commit {commit[:12]} holds the reference sample of another model")
    return kept
