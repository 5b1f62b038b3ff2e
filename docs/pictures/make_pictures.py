"""Takes the site's pictures from a real run, in a headless browser; needs npm, takes minutes.

`make pictures` generates a project, takes it through its lifecycle, sends four weeks of real rows
to the service, the last of them with a fault, gives the labels, and lets it judge itself; then it
changes a parameter, and compares as a pull request does. Each picture is of what that run wrote.
"""

import base64
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import draw
import httpx
from baking import ROOT, clean_environment, cookiecutter, copy_template
from browser import launched
from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Page, Route
from running import Environment, Project, free_port, use_port

HERE = Path(__file__).parent
BUILD = ROOT / "build" / "pictures"
# Of our own pages, which are no wider, and of those of others.
OURS, OTHERS = 1000, 1280
# Real weeks after those that the model was made of; the last one's temperature in Celsius.
SEND = """
import datetime, time
from pathlib import Path
import polars as pl
from lifecycle.pipeline import ingest, source
from lifecycle.contract.columns import load_schema
from lifecycle.core.params import load_params
from lifecycle.loop.replay.traffic import Traffic

schema, params = load_schema(), load_params()
folder = Path(params.paths.source)
found, is_text = source.scan(params.data.source, folder, folder.parent, schema)
lazy = ingest.conform(found, schema, is_text=is_text)[0].drop("_refused")
rows = lazy.sort(schema.time).collect()
first, last = datetime.date(2013, 6, 1), datetime.date(2013, 6, 28)
day = pl.col(schema.time).dt.date()
sent = rows.filter(day.is_between(first, last))
broken = day > last - datetime.timedelta(7)
request = sent.with_columns(
    pl.when(broken).then((pl.col("temperature") - 32) / 1.8).otherwise(pl.col("temperature"))
    .alias("temperature")
).select(schema.request)
address = f"http://127.0.0.1:{params.serve.ports.development}"
print(Traffic(address, 4, None).send(request, schema.time, 20).statuses)
time.sleep(1.1 * params.prediction_log.flush_seconds)
labels = Path(params.paths.labels)
labels.mkdir(parents=True, exist_ok=True)
sent.drop_nulls(schema.target).select(*schema.names("key"), schema.target).write_parquet(
    labels / "2013-06.parquet"
)
"""
# What Great Expectations' pages fetch from elsewhere, by the package that has it, and where in it.
FETCHED = {
    "/bootstrap/4.3.1/": ("bootstrap", "4.3.1", "dist/"),
    "/bootstrap-table@1.19.1/": ("bootstrap-table", "1.19.1", ""),
    "/bootstrap-table@1.19.0/": ("bootstrap-table", "1.19.1", ""),
    "/bootstrap-datepicker/1.9.0/": ("bootstrap-datepicker", "1.9.0", "dist/"),
    "/@forevolve/bootstrap-dark@1.1.0/": ("@forevolve/bootstrap-dark", "1.1.0", ""),
    "/jquery-3.7.1": ("jquery", "3.7.1", "dist/jquery"),
    "/popper.js/1.12.9/": ("popper.js", "1.12.9", "dist/"),
    "/font-awesome/6.6.0/": ("@fortawesome/fontawesome-free", "6.6.0", ""),
}
# Which a machine without a screen has in no font.
EMOJI = {"✅": '<b style="color: #1a7f37">✔</b>', "❌": '<b style="color: #d1242f">✘</b>'}
COMMENT = """<!doctype html><meta charset="utf-8"><style>
:root { color-scheme: light dark; --line: #d0d7de; --panel: #f6f8fa; }
@media (prefers-color-scheme: dark) { :root { --line: #3d444d; --panel: #151b23; } }
body { font: 14px/1.5 system-ui, sans-serif; margin: 1rem; }
@media (prefers-color-scheme: dark) { body { background: #0d1117; color: #f0f6fc; } }
h1, h2, h3 { font-size: 1.25em; } summary { cursor: pointer; }
table { border-collapse: collapse; margin: .5rem 0; } tr:nth-child(2n) { background: var(--panel); }
th, td { border: 1px solid var(--line); padding: .3rem .7rem; }
code { background: var(--panel); padding: .15em .35em; border-radius: 4px; }
</style>"""


def generated() -> Project:
    """Return a project of the default answers."""
    shutil.rmtree(BUILD, ignore_errors=True)
    variables = clean_environment(BUILD / "home")
    template = copy_template(BUILD / "template")
    done = cookiecutter(template, BUILD, variables)
    assert done.returncode == 0, done.stderr
    root = BUILD / "flight-delay"
    project = Project(root, Environment(root / ".venv", root / ".venv-serving", variables))
    use_port(root, free_port())
    project.commit("Choose a port")
    return project


def serve(project: Project) -> None:
    """Let the project serve, be judged, and write its pages."""
    project.must("setup", "lifecycle")
    sent = project.python("-c", SEND)
    assert sent.returncode == 0, sent.stderr
    project.make("monitor", "VERDICT=reports/verdict.txt")
    assert (project.root / "reports/verdict.txt").read_text(encoding="utf-8") == "firing\n"
    project.must("report")


