"""Which files of a folder are of a source's kind, in one order everywhere."""

from __future__ import annotations

from pathlib import Path

from lifecycle.contract.errors import StageError
from lifecycle.core.source_settings import Known

# By kind, how names end; behind it there may be how a file is compressed.
ENDINGS = {
    "csv": (".csv", ".tsv", ".tab", ".psv", ".txt"),
    "parquet": (".parquet", ".pq"),
    "json_lines": (".jsonl", ".ndjson", ".json"),
    "excel": (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
}
PACKED = (".gz", ".zst", ".zstd")
ROWS = "rows.parquet"


def kind_by_name(name: str) -> str | None:
    """Return the kind of a file by how its name ends; None where that says nothing."""
    bare = name.lower()
    bare = next((bare.removesuffix(one) for one in PACKED if bare.endswith(one)), bare)
    return next((kind for kind, endings in ENDINGS.items() if bare.endswith(endings)), None)


def inside(folder: Path) -> list[Path]:
    """Return the files of a folder and those in it, by their names; hidden ones do not count.

    Raises:
        StageError: a link leads out of it, or folders are named like values of a column.
    """
    found = []
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        parts = path.relative_to(folder).parts
        if any(part.startswith((".", "_")) for part in parts):
            continue
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            raise StageError(f"{path} is a link that leads out of {folder}",
                             "put there what it leads to, or remove it")  # fmt: skip
        if any("=" in part for part in parts[:-1]):
            raise StageError(f"{path.parent} is named like the value of a column, which the rows "
                             "do not have", "write it into the files")  # fmt: skip
        if path.is_file():
            found.append(path)
    return found


def of_kind(folder: Path, kind: str) -> list[Path]:
    """Return the files of a folder that are of a kind; a file alone is, whatever its name.

    Raises:
        StageError: there is none, or one that cannot be read.
    """
    every = inside(folder)
    found = every if len(every) == 1 else [one for one in every if kind_by_name(one.name) == kind]
    if not found:
        named = ", ".join(ENDINGS[kind])
        raise StageError(f"{folder} has no file of kind {kind} ({named})",
                         "see data.source of params.yaml")  # fmt: skip
    return found


def reading(settings: Known, folder: Path) -> list[Path]:
    """Return the files that a source's rows are read from, once they are fetched."""
    return of_kind(folder, "parquet" if settings.kind == "sql" else settings.kind)
