"""The command that writes the owner's files from a profile of the data."""

from __future__ import annotations

from lifecycle.core.command import Command, option

COMMANDS = (
    Command("adopt", "lifecycle.adopt.adopt:main",
            "Write schema, expectations and parameters from your own data", (
        option("source", nargs="?", default="", help="a file, folder, address or database"),
        option("target", nargs="?", default="", help="the column that is predicted"),
        option("--time", default="", help="when the prediction is made; none: there is no time"),
        option("--key", default="", help="the columns that identify a row, with commas between"),
        option("--group", default="", help="whose rows stay together, as those of one customer"),
        option("--task", default="", help="binary, multiclass or regression"),
        option("--positive", default="", help="of two values the one whose probability is asked"),
        option("--sensitive", default="", help="whose groups are compared, with commas between"),
        option("--query", default="", help="what a database is asked"),
    )),
)  # fmt: skip
