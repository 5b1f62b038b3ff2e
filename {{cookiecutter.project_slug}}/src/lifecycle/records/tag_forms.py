"""What the tags of a version look like that `register` has made: something is computed from each.

Whoever reads them later (the monitor, a replay, the report) does not ask again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime

from lifecycle.contract.errors import StageError
from lifecycle.core.window import ALL, Window
from lifecycle.records import definition

KEY, VALUE = re.compile(r"[a-z][A-Za-z0-9_.]{0,99}"), re.compile(r"[ -~]{1,100000}")
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
HASH = re.compile(r"[0-9a-f]{32}")
NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:e[+-]?[0-9]{1,3})?")
METRIC = "metric."


def is_number(text: str) -> bool:
    """Say whether it is a number as Python writes it, and finite."""
    return bool(NUMBER.fullmatch(text)) and math.isfinite(float(text))


def is_share(text: str) -> bool:
    """Say whether it is a number from 0 to 1."""
    return is_number(text) and 0 <= float(text) <= 1


def is_window(text: str) -> bool:
    """Say whether it names a month, or day, and one that is not before it; or all rows."""
    return text == ALL or _window(text) is not None


def _window(text: str) -> Window | None:
    start, _, end = text.partition(" to ")
    try:
        return Window(start=start, end=end)
    except ValueError:
        return None


def is_moment(text: str) -> bool:
    """Say whether it is a day or a moment without a zone, as Python writes it."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return False
    return found.tzinfo is None and text in (str(found), str(found.date()))


FORMS: dict[str, Callable[[str], object]] = {
    "git_commit": COMMIT.fullmatch,
    "threshold": is_share,
    "window": is_window,
    "train_last": is_moment,
}


def mistake(tags: dict[str, str]) -> str | None:
    """Return the first tag that no version has, or None."""
    for key, value in tags.items():
        form = FORMS.get(key, HASH.fullmatch if key.endswith("_md5") else VALUE.fullmatch)
        if key.startswith(METRIC):
            form = is_number
        if not KEY.fullmatch(key) or not form(value):
            return f"a {key:.40} that none has"
    try:
        definition.read(tags)
    except StageError:
        return f"a {definition.FILES} that none has"
    window, last = _window(tags.get("window", "")), tags.get("train_last", "")
    if window and last and not window.since <= datetime.fromisoformat(last).date() < window.until:
        return "a train_last outside its window"
    return None


def metrics(tags: dict[str, str]) -> dict[str, float]:
    """Return what the model reached, by the metric's name."""
    return {key.removeprefix(METRIC): float(value) for key, value in tags.items()
            if key.startswith(METRIC)}  # fmt: skip
