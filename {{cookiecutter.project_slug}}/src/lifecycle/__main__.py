"""The commands of the lifecycle: `python -m lifecycle COMMAND`, `--help` for what there is."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from lifecycle.core.command import PROGRAM, Command, Parser, nearest, option, run
from lifecycle.core.parts import offering

WHOLE = (
    Command("lifecycle", "lifecycle.whole_lifecycle:main",
            "Everything once, from nothing to a served prediction"),
    Command("batch", "lifecycle.batch:main", "Score a file of rows", (
        option("input", type=Path, help="a Parquet or CSV file"),
        option("output", type=Path, nargs="?", help="a .parquet file"),
        option("--model", type=Path, help="a model file; the champion by default"),
    )),
)  # fmt: skip


def parts() -> list[tuple[str, Sequence[Command]]]:
    """Return what each part that is there is about, with its commands; no part is known by name."""
    found = [(about, module.COMMANDS) for about, module in offering("commands")]
    return [("The whole, and a file of rows.", WHOLE), *found]


def overview() -> str:
    """Return what `--help` says: every command, part by part."""
    lines = [f"usage: {PROGRAM} COMMAND [--help]", ""]
    for about, commands in parts():
        lines += [about, *(f"  {one.name:16} {one.summary}" for one in commands), ""]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """Run the command that `arguments` begin with.

    A mistake in what was typed is one line, and exit code 2.
    """
    name, rest = (arguments[0] if arguments else "--help"), arguments[1:]
    if name in ("--help", "-h", "help"):
        print(overview())
        return
    known = {one.name: one for _, commands in parts() for one in commands}
    if name not in known:
        said = f"there is no command {name}{nearest(name, known)} ({PROGRAM} --help)"
        print(f"lifecycle: {said}", file=sys.stderr)
        raise SystemExit(2)
    command = known[name]
    given = Parser(command).parse_args(rest)
    module, _, function = command.function.partition(":")
    with _shown(command):
        run(name, lambda: _call(module, function, [given] if command.options else []))


def _shown(command: Command) -> AbstractContextManager[object]:
    """Show that a long command goes on, where somebody looks."""
    if not command.is_long:
        return nullcontext()
    from lifecycle.core.terminal import working

    return working(command.name)


def _call(module: str, function: str, given: Sequence[object]) -> None:
    """Import the command's module only now, where an import that fails has its one line too."""
    getattr(importlib.import_module(module), function)(*given)


if __name__ == "__main__":
    main(sys.argv[1:])
