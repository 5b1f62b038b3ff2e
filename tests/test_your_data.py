"""The page "Your data in fifteen minutes", done as it says: each command, each file, each output.

Its blocks are `sh`, which is run; `text`, which that printed; `diff` and `python` with the file
that they are about. Figures with a fraction, and ports, may be others on another machine.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from baking import ROOT, run
from running import Project, free_port, use_port

PAGE = ROOT / "docs" / "your-data.md"
BLOCK = re.compile(r'(?ms)^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$')
# As whom a reader commits: his own configuration says it.
READER = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Reader"), ("EMAIL", "reader@example.org"))
}
VARYING = re.compile(r"\d+\.\d+|(?<=127\.0\.0\.1:)\d+")


def blocks(text: str) -> list[tuple[str, str, str]]:
    """Return each block of a page: its language, the file that it is about, and its content."""
    assert text.count("```") == 2 * len(BLOCK.findall(text)), "a block of another form"
    return [(kind, name, content) for kind, name, content in BLOCK.findall(text)]


def changed(text: str, difference: str) -> str:
    """Return a text with the lines of a difference taken out, and others put where those were."""
    for old, new in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)*)", difference, re.MULTILINE):
        taken, put = (re.sub(r"(?m)^[-+]", "", part) for part in (old, new))
        assert text.count(taken) == 1, f"{text.count(taken)} times {taken!r}"
        text = text.replace(taken, put)
    return text


def missing(shown: str, printed: str) -> list[str]:
    """Return the lines that a page shows and that were not printed, in this order."""
    lines = iter([_masked(line) for line in printed.splitlines()])
    wanted = [_masked(line) for line in shown.splitlines() if line != "..."]
    return [line for line in wanted if line not in lines]


def _masked(line: str) -> str:
    return " ".join(VARYING.sub("#", line).split())


def test_a_line_that_was_not_printed_is_missing() -> None:
    printed = "one\n--- two\nthree 0.5\n"
    assert missing("one\n...\nthree 0.7\n", printed) == []
    assert missing("three 0.5\none\n", printed) == ["one"]
    assert changed("a\nb\nc\n", "-b\n+d\n+e\n") == "a\nd\ne\nc\n"
    with pytest.raises(AssertionError, match="0 times"):
        changed("a\n", "-b\n+d\n")


@pytest.fixture(scope="module")
def project(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return a new project, whose environment is where a reader has it."""
    made = generated.copy(tmp_path_factory.mktemp("own") / "flight-delay")
    use_port(made.root, free_port())
    made.commit("Listen elsewhere")
    (made.root / ".venv").symlink_to(made.environment.venv)
    yield made
    made.must("stop")


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_the_page_does_what_it_says(project: Project) -> None:
    printed, ran = "", list[str]()
    shell = project.variables({"SERVING_VENV": str(project.environment.serving_venv), **READER})
    for kind, name, content in blocks(PAGE.read_text(encoding="utf-8")):
        path = project.root / name
        if kind == "sh":
            done = run("bash", "-euo", "pipefail", "-c", content, folder=project.root,
                       environment=shell)  # fmt: skip
            assert done.returncode == 0, f"{content}\n{done.stdout}\n{done.stderr}"
            printed = done.stdout
            ran += content.splitlines()
        elif kind == "text":
            assert missing(content, printed) == [], printed
        elif kind == "diff":
            path.write_text(changed(path.read_text("utf-8"), content), encoding="utf-8")
        else:
            assert kind == "python"
            assert not path.exists()
            path.write_text(content, encoding="utf-8")
    # What the commit hook of a reader would say of these files.
    for check in (("check",), ("format", "--check")):
        done = project.python("-m", "ruff", *check, "src/project", "tests/project")
        assert done.returncode == 0, done.stdout
    told = ("make adopt", "make test", "make lifecycle", "make predict", "make stop")
    assert [one for one in told if not any(line.startswith(one) for line in ran)] == []


def test_the_page_names_every_file_that_it_changes() -> None:
    """What a reader is told to look at is what he then edits, but for a test of his own."""
    text = PAGE.read_text(encoding="utf-8")
    edited = {name for kind, name, _ in blocks(text) if kind == "diff"}
    named = set(re.findall(r"(?m)^\| `([^`]+)` \|", text))
    assert edited <= named
    assert all(Path(name).suffix for name in named)
