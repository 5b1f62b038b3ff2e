"""The parts of a project that can be deleted: what its README says of each, and how they go."""

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HEADING = re.compile(r"(?m)^(#+) (.*)$")
# Those that stand by themselves; of the table's rows, the others are rooms within one of them.
FIVE = ("loop", "monitoring", "rollout", "delivery", "reporting")


@dataclass(frozen=True)
class Part:
    """A row of the table: the parts that it stands on, and its own paths and pieces of files."""

    stands_on: tuple[str, ...]
    own: tuple[str, ...]


def parts_of(readme: Path) -> dict[str, Part]:
    """Return the rows of the table *Parts* of a README, by their names."""
    text = readme.read_text(encoding="utf-8").partition("\n## Parts\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in row.split("|")] for row in re.findall(r"(?m)^\|(.*)\|$", text)
    ]
    return {
        name: Part(tuple(re.findall(r"[\w/]+", below)), tuple(re.findall(r"`([^`]+)`", own)))
        for name, below, _, own in rows[2:]
    }


def with_those_on(parts: dict[str, Part], names: Iterable[str]) -> list[str]:
    """Return the parts, and all that stand on them."""
    gone = set(names)
    while more := {name for name, part in parts.items() if gone & {*part.stands_on}} - gone:
        gone |= more
    return [name for name in parts if name in gone]


def delete(root: Path, *names: str) -> list[str]:
    """Delete parts from a project as its README says, and nothing else; return which went."""
    readme = root / "README.md"
    parts = parts_of(readme)
    gone = with_those_on(parts, names)
    owned = [one for name in gone for one in parts[name].own]
    whole = [one for one in owned if "#" not in one]
    for one in owned:
        name, _, piece = one.partition("#")
        # Another part, deleted before, may have taken the file along.
        if not piece or not (root / name).exists():
            continue
        cut(root / name, piece)
        if name == "params.yaml":
            cut(root / "tests/machinery/example" / name, piece)
    for one in whole:
        path = root / one
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    named = "|".join(map(re.escape, gone))
    text = readme.read_text(encoding="utf-8")
    text = re.sub(rf"(?m)^\| (?:(?:{named})|[\w ]+\((?:{named})\)) \|.*\n", "", text)
    readme.write_text(text, encoding="utf-8")
    return gone


def cut(path: Path, name: str) -> None:
    """Take a piece out of a file: a heading with what is below it, or each key of that name."""
    text = path.read_text(encoding="utf-8")
    left = without_heading(text, name) if path.suffix == ".md" else without_key(text, name)
    assert left != text, f"{path.name} has no {name}"
    path.write_text(left, encoding="utf-8")


def without_heading(text: str, anchor: str) -> str:
    """Return a page without a heading and what is below it."""
    heads = list(HEADING.finditer(text))
    for number, head in enumerate(heads):
        if re.sub(r"[^\w -]", "", head[2].lower()).replace(" ", "-") == anchor:
            after = (one.start() for one in heads[number + 1 :] if len(one[1]) <= len(head[1]))
            return text[: head.start()] + text[next(after, len(text)) :]
    return text


def without_key(text: str, name: str) -> str:
    """Return YAML without the keys of that name, and what is below each."""
    key = rf"(?m)^( *){re.escape(name)}:.*\n(?:\1 +.*\n|\n(?=\n*\1 ))*\n?"
    return re.sub(key, "", text)


# Where something is typed: code of a page, a step of a workflow, a recipe, a message.
TYPED = re.compile(
    r"(?m)```[^`]*```|`[^`\n]+`|\btype make [a-z-]+|\$\(MAKE\) [^\n]*|: \"make [^\"]*\""
    r"|^ *(?:- )?(?:run: |entry: )?make [^\n]*"
)
QUOTED = re.compile(r"`[^`\n]+`")
TARGETS = re.compile(
    r"(?:\bmake|\$\(MAKE\)) (?:-C \S+ |-\S+ )*([a-z][a-z-]*(?: [a-z][a-z-]*)*)(?![\w=-])"
)
FILES = re.compile(
    r"(?<![\w./])(?:\./)?((?:src/lifecycle|make|deploy|\.github)/[\w./-]+\.(?:py|mk|ya?ml)\b)"
)
ASKED = re.compile(r"\$\(wildcard [^)]*\)|\n## Parts\n(?s:.*?)\n## ")
PARAGRAPHS = re.compile(r"\bdocs/\w+\.md#[\w-]+")
# Said of what only that part brings about, by what it shares with the parts below it.
SHARED = {
    "src/lifecycle/delivery/bundle.py": {"deploy"},
    "src/lifecycle/delivery/github.py": {"retrain"},
    "src/lifecycle/delivery/publish.py": {"deliver"},
    "src/lifecycle/pipeline/report_section.py": {"report"},
    "src/lifecycle/records/bento.py": {"receive"},
    "src/lifecycle/records/deployment.py": {"status"},
    "src/lifecycle/records/facts.py": {"deploy"},
    "src/lifecycle/records/unpack.py": {"bundle"},
}


def targets_in(path: Path, text: str) -> set[str]:
    """Return the targets that a file runs, or says to type."""
    places = (QUOTED if path.suffix == ".py" else TYPED).findall(text)
    return {word for one in places for found in TARGETS.findall(one) for word in found.split()}


def paragraphs(page: Path) -> set[str]:
    """Return the anchors of a page's headings."""
    if not page.is_file():
        return set()
    return {
        re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")
        for _, head in HEADING.findall(page.read_text(encoding="utf-8"))
    }


def dead(root: Path, names: Iterable[str], commands: set[str]) -> list[str]:
    """Return what the named files of a project speak of and is not there."""
    makefiles = [root / "Makefile", *sorted(root.glob("*/*.mk"))]
    rules = "\n".join(path.read_text(encoding="utf-8") for path in makefiles)
    targets = set(re.findall(r"(?m)^([a-z-]+):", rules))
    found = []
    for name in names:
        path = root / name
        text = path.read_text(encoding="utf-8")
        gone = targets_in(path, text) - targets - SHARED.get(name, set())
        found += [f"{name}: target {one}" for one in sorted(gone)]
        gone = set(re.findall(r"-m lifecycle ([a-z][a-z-]+)", text)) - commands
        found += [f"{name}: command {one}" for one in sorted(gone)]
        # In code a path may be one of an old commit; the table names what is each part's own.
        rest = "" if path.suffix == ".py" else ASKED.sub("", text)
        gone = {one for one in FILES.findall(rest) if not (root / one).exists()}
        found += [f"{name}: file {one}" for one in sorted(gone)]
        for one in sorted(set(PARAGRAPHS.findall(rest))):
            page, _, anchor = one.partition("#")
            if anchor not in paragraphs(root / page):
                found.append(f"{name}: paragraph {one}")
    titles = set(re.findall(r"(?m)^GROUPS := (.*)$", rules)[0].split(", "))
    headed = set(re.findall(r"(?m)^##@ (.*)$", rules))
    return [*found, *(f"Makefile: group {one}" for one in sorted(headed - titles))]
