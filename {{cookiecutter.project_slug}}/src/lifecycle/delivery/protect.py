"""Protect installs this repository's rules on GitHub: rulesets and environments, as they are here.

Run by an owner, through `gh`; run again, it brings back what was changed on the website. What is in
force is read from GitHub's answer, and what is not ends the command with an error.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.contract.files import read_json
from lifecycle.core.command import project_root
from lifecycle.delivery.github import ask, found, listed
from lifecycle.delivery.github_environments import allow_only, ask_review

FOLDER = Path(".github")
# By environment: whether somebody has to agree to each run.
ENVIRONMENTS = {"staging": False, "production": True, "rollback": False, "release": False}
# A workflow's own token can get past no ruleset; this one, of somebody who administers, can.
TOKEN = "RELEASE_TOKEN"  # noqa: S105
# What GitHub asks to be paid for where the repository is private.
PLANS = {
    "rulesets": "GitHub Pro, Team or Enterprise",
    "environments": "GitHub Pro, Team or Enterprise",
    "reviewers": "GitHub Enterprise",
}


@dataclass
class Place:
    """The repository that the rules are for, and what could not be set there."""

    branch: str
    is_private: bool
    has_branch: bool
    is_alone: bool
    failed: list[str] = field(default_factory=list)

    def attempt(self, what: str, piece: str, do: Callable[[], str]) -> None:
        """Do something and say what is in force now; keep what went wrong."""
        try:
            print(f"protect: {what} {do()}")
        except StageError as error:
            needs = f" (a private repository needs {PLANS[piece]})" if self.is_private else ""
            print(f"protect: {what} is NOT in force: {error}{needs}")
            self.failed.append(what)


def place() -> Place:
    """Return the repository as GitHub knows it.

    Raises:
        StageError: whoever runs this is no owner of it.
    """
    known = ask("GET", "")
    if not known.get("permissions", {}).get("admin"):
        raise StageError("only who administers the repository may protect it: ask an owner, or "
                         "`gh auth login` as one")  # fmt: skip
    branch = known["default_branch"]
    pushing = [one for one in listed("collaborators") if one["permissions"]["push"]]
    return Place(
        branch, known["private"], found(f"branches/{branch}") is not None, len(pushing) < 2
    )


def for_one(ruleset: dict[str, Any]) -> bool:
    """Ask for no approval where nobody else could give it; say whether that was changed.

    GitHub lets nobody approve a pull request of his own.
    """
    is_changed = False
    for rule in ruleset["rules"]:
        if rule["type"] == "pull_request":
            rule["parameters"]["required_approving_review_count"] = 0
            rule["parameters"]["require_code_owner_review"] = False
            is_changed = True
    return is_changed


def install_ruleset(here: Place, wanted: dict[str, Any]) -> str:
    """Make or renew a ruleset; return what to say of it.

    Raises:
        StageError: GitHub refuses, or has set something else.
    """
    is_of_branch = wanted["target"] == "branch"
    if is_of_branch and not here.has_branch:
        return f"waits for the first push, which it would refuse: push {here.branch}, then " \
            "`make protect` again"  # fmt: skip
    if "creation" in _kinds(wanted) and not may_create():
        return (f"waits for the secret {TOKEN} of the environment release, without which it would "
                "stop every release: until then whoever may push can make such tags, and only "
                "those of merged commits are believed")  # fmt: skip
    is_eased = here.is_alone and for_one(wanted)
    # The organisation's are not ours to change.
    entries = listed("rulesets?includes_parents=false")
    known = {one["name"]: one["id"] for one in entries}
    if wanted["name"] in known:
        made = ask("PUT", f"rulesets/{known[wanted['name']]}", wanted)
    else:
        made = ask("POST", "rulesets", wanted)
    if made["enforcement"] != "active" or _kinds(made) != _kinds(wanted):
        raise StageError(f"GitHub keeps it as {made['enforcement']}, {', '.join(_kinds(made))}")
    return "is in force" + (
        "; it asks for no approval, as you are the only one who may push: `make protect` again, "
        "when there are two" if is_eased else ""
    )  # fmt: skip


def may_create() -> bool:
    """Say whether the release has a token with which it can make its tag all the same."""
    known = found("environments/release/secrets") or {"secrets": []}
    return TOKEN in [one["name"] for one in known["secrets"]]


def _kinds(ruleset: dict[str, Any]) -> list[str]:
    return sorted(rule["type"] for rule in ruleset["rules"])


def install_rulesets(here: Place, root: Path) -> None:
    """Make or renew each ruleset, known by its name among those of the repository.

    Raises:
        StageError: there is none here.
    """
    files = sorted((root / FOLDER).glob("ruleset*.json"))
    if not files:
        raise StageError(f"{FOLDER} holds no ruleset.json: nothing to install")
    for path in files:
        wanted = read_json(path)
        install = functools.partial(install_ruleset, here, wanted)
        here.attempt(f"ruleset {wanted['name']}", "rulesets", install)


def protect_environments(here: Place) -> None:
    """Let each environment take what was merged alone, and production wait for somebody."""
    for name, is_reviewed in ENVIRONMENTS.items():
        branch = functools.partial(allow_only, name, here.branch)
        here.attempt(f"environment {name}", "environments", branch)
        if is_reviewed:
            review = functools.partial(ask_review, name, here.is_alone)
            here.attempt(f"runs that deploy to {name}", "reviewers", review)


def main() -> None:
    """Install everything, and say what is in force."""
    here = place()
    install_rulesets(here, project_root())
    protect_environments(here)
    if here.failed:
        raise StageError(f"not in force: {', '.join(here.failed)}; the lines above say why")
