"""What decides a score, file by file, and one hash of it: a version's definition.

By these files a row becomes the model's numbers, and those its scores. Where one of them is
another than a version was made with, only the code of its own commit may score for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import md5, md5_of, parse_strict

# The version's tags: the hash, and what it is of (each path with its MD5).
HASH, FILES = "definition_md5", "definition"
# A test holds them against what these modules import.
MACHINERY = (
    "src/lifecycle/contract/columns.py",
    "src/lifecycle/contract/errors.py",
    "src/lifecycle/contract/features.py",
    "src/lifecycle/contract/language/__init__.py",
    "src/lifecycle/contract/language/evaluate.py",
    "src/lifecycle/contract/language/function.py",
    "src/lifecycle/contract/language/graph.py",
    "src/lifecycle/contract/language/learnt.py",
    "src/lifecycle/contract/language/moments.py",
    "src/lifecycle/contract/language/numbers.py",
    "src/lifecycle/contract/language/table.py",
    "src/lifecycle/contract/language/texts.py",
    "src/lifecycle/contract/language/vocabulary.py",
    "src/lifecycle/contract/model_file.py",
    "src/lifecycle/contract/outcome/__init__.py",
    "src/lifecycle/contract/outcome/binary.py",
    "src/lifecycle/contract/outcome/chosen.py",
    "src/lifecycle/contract/outcome/multiclass.py",
    "src/lifecycle/contract/outcome/outcome.py",
    "src/lifecycle/contract/outcome/regression.py",
    "src/lifecycle/contract/section.py",
    "src/lifecycle/contract/values.py",
    "src/lifecycle/core/frames.py",
    "src/lifecycle/pipeline/prepare.py",
)
# Of the owner's files, tables beside the code included, all but the one that fetches rows.
OWN, LEFT_OUT = "src/project", "source.py"
PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./ -]*")


def paths(root: Path) -> list[str]:
    """Return the paths of all that decides a score in the workspace, sorted."""
    own = (path.relative_to(root) for path in (root / OWN).rglob("*") if path.is_file())
    kept = [path.as_posix() for path in own if path.name != LEFT_OUT
            and not any(part.startswith((".", "__pycache__")) for part in path.parts)]  # fmt: skip
    return sorted((*MACHINERY, "schema.yaml", *kept))


def here(root: Path) -> dict[str, str]:
    """Return the MD5 of each of those files."""
    return {path: md5(root / path) for path in paths(root)}


def tags(files: Mapping[str, str]) -> dict[str, str]:
    """Return both tags of a definition."""
    text = json.dumps(files, sort_keys=True)
    return {HASH: md5_of(text.encode()), FILES: text}


def read(found: Mapping[str, str]) -> dict[str, str]:
    """Return the files that the tags of a version name; none of a version from before they did.

    Raises:
        StageError: they are not what `tags` gives.
    """
    if HASH not in found and FILES not in found:
        return {}
    try:
        files = parse_strict(found.get(FILES, "").encode())
    except ValueError:
        files = None
    named = isinstance(files, dict) and all(
        PATH.fullmatch(path) and ".." not in path and isinstance(value, str)
        for path, value in files.items()
    )
    if not named or tags(files)[HASH] != found.get(HASH):
        raise StageError(f"the version's tags {FILES} and {HASH} are none that `make release` gave")
    return dict(files)


def changed(root: Path, found: Mapping[str, str]) -> list[str]:
    """Return which paths are others in the workspace than the tags of a version name."""
    now, then = here(root), read(found)
    return sorted(path for path in now.keys() | then.keys() if now.get(path) != then.get(path))
