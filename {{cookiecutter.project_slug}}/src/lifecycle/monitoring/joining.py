"""How many labels are of a logged prediction, and why nearly none is where they should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl

from lifecycle.contract.columns import Schema

# Of what could join at most. Fewer pairs than `FEW` say nothing.
NEARLY_NONE, FEW = 0.05, 10
# A reason explains at least this share: a zone's clocks may change among the labels.
EXPLAINS = 0.3
# Of what does not join beside what does; and of all that could, so much that the rest misleads.
EXPLAINS_REST, MISLEADS = 0.1, 0.5
SAMPLE = 5_000
TEXTS: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "case": lambda text: text.str.to_lowercase(),
    "whitespace": lambda text: text.str.strip_chars(),
    "leading zeros": lambda text: text.str.strip_chars_start("0"),
    "type: one is a number's text with a fraction": lambda text: text.str.strip_suffix(".0"),
    "the form of accents (Unicode NFC)": lambda text: text.str.normalize("NFC"),
}
UNITS = {"1s": "second", "1m": "minute", "1h": "hour", "1d": "day"}
MINUTES = [*range(-14 * 60, 0, 15), *range(15, 14 * 60 + 1, 15)]


@dataclass(frozen=True)
class Count:
    """How labels and predictions meet."""

    labels: int
    predictions: int
    # Labels that are of one of the predictions.
    joined: int
    # As many could join at most: labels of the predictions' time, predictions of the labels'.
    possible: int
    # Whether time is a key, so that those that are only of other days are left out of it.
    by_time: bool

    @property
    def is_nearly_none(self) -> bool:
        """Whether next to nothing joins that could."""
        return self.possible >= FEW and self.joined < NEARLY_NONE * self.possible

    @property
    def sentence(self) -> str:
        """What was counted."""
        most = f"{'by their time ' if self.by_time else ''}{self.possible} could be"
        return (f"of {self.labels} labels {self.joined} are of one of the {self.predictions} rows "
                f"that the log has; {most}")  # fmt: skip


def count(rows: pl.DataFrame, known: pl.DataFrame, schema: Schema) -> Count:
    """Count the labels `known` and the predictions `rows`, and what joins."""
    predicted, labels, keys = *_overlapping(rows, known, schema), schema.names("key")
    joined = labels.join(predicted, on=keys, how="semi").height
    every = rows.select(keys).unique().height
    possible = min(labels.height, predicted.height)
    return Count(known.height, every, joined, possible, by_time=schema.time in keys)


def _overlapping(
    rows: pl.DataFrame, known: pl.DataFrame, schema: Schema
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the keys of predictions and of labels, where time is a key of their common time."""
    keys, time = schema.names("key"), schema.time
    both = [frame.select(keys).unique(maintain_order=True) for frame in (rows, known)]
    if time is None or time not in keys or any(frame.is_empty() for frame in both):
        return both[0], both[1]
    first = max(frame[time].min() for frame in both)  # type: ignore[type-var]
    last = min(frame[time].max() for frame in both)  # type: ignore[type-var]
    common = pl.col(time).is_between(pl.lit(first), pl.lit(last))
    return both[0].filter(common), both[1].filter(common)


