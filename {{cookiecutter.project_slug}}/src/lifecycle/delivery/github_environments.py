"""The rules of an environment on GitHub: which branch reaches it, and who has to agree.

GitHub makes an environment by itself, without any rule, when a job names one that is not there. So
the rules are what is looked at; those that somebody set on the website besides stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from lifecycle.contract.errors import StageError
from lifecycle.delivery.github import ask, found, listed, request

ONLY_NAMED = {"protected_branches": False, "custom_branch_policies": True}


@dataclass(frozen=True)
class Rules:
    """What GitHub keeps of an environment; setting one rule anew would drop the others."""

    policy: dict[str, bool] | None = None
    reviewers: tuple[tuple[str, int], ...] = ()
    may_not_be_own: bool = False
    minutes: int = 0

    def body(self) -> dict[str, Any]:
        """Return them as GitHub wants to be told; what is not used may need a plan."""
        told: dict[str, Any] = {"deployment_branch_policy": self.policy}
        if self.minutes:
            told["wait_timer"] = self.minutes
        if self.reviewers:
            told["reviewers"] = [{"type": kind, "id": number} for kind, number in self.reviewers]
            told["prevent_self_review"] = self.may_not_be_own
        return told


def read(name: str) -> Rules:
    """Return the rules of an environment; none where there is no environment yet."""
    known = found(f"environments/{name}") or {}
    rules = {one["type"]: one for one in known.get("protection_rules", [])}
    review = rules.get("required_reviewers", {})
    return Rules(
        known.get("deployment_branch_policy"),
        tuple((one["type"], one["reviewer"]["id"]) for one in review.get("reviewers", [])),
        review.get("prevent_self_review", False),
        rules.get("wait_timer", {}).get("wait_timer", 0),
    )


def write(name: str, rules: Rules) -> None:
    """Set the rules of an environment, which is made where there is none.

    Raises:
        StageError: GitHub refuses, or keeps other rules than it was told.
    """
    ask("PUT", f"environments/{name}", rules.body())
    if read(name) != rules:
        raise StageError("GitHub took the rules and keeps others")


def allow_only(name: str, branch: str) -> str:
    """Let runs of one branch alone reach an environment; return what to say of it.

    Raises:
        StageError: GitHub refuses, or somebody lets others reach it as well.
    """
    rules = read(name)
    if rules.policy != ONLY_NAMED:
        write(name, replace(rules, policy=ONLY_NAMED))
    path = f"environments/{name}/deployment-branch-policies"
    if (branch, "branch") not in _named(path):
        ask("POST", path, {"name": branch, "type": "branch"})
    others = [pattern for pattern, kind in _named(path) if (pattern, kind) != (branch, "branch")]
    if others:
        raise StageError(f"{', '.join(others)} may be deployed there as well as {branch}",
                         f"remove that in Settings, Environments, {name}")  # fmt: skip
    return f"takes {branch} alone"


def _named(path: str) -> list[tuple[str, str]]:
    entries = listed(path, "branch_policies")
    return [(one["name"], one.get("type", "branch")) for one in entries]


def ask_review(name: str, is_alone: bool) -> str:
    """Let runs wait until somebody agrees, else whoever runs this; return what to say of it.

    Raises:
        StageError: GitHub refuses.
    """
    rules, me = read(name), ("User", int(request("GET", "user")["id"]))
    wanted = rules if rules.reviewers else replace(rules, reviewers=(me,))
    if is_alone and wanted.reviewers == (me,):
        # Nobody else is there who could agree.
        wanted = replace(wanted, may_not_be_own=False)
    if wanted != rules:
        write(name, wanted)
    if wanted.reviewers != (me,):
        return f"have {len(wanted.reviewers)} reviewers"
    own = "not to your own runs" if wanted.may_not_be_own else "also to your own runs"
    return (f"wait for you to agree, {own}: Settings, Environments, {name} names others and "
            "prevents self-review")  # fmt: skip
