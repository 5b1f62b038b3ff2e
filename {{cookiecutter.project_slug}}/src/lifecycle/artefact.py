"""Model files by content: from the workspace, DVC's cache, or the DVC remote."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lifecycle.command import StageError
from lifecycle.files import md5, replacing
from lifecycle.params import load_params


def fetch_model(root: Path, tags: dict[str, str]) -> Path:
    """Return a file with exactly the model that a version's tags name.

    Raises:
        StageError: neither the workspace nor DVC's cache and remote have it.
    """
    wanted, commit = tags["model_md5"], tags["git_commit"]
    path = load_params(root / "params.yaml").paths.model
    if (root / path).is_file() and md5(root / path) == wanted:
        return root / path
    kept = root / ".lifecycle" / "models" / f"{wanted}.ubj"
    if kept.is_file() and md5(kept) == wanted:
        return kept
    import dvc.api
    from dvc.exceptions import DvcException
    from scmrepo.exceptions import SCMError

    try:
        content = dvc.api.read(str(path), repo=str(root), rev=commit, mode="rb")
    except (DvcException, SCMError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise StageError(
            f"the model {wanted} of commit {commit[:12]} is not to be had ({reason}): "
            "check the DVC remote with `dvc pull`"
        ) from None
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != wanted:
        raise StageError(f"commit {commit[:12]} holds another model than {wanted}")
    with replacing(kept) as temporary:
        temporary.write_bytes(content)
    return kept
