"""Report writes one page about the whole lifecycle: what is live, of what it was made, how it does.

It reads reports, registry, audit logs and processes, and changes none of them. The page needs no
server and no network. What was not run yet is said to be so, with what to type.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from lifecycle.contract.files import write_text
from lifecycle.core.command import project_root
from lifecycle.core.held import now
from lifecycle.core.params import Params, load_params
from lifecycle.pages import web
from lifecycle.records import store
from lifecycle.reporting import report_model, report_overview, report_service
from lifecycle.reporting.report_facts import Facts, gather

SECTIONS: tuple[tuple[str, str, Callable[[Facts], str]], ...] = (
    ("environments", "Environments", report_overview.cards),
    ("gate", "Gate", report_model.gate),
    ("model", "Model", report_model.model),
    ("monitoring", "Monitoring", report_service.monitor),
    ("rollouts", "Rollouts and rollbacks", report_service.rollouts),
    ("versions", "Versions", report_service.versions),
    ("replay", "Replay", report_service.replay),
)
# What a report raises that another version of the code wrote, or that was written by hand.
MALFORMED = (LookupError, TypeError, ValueError, AttributeError)
STYLE = """
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1rem; list-style: none; padding: 0; }
nav li { margin: 0; } footer { margin-top: 3rem; }
"""
UI = "http://127.0.0.1:5000"
FETCHES = "its page draws with a script that it fetches from the network"


def _guarded(facts: Facts, name: str, render: Callable[[Facts], str]) -> str:
    """Return a part of the page, or why it cannot be shown; the other parts are shown anyway."""
    try:
        return render(facts)
    except MALFORMED as error:
        said = f"{name}: a report has not the form that this version writes"
        facts.notes.append(f"{said} ({type(error).__name__}: {error}): run its step again")
        return web.sentence(f"This part cannot be shown: {said}.", "bad")


def _section(anchor: str, title: str, inside: str) -> str:
    return f'<section id="{anchor}"><h2>{escape(title)}</h2>{inside}</section>'


def mlflow_address() -> str | None:
    """Return where MLflow shows runs and versions; without a password that an address may carry."""
    given = os.environ.get("MLFLOW_TRACKING_URI", "")
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https"):
        return None
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def links(facts: Facts, plots: Path | None) -> str:
    """Return links to what other tools show, relative, and only where it is there."""
    paths, site = facts.params.paths, facts.root / facts.params.paths.site
    pages = [
        ("Monitoring", paths.monitor_report.with_suffix(".html"), "the last look, on a page"),
        ("Evidently", paths.monitor_report.with_name("evidently.html"),
         "each feature of the latest window beside the training period"),
        ("Replay", paths.replay_report.with_suffix(".html"), "real months played through"),
        ("Data Docs", paths.data_docs / "index.html",
         f"Great Expectations: what was checked in the data; {FETCHES}"),
    ]  # fmt: skip
    if plots is not None:
        pages.append(("DVC plots", plots, f"this model beside the champion's commit; {FETCHES}"))
    found = [
        f'<a href="{escape(Path(os.path.relpath(facts.root / path, site)).as_posix())}">'
        f"{escape(name)}</a>: {escape(what)}"
        for name, path, what in pages
        if (facts.root / path).is_file()
    ]
    if store.is_local(facts.root):
        found.append(f'<a href="{UI}">MLflow</a>: runs and versions, while `make ui` runs')
    elif address := mlflow_address():
        found.append(f'<a href="{escape(address)}">MLflow</a>: runs and versions')
    return web.items([one.replace("`make ui`", "<code>make ui</code>") for one in found])


def page(facts: Facts, plots: Path | None = None) -> str:
    """Return the page as HTML; `plots` is where the page of DVC plots lies, if there is one."""
    name = facts.params.project.name
    lead = _guarded(facts, "overview", report_overview.lead)
    parts = [
        _section(anchor, title, _guarded(facts, anchor, render))
        for anchor, title, render in SECTIONS
    ]
    parts.append(_section("more", "More pages", links(facts, plots)))
    names = [(anchor, title) for anchor, title, _ in SECTIONS] + [("more", "More pages")]
    menu = web.items([f'<a href="#{anchor}">{escape(title)}</a>' for anchor, title in names])
    noted = web.items([web.code(text) for text in facts.notes])
    body = (
        f"<header><h1>{escape(name)}</h1>{lead}</header>"
        f'<nav aria-label="Sections">{menu}</nav><main>'
        f"{f'<section><h2>Noted</h2>{noted}</section>' if noted else ''}{''.join(parts)}</main>"
        f'<footer><p class="dim">As of {escape(web.moment(now()))}; '
        "written by <code>make report</code>.</p></footer>"
    )
    return web.document(f"{name}: the lifecycle", body, report_overview.STYLE + STYLE)


def dvc_plots(facts: Facts) -> Path | None:
    """Let DVC write its page of plots, of the champion's commit beside this one where it differs.

    Returns its path, or None where there is nothing to plot or DVC cannot.
    """
    folder = facts.params.paths.site / "dvc_plots"
    shutil.rmtree(facts.root / folder, ignore_errors=True)
    if facts.roc is None:
        return None
    (facts.root / folder).mkdir(parents=True)
    champion = facts.version(facts.aliases.get("champion"))
    commit = champion.tags.get("git_commit") if champion else None
    what = ["diff", commit] if commit else ["show"]
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "plots", *what, "--out", str(folder)],
        cwd=facts.root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    path = folder / "index.html"
    if done.returncode or not (facts.root / path).is_file():
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        reason = (errors or ["no message"])[0].removeprefix("ERROR: ")
        facts.notes.append(f"DVC made no page of plots: {reason}")
        return None
    return path


def write(root: Path, params: Params, *, with_plots: bool) -> Facts:
    """Write the site and return what it tells; DVC's own page takes seconds more."""
    facts = gather(root, params)
    plots = dvc_plots(facts) if with_plots else None
    write_text(root / params.paths.site / "index.html", page(facts, plots))
    return facts


def main() -> None:
    """Write the page, and print its first sentence and what could not be read."""
    root, params = project_root(), load_params()
    facts = write(root, params, with_plots=True)
    said, _ = report_overview.headline(facts)
    print(f"report: {said}")
    for note in facts.notes:
        print(f"    {note}")
    print(f"report: see {params.paths.site}/index.html")
