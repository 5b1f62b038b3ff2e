"""What reporting adds to the whole lifecycle: the page about it."""

from __future__ import annotations

from pathlib import Path

from lifecycle.core.lifecycle_report import Report
from lifecycle.core.params import Params
from lifecycle.reporting import report as page

ORDER = 2


def steps(root: Path, params: Params, report: Report) -> None:
    """Do nothing on the way: the page is about what has been done."""


def closing(root: Path, params: Params, report: Report) -> list[tuple[str, str]]:
    """Write the page, without DVC's own page of plots, which takes seconds; say where it is."""
    page.write(root, params, with_plots=False)
    return [("report", f"{params.paths.site}/index.html, {params.paths.data_docs}/index.html")]
