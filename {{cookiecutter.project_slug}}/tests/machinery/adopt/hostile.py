"""Files that nobody would adopt if he could choose, made out of one that is good."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from adopt.made import table

ROWS = 400
Make = Callable[[Path], object]
EVERY = pl.int_range(pl.len())
DAY = pl.col("day").dt


def rows(**more: Any) -> pl.DataFrame:
    """Return a good table with a time, and some columns otherwise."""
    begin = datetime(2020, 1, 1)
    day = pl.Series("day", [begin + timedelta(hours=8 * number) for number in range(ROWS)])
    return table(ROWS).with_columns(day).with_columns(**more)


def text(frame: pl.DataFrame) -> str:
    """Return a table as CSV."""
    return frame.write_csv(datetime_format="%Y-%m-%dT%H:%M:%S")


GOOD = text(rows())
LINES = GOOD.splitlines()


def csv(content: str | bytes, name: str = "rows.csv") -> Make:
    """Write this content."""
    found = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(found)


def made(**more: Any) -> Make:
    """Write the good table with some columns otherwise."""
    return csv(text(rows(**more)))


def parquet(**more: Any) -> Make:
    """Write it as Parquet."""
    return lambda folder: rows(**more).write_parquet(folder / "rows.parquet")


def renamed(**names: str) -> Make:
    """Write it with other names."""
    return csv(text(rows().rename(names)))


def some(value: Any, otherwise: str, each: int = 9) -> pl.Expr:
    """Return a column with another value in each so-many-th row."""
    return pl.when(EVERY % each == 5).then(pl.lit(value)).otherwise(pl.col(otherwise))


def wide(columns: int) -> Make:
    """Write so many columns."""
    names = [*(f"c{number}" for number in range(columns - 1)), "bought"]
    drawn = np.random.default_rng(1).integers(0, 9, (60, columns)).tolist()
    values = [[*row[:-1], row[-1] % 2] for row in drawn]
    return csv("".join(",".join(map(str, one)) + "\n" for one in (names, *values)))


def folder_of(content: str | None) -> Make:
    """Make a folder that is named like a file."""

    def make(folder: Path) -> None:
        (folder / "rows.csv").mkdir()
        (folder / "rows.csv" / (".keep" if content is None else "a.csv")).write_text(content or "x")

    return make


def link(target: str, *, inside: bool) -> Make:
    """Make a link out of the project, or one in a folder."""

    def make(folder: Path) -> None:
        out = folder.parent / "out.csv"
        out.write_text(GOOD)
        place = folder / "in" if inside else folder
        place.mkdir(exist_ok=True)
        (place / "rows.csv").symlink_to(target or out)

    return make


def changing(folder: Path) -> None:
    """Write a file that grows whenever it is copied (see `grow`)."""
    (folder / "rows.csv").write_text(GOOD)


def grow(path: Any, target: Any, copy: Any = shutil.copyfile) -> None:
    """Copy a file that somebody writes meanwhile."""
    copy(path, target)
    with Path(path).open("a", encoding="utf-8") as handle:
        handle.write(LINES[-1] + "\n")


PACKED = gzip.compress(GOOD.encode())
CUT = PACKED[: len(PACKED) // 2]
DATES = (
    pl.when(EVERY % 3 == 0).then(DAY.strftime("%Y-%m-%d")).when(EVERY % 3 == 1)
    .then(DAY.strftime("%d.%m.%Y")).otherwise(DAY.strftime("%m/%d/%Y"))
)  # fmt: skip
ZONES = (
    pl.when(EVERY % 2 == 0).then(DAY.strftime("%Y-%m-%dT%H:%M:%SZ"))
    .otherwise(DAY.strftime("%Y-%m-%dT%H:%M:%S+05:30"))
)  # fmt: skip
WORDS = {"red": "日本", "green": "🙂 'x' \"y\"", "blue": "no"}
# The file, what is typed, and the one line that is said.
REFUSED: dict[str, tuple[Make, str, str]] = {
    "empty": (csv(""), "", "rows.csv is empty: give a file with a header and rows"),
    "only a header": (csv(LINES[0] + "\n"), "", "the source has a header and no rows"),
    "a header that does not end": (csv(LINES[0]), "",
                                  "rows.csv cannot be read: it has a header, and no rows"),
    "one row": (csv("\n".join(LINES[:2])), "",
                "the source has 1 rows, and fewer than 40 are too few to hold any out"),
    "one column": (csv("bought\n" + "true\nfalse\n" * 50), "",
                   "no column is left that the model could be given"),
    "two equal names": (csv(GOOD.replace("size", "share", 1)), "",
                        "rows.csv has the column 'share' twice: leave one of them"),
    "too many columns": (wide(2_001), "", "the source has 2001 columns, and a request at most "
                         "2000: leave out those that are not needed"),
    "a cell of ten million": (csv(GOOD + "1,1,1," + "x" * 10**7 + ",true,2020-01-01\n"), "",
                              "rows.csv cannot be read: a value is longer than 2,097,152 bytes, "
                              "or a quote is not closed: leave such a value out"),
    "a class of a million": (csv(GOOD + "1,1,1,red," + "x" * 10**6 + ",2020-01-01\n"), "",
                             "TARGET=bought has a value of 1,000,000 characters, and a class has "
                             "at most 200: leave that row out, or mend it"),
    "two encodings": (csv(GOOD.replace("red", "röt").encode() + LINES[1].encode()
                          + ",ö\n".encode("cp1252")), "",
                      "rows.csv mixes encodings: line 4 is UTF-8, line 402 is not: write all of "
                      "it in UTF-8"),
    "ragged": (csv(GOOD + "1,2\n"), "", "rows.csv cannot be read: record 402 has 2 fields, and the "
               "header 6 (the header is the first, blank lines do not count)"),
    "one class": (made(bought=pl.lit(value=True)), "",
                  "TARGET=bought has one value in every row: there is nothing to predict"),
    "no class": (made(bought=None), "", "TARGET=bought has no value in any row"),
    "a class of one row": (made(bought=EVERY == 7), "", "TARGET=bought: 'true' comes 1 times, and "
                           "two classes at least need 10 rows: give more rows of it"),
    "a class that ends": (made(bought=EVERY > ROWS // 2), "",
                          "no part of the rows can be held out by day in which bought has two "
                          "values, as in the rest: give more rows, or another TIME or GROUP"),
    "two groups": (made(colour=pl.when(EVERY % 2 == 0).then(pl.lit("a")).otherwise(pl.lit("b"))),
                   "TIME=none GROUP=colour",
                   "GROUP=colour has 2 values, and fewer than 10 cannot be held out whole: name "
                   "another, or GROUP=none"),
    "classes beyond number": (made(bought=pl.format("class {}", EVERY)), "",
                              "TARGET=bought has 400 values, and classes are at most 200: name a "
                              "column with fewer, or a number (TASK=regression)"),
    "nulls alone": (made(size=None, share=None, colour=None), "",
                    "no column is left that the model could be given: size: it is empty: it has no "
                    "value in any row, share: it is empty: it has no value in any row, colour: it "
                    "is empty: it has no value in any row"),
    "an infinite target": (made(size=some(float("inf"), "size", 50)), "TARGET=size",
                           "TARGET=size has 378 values, and classes are at most 200 (8 values are "
                           "infinite, which no number may be: give null): name a column with "
                           "fewer, or a number (TASK=regression)"),
    "a target beyond number": (made(size=pl.col("size") * 1e306), "TARGET=size",
                               "TARGET=size: numbers beyond 1e+15, which the model cannot hold: "
                               "give them in a larger unit"),
    "NaN in the target of Parquet": (parquet(size=some(float("nan"), "size", 50)),
                                     "SOURCE=rows.parquet TARGET=size",
                                     "TARGET=size cannot be predicted: 8 values are infinite or "
                                     "NaN, which no number may be: give null"),
    "a key beyond 2^53": (parquet(id=pl.col("id") + 2**60), "SOURCE=rows.parquet KEY=id",
                          "KEY=id: id has whole numbers beyond 2^53, where a float loses digits: "
                          "write them as text"),
    "dates in three forms": (made(day=DATES), "TIME=day",
                             "TIME=day has no moments as YYYY-MM-DD or YYYY-MM-DDThh:mm:ss: dates "
                             "as text in several forms (DD.MM.YYYY, DD/MM/YYYY or MM/DD/YYYY, "
                             "YYYY-MM-DD): write them as YYYY-MM-DD to have a datetime: write them "
                             "so, or say TIME=none"),
    "the end of all days": (made(day=some(datetime(9999, 12, 31), "day", 50)), "TIME=day",
                            "TIME=day: 8 moments lie before 1970 or after 2261, where nothing is "
                            "predicted: give null if that means none"),
    "a gzip that is cut": (csv(CUT, "rows.csv.gz"), "SOURCE=rows.csv.gz",
                           "rows.csv.gz cannot be read: Truncated compressed stream"),
    "a nested target": (parquet(bought=pl.concat_list("size", "share")), "SOURCE=rows.parquet",
                        "TARGET=bought cannot be predicted: lists, structs, bytes or times of a "
                        "day, which no schema has"),
    "a folder named like a file": (folder_of(None), "", "rows.csv has no file of kind csv (.csv, "
                                   ".tsv, .tab, .psv, .txt): see data.source of params.yaml"),
    "a link out of a folder": (link("", inside=True), "SOURCE=in", "in/rows.csv is a link that "
                               "leads out of in: put there what it leads to, or remove it"),
    "a link to nothing": (link("nowhere", inside=False), "",
                          "rows.csv is missing: see data.source.path of params.yaml"),
    "a link to itself": (link("rows.csv", inside=False), "",
                         "rows.csv is missing: see data.source.path of params.yaml"),
    "a file that changes": (changing, "", "rows.csv changed while it was read: type the same again "
                            "when it is written"),
    "a name of two lines": (csv(GOOD.replace("bought", '"bou\nght"')), "TARGET='bou\nghtt'",
                            r"TARGET=bou\nghtt: the source has no such column: did you mean "
                            r"bou\nght?: it has id, size, share, colour, bou\nght, day"),
    "the target as a key": (csv(GOOD), "KEY=bought", "KEY=bought: bought is the target, which is "
                            "not known when the prediction is made"),
    "the target as a group": (csv(GOOD), "GROUP=bought", "GROUP=bought is the target, which is not "
                              "known when the prediction is made"),
    "one of three": (csv(GOOD), "TARGET=colour POSITIVE=red", "POSITIVE=red names one of two "
                     "values, and colour is multiclass: leave it out"),
    "a group of moments": (csv(GOOD), "GROUP=day", "GROUP=day is a datetime, and a group is text "
                           "or a whole number"),
}  # fmt: skip
# The file, what is typed; of its columns those that stand in the schema otherwise than before, or
# not at all, with their roles; and what is said of them.
TAKEN: dict[str, tuple[Make, str, dict[str, str | None], str]] = {
    "a mark and Windows": (csv(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()), "", {}, ""),
    "UTF-16": (csv(GOOD.replace("red", "röt").encode("utf-16")), "", {}, ""),
    "names alike": (renamed(size="Share"), "", {"size": None, "Share": "feature"}, ""),
    "one accent in two ways": (renamed(size="é", share="e\u0301"), "",
                               {"size": None, "share": None, "é": "feature", "e": "feature"}, ""),
    "a name of spaces": (renamed(size="size ", share="  "), "",
                         {"size": "feature", "share": None, "column": "feature"}, ""),
    "no name": (csv(GOOD.replace("share", "", 1)), "", {"share": None}, ""),
    "quotes": (renamed(size='"', share="it's"), "",
               {"size": None, "share": None, "column": "feature", "it_s": "feature"}, ""),
    "emoji": (renamed(size="🙂"), "", {"size": None, "column": "feature"}, ""),
    "words": (renamed(size="select", share="None", colour="class", id="order"), "",
              {"size": None, "share": None, "colour": None, "id": None, "order_column": "key",
               "select_column": "feature", "none": "feature", "class_column": "feature"}, ""),
    "a name of 300": (renamed(size="x" * 300), "", {"size": None, "x" * 60: "feature"}, ""),
    "a name of two lines": (renamed(size="a\nb"), "", {"size": None, "a_b": "feature"},
                            r"'a\nb' is a_b"),
    "the number of a row": (csv(text(rows().drop("id", "day").rename({"size": "row_number"}))), "",
                            {"id": None, "day": None, "size": None, "row_number": "feature",
                             "row_number_2": "key"}, "rows are numbered (row_number_2)"),
    "500 columns": (wide(500), "", {}, ""),
    "a cell of a million": (csv(GOOD + "1,1,1," + "x" * 10**6 + ",true,2020-01-01T00:00:00\n"), "",
                            {"colour": "ignored"}, "colour: text with 4 values"),
    "a target with nulls": (made(bought=some(None, "bought")), "", {},
                            "44 rows without bought are left out"),
    "a column of nulls": (made(size=None), "", {"size": "ignored"}, "size: it is empty"),
    "infinities": (made(size=some(float("inf"), "size")), "", {"size": "ignored"},
                   "size: 44 values are infinite"),
    "numbers beyond number": (made(size=some("1e400", "size", 50)), "", {"size": "ignored"},
                              "size: 8 values are beyond every number"),
    "infinities in Parquet": (parquet(size=some(float("-inf"), "size")), "SOURCE=rows.parquet",
                              {"size": None}, "size: left out: 44 values are infinite or NaN"),
    "integers beyond 2^53": (made(id=pl.col("id") + 2**60), "", {"id": "key"}, ""),
    "the same in Parquet": (parquet(id=pl.col("id") + 2**60), "SOURCE=rows.parquet",
                            {"id": "ignored", "day": "key"}, "id: whole numbers beyond 2^53"),
    "integers beyond 2^63": (parquet(id=pl.col("id").cast(pl.UInt64) + 2**63),
                             "SOURCE=rows.parquet", {"id": None, "day": "key"},
                             "id: left out: whole numbers beyond 2^63"),
    "dates in three forms": (made(day=DATES), "", {"day": "ignored"}, "dates as text in several"),
    "zones mixed": (made(day=ZONES), "", {}, "day is converted to UTC"),
    "the end of all days": (made(day=some(datetime(9999, 12, 31), "day", 50)), "",
                            {"day": "ignored"}, "8 moments lie before 1970"),
    "times of a day": (parquet(clock=pl.time(1), long=pl.duration(hours=1)), "SOURCE=rows.parquet",
                       {}, "clock, long: left out: lists, structs, bytes or times of a day"),
    "no name in Parquet": (lambda folder: rows().rename({"share": ""}).write_parquet(
        folder / "rows.parquet"), "SOURCE=rows.parquet", {"share": None}, ""),
    "nested columns": (parquet(inner=pl.struct("size"), many=pl.concat_list("size", "share")),
                       "SOURCE=rows.parquet", {}, "inner, many: left out: lists, structs"),
    "a folder of files": (folder_of(GOOD), "", {}, ""),
    "a link that is named itself": (link("", inside=False), "", {}, ""),
    "categories of all kinds": (made(colour=pl.col("colour").replace_strict(WORDS)), "", {}, ""),
}  # fmt: skip
