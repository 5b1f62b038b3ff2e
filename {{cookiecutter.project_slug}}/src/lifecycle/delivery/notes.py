"""The notes of a release, in Markdown: figures, lineage, and where the version was taken to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lifecycle.contract.files import read_json

# What a version was made of, in the words of the notes.
LINEAGE = {
    "git_commit": "commit", "window": "months", "model_md5": "model (MD5)",
    "data_md5": "data (MD5)", "train_md5": "training rows (MD5)", "holdout_md5": "holdout (MD5)",
    "params_md5": "params.yaml (MD5)", "schema_md5": "schema.yaml (MD5)",
    "features_md5": "features.py (MD5)", "serving_environment_md5": "serving lock (MD5)",
    "gate_md5": "gate's report (MD5)",
}  # fmt: skip


def table(head: str, rows: dict[str, str]) -> str:
    """Return a table of two columns."""
    lines = "".join(f"| {name} | {value} |\n" for name, value in rows.items())
    return f"| {head} | |\n| --- | --- |\n{lines}"


def delivered(folder: Path) -> str:
    """Return a sentence for each environment, from what `deliver` wrote."""
    found = []
    for name in ("staging", "production"):
        path = folder / f"{name}.json"
        if not path.is_file():
            continue
        kept = read_json(path)
        how = "was rehearsed on the workflow's machine" if kept["rehearsed"] else "serves"
        figures = [one["found"] for one in kept["steps"] if one["step"] == "smoke and load"]
        found.append(f"- {name}: {how}" + (f" ({figures[0]})" if figures else ""))
    return "\n".join(found) or "- nowhere yet"


def attested() -> str:
    """Say whether the release has an attestation, by how the step ended that ATTESTED quotes."""
    if os.environ.get("ATTESTED") == "success":
        repository = os.environ.get("GITHUB_REPOSITORY", "OWNER/NAME")
        return ("Attested: `gh attestation verify bundle.tar.gz --repo " + repository + "` says "
                "which run built it.")  # fmt: skip
    return ("Not attested: for a private repository GitHub keeps attestations in its Enterprise "
            "plan alone (variable `ATTEST`).")  # fmt: skip


def notes(facts: dict[str, Any], folder: Path, image: str = "") -> str:
    """Return the notes of the release whose version.json is `facts`."""
    metrics = {name: f"{value:.4f}" for name, value in facts["metrics"].items()
               if isinstance(value, int | float)}  # fmt: skip
    rules = facts["gate"].get("rules", [])
    champion = facts["gate"].get("champion")
    against = f"version {champion}" if champion else "no version (it is the first)"
    lineage = {LINEAGE[key]: f"`{facts['lineage'][key]}`" for key in LINEAGE
               if key in facts["lineage"]}  # fmt: skip
    gate = "".join(
        f"| {one['rule']} | {one['measured']} | {one['required']} | {one['verdict']} |\n"
        for one in rules
    )
    parts = [
        f"Version {facts['version']} of {facts['name']}: the gate compared it with {against}, and "
        f"all {len(rules)} rules hold.",
        table("holdout", metrics),
        "| rule | measured | required | verdict |\n| --- | --- | --- | --- |\n" + gate,
        table("lineage", lineage),
        "Bento: `" + facts["tag"] + "`"
        + (f"\n\nImage: `{image}`" if image else "\n\nNo image (deploy target none)."),
        attested(),
        "Delivered:\n\n" + delivered(folder),
    ]  # fmt: skip
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def of_folder(folder: Path) -> str:
    """Return the notes of what lies in `folder`; the image is what IMAGE names."""
    return notes(read_json(folder / "version.json"), folder, os.environ.get("IMAGE", ""))
