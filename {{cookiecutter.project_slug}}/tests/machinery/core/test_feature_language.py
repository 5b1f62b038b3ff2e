"""Each function gives frames and arrays the same, to the bit, whatever the values are."""

from __future__ import annotations

import math
import operator
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from lifecycle.contract import features
from lifecycle.contract.columns import Column, Schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.language.function import Function
from lifecycle.contract.language.graph import Node
from lifecycle.contract.language.learnt import LEARNT, Learnt
from lifecycle.contract.language.vocabulary import COMPUTED, FUNCTIONS, OPERANDS, OPTIONS
from lifecycle.core.frames import arrays, request_arrays
from project import features as definition

ROOT = Path(__file__).parents[3]
Derive = Callable[[Any, Any], dict[str, Any]]
TYPES: dict[str, Any] = {
    "integer": pl.Int64, "float": pl.Float64, "boolean": pl.Boolean, "category": pl.String,
    "string": pl.String, "datetime": pl.Datetime("us"),
}  # fmt: skip
# Two columns of each kind, so that operands differ.
NAMED = {
    "integer": ("i", "j"), "float": ("x", "y"), "boolean": ("b", "c"), "text": ("s", "t"),
    "datetime": ("m", "n"),
}  # fmt: skip


def _schema() -> Schema:
    columns = [
        Column(name=name, type="string" if kind == "text" else kind,
               roles=("key",), description="a column", null_share=1.0)
        for kind, names in NAMED.items() for name in names
    ]  # fmt: skip
    own: list[Any] = [
        Column(name="at", type="datetime", roles=("time",), description="when"),
        Column(name="known", type="float", roles=("feature",), description="a feature"),
        Column(name="happened", type="boolean", roles=("target",), description="the target"),
        Column(name="small", type="integer", roles=("key",), description="a limited number",
               minimum=-100, maximum=100, null_share=1.0),
        Column(name="place", type="category", roles=("key",), description="a category",
               categories=("a", "b"), null_share=1.0, unknown_share=1.0),
    ]  # fmt: skip
    return Schema(columns=(*columns, *own))


SCHEMA = _schema()
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.1, 0.3, 2.5, 5e-324, 1e15, -1e15, 1e308, -1e308, 2.0**53,
          math.inf, -math.inf, math.nan, 709.9, -745.2, 1e-17, -1 + 1e-16]  # fmt: skip
INTEGERS = [0, 1, -1, 7, -7, 60, 2**53, -(2**53), 2**53 - 1, 10**9]
TEXTS = ["", "a", "A", "JFK", "É", "ΑΣ Σ", "İstanbul", "ẞ", "日本語", "A\u0301b", "🇩🇪", "\u1c89",
         "\0", "NA"]  # fmt: skip
MOMENTS = [
    datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999), datetime(1970, 1, 1),
    datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(1900, 2, 28), datetime(2000, 2, 29),
    datetime(2024, 2, 29, 12), datetime(2024, 12, 31, 23, 59), datetime(2023, 3, 1),
]  # fmt: skip
# A row has extremes, and what is between them.
DRAWN: dict[str, Callable[[random.Random], Any]] = {
    "integer": lambda chance: chance.choice([*INTEGERS, chance.randint(-100, 100)]),
    "float": lambda chance: chance.choice([*FLOATS, chance.uniform(-1000, 1000)]),
    "boolean": lambda chance: chance.random() < 0.5,
    "text": lambda chance: chance.choice([*TEXTS, "".join(chance.choices(LETTERS, k=4))]),
    "datetime": lambda chance: chance.choice(
        [*MOMENTS, datetime(1960, 1, 1) + timedelta(seconds=chance.uniform(0, 4e9))]),
    "small": lambda chance: chance.randint(-100, 100),
    "place": lambda chance: chance.choice(["a", "b", "z"]),
}  # fmt: skip
LETTERS = "aZ0 ßÉΣσİ\u0301\u1c89日🇩"


def frame_of(seed: int) -> pl.DataFrame:
    """Return some rows of all columns, with nulls."""
    chance = random.Random(seed)
    rows = range(chance.randint(1, 8))
    kinds = {name: kind for kind, names in NAMED.items() for name in names}
    kinds |= {"small": "small", "place": "place"}
    data = {
        name: [None if chance.random() < 0.2 else DRAWN[kind](chance) for _ in rows]
        for name, kind in kinds.items()
    }
    data |= {"at": [MOMENTS[0] for _ in rows], "known": [1.0 for _ in rows]}
    return pl.DataFrame(data, {name: TYPES[SCHEMA[name].type] for name in data}, strict=False)


