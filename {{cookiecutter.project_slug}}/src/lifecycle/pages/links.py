"""Links of the project's pages: each leads to a file that is there, and to a heading of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

CODE = re.compile(r"^(`{3,}).*?^\1|(`+).*?\2", re.DOTALL | re.MULTILINE)
LINK = re.compile(r'\]\(([^)\s]+)|\b(?:href|src|srcset)="([^"\s]+)')


def anchors(page: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"(?m)^#+ (.*)$", re.sub(r"(?ms)^```.*?^```", "", page))
    return {re.sub(r"[^\w -]", "", head.strip().lower()).replace(" ", "-") for head in heads}


def leads(page: Path, link: str) -> bool:
    """Say whether a page's relative link leads to a file, and to a heading if it names one."""
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    if not target.exists():
        return False
    if not anchor:
        return True
    return target.is_file() and anchor in anchors(target.read_text(encoding="utf-8"))


def dead(root: Path, pages: Sequence[Path]) -> list[str]:
    """Return each relative link that leads nowhere, after the page that has it."""
    found = []
    for page in pages:
        text = CODE.sub("", page.read_text(encoding="utf-8"))
        links = [one or other for one, other in LINK.findall(text)]
        found += [
            f"{page.relative_to(root)}: {link}"
            for link in links
            if not re.match(r"[a-z]+:", link) and not leads(page, link)
        ]
    return found
