"""What a person sees at a terminal: tables, and that long work goes on; in a log, plain lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

# So wide that nothing is folded where there is no terminal.
ENDLESS = 10_000


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[str] = ()) -> str:
    """Return rows below their names as text, set to the right in the columns of `numbers`."""
    # A tenth of a second, in which most commands have said what they have to say.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in head:
        made.add_column(Text(name), justify="right" if name in numbers else "left")
    for row in rows:
        # As text: what stands in brackets would be taken for a style.
        made.add_row(*map(Text, row))
    console = Console(width=None if sys.stdout.isatty() else ENDLESS)
    with console.capture() as captured:
        console.print(made)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


@contextmanager
def working(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show at a terminal that `what` goes on, for how long, and how much of `total` is done.

    Yields a function that is told how much that is. What is printed meanwhile stands above.
    """
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    said = TextColumn("{task.description}", markup=False)
    counted = (BarColumn(), TaskProgressColumn()) if total is not None else ()
    # The terminal breaks long lines itself: a path or command can still be copied whole.
    console = Console(soft_wrap=True)
    columns = (SpinnerColumn(), said, *counted, Elapsed())
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(what, total=total)
        yield lambda done: shown.update(task, completed=done)