def of_columns(rows: dict[str, list[Any]]) -> pl.DataFrame:
    """Return a frame of some columns; the others are null."""
    types = {name: TYPES[SCHEMA[name].type] for name in SCHEMA.request}
    height = len(next(iter(rows.values())))
    return pl.DataFrame({name: rows.get(name, [None] * height) for name in types}, types)


# Without making a failing example smaller: that takes minutes, and expressions are small.
MANY = settings(
    max_examples=40, deadline=None, derandomize=True, database=None,
    phases=[Phase.generate],
)  # fmt: skip
# Drawn by one number: what is small about a failing example is its expression.
FRAMES = st.integers(0, 10**6).map(frame_of)


OPERATORS: dict[str, Callable[..., Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
    "&": operator.and_, "|": operator.or_, "~": operator.invert,
}  # fmt: skip
GIVEN: dict[str, Any] = {
    "letters": st.integers(1, 4), "share": st.floats(0, 1), "weight": st.floats(0, 100)
}  # fmt: skip
# What operands may be made by, beside columns; of clip in clip, expressions of frames grow long.
KIND_OF = {
    "boolean": ["<", "<=", ">", ">=", "==", "!=", "&", "|", "~", "is_null", "is_in"],
    "text": ["lower", "prefix", "where", "coalesce"],
    "number": ["+", "-", "*", "/", "//", "%", "absolute", "sqrt",
               "exp", "log1p", "where", "coalesce", "hour", "minute", "weekday", "year", "month",
               "day", "day_of_year", "days_between", "minutes_between", "length"],
    "datetime": ["where", "coalesce"],
}  # fmt: skip
LITERALS: dict[str, Any] = {
    "number": st.sampled_from([0, 1, -1, 60, 1440, 0.5, -0.0, 0.1, 1e-9]), "boolean": st.booleans(),
    "text": st.sampled_from(TEXTS), "datetime": st.sampled_from(MOMENTS),
}  # fmt: skip


class Built:
    """Draws expressions of the language over the columns of SCHEMA."""

    def __init__(self, draw: Any, column: Any, functions: Any) -> None:
        self.draw, self.column, self.functions = draw, column, functions

    def operand(self, kind: str, depth: int) -> Any:
        """Draw an operand of a kind: a column, or another expression."""
        if depth and self.draw(st.booleans()):
            return self.call(self.draw(st.sampled_from(KIND_OF[kind])), depth - 1, kind)
        names = ("i", "x", "b", "small") if kind == "number" else NAMED[kind]
        return self.column(self.draw(st.sampled_from(names)))

    def call(self, name: str, depth: int, kind: str = "") -> Any:
        """Draw the operands of a function, and call it."""
        alike = kind or self.draw(st.sampled_from(["number", "text", "datetime", "boolean"]))
        alike = "number" if alike == "boolean" and name in OPERATORS and kind else alike
        given: list[Any] = []
        for what in (COMPUTED.get(name) or LEARNT[name]).takes.values():
            given.append(self._one(what, alike, depth, given))
        if name == "clip" and not any(isinstance(one, Node) for one in given[1:]):
            given[1:] = sorted(given[1:])
        return (
            OPERATORS[name](*given) if name in OPERATORS else getattr(self.functions, name)(*given)
        )

    def _one(self, what: str, alike: str, depth: int, before: list[Any]) -> Any:
        if what in GIVEN:
            return self.draw(GIVEN[what])
        if what == "values":
            kind = "text" if before[0].kind == "text" else "number"
            return self.draw(st.lists(LITERALS[kind], min_size=1, max_size=4))
        if what in ("category", "category or number"):
            return self.column(self.draw(st.sampled_from(["small", "place", "s", "b"])))
        if what == "category or None":
            return self.draw(st.none()) or self.column(
                self.draw(st.sampled_from(["small", "place"]))
            )
        if what == "ordered":
            alike = alike if alike == "datetime" else "number"
        kind = alike if what in ("same", "comparable", "ordered", "any") else what
        if (
            before
            and kind != "boolean"
            and what != "datetime"
            and self.draw(st.integers(0, 3)) == 0
        ):
            value = self.draw(LITERALS[kind])
            # What divides by nought whatever the row is refused.
            return value or 1 if kind == "number" else value
        return self.operand(kind, depth)


def bits(values: Any) -> Any:
    """Return what is compared: each value's bits, one NaN being as good as another."""
    found = np.asarray(values)
    if found.dtype == object:
        return found.tolist()
    floats = found.astype(np.float64)
    return np.where(np.isnan(floats), np.nan, floats).view(np.int64).tolist()


def evaluated(derive: Derive, frame: pl.DataFrame, fitted: dict[str, Any] | None = None) -> Any:
    """Return the feature `made` of a frame, after it was found the same in all ways there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(definition, "derive", derive)
        one = features.Features(SCHEMA, fitted or {})
    computed = one.on_frame(frame)
    assert one.on_frame(frame.lazy()).collect().equals(computed)
    expected = arrays(computed, ["made"])["made"]
    columns = request_arrays(frame, SCHEMA)
    found = one.on_arrays(columns)["made"]
    assert bits(found) == bits(expected)
    # The service has a row at a time.
    rows = [
        one.on_arrays({name: values[row : row + 1] for name, values in columns.items()})["made"]
        for row in range(frame.height)
    ]
    assert [value for row in rows for value in bits(row)] == bits(expected)
    return computed["made"]


# 1e308 is beyond what a column may hold (1e15): NumPy is kept from warning only of what may happen.
@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("name", [*OPERATORS, *FUNCTIONS])
@MANY
@given(data=st.data(), frame=FRAMES)
def test_frames_and_arrays_agree_to_the_bit(name: str, data: Any, frame: pl.DataFrame) -> None:
    def derive(column: Any, functions: Any) -> dict[str, Any]:
        made = Built(data.draw, column, functions).call(name, 2)
        # A datetime is no feature, but every other one can be asked.
        return {"made": functions.is_null(made) if made.kind == "datetime" else made}

    evaluated(derive, frame)


@pytest.mark.parametrize("name", sorted(set(LEARNT) - {"lookup", "lookup_text"}))
@MANY
@given(data=st.data(), train=FRAMES, frame=FRAMES)
def test_what_was_learnt_agrees_to_the_bit(
    name: str, data: Any, train: pl.DataFrame, frame: pl.DataFrame
) -> None:
    made: list[Any] = []

    def derive(column: Any, functions: Any) -> dict[str, Any]:
        # Drawn once: the definition runs again.
        made.append(Built(data.draw, column, functions).call(name, 0)) if not made else None
        return {"made": made[0]}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(definition, "derive", derive)
        target = np.arange(train.height) % 2.0
        try:
            learnt = features.fit(
                SCHEMA, features.learnt(SCHEMA), request_arrays(train, SCHEMA), target
            )
        except StageError as error:
            assert "the training part has no value of it" in str(error)
            return
    evaluated(derive, frame, learnt)


def test_every_operation_is_tested_and_what_an_owner_writes_is_documented() -> None:
    implied = {"finite", "as number", "numbers of", "texts of", "* of whole", "// of whole",
               "% of whole"}  # fmt: skip
    assert set(COMPUTED) == {*OPERATORS, *FUNCTIONS, *implied}
    every: list[Function | Learnt] = [*COMPUTED.values(), *LEARNT.values()]
    taken = {what for one in every for what in one.takes.values()}
    assert taken <= {*OPERANDS, *OPTIONS}
    page = (ROOT / "docs/features.md").read_text(encoding="utf-8")
    written: dict[str, Function | Learnt] = {**FUNCTIONS, **LEARNT}
    for name, one in written.items():
        assert one.says and f"`{name}(" in page and one.says in page, name


def test_every_letter_has_one_lower_case() -> None:
    letters = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    frame = pl.DataFrame({"s": letters})
    expected = COMPUTED["lower"].array(np.array(letters, object)).tolist()
    import narwhals as nw

    found = nw.from_native(frame).select(COMPUTED["lower"].frame(nw.col("s"))).to_native()
    assert found["s"].to_list() == expected


@pytest.mark.parametrize(("name", "exact"), [("exp", math.exp), ("log1p", math.log1p)])
def test_exp_and_log1p_are_right(name: str, exact: Callable[[float], float]) -> None:
    chance = random.Random(1)
    values = [chance.uniform(-0.99, 700) for _ in range(2000)]
    values += [chance.gauss(0, 0.2) * 10.0 ** chance.randint(-20, 0) for _ in range(2000)]
    frame = of_columns({"x": values})
    found = evaluated(lambda column, functions: {"made": getattr(functions, name)(column("x"))},
                      frame)  # fmt: skip
    np.testing.assert_allclose(found.to_numpy(), [exact(v) for v in values], rtol=1e-15)


@pytest.mark.parametrize("by", [60, 1440, 0.1, -7.3, 3])
def test_a_division_by_a_literal_is_a_division(by: float) -> None:
    # Polars multiplies with 1 / by, which gives other last bits, and other whole numbers below.
    values = [number * by for number in range(1, 500)] + [number / 7 for number in range(500)]
    frame = of_columns({"x": values})
    found = evaluated(lambda column, functions: {"made": column("x") / by}, frame)
    assert found.to_list() == [value / by for value in values]
    found = evaluated(lambda column, functions: {"made": column("x") // by}, frame)
    assert found.to_list() == [float(math.floor(value / by)) for value in values]


@pytest.mark.parametrize("sign", ["*", "//"])
def test_a_whole_number_is_never_minus_nought(sign: str) -> None:
    """Polars leaves out what adds 0.0, so -0.0 has to be told apart by a condition."""
    frame = of_columns(
        {"m": [datetime(2000, 1, 1), datetime(2000, 1, 1), None], "small": [-5, 5, -5]}
    )

    def derive(column: Any, functions: Any) -> dict[str, Any]:
        whole = OPERATORS[sign](functions.hour(column("m")), column("small"))
        return {"made": functions.minimum(whole, 0.5)}

    made = evaluated(derive, frame)
    assert bits(made.to_list()[:2]) == bits([0.0, 0.0])


X, Y, NOT = [7.0, -7.0, 7.5, 0.0, None], [2.0, 2.0, -2.0, 0.0, 1.0], None
KNOWN: dict[str, tuple[Callable[[Any, Any], Any], list[Any]]] = {
    "floor": (lambda c, f: c("x") // c("y"), [3.0, -4.0, -4.0, NOT, NOT]),
    "remainder": (lambda c, f: c("x") % c("y"), [1.0, 1.0, -0.5, NOT, NOT]),
    "division": (lambda c, f: c("x") / c("y"), [3.5, -3.5, -3.75, NOT, NOT]),
    "compare": (lambda c, f: c("x") > 0, [True, False, True, False, NOT]),
    "not": (lambda c, f: ~(c("x") > 0), [False, True, False, True, NOT]),
    "and": (lambda c, f: (c("x") > 0) & (c("y") > 5), [False] * 5),
    "or": (lambda c, f: (c("x") > 0) | (c("y") > 0), [True] * 3 + [False, True]),
    "where": (lambda c, f: f.where(c("x") > 0, 1, 2), [1, 2, 1, 2, 2]),
    "where None": (lambda c, f: f.where(c("x") > 0, None, 0.5), [NOT, 0.5, NOT, 0.5, 0.5]),
    "coalesce": (lambda c, f: f.coalesce(c("x"), c("y")), [7.0, -7.0, 7.5, 0.0, 1.0]),
    "is_null": (lambda c, f: f.is_null(c("x") / c("y")), [False] * 3 + [True] * 2),
    "is_in": (lambda c, f: f.is_in(c("x"), [7, 0]), [True, False, False, True, NOT]),
    "clip": (lambda c, f: f.clip(c("x"), -1, 7), [7.0, -1.0, 7.0, 0.0, NOT]),
    "minimum": (lambda c, f: f.minimum(c("x"), c("y")), [2.0, -7.0, -2.0, 0.0, NOT]),
    "maximum": (lambda c, f: f.maximum(c("x"), c("y")), [7.0, 2.0, 7.5, 0.0, NOT]),
    "absolute": (lambda c, f: abs(c("x")), [7.0, 7.0, 7.5, 0.0, NOT]),
    "sqrt": (lambda c, f: f.sqrt(c("x") + 2), [3.0, NOT, 9.5**0.5, 2**0.5, NOT]),
    "exp": (lambda c, f: f.exp(c("x") * 1000), [NOT, 0.0, NOT, 1.0, NOT]),
    "log1p": (lambda c, f: f.log1p(c("x")), [math.log(8), NOT, math.log(8.5), 0.0, NOT]),
    "overflow": (lambda c, f: c("x") * 1e200 * 1e200 * 0, [NOT, NOT, NOT, 0.0, NOT]),
    "year": (lambda c, f: f.year(c("m")), [2024, 1969, 1900, 9999, NOT]),
    "month": (lambda c, f: f.month(c("m")), [2, 12, 2, 12, NOT]),
    "day": (lambda c, f: f.day(c("m")), [29, 31, 28, 31, NOT]),
    "day of year": (lambda c, f: f.day_of_year(c("m")), [60, 365, 59, 365, NOT]),
    "weekday": (lambda c, f: f.weekday(c("m")), [4, 3, 3, 5, NOT]),
    "hour": (lambda c, f: f.hour(c("m")), [12, 23, 0, 23, NOT]),
    "minute": (lambda c, f: f.minute(c("m")), [30, 59, 0, 59, NOT]),
    "days": (lambda c, f: f.days_between(c("m"), c("n")), [0, 0, 36525, NOT, NOT]),
    "days back": (lambda c, f: f.days_between(c("n"), c("m")), [0, 0, -36525, NOT, NOT]),
    "minutes": (lambda c, f: f.minutes_between(c("m"), c("n")), [689, 0, 52596000, NOT, NOT]),
    "lower": (lambda c, f: f.lower(c("s")) == "é a", [True, False, False, False, NOT]),
    "length": (lambda c, f: f.length(c("s")), [3, 0, 3, 2, NOT]),
    "prefix": (lambda c, f: f.prefix(c("s"), 2), ["É ", "", "日本", "🇩🇪", NOT]),
}


@pytest.mark.parametrize("name", KNOWN)
def test_what_each_function_gives(name: str) -> None:
    made, expected = KNOWN[name]
    rows: dict[str, list[Any]] = {
        "x": X, "y": Y, "s": ["É A", "", "日本語", "🇩🇪", None],
        "m": [datetime(2024, 2, 29, 12, 30), datetime(1969, 12, 31, 23, 59, 59, 1),
              datetime(1900, 2, 28), datetime(9999, 12, 31, 23, 59), None],
        "n": [datetime(2024, 2, 29, 23, 59, 59), datetime(1970, 1, 1), datetime(2000, 2, 29), None,
              datetime(2000, 1, 1)],
    }  # fmt: skip
    frame = of_columns(rows)
    found = evaluated(lambda column, functions: {"made": made(column, functions)}, frame)
    assert found.to_list() == expected
    assert all(type(a) is type(b) for a, b in zip(found.to_list(), expected, strict=True))


MISTAKES: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "unknown function": (lambda c, f: f.log1(c("x")), "there is no function log1; is it log1p?"),
    "unknown column": (lambda c, f: c("moon"), "the column moon, which schema.yaml does not have"),
    "a text's hour": (lambda c, f: f.hour(c("s")), "hour takes a datetime, and s is text"),
    "a number's hour": (lambda c, f: f.hour(c("x")), "hour takes a datetime, and x is a number"),
    "text plus": (lambda c, f: c("place") + 1, "+ takes a number, and place is text"),
    "1 plus a datetime": (lambda c, f: 1 + c("m"), "+ takes a number, and m is a datetime"),
    "text in order": (lambda c, f: c("s") < "b", "< takes a number or a datetime, and s is text"),
    "text is a number": (lambda c, f: c("s") == 1, "== takes values of one kind"),
    "equals None": (lambda c, f: c("s") == None, "ask is_null() of None"),  # noqa: E711
    "and of numbers": (lambda c, f: c("x") & c("y"), "& takes a boolean, and x is a number"),
    "python's and": (lambda c, f: c("b") and c("c"), "write &, |, ~, where() or is_in()"),
    "python's if": (lambda c, f: 1 if c("x") > 0 else 2, "write &, |, ~, where() or is_in()"),
    "a chain": (lambda c, f: 0 < c("x") < 1, "write &, |, ~, where() or is_in()"),
    "by nought": (lambda c, f: c("x") % 0, "x is divided by 0"),
    "power": (lambda c, f: c("x") ** 2, "unsupported operand type"),
    "an attribute": (lambda c, f: c("x").mean(), "has no attribute 'mean'"),
    "too few": (lambda c, f: f.clip(c("x"), 1), "clip(): missing a required argument: 'high'"),
    "too many": (lambda c, f: f.hour(c("m"), 1), "hour(): too many positional arguments"),
    "clip turned round": (lambda c, f: f.clip(c("x"), 2, 1), "the first is the larger one"),
    "where of two kinds": (lambda c, f: f.where(c("b"), 1, "a"), "where takes values of one kind"),
    "where of nothing": (lambda c, f: f.where(c("b"), None, None), "where takes a value, and not"),
    "where of a number": (lambda c, f: f.where(c("x"), 1, 2), "where takes a boolean, and x is"),
    "in nothing": (lambda c, f: f.is_in(c("s"), []), "is_in(): values is a list of values"),
    "in other values": (lambda c, f: f.is_in(c("s"), ["a", 1]), "s is text, and 1 is none"),
    "no letters": (lambda c, f: f.prefix(c("s"), 0), "letters is a whole number from 1 on"),
    "a share of 2": (lambda c, f: f.quantile(c("x"), 2), "share is a share, 0 to 1, and not 2"),
    "a list": (lambda c, f: c("x") * [1], "[1] is no number, text, datetime or None"),
    "infinity": (lambda c, f: c("x") * math.inf, "inf is beyond what a feature can hold"),
    "a huge number": (lambda c, f: c("x") * 2**60, "beyond what a feature can hold"),
    "a datetime": (lambda c, f: c("m"), "the feature made is a datetime: ask something of it"),
    "None": (lambda c, f: None, "the feature made is a null"),
    "a zone": (lambda c, f: c("m") > datetime(2020, 1, 1, tzinfo=UTC), "has a zone"),
    "learnt twice": (lambda c, f: f.mean(f.target_mean(c("s"))), "learn of columns"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made, said = MISTAKES[name]
    monkeypatch.setattr(definition, "derive", lambda c, f: {"made": made(c, f)})
    for ask in (features.names, features.origins, features.Features):
        with pytest.raises(StageError) as refused:
            ask(SCHEMA)
        assert said in str(refused.value)
        assert "\n" not in str(refused.value)


def test_a_mistake_names_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "features.py"
    path.write_text(
        "def derive(column, functions):\n    x = column('x')\n    return {'a': x + 'b'}\n"
    )
    space: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), space)
    monkeypatch.setattr(definition, "derive", space["derive"])
    monkeypatch.setattr(definition, "__file__", str(path))
    with pytest.raises(
        StageError, match=r"^features\.py, line 3: \+ takes a number, and b is text$"
    ):
        features.names(SCHEMA)


def test_a_feature_with_a_columns_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definition, "derive", lambda c, f: {"x": c("y") + 1})
    with pytest.raises(StageError, match="the feature x has the name of a column"):
        features.names(SCHEMA)


def test_whole_numbers_stay_whole_only_where_a_float_holds_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = frame_of(3).with_columns(small=pl.lit(-7), i=pl.lit(2**53))
    monkeypatch.setattr(definition, "derive", lambda c, f: {
        "doubled": c("small") * 2, "large": c("i") * 2, "half": c("small") / 2,
        "flag": f.where(c("small") < 0, 1, 0) + f.is_null(c("x")),
    })  # fmt: skip
    made = features.on_frame(SCHEMA, frame)
    types = {name: made[name].dtype for name in ("doubled", "large", "half", "flag")}
    assert types == {
        "doubled": pl.Int64, "large": pl.Float64, "half": pl.Float64, "flag": pl.Int64
    }  # fmt: skip
    found = features.on_arrays(SCHEMA, request_arrays(frame, SCHEMA))
    assert found["doubled"].dtype == np.int64 and found["large"].dtype == np.float64


def test_a_table_without_rows_has_features_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definition, "derive", lambda c, f: {
        "number": f.log1p(c("x")), "text": f.lower(c("s")), "one": 1, "hour": f.hour(c("m")),
    })  # fmt: skip
    frame = frame_of(1)[:0]
    assert features.on_frame(SCHEMA, frame).height == 0
    found = features.on_arrays(SCHEMA, request_arrays(frame, SCHEMA))
    assert {len(values) for values in found.values()} == {0}
