"""What the workflows leave on GitHub, through `gh`: one comment, one pull request, one issue.

Each is looked for before it is made, so running twice leaves one. Nothing here needs the project's
environments: any Python will do.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_json
from lifecycle.core import git
from lifecycle.core.command import project_root

MARKER = "<!-- lifecycle: compare -->"
BRANCH = "retrain"
RETRAINED = ("params.yaml", "dvc.lock")
PAGE = 100
# As gh says it.
STATUS = re.compile(r"\(HTTP (\d{3})\)")


class GitHubError(StageError):
    """GitHub refused what it was asked; `status` is HTTP's number, if it gave one."""

    def __init__(self, said: str, status: str) -> None:
        """Keep both."""
        super().__init__(said)
        self.status = status


def repository() -> str:
    """Return owner/name; outside a workflow, gh's own place-holder for that of the clone."""
    return os.environ.get("GITHUB_REPOSITORY") or "{owner}/{repo}"


def ask(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Send one request about this repository to GitHub's REST interface; return its answer.

    Raises:
        StageError: gh is not there, or refuses.
    """
    return request(method, f"repos/{repository()}/{path}".rstrip("/"), body)


def found(path: str) -> Any | None:
    """Return what GitHub has of this repository at `path`, or None where it has nothing."""
    try:
        return ask("GET", path)
    except GitHubError as error:
        if error.status != "404":
            raise
        return None


def request(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Send one request to GitHub's REST interface and return its answer.

    Raises:
        StageError: gh is not there, or refuses.
    """
    given = [] if body is None else ["--input", "-"]
    try:
        done = subprocess.run(
            ["gh", "api", path, "--method", method, *given],
            input="" if body is None else json.dumps(body),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise StageError(
            "gh is not installed: it is GitHub's command line, cli.github.com"
        ) from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no message"])[0]
        status = STATUS.search(said)
        raise GitHubError(f"gh api {method} {path} failed: {said}", status[1] if status else "")
    return json.loads(done.stdout)


def listed(path: str, key: str = "") -> list[Any]:
    """Return every entry of a list, page by page; some stand below a key of the answer."""
    entries: list[Any] = []
    separator = "&" if "?" in path else "?"
    for page in range(1, 1000):
        answer = ask("GET", f"{path}{separator}per_page={PAGE}&page={page}")
        part = answer[key] if key else answer
        entries += part
        if len(part) < PAGE:
            break
    return entries


def comment(number: str, text: str) -> str:
    """Write the one comment of a pull request, or update it in place; say which.

    Raises:
        StageError: no pull request is named, or the text lacks the marker.
    """
    if not number.isdigit():
        raise StageError("say which pull request", "make comment PULL_REQUEST=7")
    if MARKER not in text:
        raise StageError(f"the report has no line {MARKER}", "run `make compare`")
    for one in listed(f"issues/{number}/comments"):
        # Anybody may write the marker; what a person wrote is not touched.
        if MARKER in one["body"] and one["user"]["type"] == "Bot":
            ask("PATCH", f"issues/comments/{one['id']}", {"body": text})
            return f"the comment of pull request {number} is updated"
    ask("POST", f"issues/{number}/comments", {"body": text})
    return f"pull request {number} has a comment"


def keep_issue(label: str, title: str, text: str) -> str:
    """Open the one issue with this label, or update it where it is open; say which."""
    for one in listed(f"issues?state=open&labels={label}"):
        if "pull_request" not in one:
            ask("PATCH", f"issues/{one['number']}", {"title": title, "body": text})
            return f"issue {one['number']} is updated"
    made = ask("POST", "issues", {"title": title, "body": text, "labels": [label]})
    return f"issue {made['number']} is opened"


def push(root: Path, folder: Path, subject: str) -> None:
    """Commit the retrained files on top of this commit, and make them the remote's branch.

    The same files on the same commit give the same commit, so running again pushes nothing.
    """
    for name in RETRAINED:
        if not (folder / name).is_file():
            raise StageError(
                f"{folder / name} is missing: FROM=folder has what `make retrain` made"
            )
        shutil.copy(folder / name, root / name)
    moment = git.moment(root)
    os.environ.update(GIT_AUTHOR_DATE=moment, GIT_COMMITTER_DATE=moment)
    if git.changed(root):
        git.commit(root, subject, *RETRAINED)
    git.push_branch(root, BRANCH)


def propose(root: Path, folder: Path, into: str, may_start_workflows: bool) -> str:
    """Open or update the one pull request with the retrained model; or say in an issue why not."""
    report = (folder / "reports" / "compare.md").read_text(encoding="utf-8")
    # JSON: there is no parser of YAML here.
    title = f"Retrain on {read_json(folder / 'reports' / 'compare.json')['window']}"
    push(root, folder, title)
    if not may_start_workflows:
        link = f"https://github.com/{repository()}/compare/{into}...{BRANCH}?expand=1"
        text = (
            "A retrained model is on the branch `retrain`. No token that can start workflows is "
            "configured (secret `LIFECYCLE_TOKEN`), so a pull request opened from here would not "
            f"be checked. [Open it yourself]({link}).\n\n{report}"
        )
        return keep_issue("retrain", title, text)
    owner = repository().partition("/")[0]
    for one in listed(f"pulls?state=open&head={owner}:{BRANCH}"):
        ask("PATCH", f"pulls/{one['number']}", {"title": title, "body": report})
        return f"pull request {one['number']} is updated"
    body = {"title": title, "body": report, "head": BRANCH, "base": into}
    return f"pull request {ask('POST', 'pulls', body)['number']} is opened"


def comment_report(given: argparse.Namespace) -> None:
    """Comment on a pull request."""
    if not given.report.exists():
        raise StageError(f"{given.report} is missing", "run `make compare`")
    report = given.report.read_text(encoding="utf-8")
    print(f"github: {comment(os.environ.get('PULL_REQUEST', ''), report)}")


def propose_retrained(given: argparse.Namespace) -> None:
    """Propose a retrained model."""
    if not given.folder.exists():
        raise StageError(f"{given.folder} is missing", "say FROM=the folder of what was retrained")
    own = os.environ.get("LIFECYCLE_TOKEN", "")
    if own:
        os.environ["GH_TOKEN"] = own
    into = os.environ.get("INTO") or "main"
    print(f"github: {propose(project_root(), given.folder, into, bool(own))}")
