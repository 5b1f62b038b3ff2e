"""Copies an artifact's files; their names are relative to the folder that holds all of them."""

import glob
import os
import shutil
import sys
from pathlib import Path


def found(patterns: list[str], hidden: bool) -> list[Path]:
    """Return every file that the patterns name, folders searched."""
    named = [Path(one) for pattern in patterns for one in glob.glob(pattern, recursive=True)]
    files = [file for path in named for file in (path.rglob("*") if path.is_dir() else [path])]
    return sorted({
        file for file in files
        if file.is_file() and (hidden or not any(p.startswith(".") for p in file.parts))
    })  # fmt: skip


def main() -> None:
    """Copy the files below the artifact's name."""
    target = Path(os.environ["STAND_IN_STATE"]) / "artifacts" / os.environ["NAME"]
    patterns = [line.strip() for line in os.environ["FILES"].splitlines() if line.strip()]
    files = found(patterns, os.environ["HIDDEN"] == "true")
    if not files:
        print(f"No files were found with the provided path: {' '.join(patterns)}.")
        sys.exit(os.environ["NONE_FOUND"] == "error")
    # An artifact of an earlier run is another one: the test gives each run's own folder.
    if target.exists() and os.environ["OVERWRITE"] != "true":
        sys.exit(f"an artifact with the name {target.name} already exists in this run")
    shutil.rmtree(target, ignore_errors=True)
    single = len(patterns) == 1 and Path(patterns[0]).is_dir()
    root = Path(patterns[0]) if single else Path(os.path.commonpath([f.parent for f in files]))
    for file in files:
        (target / file.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target / file.relative_to(root))
    print(f"Artifact {target.name} has {len(files)} files")


if __name__ == "__main__":
    main()
