"""`make report` writes a page that says what is so, and that a browser shows without a network."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from breaking import edit, read_json
from browser import FAINT, Opened, launched
from playwright.sync_api import Browser
from projects import clone, released_project, shrunk_project
from running import Project, free_port, use_port

pytestmark = pytest.mark.slow
INDEX = "reports/site/index.html"
REASON = "<script>alert('shown')</script><b id=shown>wrong on Sundays</b>"
OWN_PAGES = (INDEX, "reports/monitor.html", "reports/replay.html")
# MLflow's, while `make ui` runs.
ELSEWHERE = {"http://127.0.0.1:5000"}
SENDS = """
import time
from datetime import timedelta
import polars as pl
from lifecycle.contract.columns import load_schema
from lifecycle.core.params import load_params
from lifecycle.loop.replay.traffic import Traffic
schema, params = load_schema(), load_params()
rows = pl.read_parquet(params.paths.holdout).select(schema.request).sort(schema.time)
rows = rows.filter(pl.col(schema.time) > pl.col(schema.time).max() - timedelta(9))
url = f"http://127.0.0.1:{params.serve.ports.development}"
answers = Traffic(url, 4, None).send(rows, schema.time, 20)
assert set(answers.statuses) == {200}, answers.statuses
time.sleep(params.prediction_log.flush_seconds + 0.5)
"""
NOTES = f"""
from pathlib import Path
from lifecycle.records.deployment import Deployment
Deployment(Path.cwd(), "development").note("rollback", 1, {REASON!r}, rule="<i>rule</i>")
"""
# Real rows, cut into parts as if they were months.
REPLAYS = """
from pathlib import Path
import numpy as np
import polars as pl
from lifecycle.loop.replay import page as replay_page
from lifecycle.loop.replay import report as replay_report
from lifecycle.contract.columns import load_schema
from lifecycle.core.params import load_params
from lifecycle.loop.replay.months import Month, Played
from lifecycle.loop.replay.scores import Scores
schema, params = load_schema(), load_params()
rows = pl.read_parquet(params.paths.holdout)
live = pl.read_parquet(params.paths.predictions)["probability"].to_numpy()
label, day = rows[schema.target].cast(pl.Float64).to_numpy(), rows[schema.time].dt.date().to_numpy()
months, scores = [], Scores(params, schema, np.array([0.0] * 4 + [1.0]))
for number, part in enumerate(np.array_split(np.arange(rows.height), 11), 2):
    month = Month(f"2013-{number:02d}", len(part), {"1": len(part)}, {"200": len(part)}, "healthy")
    month.outcome, month.why = "kept", "nothing fired"
    others = {"frozen": live[part] * 0.9}
    month.scores = scores.compare(label[part], live[part], others, day[part])
    months.append(month)
played = Played(None, params, schema, None, None)  # Which clone played what is not told.
played.months, played.scores = months, scores
played.first = {"window": "2013-01", "refused": ""}
replay_page.write(Path.cwd(), params, replay_report.report(played, 1.0))
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a headless browser."""
    with launched(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture(scope="module")
def released(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the shrunk project with version 1 as champion; its service is stopped."""
    return released_project(generated, tmp_path_factory)


