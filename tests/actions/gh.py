"""Stands in for GitHub's `gh`: records each call, and keeps issues, pulls, comments and releases.

calls.jsonl holds each call's arguments and what it read; github.json holds what GitHub would. A
token is asked for as gh does, and one that only reads is refused as GitHub does.
"""

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlsplit

STATE = Path(os.environ["STAND_IN_STATE"])
EMPTY: dict[str, Any] = {
    "issues": [], "comments": [], "releases": {}, "rulesets": [], "environments": {},
    "read_only": False, "branches": ["main"], "secrets": {},
    "repository": {"default_branch": "main", "private": False, "permissions": {"admin": True}},
    "collaborators": [{"login": "somebody", "permissions": {"push": True}}],
    # What the plan of a private repository does not give is refused, in GitHub's words.
    "without": [],
}  # fmt: skip
REFUSED = {
    "rulesets": "Upgrade to GitHub Pro or make this repository public to enable this feature. "
                "(HTTP 403)",
    "environments": "Not Found (HTTP 404)",
    "reviewers": "Failed to create the environment protection rule. Please ensure the billing "
                 "plan supports the required reviewers protection rule. (HTTP 422)",
}  # fmt: skip
# Commands whose only trace is their record.
RECORDED = {
    ("auth", "setup-git"), ("workflow", "run"), ("attestation", "verify"), ("label", "create"),
}  # fmt: skip


def fail(message: str, code: int = 1) -> NoReturn:
    """End as gh does."""
    print(message, file=sys.stderr)
    sys.exit(code)


def flag(arguments: list[str], *names: str) -> str | None:
    """Return the value of a flag, or None."""
    for position, argument in enumerate(arguments):
        if argument in names:
            return arguments[position + 1]
        for name in names:
            if name.startswith("--") and argument.startswith(f"{name}="):
                return argument.partition("=")[2]
    return None


def address() -> str:
    """Return the repository's address."""
    return f"https://github.com/{os.environ['GITHUB_REPOSITORY']}"


def number(state: dict[str, Any]) -> int:
    """Return the next number of an issue or pull request: they share one series."""
    return 1 + max((one["number"] for one in state["issues"]), default=0)


def listed(state: dict[str, Any], kind: str, query: dict[str, list[str]]) -> list[Any]:
    """Return the open (or asked for) issues or pull requests that a query wants."""
    wanted = query.get("state", ["open"])[0]
    found = [one for one in state["issues"] if wanted in (one["state"], "all")]
    if kind == "pulls":
        head = query.get("head", [""])[0].partition(":")[2]
        return [one for one in found if "head" in one and head in ("", one["head"]["ref"])]
    labels = set(",".join(query.get("labels", [])).split(",")) - {""}
    return [one for one in found if labels <= {label["name"] for label in one["labels"]}]


