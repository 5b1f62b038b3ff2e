"""Protect installs this repository's rules on GitHub: rulesets and environments, as they are here.

Run by an owner, through `gh`; run again, it brings rulesets back that were changed on the website.
"""

from __future__ import annotations

from pathlib import Path

from lifecycle.command import StageError, project_root, run
from lifecycle.files import read_json
from lifecycle.github import ask, request

FOLDER = Path(".github")
ENVIRONMENTS = {"staging": False, "production": True}


def install_rulesets(root: Path) -> list[str]:
    """Make or renew each ruleset, known by its name; return the names.

    Raises:
        StageError: there is none here, or GitHub refuses.
    """
    files = sorted((root / FOLDER).glob("ruleset*.json"))
    if not files:
        raise StageError(f"{FOLDER} holds no ruleset.json: nothing to install")
    known = {one["name"]: one["id"] for one in ask("GET", "rulesets")}
    names = []
    for path in files:
        wanted = read_json(path)
        if wanted["name"] in known:
            ask("PUT", f"rulesets/{known[wanted['name']]}", wanted)
        else:
            ask("POST", "rulesets", wanted)
        names.append(wanted["name"])
    return names


def make_environments() -> list[str]:
    """Make the environments that are not there yet; return their names.

    Production waits for a review by whoever runs this. One that is there is left as it is: who
    reviews is decided on the website from then on.
    """
    found = ask("GET", "environments")["environments"]
    missing = [name for name in ENVIRONMENTS if name not in {one["name"] for one in found}]
    for name in missing:
        reviewer = {"type": "User", "id": request("GET", "user")["id"]}
        ask("PUT", f"environments/{name}", {
            "reviewers": [reviewer] if ENVIRONMENTS[name] else [],
            "deployment_branch_policy": {"protected_branches": False,
                                         "custom_branch_policies": True},
        })  # fmt: skip
        # Only what was merged is delivered.
        ask("POST", f"environments/{name}/deployment-branch-policies",
            {"name": "main"})  # fmt: skip
    return missing


def main() -> None:
    """Install everything, and say what."""
    print(f"protect: rulesets {', '.join(install_rulesets(project_root()))} are in force")
    made = make_environments()
    print(f"protect: environments made: {', '.join(made) or 'none, all were there'}"
          + ("; production waits for your review" if "production" in made else ""))  # fmt: skip


if __name__ == "__main__":
    run("protect", main)
