"""The notes of a release, in Markdown: figures, lineage, and where the version was taken to."""

from __future__ import annotations

import os
from pathlib import Path

from lifecycle.contract.files import read_json
from lifecycle.pages import web

# What a version was made of, in the words of the notes.
LINEAGE = {
    "git_commit": "commit", "window": "months", "model_md5": "model (MD5)",
    "data_md5": "data (MD5)", "train_md5": "training rows (MD5)", "holdout_md5": "holdout (MD5)",
    "params_md5": "params.yaml (MD5)", "schema_md5": "schema.yaml (MD5)",
    "features_md5": "features.py (MD5)", "serving_environment_md5": "serving lock (MD5)",
    "gate_md5": "gate's report (MD5)",
}  # fmt: skip


def of_folder(folder: Path) -> str:
    """Return the notes of what lies in `folder`: version.json, and what `deliver` wrote.

    The image is what IMAGE names; ATTESTED quotes how the step ended that attests.
    """
    delivered = {name: folder / f"{name}.json" for name in ("staging", "production")}
    is_attested = os.environ.get("ATTESTED") == "success"
    return web.render(
        "delivery/templates/notes.md",
        facts=read_json(folder / "version.json"), lineage=LINEAGE,
        image=os.environ.get("IMAGE", ""),
        attested_in=is_attested and os.environ.get("GITHUB_REPOSITORY", "OWNER/NAME"),
        delivered={name: read_json(path) for name, path in delivered.items() if path.is_file()},
    )  # fmt: skip
