"""Measures how long a pull request waits: with a cold cache, a warm one, and nothing changed.

`make benchmark-pull-request` generates a project, sets it up, and runs its ci.yml with act. The
critical path is the longest of the jobs that run beside each other, then comment and pass. It
writes the marked blocks of docs/reference/workflows.md: the times, and the report of a real run.
"""

import os
import re
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from acting import GitHub, Outcome, pull_request, push  # noqa: E402
from baking import clean_environment, cookiecutter, copy_template  # noqa: E402
from breaking import commit, git  # noqa: E402
from running import Environment, Project, free_port, use_port  # noqa: E402

PAGE = ROOT / "docs" / "reference" / "workflows.md"
CHANGE = ("  learning_rate: 0.1\n", "  learning_rate: 0.05\n")
BESIDE = ("check", "test", "pipeline")


def generate(folder: Path) -> tuple[Project, float]:
    """Return a default project that is set up, and how long that took."""
    variables = clean_environment(folder / "home")
    done = cookiecutter(copy_template(folder / "template"), folder / "out", variables)
    assert done.returncode == 0, done.stderr
    (root,) = (folder / "out").iterdir()
    project = Project(root, Environment(root / ".venv", root / ".venv-serving", variables))
    use_port(root, free_port())
    started = time.monotonic()
    project.must("setup")
    taken = time.monotonic() - started
    project.must("pipeline")
    commit(project)
    return project, taken


def run(github: GitHub, *arguments: str) -> Outcome:
    """Run ci.yml for a pull request of this commit into main."""
    github.forget_artifacts()
    base, head = (git(github.project, "rev-parse", name) for name in ("main", "HEAD"))
    outcome = github.act("ci.yml", "pull_request", *arguments, payload=pull_request(base, head))
    assert outcome.code == 0 or outcome.jobs["pipeline"] == "failure", outcome.log[-5000:]
    return outcome


def scenarios(project: Project, folder: Path) -> dict[str, Outcome]:
    """Return the outcome of each kind of pull request."""
    cold, warm = GitHub(project, folder / "cold"), GitHub(project, folder / "warm")
    warm.act("ci.yml", "push", "-j", "pipeline", payload=push("0" * 40))
    git(project, "checkout", "-q", "-b", "change")
    (project.root / "README.md").write_text("# Another\n", encoding="utf-8")
    commit(project)
    nothing = run(warm, "-j", "pipeline")
    project.change("params.yaml", *CHANGE)
    commit(project)
    return {
        "a parameter of train changed, cold cache": run(cold),
        "a parameter of train changed, warm cache": run(warm, "-j", "pipeline"),
        "nothing that the model depends on changed": nothing,
    }


def table(found: dict[str, Outcome], setup: float) -> str:
    """Return the page's table: seconds of each job, and of the critical path."""
    whole = next(iter(found.values())).seconds
    lines = ["| pull request | check | test | pipeline | comment, pass | critical path |",
             "| --- | ---: | ---: | ---: | ---: | ---: |"]  # fmt: skip
    after = whole["comment"] + whole["pass"]
    for name, outcome in found.items():
        jobs = {**whole, **outcome.seconds}
        longest = max(jobs[job] for job in BESIDE)
        beside = " | ".join(f"{jobs[job]:.0f}" for job in BESIDE)
        lines.append(f"| {name} | {beside} | {after:.0f} | {longest + after + setup:.0f} |")
    load = os.getloadavg()[0]
    lines.append(f"\nSeconds, one run on {os.cpu_count()} cores (load {load:.1f}), jobs one after "
                 f"the other. Each of the three jobs first runs `make setup`, here {setup:.0f} s, "
                 "which is part of the critical path.")  # fmt: skip
    return "\n".join(lines)


def write(name: str, text: str) -> None:
    """Replace a marked block of the page."""
    page = PAGE.read_text(encoding="utf-8")
    pattern = rf"(?s)(<!-- {name}: begin -->\n).*?(\n<!-- {name}: end -->)"
    page, count = re.subn(pattern, lambda found: found[1] + text + found[2], page)
    assert count == 1, name
    PAGE.write_text(page, encoding="utf-8")


def report(outcome: Outcome) -> str:
    """Return the report as the site shows it: its headings below those of the page."""
    text = outcome.summaries["pipeline"].replace("<details>", '<details markdown="1">')
    return re.sub(r"(?m)^## ", "### ", text.partition("<!-- lifecycle")[0]).strip()


def main() -> None:
    """Measure, and write the page."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        project, setup = generate(folder)
        found = scenarios(project, folder)
    write("times", table(found, setup))
    write("report", report(next(iter(found.values()))))
    print(table(found, setup))


if __name__ == "__main__":
    main()
