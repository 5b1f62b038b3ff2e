"""README and site say what is so: what can be generated from its source is, the rest is compared.

`python tests/test_docs.py` writes the generated blocks anew.
"""

import re
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from baking import PROJECT, PUBLIC, QUESTIONS, ROOT, files_of
from running import Project

README, DOCS = ROOT / "README.md", ROOT / "docs"
TEMPLATE = ROOT / PROJECT
# The runbook is the project's own page, which the site includes.
RUNBOOK = TEMPLATE / "docs" / "operations.md"
PAGES = [README, *sorted(DOCS.rglob("*.md")), RUNBOOK]
# What an owner reads, and what adopt writes into it.
OWN = [TEMPLATE / "README.md", *sorted((TEMPLATE / "docs").glob("*.md")),
       *sorted((TEMPLATE / "src/lifecycle/adopt/templates").glob("*.md"))]  # fmt: skip
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
INCLUDED = re.compile(r'(?m)^--8<-- "(.+)"$')
# Folders whose files the template itself brings; everything else is made by a run.
BROUGHT = "src/lifecycle|tests|expectations|requirements|hooks|benchmarks"
# Hosts that a page may name: this machine, examples, and where the template is.
HOSTS = {"127.0.0.1", "localhost", "github.com", "HOST"}


def cell(value: Any) -> str:
    """Return a value as code of a table."""
    return f"`{value}`" if value != "" else ""


def options() -> str:
    """Return the table of prompts, made from cookiecutter.json."""
    lines = ["| prompt | asks for | answers (the first is the default) |", "| --- | --- | --- |"]
    for name in PUBLIC:
        asked, given = QUESTIONS["__prompts__"][name], QUESTIONS[name]
        if isinstance(given, list):
            answers = "<br>".join(f"{cell(value)}: {asked[value]}" for value in given)
            asked = asked["__prompt__"]
        elif "{" in given:
            answers = "made from the project's name"
        else:
            answers = cell(given)
        lines.append(f"| {cell(name)} | {asked} | {answers} |")
    return "\n".join(lines)


def makefile(folder: Path) -> str:
    """Return the Makefile with what it includes, a rule a line."""
    parts = [folder / "Makefile", *sorted(folder.glob("*/*.mk"))]
    return "\n".join(part.read_text(encoding="utf-8") for part in parts).replace("\\\n", " ")


def help_of(folder: Path) -> str:
    """Return what `make help` prints in a folder, without colours."""
    done = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return "```\n" + re.sub(r"\x1b\[[0-9;]*m", "", done.stdout).rstrip() + "\n```"


BLOCKS: dict[tuple[Path, str], Callable[[], str]] = {
    (README, "options"): options,
    (DOCS / "reference/prompts.md", "options"): options,
    (DOCS / "reference/targets.md", "project"): lambda: help_of(TEMPLATE),
    (DOCS / "reference/targets.md", "template"): lambda: help_of(ROOT),
}


