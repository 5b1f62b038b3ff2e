"""Adopt writes the owner's files from a profile of the data, for the owner to review.

It writes all of them or none, over nothing that is not committed, and commits nothing: `git
checkout .` undoes it.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lifecycle.adopt import asking, names, opening, settle, writing
from lifecycle.adopt.asked import Asked, Said
from lifecycle.adopt.writing import Files
from lifecycle.contract.columns import load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import move, write_text
from lifecycle.core import git, git_command, task_metrics
from lifecycle.core.command import project_root
from lifecycle.core.params import load_params
from lifecycle.pipeline import document

COLUMNS = "expectations/columns.md"
# A difference of more lines is told by its files alone.
SHOWN_LINES = 200


def require_committed(root: Path, source: str) -> None:
    """Let everything be committed but the source itself and DVC's lock.

    Raises:
        StageError: what is not, and what to type.
    """
    own = {"dvc.lock", source.removeprefix("./")}
    dirty = [path for path in git.changed(root) if path not in own and not _below(path, source)]
    if dirty:
        more = " and more" if len(dirty) > 3 else ""
        raise StageError(f"{', '.join(dirty[:3])}{more} not committed, and adopt writes over files",
                         "type `git add -A && git commit` first")  # fmt: skip


def _below(path: str, folder: str) -> bool:
    return bool(folder) and Path(folder) in Path(path).parents


def checked(root: Path, files: Files) -> Files:
    """Return the files with the page of the columns, once the lifecycle can read them.

    Raises:
        StageError: it cannot: adopt would write what the next command refuses.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name in (writing.SCHEMA, writing.PARAMS):
            text = files.get(name) or (root / name).read_text(encoding="utf-8")
            (Path(folder) / name).write_text(text, encoding="utf-8")
        try:
            schema = load_schema(Path(folder) / writing.SCHEMA)
            task_metrics.require(load_params(Path(folder) / writing.PARAMS), schema)
        except StageError as error:
            said = str(error).replace(f"{folder}/", "")
            raise StageError(f"what would be written of this source is refused: {said}") from None
    page = document.table(schema)
    if (root / COLUMNS).read_text(encoding="utf-8") != page:
        return {**files, COLUMNS: page}
    return files


def write(root: Path, files: Files) -> None:
    """Write all files, or leave all as they were.

    Raises:
        OSError: the disk refuses.
    """
    # Each is there and readable before the first is touched.
    before = {name: (root / name).read_bytes() if (root / name).is_file() else None
              for name in files}  # fmt: skip
    try:
        for name, text in files.items():
            if text is None:
                (root / name).unlink()
            else:
                write_text(root / name, text)
    except (OSError, StageError):
        for name, content in before.items():
            if content is None:
                (root / name).unlink(missing_ok=True)
            else:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(content)
        raise


def adopt(root: Path, asked: Asked) -> tuple[Files, Said]:
    """Write the files of a source, and return them with what there is to say.

    Raises:
        StageError: nothing can be made of the source, or something is not committed.
    """
    require_committed(root, asked.source)
    said = Said()
    params = load_params(root / writing.PARAMS)
    folder = root / params.paths.source
    with fetched_beside(folder) as part:
        try:
            opened = opening.source(asked.source, root, part, asked.query or None)
            plan = settle.settle(opened, asked, said, params.train)
        except StageError as error:
            # What was fetched is called as the owner calls it; a name may have lines of its own.
            line = str(error).replace(f"{part}/", "").replace(f"{root}/", "")
            raise StageError(names.in_one_line(line)) from None
        files = checked(root, writing.files(root, plan, asked, said))
        write(root, files)
        # What was looked at is what is read; of the files there before, params.yaml says nothing.
        shutil.rmtree(folder, ignore_errors=True)
        move(part, folder)
    return files, said


@contextmanager
def fetched_beside(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside another, which is gone afterwards unless it was moved."""
    part = folder.with_name(f".{folder.name}.adopted")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def report(asked: Asked, files: Files, said: Said) -> str:
    """Return what is printed: decisions, doubts, what to look at."""
    parts = [f"adopt: {asked.source}, to predict {asked.target}"]
    for head, lines in (("decided", said.decided), ("unsure", said.unsure),
                        ("look at", said.flagged)):  # fmt: skip
        shown = [f"  {names.in_one_line(line)}" for line in lines]
        parts += [f"\n{head}", *shown] if lines else []
    return "\n".join(parts)


def difference(root: Path, files: Files) -> str:
    """Return how the files differ from the last commit: line by line where that is short."""
    names = [name for name in files if name != writing.RECORD]
    if not names:
        return ""
    whole = git_command.call(root, "diff", "--no-ext-diff", "--", *names).decode(errors="replace")
    if whole.count("\n") <= SHOWN_LINES:
        return whole
    return git_command.call(root, "diff", "--no-ext-diff", "--stat", "--", *names).decode(
        errors="replace"
    )


def main(given: argparse.Namespace) -> None:
    """Adopt a source and say what was decided."""
    root = project_root()
    asked = asking.asked(given, writing.record(root))
    files, said = adopt(root, asked)
    print(report(asked, files, said))
    if not files.keys() - {writing.RECORD}:
        print("\nnothing changes: the files are what the data says")
        return
    print(f"\n{difference(root, files)}")
    print("Nothing is committed: look at `git diff`, then type `git add -A && git commit -m "
          "'Our own data' && make lifecycle`; `git checkout .` undoes it (with "
        "`rm -rf data/source`).")  # fmt: skip
