"""Months, and the window of them that is read."""

from __future__ import annotations

from datetime import date
from typing import Self

from pydantic import model_validator

from lifecycle.contract.section import Month, Section


def shifted(month: str, by: int) -> str:
    """Return the month (YYYY-MM) that comes so many months later."""
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + by, 12)
    return f"{year:04d}-{number + 1:02d}"


class Window(Section):
    """The months that are read, both included."""

    start: Month
    end: Month

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start > self.end:
            raise ValueError(f"start {self.start} lies after end {self.end}")
        return self

    def __str__(self) -> str:
        return f"{self.start} to {self.end}"

    @property
    def since(self) -> date:
        """The first day of the window."""
        return date.fromisoformat(f"{self.start}-01")

    @property
    def until(self) -> date:
        """The first day after the window."""
        return date.fromisoformat(f"{shifted(self.end, 1)}-01")

    @property
    def months(self) -> list[str]:
        """Every month of the window, oldest first, as YYYY-MM."""
        found = [self.start]
        while found[-1] < self.end:
            found.append(shifted(found[-1], 1))
        return found