def opened(state: dict[str, Any], kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Open an issue or a pull request; a branch has at most one that is open."""
    made: dict[str, Any] = {
        "number": number(state), "state": "open", "title": body["title"],
        "body": body.get("body", ""), "labels": [{"name": n} for n in body.get("labels", [])],
    }  # fmt: skip
    made["html_url"] = f"{address()}/{kind}/{made['number']}"
    if kind == "pulls":
        head = body["head"].partition(":")[2] or body["head"]
        if listed(state, "pulls", {"head": [f":{head}"]}):
            fail(f"gh: Validation Failed (HTTP 422)\nA pull request already exists for {head}.")
        made |= {"head": {"ref": head}, "base": {"ref": body["base"]}, "pull_request": {}}
    state["issues"].append(made)
    return made


def page(entries: list[Any], query: dict[str, list[str]]) -> list[Any]:
    """Return the part of a list that a query asks for; thirty unless it says how many."""
    size, number = int(query.get("per_page", ["30"])[0]), int(query.get("page", ["1"])[0])
    return entries[(number - 1) * size : number * size]


def environment(
    state: dict[str, Any], method: str, name: str, more: list[str], query: Any, body: Any
) -> Any:
    """Answer for one environment: GitHub tells its rules in another form than it is given them."""
    known = state["environments"]
    if method == "PUT":
        if body.get("reviewers") and "reviewers" in state["without"]:
            fail(f"gh: {REFUSED['reviewers']}")
        rules: list[Any] = []
        if minutes := body.get("wait_timer"):
            rules.append({"type": "wait_timer", "wait_timer": minutes})
        if given := body.get("reviewers"):
            people = [{"type": one["type"], "reviewer": {"id": one["id"]}} for one in given]
            is_prevented = body.get("prevent_self_review", False)
            rules.append({"type": "required_reviewers", "reviewers": people,
                          "prevent_self_review": is_prevented})  # fmt: skip
        policies, policy = known.get(name, {}).get("policies", []), body["deployment_branch_policy"]
        known[name] = {"name": name, "protection_rules": rules, "policies": policies,
                       "deployment_branch_policy": policy}  # fmt: skip
    if name not in known:
        if more == ["secrets"]:
            return {"total_count": 0, "secrets": []}
        fail("gh: Not Found (HTTP 404)")
    match method, *more:
        case "GET", "secrets":
            return {"secrets": [{"name": one} for one in state["secrets"].get(name, [])]}
        case "GET", "deployment-branch-policies":
            return {"branch_policies": page(known[name]["policies"], query)}
        case "POST", "deployment-branch-policies":
            if known[name]["deployment_branch_policy"] is None:
                fail("gh: Not Found (HTTP 404)")
            known[name]["policies"].append({"type": "branch", **body})
            return known[name]["policies"][-1]
        case ("GET" | "PUT",):
            return known[name]
    fail(f"gh: Not Found (HTTP 404): the stand-in does not know {method} {more}")


def rest(state: dict[str, Any], method: str, where: str, body: Any) -> Any:
    """Answer one request of GitHub's REST interface."""
    url = urlsplit(where)
    path, query = url.path.strip("/"), parse_qs(url.query)
    if method != "GET" and state["read_only"]:
        fail("gh: Resource not accessible by integration (HTTP 403)")
    inside = re.fullmatch(r"repos/[^/]+/[^/]+/(.+)", path)
    parts = inside[1].split("/") if inside else []
    match method, *parts:
        case "GET", ("issues" | "pulls") as kind:
            return listed(state, kind, query)
        case "POST", ("issues" | "pulls") as kind:
            return opened(state, kind, body)
        case (("GET" | "PATCH"), ("issues" | "pulls"), count) if count.isdigit():
            (one,) = [o for o in state["issues"] if o["number"] == int(count)]
            changes = body or {}
            if "labels" in changes:
                changes["labels"] = [{"name": name} for name in changes["labels"]]
            one.update(changes)
            return one
        case "GET", "issues", count, "comments":
            return [one for one in state["comments"] if one["issue"] == int(count)]
        case "POST", "issues", count, "comments":
            made = {"id": 1000 + len(state["comments"]), "issue": int(count), "body": body["body"],
                    "user": {"login": "github-actions[bot]", "type": "Bot"}}  # fmt: skip
            state["comments"].append(made)
            return made
        case "PATCH", "issues", "comments", key:
            (one,) = [o for o in state["comments"] if o["id"] == int(key)]
            one.update(body)
            return one
        case _, ("rulesets" | "environments") as kind, *_ if kind in state["without"]:
            fail(f"gh: {REFUSED[kind]}")
        case _, "environments", name, *more:
            return environment(state, method, name, more, query, body)
        case "GET", "branches", name if name in state["branches"]:
            return {"name": name}
        case "GET", "collaborators":
            return page(state["collaborators"], query)
        case ("GET",) if path == "user":
            return {"login": "somebody", "id": 4711}
        case ("GET",) if re.fullmatch("repos/[^/]+/[^/]+", path):
            return state["repository"]
        case "GET", "rulesets":
            # Those of the organisation are among them unless one says otherwise, as on GitHub.
            with_parents = query.get("includes_parents", ["true"]) == ["true"]
            own = [one for one in state["rulesets"] if one.get("source_type") != "Organization"]
            return page(state["rulesets"] if with_parents else own, query)
        case "POST", "rulesets":
            state["rulesets"].append({"id": 1 + len(state["rulesets"]), **body})
            return state["rulesets"][-1]
        case "PUT", "rulesets", key:
            (one,) = [o for o in state["rulesets"] if o["id"] == int(key)]
            one.update(body)
            return one
    fail(f"gh: Not Found (HTTP 404): the stand-in does not know {method} {path}")


def release(state: dict[str, Any], arguments: list[str], given: str) -> None:
    """View, create, edit or fill a release by its tag."""
    action, tag = arguments[0], arguments[1]
    known = tag in state["releases"]
    if action != "create" and not known:
        fail("release not found")
    if action == "create" and known:
        fail(f"a release with the same tag name already exists: {tag}")
    if action not in ("view", "download") and state["read_only"]:
        fail("HTTP 403: Resource not accessible by integration")
    if action == "download":
        target = Path(flag(arguments, "--dir", "-D") or ".")
        target.mkdir(parents=True, exist_ok=True)
        for file in (STATE / "releases" / tag).glob(flag(arguments, "--pattern", "-p") or "*"):
            shutil.copy(file, target)
        return
    entry = state["releases"].setdefault(tag, {"assets": []})
    notes, title = flag(arguments, "--notes-file", "-F"), flag(arguments, "--title", "-t")
    if notes:
        entry["notes"] = given if notes == "-" else Path(notes).read_text(encoding="utf-8")
    if title:
        entry["title"] = title
    files = [Path(one) for one in arguments[2:] if one != notes]
    for file in (one for one in files if one.is_file()):
        (STATE / "releases" / tag).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, STATE / "releases" / tag)
        entry["assets"].append(file.name)
    print(f"{address()}/releases/tag/{tag}")


def main() -> None:
    """Record the call and answer it."""
    arguments = sys.argv[1:]
    given = sys.stdin.read() if "-" in arguments else ""
    with (STATE / "calls.jsonl").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps({"arguments": arguments, "input": given}) + "\n")
    if not (os.environ.get("GH_TOKEN") or os.environ.get("GITHUB_TOKEN")):
        fail("gh: To use GitHub CLI in GitHub Actions, set the GH_TOKEN environment variable.", 4)
    kept = STATE / "github.json"
    state = EMPTY | (json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {})
    if arguments[:1] == ["api"]:
        method = flag(arguments, "--method", "-X") or ("POST" if given else "GET")
        # gh reads the address from wherever it stands among the flags; the project puts it first.
        answer = rest(state, method, arguments[1], json.loads(given) if given else None)
        print(json.dumps(answer))
    elif arguments[:1] == ["release"]:
        release(state, arguments[1:], given)
    elif tuple(arguments[:2]) not in RECORDED:
        fail(f"the stand-in does not know gh {' '.join(arguments[:2])}")
    kept.write_text(json.dumps(state, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