def compare(project: Project) -> Path:
    """Change a parameter as a pull request would; return the comment that it gets, as a page."""
    project.change("params.yaml", "  maximum_depth: 5\n", "  maximum_depth: 7\n")
    project.commit("Let trees be deeper")
    printed = project.must("pipeline")
    (project.root / "reports" / "pipeline.txt").write_text(printed, encoding="utf-8")
    project.make("gate", "BASE=HEAD^")
    project.must("compare", "BASE=HEAD^")
    text = (project.root / "reports" / "compare.md").read_text(encoding="utf-8")
    page = BUILD / "comment.html"
    content = MarkdownIt().enable("table").render(text)
    for character, drawn in EMOJI.items():
        content = content.replace(character, drawn)
    page.write_text(COMMENT + content, encoding="utf-8")
    return page


def packages() -> Path:
    """Return a folder with the packages that Great Expectations' pages fetch."""
    names = sorted({f"{name}@{version}" for name, version, _ in FETCHED.values()})
    command = ["npm", "install", "--silent", "--ignore-scripts", "--no-save", "--legacy-peer-deps"]
    subprocess.run([*command, "--prefix", str(BUILD / "web"), *names], check=True)
    return BUILD / "web" / "node_modules"


def answer(route: Route, folder: Path) -> None:
    """Answer what a page asks of another host from a package; whatever else it asks is refused."""
    url = route.request.url.partition("?")[0]
    for part, (name, _, inside) in FETCHED.items():
        path = folder / name / f"{inside}{url.partition(part)[2]}"
        if part in url and path.is_file():
            route.fulfill(path=path, headers={"Access-Control-Allow-Origin": "*"})
            return
    route.abort()


def take(page: Page, name: str, width: int, height: int) -> None:
    """Write the upper part of a page as WebP, which Chromium encodes itself."""
    page.set_viewport_size({"width": width, "height": height})
    # Until what was laid out for this size is drawn.
    page.evaluate("document.fonts.ready")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    session = page.context.new_cdp_session(page)
    shot = session.send("Page.captureScreenshot", {"format": "webp", "quality": 80})
    (HERE / f"{name}.webp").write_bytes(base64.b64decode(shot["data"]))


def take_both(browser: Browser, path: Path, name: str, height: int) -> None:
    """Take a page of ours from the disk, in both colour schemes."""
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme, offline=True)
        page = context.new_page()
        page.goto(path.as_uri())
        take(page, f"{name}-{scheme}", OURS, height)
        context.close()


def take_data_docs(browser: Browser, project: Project, folder: Path) -> None:
    """Take what Great Expectations found, as whoever has a network sees it."""
    context = browser.new_context(color_scheme="light")
    page = context.new_page()
    page.route(re.compile("^http"), lambda route: answer(route, folder))
    (found,) = (project.root / "reports/data_docs/validations/snapshot").rglob("*.html")
    page.goto(found.as_uri(), wait_until="networkidle")
    take(page, "data-docs", OTHERS, 900)
    context.close()


@contextmanager
def mlflow(project: Project) -> Iterator[str]:
    """Give the address of MLflow's pages while `make ui` shows them."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = project.command("ui", f"UI_PORT={port}")
    with subprocess.Popen(
        command, cwd=project.root, env=project.variables({}), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            while process.poll() is None and not _answers(address):
                time.sleep(0.2)
            yield address
        finally:
            subprocess.run(["kill", "--", f"-{process.pid}"], check=False)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, trust_env=False).is_success
    except httpx.TransportError:
        return False


def take_mlflow(browser: Browser, project: Project) -> None:
    """Take the page of the registered model's first version."""
    with mlflow(project) as address:
        page = browser.new_page(viewport={"width": OTHERS, "height": 900})
        # Its server's first answers take long on a busy machine.
        page.set_default_timeout(300_000)
        page.route(re.compile(f"^(?!{re.escape(address)})"), lambda route: route.abort())
        page.goto(f"{address}/#/models/flight-delay/versions/1")
        page.get_by_text("champion").first.wait_for()
        for part in ("/runs/", "/models/m-"):
            page.locator(f"a[href*='{part}']").first.wait_for()
        # Its assistant asks to be let go to other hosts.
        page.get_by_role("button", name="Close", exact=True).click()
        take(page, "mlflow", OTHERS, 900)


def main() -> None:
    """Draw, run, and take every picture."""
    for path, drawn in draw.drawings().items():
        path.write_text(drawn, encoding="utf-8")
    project = generated()
    try:
        serve(project)
        with launched(BUILD / "home") as browser:
            take_both(browser, project.root / "reports/site/index.html", "report", 1000)
            take_both(browser, project.root / "reports/monitor.html", "monitor", 1000)
            folder = packages()
            take_data_docs(browser, project, folder)
            take_both(browser, compare(project), "comment", 620)
            take_mlflow(browser, project)
    finally:
        project.must("stop")
    sizes = {path.name: path.stat().st_size for path in sorted(HERE.glob("*.webp"))}
    print(json.dumps(sizes, indent=1))


if __name__ == "__main__":
    main()