def reason(rows: pl.DataFrame, known: pl.DataFrame, schema: Schema) -> str:
    """Return in words why labels do not join, found by trying what makes them join.

    Empty where nothing does, and they may be of other rows: without the time among the keys it is
    not known whether these predictions' labels have come.
    """
    predicted, labels = _overlapping(rows, known, schema)
    labels = labels.gather_every(max(1, labels.height // SAMPLE))
    best, why = _best(predicted, labels, schema)
    if best >= EXPLAINS * min(labels.height, predicted.height):
        return why
    return _blamed(predicted, labels, schema) if schema.time in schema.names("key") else ""


def reason_of_rest(rows: pl.DataFrame, known: pl.DataFrame, schema: Schema) -> tuple[int, str]:
    """Return how many labels more would join, and why they do not; none where it is too few."""
    predicted, labels = _overlapping(rows, known, schema)
    keys = schema.names("key")
    lonely = predicted.join(labels, on=keys, how="anti")
    labels = labels.join(predicted, on=keys, how="anti")
    possible, step = min(lonely.height, labels.height), max(1, labels.height // SAMPLE)
    best, why = _best(lonely, labels.gather_every(step), schema)
    more = min(best * step, possible)
    return (more, why) if more >= max(FEW, EXPLAINS_REST * possible) else (0, "")


def _best(predicted: pl.DataFrame, labels: pl.DataFrame, schema: Schema) -> tuple[int, str]:
    """Return how many labels the best attempt makes join, and its words."""
    best, why = 0, ""
    for said, theirs, ours in _attempts(schema, (labels, predicted)):
        left, right = labels.with_columns(theirs), predicted.with_columns(ours).unique()
        joined = left.join(right, on=schema.names("key"), how="semi").height
        # The simplest comes first, and is left only for what explains more.
        if joined > 1.05 * best:
            best, why = joined, said
    return best, why


Attempt = tuple[str, list[pl.Expr], list[pl.Expr]]
Both = tuple[pl.DataFrame, pl.DataFrame]


def _attempts(schema: Schema, both: Both) -> Iterator[Attempt]:
    """Yield what may make keys equal: words for it, how labels change, how predictions do."""
    keys = [schema[name] for name in schema.names("key")]
    texts = [c.name for c in keys if c.type in ("string", "category") and c.private is None]
    times = [c.name for c in keys if c.type == "datetime" and c.private is None]
    for name in texts:
        for said, change in TEXTS.items():
            yield f"{name} differs in {said}", [change(pl.col(name))], [change(pl.col(name))]
    of_time = [attempt for name in times for attempt in _of_time(name, both)]
    yield from of_time
    changed = [_normal(pl.col(name)) for name in texts]
    if not changed:
        return
    words = " and ".join(texts)
    yield f"{words} differ in how they are written (case, whitespace, zeros)", changed, changed
    for said, theirs, ours in of_time:
        yield (
            f"{words} differ in how they are written, and {said}",
            changed + theirs,
            changed + ours,
        )


def _of_time(name: str, both: Both) -> Iterator[Attempt]:
    moment = pl.col(name)
    for unit, word in UNITS.items():
        cut = [moment.dt.truncate(unit)]
        if not any(frame[name].equals(frame[name].dt.truncate(unit)) for frame in both):
            continue  # both have the time to less than that
        yield f"{name} agrees only up to the {word}: one of them has less than the time", cut, cut
    for minutes in MINUTES:
        ahead = f"{abs(minutes) / 60:g} hours {'behind' if minutes > 0 else 'ahead of'}"
        said = (f"{name} of the labels is {ahead} that of the predictions, as in another time zone "
                "(schema.yaml may name the column's zone)")  # fmt: skip
        yield said, [moment + pl.duration(minutes=minutes)], []


def _normal(text: pl.Expr) -> pl.Expr:
    for change in TEXTS.values():
        text = change(text)
    return text


def _blamed(predicted: pl.DataFrame, labels: pl.DataFrame, schema: Schema) -> str:
    """Name the column without which the others join best, the time only if no other is."""
    keys = schema.names("key")
    shares = {}
    for name in sorted(keys, key=lambda one: one == schema.time):
        others = [key for key in keys if key != name]
        if others:
            shares[name] = labels.join(predicted, on=others, how="semi").height
    blamed = max(shares, key=lambda name: shares[name], default=keys[0])
    if schema[blamed].private == "hashed":
        return (f"{blamed} differs: it is hashed in the log, so LOG_HASH_KEY may be another one "
                "than the service had, or its values are written otherwise")  # fmt: skip
    ours, theirs = (frame[blamed][0] for frame in (predicted, labels))
    return f"{blamed} differs: labels have values as {str(theirs)!r}, predictions as {str(ours)!r}"