def content(page: Path, name: str) -> str:
    """Return a marked block's content."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(rf"(?s)<!-- {name}: begin -->\n(.*?)<!-- {name}: end -->", text)
    assert len(found) == 1, f"{page.name} has {len(found)} blocks {name}"
    return str(found[0]).strip()


def leaves(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf of params.yaml with its dotted key."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix, value


def rows(text: str) -> list[list[str]]:
    """Return the cells of every row of every table, heads and rulers left out."""
    tables = re.findall(r"(?m)^\|.*\n\|[ -]+\|.*\n((?:\|.*\n?)+)", text)
    lines = "".join(tables).splitlines()
    return [[part.strip() for part in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(("page", "name"), BLOCKS, ids=lambda key: getattr(key, "name", key))
def test_generated_blocks_are_current(page: Path, name: str) -> None:
    """Tables of prompts and lists of targets are what their source says."""
    assert content(page, name) == BLOCKS[page, name](), "type python tests/test_docs.py"


def test_every_target_has_a_line_of_help() -> None:
    """What `make help` leaves out would be missing from the page as well; source is internal."""
    for folder in (ROOT, TEMPLATE):
        listed = set(re.findall(r"(?m)^  ([a-z-]+) ", help_of(folder)))
        phony = " ".join(re.findall(r"(?m)^\.PHONY: (.*)$", makefile(folder)))
        inside = {"environment", "loadable", "serving-environment", "source"}
        assert set(phony.split()) - listed <= inside


def test_the_page_of_parameters_has_every_key_with_its_value() -> None:
    """No key is missing, none is left over, and each value is that of a new project."""
    text = (TEMPLATE / "params.yaml").read_text(encoding="utf-8")
    text = text.replace("{{ cookiecutter.project_slug }}", "flight-delay")
    expected = dict(leaves(yaml.safe_load(text)))
    page = rows((DOCS / "reference/params.md").read_text(encoding="utf-8"))
    found = {key.strip("`"): yaml.safe_load(value.strip("`")) for key, value, _ in page}
    assert found == expected
    assert len(page) == len(expected)
    assert all(meaning for _, _, meaning in page)


def test_other_pages_follow_the_code() -> None:
    """Parameters of the gate, statuses, environment variables and paths are all described."""
    reference = {page.stem: page.read_text(encoding="utf-8") for page in PAGES}
    params = yaml.safe_load((TEMPLATE / "params.yaml").read_text(encoding="utf-8"))
    sources = "\n".join(path.read_text() for path in (TEMPLATE / "src").rglob("*.py"))
    for key, inner in params["gate"].items():
        wanted = [f"gate.{key}"] if key == "metrics" else [f"gate.{key}.{part}" for part in inner]
        assert [name for name in wanted if f"`{name}`" not in reference["gate"]] == []
    for path in params["paths"].values():
        assert f"`{path}`" in reference["files"] or f"`{path}/`" in reference["files"], path
    refused = re.findall(r"(?:RefusalError|refuse)\((?:\w+,)?\s*(\d{3})\b", sources)
    statuses = {*refused, *re.findall(r"(?m)^    (\d{3}): \"", sources)}
    described = {row[0] for row in rows(reference["service"]) if re.fullmatch(r"\d{3}", row[0])}
    assert described == statuses
    read = set(re.findall(r"environ(?:ment)?\.get\(\s*\"([A-Z_]+)\"", sources)) - {"PATH"}
    described_in = reference["service"] + reference["github"]
    assert [name for name in read if f"`{name}`" not in described_in] == []


def test_every_relative_link_leads_somewhere() -> None:
    """Files, and headings within them."""
    for page in PAGES:
        text = CODE.sub("", page.read_text(encoding="utf-8"))
        for link in LINK.findall(text):
            if "://" in link:
                continue
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            assert target.exists(), f"{page.name}: {link}"
            # Of a picture: the scheme in which it is shown.
            if anchor and target.suffix == ".md":
                assert anchor in headings(target), f"{page.name}: {link}"


def test_every_alert_has_a_heading_that_says_what_to_do() -> None:
    """Those of the monitor, the rules of the rollout, and those of Prometheus where it is."""
    heads = headings(RUNBOOK)
    alerts = (TEMPLATE / "src/lifecycle/monitoring/alerts.py").read_text(encoding="utf-8")
    inside = alerts.partition("WHAT_TO_DO = {")[2].partition("\n}")[0]
    kinds = re.findall(r'(?m)^    "([a-z ]+)": ', inside)
    assert len(kinds) > 5
    assert [kind for kind in kinds if kind.replace(" ", "-") not in heads] == []
    rules = (DOCS / "reference/rollout.md").read_text(encoding="utf-8").partition("## Rules")[2]
    names = [row[0] for row in rows(rules.partition("\n## ")[0])]
    assert len(names) > 5
    assert [name for name in names if slug(name) not in heads] == []
    path = TEMPLATE / "deploy/prometheus/alerts.yml"
    groups = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    fired = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    assert len(fired) > 5
    assert [
        rule["alert"]
        for rule in fired
        if rule["annotations"]["see"].removeprefix("docs/operations.md#") not in heads
    ] == []


def headings(page: Path) -> set[str]:
    """Return the anchors of a page, those of what it includes among them."""
    text = INCLUDED.sub(
        lambda found: (ROOT / found[1]).read_text(encoding="utf-8"),
        page.read_text(encoding="utf-8"),
    )
    return {slug(head) for head in re.findall(r"(?m)^#+ (.*)$", text)}


def slug(heading: str) -> str:
    """Return a heading's anchor, as Markdown's table of contents makes it."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def test_the_drawings_are_current() -> None:
    """The project's README, the template's and the site show the same lifecycle."""
    drawings = runpy.run_path(str(DOCS / "pictures" / "draw.py"))["drawings"]()
    assert len(drawings) == 3
    for path, drawn in drawings.items():
        assert path.read_text(encoding="utf-8") == drawn, "type make pictures"


