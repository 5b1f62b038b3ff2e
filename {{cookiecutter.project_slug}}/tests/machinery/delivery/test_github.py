"""What is left on GitHub is one object, however often a command runs; gh is a program that answers.

The program is a file in a folder of its own at the front of PATH: it keeps what it is told.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lifecycle.contract.errors import StageError
from lifecycle.delivery import github

PROGRAM = """#!PYTHON
import json, pathlib, sys
BOT = {"type": "Bot"}
store = pathlib.Path(STORE)
objects = json.loads(store.read_text()) if store.exists() else []
path, method = sys.argv[2].split("?")[0], sys.argv[4]
if REFUSES:
    sys.exit("gh: Resource not accessible by integration (HTTP 403)")
if method == "GET":
    # Of an issue's comments and of the issues alike: what was made there.
    print(json.dumps([one for one in objects if one["path"] == path]))
    sys.exit()
body = json.load(sys.stdin)
if method == "POST":
    new = len(objects) + 1
    one = {"path": path, "id": new, "number": new, "user": BOT}
    objects.append(one)
else:
    (one,) = [o for o in objects if str(o["id"]) == path.split("/")[-1]]
one.update(body)
store.write_text(json.dumps(objects))
print(json.dumps(one))
"""
Objects = Callable[[], list[dict[str, Any]]]
REPORT = f"## Good\n\n{github.MARKER}\n"


@pytest.fixture
def gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """Put the program on the path; return a function that gives what it keeps."""
    store = tmp_path / "objects.json"
    install(tmp_path, monkeypatch, store, refuses=False)
    return lambda: json.loads(store.read_text()) if store.exists() else []


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, store: Path, refuses: bool) -> None:
    program = folder / "bin" / "gh"
    program.parent.mkdir(exist_ok=True)
    values = {"PYTHON": sys.executable, "STORE": repr(str(store)), "REFUSES": repr(refuses)}
    text = PROGRAM
    for name, value in values.items():
        text = text.replace(name, value)
    program.write_text(text)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/project")


def test_a_comment_is_written_once_and_then_updated(gh: Objects) -> None:
    assert github.comment("7", REPORT) == "pull request 7 has a comment"
    text = REPORT.replace("Good", "Better")
    assert github.comment("7", text) == "the comment of pull request 7 is updated"
    (written,) = gh()
    assert written["path"] == "repos/acme/project/issues/7/comments"
    assert written["body"] == text


def test_what_a_person_wrote_is_left_alone(gh: Objects, tmp_path: Path) -> None:
    theirs = {
        "path": "repos/acme/project/issues/7/comments", "id": 1, "body": REPORT,
        "user": {"type": "User"},
    }  # fmt: skip
    (tmp_path / "objects.json").write_text(json.dumps([theirs]))
    github.comment("7", REPORT)
    assert [one["user"]["type"] for one in gh()] == ["User", "Bot"]


@pytest.mark.parametrize("number", ["", "7; rm", "-1"])
def test_a_comment_needs_a_pull_request(gh: Objects, number: str) -> None:
    with pytest.raises(StageError, match="make comment PULL_REQUEST=7"):
        github.comment(number, REPORT)
    assert gh() == []


def test_a_report_without_its_marker_is_refused(gh: Objects) -> None:
    with pytest.raises(StageError, match="run `make compare`"):
        github.comment("7", "## Good\n")
    assert gh() == []


def test_a_refusal_of_github_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, tmp_path / "none.json", refuses=True)
    with pytest.raises(StageError, match=r"failed: gh: Resource not accessible .*\(HTTP 403\)"):
        github.comment("7", REPORT)


def test_without_gh_it_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StageError, match="gh is not installed"):
        github.comment("7", REPORT)


def in_git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of a repository with parameters and a lock, and what a retrain made beside it."""
    origin, root = tmp_path / "origin.git", tmp_path / "clone"
    in_git(tmp_path, "init", "-q", "--bare", "-b", "main", str(origin))
    in_git(tmp_path, "clone", "-q", str(origin), str(root))
    made = tmp_path / "made"
    (made / "reports").mkdir(parents=True)
    (made / "reports/compare.md").write_text(REPORT)
    (made / "reports/compare.json").write_text('{"window": "2013-01 to 2013-06"}')
    for folder, end in ((root, "2013-05"), (made, "2013-06")):
        text = f'data:\n  window:\n    start: "2013-01"\n    end: "{end}"\n'
        (folder / "params.yaml").write_text(text)
        (folder / "dvc.lock").write_text(f"lock: {end}\n")
    in_git(root, "add", "-A")
    in_git(root, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "First")
    return root


def test_a_retrain_is_proposed_once(clone: Path, gh: Objects) -> None:
    first = github.propose(clone, clone.parent / "made", "main", may_start_workflows=True)
    assert first == "pull request 1 is opened"
    branch = in_git(clone, "ls-remote", "origin", "refs/heads/retrain")
    in_git(clone, "reset", "-q", "--hard", "HEAD~1")
    again = github.propose(clone, clone.parent / "made", "main", may_start_workflows=True)
    assert again == "pull request 1 is updated"
    # The same files on the same commit are the same commit: nothing is pushed, nothing starts.
    assert in_git(clone, "ls-remote", "origin", "refs/heads/retrain") == branch
    (pull,) = gh()
    assert pull["title"] == "Retrain on 2013-01 to 2013-06"
    assert (pull["head"], pull["base"], pull["body"]) == ("retrain", "main", REPORT)
    in_git(clone, "fetch", "-q", "origin", "retrain")
    changed = in_git(clone, "diff", "--name-only", "HEAD~1", "FETCH_HEAD")
    assert changed.split() == ["dvc.lock", "params.yaml"]


def test_without_a_token_that_starts_workflows_it_is_an_issue(clone: Path, gh: Objects) -> None:
    for said in ("issue 1 is opened", "issue 1 is updated"):
        made = github.propose(clone, clone.parent / "made", "main", may_start_workflows=False)
        assert made == said
        in_git(clone, "reset", "-q", "--hard", "HEAD~1")
    (issue,) = gh()
    assert issue["labels"] == ["retrain"]
    assert "No token that can start workflows is configured" in issue["body"]
    assert "https://github.com/acme/project/compare/main...retrain?expand=1" in issue["body"]


def test_what_is_missing_is_named(clone: Path, gh: Objects) -> None:
    (clone.parent / "made" / "dvc.lock").unlink()
    with pytest.raises(StageError, match=r"dvc\.lock is missing: FROM=folder"):
        github.propose(clone, clone.parent / "made", "main", may_start_workflows=True)
    assert gh() == []
    assert in_git(clone, "ls-remote", "origin", "refs/heads/retrain") == ""
