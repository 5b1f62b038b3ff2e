"""Everything that goes into a Bento, put together in one folder, and the hash of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import yaml

from lifecycle.contract import seal
from lifecycle.contract.columns import Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_json, write_text
from lifecycle.core.params import Params
from lifecycle.records import definition, expected
from lifecycle.records.registry import DEFINITION, Version, deciding, otherwise
from lifecycle.release import sbom
from lifecycle.tasks.deciding import decided_by

# The folders of `lifecycle` that answer requests: they import nothing of the others.
CARRIED = ("contract", "serving")
ENTRY = '''"""The Bento's entry: the service of the release folder beside this file."""

import os
from pathlib import Path

# Before the model's library and BentoML are loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")

from lifecycle.serving.service import build_service  # noqa: E402

service = build_service(Path(__file__).parent / "release", sealed=Path(__file__).parent)
'''


def carried(code: Path) -> list[Path]:
    """Return the files below `code` that a Bento carries: those of what answers requests.

    Of the owner's, all that decide a score, so that it can be held against its version's tags: the
    tables too, though the model has in it what they said when it was trained.
    """
    package = code / "lifecycle"
    machinery = [path for name in CARRIED for path in (package / name).rglob("*.py")]
    root, place = code.parent, f"{definition.OWN}/"
    own = [root / path for path in definition.paths(root) if path.startswith(place)]
    return [package / "__init__.py", *machinery, *own]


def stage(
    root: Path, target: Path, params: Params, schema: Schema, version: Version, model: Path
) -> None:
    """Fill `target`: the service's code, the release folder, the entry, the build's options.

    Raises:
        StageError: what decides what is answered is another here than in the version's tags.
    """
    # A model's library is imported where something is packaged, and not before.
    from lifecycle.contract import model_file

    require_same(root, params, version)
    code = root / "src"
    for path in carried(code):
        place = target / path.relative_to(code)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    write_text(target / "service.py", ENTRY)
    release = target / "release"
    release.mkdir()
    shutil.copyfile(model, release / "model.ubj")
    shutil.copyfile(root / "schema.yaml", release / "schema.yaml")
    facts = {
        "name": params.project.name,
        "model_version": str(version.number),
        "model_md5": version.tags["model_md5"],
        "git_commit": version.tags["git_commit"],
        "gate_verdict": version.tags["gate_verdict"],
        **decided_by(params, schema, model_file.load(model)).given(),
        "maximum_rows": params.serve.maximum_rows,
        "maximum_body_bytes": params.serve.maximum_body_bytes,
        "timeout_seconds": params.serve.timeout_seconds,
        "prediction_log": params.prediction_log.model_dump(),
    }
    write_json(release / "release.json", facts)
    if measured := version.tags.get("difference"):
        write_json(release / expected.FILE, json.loads(measured))
    lock = root / "requirements" / "serving.txt"
    shutil.copyfile(lock, target / "requirements.txt")
    pinned = [f"{n}=={v}; {m}" if m else f"{n}=={v}" for n, v, m, _ in sbom.read_lock(lock)]
    options = {
        "service": "service:service",
        "name": params.project.name,
        "description": f"Model version {version.number} of {params.project.name}.",
        "labels": {"model_version": facts["model_version"], "model_md5": facts["model_md5"]},
        "include": ["service.py", "lifecycle/**/*.py", "project/**", "release/*"],
        # For the record; what the image installs is the lock itself (see package.build).
        "python": {"packages": pinned, "lock_packages": False},
    }
    write_text(target / "bentofile.yaml", yaml.safe_dump(options, sort_keys=False))


def require_same(root: Path, params: Params, version: Version) -> None:
    """Let through only a version that was judged with what is in the workspace.

    Settings that change no answer, as `maximum_rows`, may be others: its Bento is made again.

    Raises:
        StageError: what differs, and what to type.
    """
    here = deciding(root, params)
    del here["model_md5"]  # it is fetched by the version's tag
    places = {"threshold": "evaluate.threshold in params.yaml", **DEFINITION}
    tags = otherwise(version.tags, here)
    others = [places[tag] for tag in tags if tag in places]
    if definition.HASH in tags:
        others += definition.changed(root, version.tags)
    if others := list(dict.fromkeys(others)):
        raise StageError(
            f"version {version.number} was judged with another {', '.join(others)} than is here",
            "run `make pipeline`, then `make release`, for a version that is judged anew, or bring "
            f"back what it was (commit {version.tags['git_commit'][:12]})",
        )


def content_hash(folder: Path) -> str:
    """Return one hash of every staged file's path and content."""
    return seal.tag_hash(seal.hashes(folder))
