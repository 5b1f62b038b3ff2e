"""One pass over the source: what each column holds, in memory that does not grow with the rows.

Of every column are kept counts, limits, the values while they are few, a sketch of how many there
are, and of all columns together a thinned sample of rows in their order.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from lifecycle.adopt import kinds, personal, sketch
from lifecycle.contract import values

# Rows of the sample, fewer where there are many columns.
SAMPLE_ROWS, SAMPLE_CELLS = 40_000, 2_000_000
ROWS_AT_ONCE = 20_000
# Values that are kept by themselves: a target may have so many classes before it is refused.
FEW, LONGEST = 1_000, 200
TEXTS = (pl.String, pl.Categorical, pl.Enum)


def is_strange(dtype: pl.DataType) -> bool:
    """Say whether no schema has a column of such a type."""
    return dtype.is_nested() or dtype in (pl.Binary, pl.Time, pl.Duration, pl.Object)


@dataclass
class Tally:
    """What is known of one column so far."""

    name: str
    dtype: pl.DataType
    rows: int = 0
    nulls: int = 0
    # The largest share of nulls in any of the parts that were read one after the other.
    worst_null_share: float = 0.0
    shapes: Counter[str] = field(default_factory=Counter)
    personal: Counter[str] = field(default_factory=Counter)
    looked_at: int = 0
    # How often each value comes, while they are few; by text.
    values: Counter[str] | None = field(default_factory=Counter)
    minimum: float | None = None
    maximum: float | None = None
    not_finite: int = 0
    longest: int = 0
    is_unique: bool = False
    count: sketch.Count = field(default_factory=sketch.Count)

    @property
    def known(self) -> int:
        """Rows that have a value."""
        return self.rows - self.nulls

    @property
    def distinct(self) -> int:
        """How many values there are, estimated where they are many."""
        return self.count.value if self.values is None else len(self.values)

    @property
    def null_share(self) -> float:
        """The share of rows without a value."""
        return self.nulls / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class Profile:
    """What a source holds: its columns by name, its rows, and some of them as they are."""

    rows: int
    columns: dict[str, Tally]
    sample: pl.DataFrame
    is_text: bool


class _Sample:
    """Every so many-th row: as many as fit, in their order, the same for the same file."""

    def __init__(self, columns: int) -> None:
        self._most = max(1_000, min(SAMPLE_ROWS, SAMPLE_CELLS // max(1, columns)))
        self._stride, self._seen, self._parts = 1, 0, list[pl.DataFrame]()

    def add(self, frame: pl.DataFrame) -> None:
        first = -self._seen % self._stride
        self._parts.append(frame[first :: self._stride])
        self._seen += frame.height
        while sum(part.height for part in self._parts) > 2 * self._most:
            # Rows at even places of the sample are those of twice the stride.
            self._parts = [pl.concat(self._parts)[::2]]
            self._stride *= 2

    @property
    def frame(self) -> pl.DataFrame:
        whole = pl.concat(self._parts)
        if whole.height > self._most:
            step = whole.height / self._most
            return whole[[int(number * step) for number in range(self._most)]]
        return whole


def of_source(frame: pl.LazyFrame, *, is_text: bool, scratch: Path | None = None) -> Profile:
    """Read a source once.

    Args:
        frame: Its rows, lazily: text, or values with kinds of their own.
        is_text: Whether text may stand for every kind, as in CSV files.
        scratch: Where hashes lie meanwhile, eight bytes a row of a column without repeats.

    Raises:
        StageError: it cannot be read.
    """
    schema = frame.collect_schema()
    tallies = {name: Tally(name, kind) for name, kind in schema.items()}
    sample = _Sample(len(tallies))
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        repeats = {name: sketch.Repeats(Path(folder)) for name in tallies}
        rows = 0
        for part in frame.collect_batches(chunk_size=ROWS_AT_ONCE, maintain_order=True):
            if part.is_empty():
                continue
            rows += part.height
            sample.add(part)
            for name, tally in tallies.items():
                _add(tally, part[name], repeats[name], is_text=is_text)
        for name, tally in tallies.items():
            tally.is_unique = tally.known == tally.rows > 0 and repeats[name].is_unique()
    empty = pl.DataFrame(schema=schema)
    return Profile(rows, tallies, sample.frame if rows else empty, is_text)


def _add(tally: Tally, column: pl.Series, repeats: sketch.Repeats, *, is_text: bool) -> None:
    """Take in the next rows of a column."""
    tally.rows += column.len()
    if is_strange(column.dtype):
        return
    if column.dtype in TEXTS:
        text = column.cast(pl.String)
        nulls = ["", values.NULL_WORD] if is_text else [""]
        column = text.set(text.is_in(nulls), None) if text.is_in(nulls).any() else text
    nulls_here = column.null_count()
    tally.nulls += nulls_here
    if column.len() >= 500:
        tally.worst_null_share = max(tally.worst_null_share, nulls_here / column.len())
    known = column.drop_nulls()
    if known.is_empty():
        return
    counted = known.alias("value").value_counts(name="count")
    distinct, weight = counted["value"], counted["count"]
    hashed = sketch.hashes(distinct)
    tally.count.add(hashed)
    if not nulls_here and not repeats.found:
        repeats.found = distinct.len() < known.len()
        repeats.add(hashed)
    _limits(tally, distinct, weight)
    if tally.values is not None:
        _keep(tally, distinct, weight)


def _keep(tally: Tally, distinct: pl.Series, weight: pl.Series) -> None:
    """Count values by themselves while they are few and short."""
    assert tally.values is not None
    if distinct.len() > FEW or tally.longest > LONGEST:
        tally.values = None
        return
    text = distinct.cast(pl.String, strict=False).to_list()
    tally.values.update(dict(zip(text, weight.to_list(), strict=True)))
    if len(tally.values) > FEW:
        tally.values = None


def _limits(tally: Tally, distinct: pl.Series, weight: pl.Series) -> None:
    """Take in limits of numbers and shapes of text."""
    if distinct.dtype == pl.String:
        tally.shapes.update(kinds.shapes(distinct, weight))
        tally.longest = max(tally.longest, int(distinct.str.len_chars().max() or 0))  # type: ignore[arg-type]
        looked = distinct.head(personal.LOOKED_AT)
        tally.personal.update(personal.shapes(looked.to_list()))
        tally.looked_at += looked.len()
        is_number = distinct.str.contains(values.NUMBER)
        distinct = distinct.filter(is_number).cast(pl.Float64, strict=False)
        distinct = _finite(tally, distinct, weight.filter(is_number))
    elif distinct.dtype.is_float():
        distinct = _finite(tally, distinct, weight)
    elif distinct.dtype in (pl.Date, pl.Datetime):
        _years(tally, distinct.dt.year(), weight)
        return
    elif not distinct.dtype.is_numeric():
        return
    if distinct.is_empty():
        return
    low, high = float(distinct.min()), float(distinct.max())  # type: ignore[arg-type]
    tally.minimum = low if tally.minimum is None else min(tally.minimum, low)
    tally.maximum = high if tally.maximum is None else max(tally.maximum, high)


def _finite(tally: Tally, distinct: pl.Series, weight: pl.Series) -> pl.Series:
    """Return the numbers that are finite; the others are counted."""
    finite = distinct.is_finite()
    tally.not_finite += int(weight.filter(~finite).sum())
    return distinct.filter(finite)


def _years(tally: Tally, years: pl.Series, weight: pl.Series) -> None:
    """Count the moments that are as odd as those of a text."""
    odd = ~years.is_between(values.FIRST_YEAR, values.LAST_YEAR)
    tally.shapes["odd year"] += int(weight.filter(odd).sum())
    far = ~odd & (years > values.LAST_YEAR_OF_ZONES)
    tally.shapes["far year"] += int(weight.filter(far).sum())
