"""Report writes one page about the whole lifecycle: what is live, of what it was made, how it does.

It reads reports, registry, audit logs and processes, and changes none of them. The page needs no
server and no network. What was not run yet is said to be so, with what to type.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lifecycle.contract.files import write_text
from lifecycle.core import child, parts
from lifecycle.core.command import project_root
from lifecycle.core.held import now
from lifecycle.core.params import Params, load_params
from lifecycle.pages import web
from lifecycle.records import store
from lifecycle.records.facts import Facts, Link, Section, gather
from lifecycle.reporting import overview

# What a report raises that another version of the code wrote, or that was written by hand.
MALFORMED = (LookupError, TypeError, ValueError, AttributeError)
UI = "http://127.0.0.1:5000"
FETCHES = "its page draws with a script that it fetches from the network"


def sections() -> list[Section]:
    """Return what the parts add that are there, in the page's order."""
    found = [one for _, module in parts.offering("report_section") for one in module.SECTIONS]
    return sorted(found, key=lambda one: one.order)


def _guarded(
    facts: Facts, name: str, template: str, values: Callable[[Facts], dict[str, Any]]
) -> str:
    """Return a part of the page, or why it cannot be shown; the other parts are shown anyway."""
    try:
        return web.render(template, facts=facts, **values(facts))
    except MALFORMED as error:
        said = f"{name}: a report has not the form that this version writes"
        facts.notes.append(f"{said} ({type(error).__name__}: {error}): run its step again")
        return web.render("reporting/templates/failed.html", said=said)


def mlflow_address() -> str | None:
    """Return where MLflow shows runs and versions; without a password that an address may carry."""
    given = os.environ.get("MLFLOW_TRACKING_URI", "")
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https"):
        return None
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def links(facts: Facts, plots: Path | None) -> list[dict[str, str]]:
    """Return links to what other tools show, relative, and only where it is there."""
    site = facts.root / facts.params.paths.site
    pages = [link for section in facts.sections for link in section.links(facts)]
    if plots is not None:
        what = "this model beside the champion's commit"
        pages.append(Link("DVC plots", plots, what, fetches=True))
    found = [
        {"name": link.name, "what": f"{link.what}; {FETCHES}" if link.fetches else link.what,
         "address": Path(os.path.relpath(facts.root / link.path, site)).as_posix()}
        # What needs the network comes last.
        for link in sorted(pages, key=lambda one: one.fetches)
        if (facts.root / link.path).is_file()
    ]  # fmt: skip
    if store.is_local(facts.root):
        what = "runs and versions, while `make ui` runs"
        found.append({"name": "MLflow", "address": UI, "what": what})
    elif address := mlflow_address():
        found.append({"name": "MLflow", "address": address, "what": "runs and versions"})
    return found


def page(facts: Facts, plots: Path | None = None) -> str:
    """Return the page as HTML; `plots` is where the page of DVC plots lies, if there is one."""
    lead = _guarded(facts, "overview", "reporting/templates/lead.html", overview.values)
    told = [(one.anchor, one.title, _guarded(facts, one.anchor, one.template, one.values))
            for one in facts.sections]  # fmt: skip
    return web.render(
        "reporting/templates/index.html", name=facts.params.project.name, lead=lead, sections=told,
        links=links(facts, plots), notes=facts.notes, now=now(),
    )  # fmt: skip


def dvc_plots(facts: Facts) -> Path | None:
    """Let DVC write its page of plots, of the champion's commit beside this one where it differs.

    Returns its path, or None where there is nothing to plot or DVC cannot.
    """
    folder = facts.params.paths.site / "dvc_plots"
    shutil.rmtree(facts.root / folder, ignore_errors=True)
    if not (facts.root / facts.params.paths.plots).is_dir():
        return None
    (facts.root / folder).mkdir(parents=True)
    champion = facts.version(facts.aliases.get("champion"))
    commit = champion.tags.get("git_commit") if champion else None
    what = ["diff", commit] if commit else ["show"]
    done = child.run(facts.root, "dvc", "plots", *what, "--out", folder)
    path = folder / "index.html"
    if done.returncode or not (facts.root / path).is_file():
        facts.notes.append(f"DVC made no page of plots: {child.dvc_reason(done)}")
        return None
    return path


def write(root: Path, params: Params, *, with_plots: bool) -> Facts:
    """Write the site and return what it tells; DVC's own page takes seconds more."""
    facts = gather(root, params, sections())
    plots = dvc_plots(facts) if with_plots else None
    write_text(root / params.paths.site / "index.html", page(facts, plots))
    return facts


def main() -> None:
    """Write the page, and print its first sentence and what could not be read."""
    root, params = project_root(), load_params()
    facts = write(root, params, with_plots=True)
    said, _ = overview.headline(facts)
    print(f"report: {said}")
    for note in facts.notes:
        print(f"    {note}")
    print(f"report: see {params.paths.site}/index.html")
