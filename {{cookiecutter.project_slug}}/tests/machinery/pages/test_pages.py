"""What every page is made of: charts, tables and templates, in which nothing is but text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from lifecycle.pages import charts, web
from lifecycle.pages.charts import Curve, Series

WICKED = "<script>alert(1)</script>\"'&"
# What is HTML already, and not escaped again: charts, and the parts of the page.
HTML_ALREADY = {
    "pages/templates/macros.html": ["chart.drawn"],
    "reporting/templates/index.html": ["html", "lead"],
}
TEMPLATES = sorted(web.FOLDER.glob("**/templates/*"))


def macros() -> Any:
    """Return the macros, to be called as functions."""
    return web.environment().get_template("pages/templates/macros.html").module


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0.0, 1.0, [0.0, 0.5, 1.0]),
        (0.605, 0.779, [0.6, 0.65, 0.7, 0.75, 0.8]),
        (0.5, 0.5, [0.5, 0.5]),
        (-3.0, 120.0, [-50.0, 0.0, 50.0, 100.0, 150.0]),
    ],
)
def test_an_axis_has_round_figures_around_its_values(
    low: float, high: float, found: list[float]
) -> None:
    assert charts.steps(low, high) == pytest.approx(found)


def test_a_gap_is_not_bridged_and_nothing_leaves_the_chart() -> None:
    one = Series("a", "first", [0.1, None, 0.3, 0.5], [(0.0, 0.2), None, (0.2, 0.4), (0.3, 0.6)])
    drawn = Xml.fromstring(charts.over_time(["1", "2", "3", "4"], [one], WICKED, limit=0.9))
    assert drawn.get("aria-label") == WICKED
    lines = [each.get("points", "").split() for each in drawn.iter("polyline")]
    assert [len(points) for points in lines] == [1, 2]
    assert len(list(drawn.iter("circle"))) == 3
    assert len(list(drawn.iter("polygon"))) == 1
    assert [one.get("class") for one in drawn.iter("line")].count("first") == 1
    box = [float(number) for number in drawn.get("viewBox", "").split()]
    for point in (pair for points in lines for pair in points):
        x, y = map(float, point.split(","))
        assert 0 <= x <= box[2]
        assert 0 <= y <= box[3]
    assert charts.over_time(["1"], [Series("a", "first", [None])], "none") == ""


def test_a_chart_of_one_moment_is_drawn() -> None:
    drawn = Xml.fromstring(charts.over_time(["1"], [Series("a", "first", [0.5])], "one"))
    assert len(list(drawn.iter("circle"))) == 1
    Xml.fromstring(charts.square([Curve("a", "first", [(0.0, 0.0)])], "flat", ("x", "y")))
    Xml.fromstring(charts.bars([WICKED], [0.0], "nothing"))
    Xml.fromstring(charts.gains(["a"], ["good"], [0.0], [(0.0, 0.0)], "nothing"))


def test_a_gain_reaches_from_nothing_to_its_value_and_its_interval_is_in_the_chart() -> None:
    long, values = "x" * 300, [0.3, -0.1]
    drawn = Xml.fromstring(charts.gains(
        ["a", long + WICKED], ["good", "bad"], values, [(0.2, 0.4), (-0.2, 0.0)], WICKED
    ))  # fmt: skip
    zero = next(float(one.get("x", "")) for one in drawn.iter("text") if one.text == "0")
    first, second = drawn.iter("rect")
    assert float(first.get("x", "")) == zero
    assert float(second.get("x", "")) + float(second.get("width", "")) == pytest.approx(zero)
    whiskers = [one for one in drawn.iter("line") if one.get("class") == "whisker"]
    wide = [float(one.get("x2", "")) - float(one.get("x1", "")) for one in whiskers]
    assert wide[0] == pytest.approx(wide[1], abs=0.2)
    assert wide[1] == pytest.approx(2 * float(second.get("width", "")), abs=0.2)
    assert all(len(one.text or "") < 30 for one in drawn.iter("text"))


def test_a_table_sets_numbers_to_the_right_and_escapes() -> None:
    made = macros().table(
        ["name", "rows", WICKED], [["a", "1,200", WICKED], ["b", "", web.Cell("x", "bad", WICKED)]],
        "What",
    )  # fmt: skip
    table = Xml.fromstring(made)
    assert [one.get("class") for one in table.iter("th")][:3] == [None, "number", None]
    assert [one.text for one in table.iter("td")] == ["1,200", WICKED, None, "x"]
    assert [one.get("title") for one in table.iter("td")][-1] == WICKED


def test_times_are_utc_and_what_is_no_time_stays() -> None:
    assert web.moment("2026-01-02T03:04:05+02:00") == "2026-01-02 01:04 UTC"
    assert web.moment("2026-01-02T03:04:05+00:00", seconds=True) == "2026-01-02 03:04:05"
    assert [web.moment(one) for one in ("yesterday", None)] == ["yesterday", "None"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_a_template_is_sound_and_escapes(path: Path) -> None:
    name = path.relative_to(web.FOLDER).as_posix()
    web.environment().get_template(name)
    text = path.read_text(encoding="utf-8")
    unescaped = sorted(set(re.findall(r"([\w.]+)\s*\|\s*safe", text)))
    assert unescaped == HTML_ALREADY.get(name, [])
    assert "autoescape" not in text
    assert "<script" not in text


def test_every_template_has_been_found() -> None:
    assert "pages/templates/layout.html" in {
        path.relative_to(web.FOLDER).as_posix() for path in TEMPLATES
    }  # fmt: skip


def test_what_stands_between_backticks_is_code() -> None:
    said = macros().code(f"type `make <x>`, {WICKED}` or ` `make y`")
    found = Xml.fromstring(f"<p>{said}</p>")
    assert [one.text for one in found.iter("code")] == ["make <x>", " or ", "make y"]
    assert "".join(found.itertext()) == f"type make <x>, {WICKED} or  make y"


def test_a_value_that_is_missing_is_an_error_and_named() -> None:
    with pytest.raises(KeyError, match=r"^'columns'$"):
        web.render("pipeline/templates/columns.md", limits=str)
