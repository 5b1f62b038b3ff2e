"""What a version says of its data: a window of months or days, or all rows."""

from __future__ import annotations

import pytest

from lifecycle.delivery import claims
from lifecycle.records import tag_forms


@pytest.mark.parametrize(
    ("window", "last", "mistake"),
    [
        ("2013-01 to 2013-05", "2013-04-30 23:59:00", None),
        ("2013-01-15 to 2013-05", "2013-01-15 00:00:00", None),
        ("2013-01-15 to 2013-01-15", "2013-01-15 23:59:59.999999", None),
        ("2013-01-15 to 2013-05", "2013-01-14 23:59:00", "a train_last outside its window"),
        ("2013-01 to 2013-05-10", "2013-05-11 00:00:00", "a train_last outside its window"),
        ("2013-02 to 2013-01", "2013-01-15", "a window that none has"),
        ("2013-01 to 2013-02-30", "2013-01-15", "a window that none has"),
        ("2013-01", "2013-01-15", "a window that none has"),
        ("2013-01 to 2013-02 to 2013-03", "2013-01-15", "a window that none has"),
        ("All rows", "2013-01-15", "a window that none has"),
        ("all rows", "2013-01-15", None),
    ],
)
def test_a_window_is_as_params_has_it(window: str, last: str, mistake: str | None) -> None:
    assert tag_forms.mistake({"window": window, "train_last": last}) == mistake


def test_only_data_without_time_has_no_last_moment() -> None:
    every = dict.fromkeys(claims.NEEDED, "a")
    without = {tag: value for tag, value in every.items() if tag != "train_last"}
    assert claims.lacking(every) == []
    assert claims.lacking({**without, "window": "2013-01 to 2013-05"}) == ["train_last"]
    assert claims.lacking({**without, "window": "all rows"}) == []