def test_commands_in_the_pages_are_targets() -> None:
    """Whoever types what a page says finds a target of that name."""
    known = {
        target
        for folder in (ROOT, TEMPLATE)
        for target in re.findall(r"(?m)^([a-z-]+):", makefile(folder))
    }
    words = r"make ([a-z][a-z-]*(?: [a-z][a-z-]*)*)"
    for page in [*PAGES, *OWN]:
        for code in CODE.findall(page.read_text(encoding="utf-8")):
            typed = " ".join(re.findall(rf"(?m)^`?{words}", code)).split()
            quoted = [found.split()[0] for found in re.findall(rf"[\s`=]{words}", code)]
            assert [word for word in typed + quoted if word not in known] == [], page.name


def test_the_project_s_readme_says_where_adopt_puts_things() -> None:
    """Every file that adopt writes is in the table of "Begin here", and no other."""
    adopt = TEMPLATE / "src/lifecycle/adopt"
    writing = (adopt / "writing.py").read_text(encoding="utf-8").partition("EXAMPLE = (")[0]
    columns = re.findall(r'(?m)^COLUMNS = "(.*)"', (adopt / "adopt.py").read_text(encoding="utf-8"))
    written = {*columns, *re.findall(r'"([\w./]+\.(?:yaml|json|py|md))"', writing)}
    text = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    begin = text.partition("## Begin here")[2].partition("\n## ")[0]
    table = begin.partition("| where adopt puts |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([\w./]+\.\w+)`", table)) == written
    assert [number for number, *_ in rows(begin) if number.isdigit()] == list("12345")


def test_files_that_pages_name_exist() -> None:
    """A module or test that is renamed takes its mention along."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(rf"`((?:{BROUGHT})/[\w./-]*)`", text):
            if name in ("requirements/development.txt", "src/service.py") or "release" in name:
                continue
            assert (ROOT / name).exists() or (TEMPLATE / name).exists(), f"{page.name}: {name}"


def test_pages_name_no_place_of_this_machine_and_no_other_host() -> None:
    """A page reads the same wherever it was written."""
    places = {str(ROOT), str(Path.home()), tempfile.gettempdir(), str(Path(sys.prefix))} - {"/"}
    for page in [*PAGES, ROOT / "mkdocs.yml"]:
        text = page.read_text(encoding="utf-8")
        assert [place for place in places if place in text] == [], page.name
        hosts = set(re.findall(r"[a-z]+://([\w.-]+)", text)) - HOSTS
        # Addresses of buckets are examples in capitals.
        assert [host for host in hosts if not host.isupper()] == [], page.name


def test_the_tree_of_the_readme_is_that_of_a_project(bake: Callable[..., Path]) -> None:
    """Every folder and file at the top of a project is explained, and nothing else."""
    explained = {
        word.rstrip("/")
        for line in content(README, "tree").strip("`\n").splitlines()
        for word in line.split("  ")[0].split()
    }
    assert {path.parts[0] for path in files_of(bake())} == explained


@pytest.mark.slow
def test_the_readme_shows_what_a_lifecycle_prints(finished: Project) -> None:
    """Every line, its figures and identifiers apart, is printed by a run."""

    def masked(text: str) -> list[str]:
        text = re.sub(r":1-[0-9a-f]{8}\b", ":1-#", text)
        return [" ".join(re.sub(r"\d+", "#", line).split()) for line in text.splitlines()]

    printed = masked((finished.root.parent / "printed.txt").read_text(encoding="utf-8"))
    shown = masked(content(README, "lifecycle").strip("`"))
    assert [line for line in shown if line not in printed] == []


def test_the_score_adds_up() -> None:
    """All 28 tests are there, and the sentence below says what their points give."""
    text = (DOCS / "explanation.md").read_text(encoding="utf-8")
    sums = dict.fromkeys(("Data", "Model", "Infrastructure", "Monitoring"), 0.0)
    scored = re.findall(r"(?m)^\| (\w+) ([1-7]): .* \| ([\d.]+) \| (.+) \|$", text)
    assert [(section, int(number)) for section, number, *_ in scored] == [
        (section, number) for section in sums for number in range(1, 8)
    ]
    for section, _, points, evidence in scored:
        sums[section] += float(points)
        assert float(points) == 0 or "`" in evidence, f"{section}: no file"
    sentence = ", ".join(f"{section} {points:g}" for section, points in sums.items())
    assert f"{sentence}: the score is **{min(sums.values()):g}**." in text


def write() -> None:
    """Write every generated block anew."""
    for (page, name), make in BLOCKS.items():
        before, _, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name}: begin -->\n")
        mark = f"<!-- {name}: end -->"
        after = rest.partition(mark)[2]
        text = f"{before}<!-- {name}: begin -->\n{make()}\n{mark}{after}"
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
