"""A headless browser without a network, and what it is asked about a page."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import system_packages
from baking import clean_environment
from playwright.sync_api import Browser, Page, sync_playwright

# On macOS it is not on PATH.
MACOS = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
NAMES = ("chromium", "chromium-browser", "google-chrome", MACOS)
# Nothing but the page: no update, no first run, no sign-in.
OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
# Text whose colour is too near to what lies behind it. (WCAG 2.2, success criterion 1.4.3.)
FAINT = """() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = one => {
    for (let up = one; up; up = up.parentElement) {
      const colour = parse(getComputedStyle(up).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const one of document.querySelectorAll('body *')) {
    const own = [...one.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || one.closest('svg')) continue;
    const [a, b] = [light(parse(getComputedStyle(one).color)), light(ground(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${one.tagName} ${ratio} ${one.textContent.slice(0, 40)}`);
  }
  return found;
}"""


def install(home: Path) -> str:
    """Return the browser's program, installed from Debian's packages where it is missing."""
    if found := next(filter(None, map(shutil.which, NAMES)), None):
        return found
    if not system_packages.can_install():
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium, and no root and apt-get to install it")
        pytest.skip("NOT TESTED: pages need Chromium, or root and apt-get to install it")
    complaint = system_packages.install({"chromium": "chromium"}, clean_environment(home))
    assert complaint is None, complaint
    found = shutil.which("chromium")
    assert found is not None
    return found


@contextmanager
def launched(home: Path) -> Iterator[Browser]:
    """Give a browser."""
    program = install(home)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        yield browser
        browser.close()


class Opened:
    """A page opened from the disk without a network: what it said and what it asked for."""

    def __init__(self, browser: Browser, path: Path, width: int = 1280, scheme: Any = "light"):
        """Open `path` in a window of a width, in a colour scheme."""
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True
        )
        self.page: Page = context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def text(self, selector: str = "body") -> str:
        """Return the text that is seen of what a selector finds, white space made single."""
        return " ".join(self.page.locator(selector).first.inner_text().split())

    def all(self, script: str) -> Any:
        """Return what a script finds."""
        return self.page.evaluate(script)