@pytest.fixture(scope="module")
def site(released: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return a project that serves in all environments, judged and replayed, with its page."""
    project = released.copy(tmp_path_factory.mktemp("report") / "flight-delay")
    use_port(project.root, free_port())
    default = {"staging": 3010, "production": 3020}
    ports = [
        (f"    {name}: {port}", f"    {name}: {free_port()}") for name, port in default.items()
    ]
    edit(project, "params.yaml", tuple(ports))
    try:
        project.must("deploy")
        project.must("deploy", "ENV=staging", API_KEYS="first")
        project.must("deploy", "ENV=production", API_KEYS="first")
        for script in (SENDS, NOTES, REPLAYS):
            done = project.python("-c", script)
            assert done.returncode == 0, done.stdout + done.stderr
        judged = project.python("-m", "lifecycle", "monitor")
        assert (project.root / "reports" / "monitor.html").is_file(), judged.stderr
        assert written(project) == []
        yield project
    finally:
        for name in ("development", "staging", "production"):
            project.must("stop", f"ENV={name}")


@pytest.fixture
def copied(released: Project, tmp_path: Path) -> Project:
    """Return a copy of the project whose service is stopped."""
    return released.copy(tmp_path / "flight-delay")


def written(project: Project, **variables: str) -> list[str]:
    """Write the page; return what was noted, which is printed and stands on the page."""
    done = project.make("report", **variables)
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    assert "Traceback" not in printed
    assert done.stdout.splitlines()[-1] == f"report: see {INDEX}"
    notes = [line.strip() for line in done.stdout.splitlines() if line.startswith("    ")]
    page = (project.root / INDEX).read_text(encoding="utf-8")
    assert ("<h2>Noted</h2>" in page) == bool(notes)
    return notes


def deployed(project: Project, environment: str) -> dict[str, Any]:
    """Return the state of an environment."""
    found: dict[str, Any] = read_json(project, f".lifecycle/{environment}/deployment.json")
    return found


def test_it_leads_with_what_is_live_and_how_it_does(site: Project, browser: Browser) -> None:
    opened = Opened(browser, site.root / INDEX)
    lead = opened.text(".lead")
    assert lead.startswith("Version 1 is live in production: how it does is not known yet.")
    assert "Also live: version 1 in staging (how it does is not known yet); version 1 in " in lead
    assert "make monitor ENV=production" in lead
    # Seen without scrolling, on a phone as well.
    small = Opened(browser, site.root / INDEX, 360)
    assert small.page.locator(".lead b").bounding_box()["y"] < 300  # type: ignore[index]
    cards = opened.all("[...document.querySelectorAll('.card')].map(one => one.textContent)")
    assert [re.match("production|staging|development", card)[0] for card in cards] == [  # type: ignore[index]
        "production", "staging", "development",
    ]  # fmt: skip
    metrics = read_json(site, "reports/metrics.json")
    for card, name in zip(cards, ("production", "staging", "development"), strict=True):
        since = deployed(site, name)["live"]["since"]
        assert f"since{since[:10]} {since[11:16]} UTC" in card
        assert f"roc_auc {metrics['roc_auc']:.4f}" in card
        assert "data2013-02 to 2013-03, hash" in card
    monitor = read_json(site, "reports/monitor.json")
    assert f"monitor{monitor['verdict']}, " in cards[2]
    assert "none in data/labels: quality cannot be judged" in cards[2]
    assert "last logged 20" in cards[2]


def test_its_figures_are_those_of_the_reports(site: Project, browser: Browser) -> None:
    opened = Opened(browser, site.root / INDEX)
    evaluation, gate = (read_json(site, f"reports/{n}.json") for n in ("evaluation", "gate"))
    rows = opened.all(
        "[...document.querySelectorAll('tbody tr')].map("
        "row => [...row.children].map(cell => cell.textContent))"
    )
    for rule in gate["rules"]:
        assert [rule[key] for key in ("rule", "measured", "required", "verdict")] in rows
    for name, value in evaluation["metrics"].items():
        others = [f"{one[name]:.4f}" for one in evaluation["baselines"].values()]
        assert [name, f"{value:.4f}", *others] in [row[:-1] for row in rows]
    judged = [one for one in evaluation["slices"] if one["metrics"]]
    for one in judged:
        scores = [f"{value:.4f}" for value in one["metrics"].values()]
        assert [one["value"], f"{one['rows']:,}", *scores] in rows
    tags = ["1", "champion, staging", "2013-02 to 2013-03"]
    assert [row for row in rows if row[:3] == tags]
    audit = (site.root / ".lifecycle/development/audit.jsonl").read_text(encoding="utf-8")
    newest = json.loads(audit.splitlines()[-1])
    assert ["development", "rollback", "1", "<i>rule</i>", REASON, newest["by"]] in [
        row[1:] for row in rows
    ]
    assert len(opened.all("[...document.querySelectorAll('#model svg')]")) == 3
    dots = opened.page.locator("#model svg circle").count()
    assert dots == len(evaluation["calibration"])
    drift = read_json(site, "reports/monitor.json")["windows"][-1]["drift"]
    for name, found in drift.items():
        measured = [name, f"{found['limit']:.2f}", f"{found['effect']:.2f}"]
        assert measured in [[*row[:2], row[-1]] for row in rows]
    assert opened.page.locator("#replay svg circle").count() == 22


@pytest.mark.parametrize("name", OWN_PAGES)
def test_every_link_leads_somewhere(name: str, site: Project, browser: Browser) -> None:
    page = site.root / name
    opened = Opened(browser, page)
    links = opened.all("[...document.querySelectorAll('[href]')].map(a => a.getAttribute('href'))")
    for link in links:
        if link.startswith("#"):
            assert opened.page.locator(f"[id='{link[1:]}']").count() == 1, link
        elif link not in {*ELSEWHERE, "data:,"}:
            # A paragraph of the runbook: the project's own tests ask for the heading.
            assert (page.parent / link.partition("#")[0]).is_file(), link
    if name == INDEX:
        assert {*ELSEWHERE, "../monitor.html", "../replay.html", "../data_docs/index.html",
                "dvc_plots/index.html"} <= set(links)  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", OWN_PAGES)
def test_it_can_be_read_anywhere(
    name: str, width: int, scheme: str, site: Project, browser: Browser, tmp_path: Path
) -> None:
    """No wider than the window, nothing asked of anybody, nothing said on the console, contrast."""
    opened = Opened(browser, site.root / name, width, scheme)
    opened.all("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert opened.all("document.documentElement.scrollWidth") == width
    # What is wider scrolls inside its own frame, and nothing else is.
    assert opened.all(
        "[...document.querySelectorAll('body *')].filter(one => "
        "one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('.wide table'))"
        ".map(one => one.outerHTML.slice(0, 80))"
    ) == []  # fmt: skip
    assert opened.all(FAINT) == []
    ground = opened.all("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    opened.page.screenshot(path=tmp_path / f"{width}-{scheme}.png", full_page=True)
    assert opened.asked == [(site.root / name).as_uri()]
    assert opened.said == []


@pytest.mark.parametrize("name", OWN_PAGES)
def test_its_structure_is_told_to_those_who_do_not_see_it(
    name: str, site: Project, browser: Browser
) -> None:
    opened = Opened(browser, site.root / name)
    assert opened.all("document.documentElement.lang") == "en"
    assert opened.page.title()
    levels = opened.all("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    lacking = {
        "table": "!one.caption || one.querySelector('th:not([scope])') || !one.tHead",
        "svg": "one.getAttribute('role') !== 'img' || !one.getAttribute('aria-label')",
        ".wide": "one.tabIndex !== 0 || !one.getAttribute('aria-label')",
        "body": "!one.querySelector('main')",
    }
    for selector, wrong in lacking.items():
        script = f"[...document.querySelectorAll('{selector}')].filter(one => {wrong}).length"
        assert opened.all(script) == 0, selector


def test_what_was_typed_by_somebody_stays_text(site: Project, browser: Browser) -> None:
    opened = Opened(browser, site.root / INDEX)
    assert REASON in opened.text("#rollouts")
    assert opened.page.locator("script, #shown, #rollouts i").count() == 0
    assert opened.said == []


def test_a_project_in_which_nothing_has_run(
    generated: Project, browser: Browser, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """It says what to type, and looking leaves nothing behind but the page."""
    project = clone(shrunk_project(generated, tmp_path_factory), tmp_path / "flight-delay")
    before = {path.name for path in project.root.iterdir()}
    assert written(project) == []
    assert {path.name for path in project.root.iterdir()} - before == {"reports"}
    assert [path.name for path in (project.root / "reports").rglob("*")] == ["site", "index.html"]
    opened = Opened(browser, project.root / INDEX, 360)
    assert opened.text(".lead").startswith("Nothing is live. Nothing has run yet. Type make life")
    for section, said in {
        "gate": "type make gate", "model": "type make pipeline", "versions": "type make release",
        "monitoring": "type make monitor", "rollouts": "type make deploy",
        "replay": "type make replay",
    }.items():  # fmt: skip
        assert said in opened.text(f"#{section}")
    assert opened.all("document.documentElement.scrollWidth") == 360


def test_a_service_that_is_stopped_is_not_called_healthy(copied: Project, browser: Browser) -> None:
    before = sorted(str(path) for path in (copied.root / ".lifecycle").rglob("*"))
    assert written(copied) == []
    assert sorted(str(path) for path in (copied.root / ".lifecycle").rglob("*")) == before
    opened = Opened(browser, copied.root / INDEX)
    lead = opened.text(".lead")
    assert lead.startswith("Version 1 is live in development: it does not run, no request is ans")
    assert "Type make deploy." in lead
    assert "Monitoring has not looked yet: type make monitor." in opened.text("#monitoring")


def test_logs_that_are_empty_or_torn_are_said_to_be_so(copied: Project, browser: Browser) -> None:
    folder = copied.root / ".lifecycle" / "development"
    for path in (folder / "predictions").glob("*"):
        path.write_text("", encoding="utf-8")
    whole = (folder / "audit.jsonl").read_text(encoding="utf-8")
    torn = whole + whole.splitlines()[0][:50]
    (folder / "audit.jsonl").write_text(torn, encoding="utf-8")
    (note,) = written(copied)
    assert note.startswith("1 line is not whole in .lifecycle/development/audit.jsonl, as a crash")
    opened = Opened(browser, copied.root / INDEX)
    assert "the log is empty: send requests, make predict" in opened.text(".card:nth-child(3)")
    rows = opened.page.locator("#rollouts > .wide tbody tr").count()
    assert rows == sum('"step"' not in line for line in whole.splitlines())
    assert (folder / "audit.jsonl").read_text(encoding="utf-8") == torn


def test_a_version_that_is_registered_and_not_deployed(copied: Project, browser: Browser) -> None:
    (copied.root / ".lifecycle" / "development" / "deployment.json").unlink()
    assert written(copied) == []
    lead = Opened(browser, copied.root / INDEX).text(".lead")
    assert lead == ("Nothing is live. A version is registered and none is deployed: type make "
                    "deploy.")  # fmt: skip


@pytest.mark.parametrize(
    ("path", "content", "note"),
    [
        ("reports/gate.json", '{"verdict": "pa', "reports/gate.json is no valid JSON"),
        ("reports/gate.json", '{"verdict": 1}', "gate: a report has not the form"),
        ("reports/evaluation.json", "[]", "model: a report has not the form"),
        ("reports/monitor.json", '{"environment": "development"}', "reports/monitor.json has no"),
        ("mlflow.db", "no database", "the registry cannot be read"),
    ],
)
def test_a_report_that_cannot_be_read_does_not_take_the_others_along(
    path: str, content: str, note: str, copied: Project
) -> None:
    (copied.root / path).write_text(content, encoding="utf-8")
    (found,) = written(copied)
    assert note in found
    page = (copied.root / INDEX).read_text(encoding="utf-8")
    assert page.count("<h2>") == 10
    assert (copied.root / path).read_text(encoding="utf-8") == content


@pytest.mark.parametrize("content", ["", "{}", '{"live": {"vers'])
def test_a_broken_state_is_read_from_the_audit_log(
    content: str, copied: Project, browser: Browser
) -> None:
    assert written(copied) == []
    before = Opened(browser, copied.root / INDEX).text(".lead")
    path = copied.root / ".lifecycle" / "development" / "deployment.json"
    path.write_text(content, encoding="utf-8")
    assert written(copied) == []
    assert Opened(browser, copied.root / INDEX).text(".lead") == before
    assert "Version 1 " in before
    # A page is read from; mending is for `make deploy`.
    assert path.read_text(encoding="utf-8") == content


def test_a_registry_that_does_not_answer(copied: Project) -> None:
    """The address is named without its password, and the rest of the page is there."""
    address = f"http://somebody:secret@127.0.0.1:{free_port()}"
    (note,) = written(copied, MLFLOW_TRACKING_URI=address)
    assert note.startswith("the registry cannot be read: ")
    page = (copied.root / INDEX).read_text(encoding="utf-8")
    assert f'<a href="{address.replace("somebody:secret@", "")}">MLflow</a>' in page
    assert "secret" not in page
    assert "the registry cannot be read" in page


def test_the_lifecycle_ends_with_the_page(released: Project) -> None:
    page = (released.root / INDEX).read_text(encoding="utf-8")
    assert "Version 1 is live in development: how it does is not known yet." in page
    assert "dvc_plots" not in page
