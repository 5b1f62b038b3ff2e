"""The site as a browser shows it: from the disk, narrow and wide, light and dark, on its own."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal

import pytest
from baking import PROJECT, ROOT
from browser import Opened, launched
from playwright.sync_api import Browser, expect

DOCS = ROOT / "docs"
PICTURES = DOCS / "pictures"
SOURCES = sorted(DOCS.rglob("*.md"))
# What the system asks for, and what the theme calls it.
SCHEMES: list[tuple[Literal["light", "dark"], str]] = [("light", "default"), ("dark", "slate")]
# Wider than the window, and not within what scrolls by itself.
TOO_WIDE = """() => [...document.querySelectorAll('article *')].filter(one =>
  one.getBoundingClientRect().right > innerWidth + 1 &&
  !one.closest('.md-typeset__scrollwrap, pre, .md-tooltip'))
  .map(one => one.outerHTML.slice(0, 80))"""
PICTURED = """async () => {
  for (const one of document.images) { one.loading = 'eager'; await one.decode(); }
  return [...document.images].map(one => [one.alt, one.getBoundingClientRect().width]);
}"""


def build(root: Path, to: Path) -> subprocess.CompletedProcess[str]:
    """Build the site as `make docs` does; a warning is an error."""
    command = (sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", to)
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


class Requests(HTMLParser):
    """Collects what a browser fetches by itself to show a page; links to click are none of it."""

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__()
        self.fetched = {"src", "srcset", "poster", "data", "background"}
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the addresses of one tag."""
        for name, value in attrs:
            if value and (name in self.fetched or (tag == "link" and name == "href")):
                self.found.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the built site; a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_has_every_page_and_fetches_nothing_from_elsewhere(site: Path) -> None:
    """It reads offline: no script, style, font or picture of another host."""
    elsewhere = re.compile(r"^(?:[a-z]+:)?//")
    pages = sorted(site.rglob("*.html"))
    for page in DOCS.rglob("*.md"):
        assert site / page.relative_to(DOCS).with_suffix(".html") in pages
    for page in pages:
        parser = Requests()
        parser.feed(page.read_text(encoding="utf-8"))
        assert [address for address in parser.found if elsewhere.match(address)] == [], page.name
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        fetched = re.findall(r"(?:url\(|@import )\s*[\"']?([^\"')\s]+)", text)
        assert [address for address in fetched if elsewhere.match(address)] == [], style.name


@pytest.mark.parametrize(
    ("page", "link"),
    [
        ("docs/index.md", "[gone](gone.md)"),
        ("docs/index.md", "[gone](operations.md#gone)"),
        ("docs/index.md", "![gone](pictures/gone.svg)"),
        (f"{PROJECT}/docs/operations.md", "[gone](#gone)"),
    ],
)
def test_a_link_that_leads_nowhere_is_an_error(page: str, link: str, tmp_path: Path) -> None:
    """On a page of the site, and on the project's page that it includes."""
    for name in ("docs", f"{PROJECT}/docs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "mkdocs.yml", tmp_path / "mkdocs.yml")
    with (tmp_path / page).open("a", encoding="utf-8") as written:
        written.write(f"\n{link}\n")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode == 1
    assert "gone" in done.stderr


def test_pictures_are_small() -> None:
    """Each less than 150 kB, all of them less than a megabyte; each is shown."""
    sizes = {path.name: path.stat().st_size for path in PICTURES.glob("*.[sw]*[gp]")}
    assert max(sizes.values()) < 150_000
    assert sum(sizes.values()) < 1_000_000
    shown = "".join(page.read_text(encoding="utf-8") for page in SOURCES)
    assert [name for name in sizes if f"(pictures/{name}" not in shown] == []


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a headless browser."""
    with launched(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("page", SOURCES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_a_page_is_as_wide_as_the_window_and_asks_nobody(
    page: Path, width: int, site: Path, browser: Browser
) -> None:
    """Light and dark; every picture is there and says what it shows; code can be copied."""
    opened = Opened(browser, site / page.relative_to(DOCS).with_suffix(".html"), width)
    body = opened.page.locator("body")
    grounds = set()
    for scheme, name in SCHEMES:
        opened.page.emulate_media(color_scheme=scheme)
        expect(body).to_have_attribute("data-md-color-scheme", name)
        assert opened.all("document.documentElement.scrollWidth") == width
        assert opened.all(TOO_WIDE) == []
        grounds.add(opened.all("getComputedStyle(document.body).backgroundColor"))
        pictures = opened.all(PICTURED)
        assert [alt for alt, _ in pictures if len(alt) < 20] == []
        assert all(shown <= width for _, shown in pictures)
    assert len(grounds) == 2
    codes = opened.page.locator("article pre > code").count()
    assert opened.page.locator("article pre [data-clipboard-target]").count() == codes
    assert [url for url in opened.asked if not url.startswith(site.as_uri())] == []
    assert opened.said == []
    opened.page.context.close()


@pytest.mark.slow
def test_search_works_from_the_disk(site: Path, browser: Browser) -> None:
    opened = Opened(browser, site / "index.html")
    opened.page.get_by_placeholder("Search").fill("prediction drift")
    found = opened.page.locator(".md-search-result__link").first
    expect(found).to_have_attribute("href", re.compile(r"operations\.html|monitor\.html"))
    assert opened.said == []


@pytest.mark.slow
def test_the_reader_may_choose_the_scheme(site: Path, browser: Browser) -> None:
    """It begins as the system has it; a click changes it, and the next page remembers."""
    opened = Opened(browser, site / "index.html", scheme="dark")
    body = opened.page.locator("body")
    expect(body).to_have_attribute("data-md-color-scheme", "slate")
    opened.page.locator("label[title='Use the light scheme']").click()
    expect(body).to_have_attribute("data-md-color-scheme", "default")
    opened.page.goto((site / "tour.html").as_uri())
    expect(body).to_have_attribute("data-md-color-scheme", "default")
