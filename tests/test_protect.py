"""`make protect` looks at the rules that are in force, sets them, or ends with an error."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from acting import ACTIONS
from baking import PROJECT, ROOT, clean_environment, run
from breaking import stopped

ME = [{"type": "User", "reviewer": {"id": 4711}}]
OTHER = [{"type": "User", "reviewer": {"id": 12}}]
ONLY_NAMED = {"protected_branches": False, "custom_branch_policies": True}
NO_RULES: dict[str, Any] = {
    "protection_rules": [],
    "deployment_branch_policy": None,
    "policies": [],
}
SECOND = {"login": "another", "permissions": {"push": True}}
READER = {"login": "reader", "permissions": {"push": False}}


@dataclass(frozen=True)
class Site:
    """A repository on GitHub, and an owner's clone of it."""

    folder: Path
    variables: dict[str, str]

    def given(self, **state: Any) -> None:
        """Let GitHub have this, besides what it has."""
        self.path.write_text(json.dumps(self.kept() | state))

    @property
    def path(self) -> Path:
        """Where the stand-in for gh keeps what GitHub would."""
        return self.folder / "github.json"

    def kept(self) -> dict[str, Any]:
        """Return what GitHub has."""
        found: dict[str, Any] = json.loads(self.path.read_text()) if self.path.exists() else {}
        return found

    def protect(self) -> subprocess.CompletedProcess[str]:
        """Run it as the make target does."""
        command = (sys.executable, "-m", "lifecycle", "protect")
        return run(*command, folder=self.folder, environment=self.variables)

    def reviewed(self, name: str = "production") -> dict[str, Any]:
        """Return the rule of an environment that asks for a review."""
        rules = self.kept()["environments"][name]["protection_rules"]
        (rule,) = [one for one in rules if one["type"] == "required_reviewers"]
        found: dict[str, Any] = rule
        return found

    def branches(self, name: str) -> list[str]:
        """Return what may be deployed to an environment."""
        return [one["name"] for one in self.kept()["environments"][name]["policies"]]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a repository that nothing protects yet."""
    shutil.copytree(ROOT / PROJECT / ".github", tmp_path / ".github")
    (tmp_path / "params.yaml").touch()
    return Site(tmp_path, clean_environment(tmp_path / "home") | {
        "PATH": f"{ACTIONS / 'bin'}:{os.environ['PATH']}",
        "STAND_IN_STATE": str(tmp_path), "GITHUB_REPOSITORY": "acme/flight-delay",
        "GH_TOKEN": "made-up", "PYTHONPATH": str(ROOT / PROJECT / "src"),
    })  # fmt: skip


def ruleset(site: Site, name: str) -> dict[str, Any]:
    """Return a ruleset of the repository by its name; there is exactly one."""
    (found,) = [one for one in site.kept()["rulesets"] if one["name"] == name]
    one: dict[str, Any] = found
    return one


def parameters(site: Site) -> dict[str, Any]:
    """Return what the ruleset of main asks of a pull request."""
    rules = ruleset(site, "main")["rules"]
    (found,) = [one["parameters"] for one in rules if one["type"] == "pull_request"]
    one: dict[str, Any] = found
    return one


def test_everything_is_set_once_and_what_was_changed_is_set_again(site: Site) -> None:
    site.given(collaborators=[SECOND, SECOND, READER])
    first = site.protect()
    assert first.returncode == 0, first.stderr
    assert "protect: ruleset main is in force\n" in first.stdout
    assert "protect: environment staging takes main alone" in first.stdout
    assert "protect: runs that deploy to production wait for you to agree" in first.stdout
    kept = site.kept()
    for one in kept["rulesets"]:
        one["enforcement"] = "disabled"
    kept["environments"] = dict.fromkeys(kept["environments"], NO_RULES)
    site.given(**kept)
    second = site.protect()
    assert second.returncode == 0, second.stderr
    assert second.stdout == first.stdout
    assert {one["enforcement"] for one in site.kept()["rulesets"]} == {"active"}
    assert site.reviewed()["reviewers"] == ME
    for name in site.kept()["environments"]:
        assert site.kept()["environments"][name]["deployment_branch_policy"] == ONLY_NAMED
        assert site.branches(name) == ["main"]
    assert parameters(site)["required_approving_review_count"] == 1
    assert parameters(site)["require_code_owner_review"]


def test_environments_that_a_job_made_get_their_rules(site: Site) -> None:
    """GitHub makes one that is named and not there: without a reviewer, for any branch."""
    site.given(
        environments={name: {"name": name, **NO_RULES} for name in ("staging", "production")}
    )
    assert site.protect().returncode == 0
    assert site.reviewed()["reviewers"] == ME
    assert site.branches("production") == site.branches("staging") == ["main"]


def test_what_somebody_chose_on_the_website_stays(site: Site) -> None:
    site.given(environments={"production": {"name": "production", **NO_RULES, "protection_rules": [
        {"type": "wait_timer", "wait_timer": 30},
        {"type": "required_reviewers", "reviewers": OTHER, "prevent_self_review": True},
    ]}}, collaborators=[SECOND, SECOND])  # fmt: skip
    done = site.protect()
    assert done.returncode == 0, done.stderr
    assert "runs that deploy to production have 1 reviewers" in done.stdout
    assert site.reviewed()["reviewers"] == OTHER
    assert site.reviewed()["prevent_self_review"] is True
    rules = site.kept()["environments"]["production"]["protection_rules"]
    assert {"type": "wait_timer", "wait_timer": 30} in rules


@pytest.mark.parametrize(
    "extra", [{"name": "*", "type": "branch"}, {"name": "main", "type": "tag"},
              {"name": "release/*"}],
)  # fmt: skip
def test_an_environment_that_others_reach_as_well_is_an_error(
    site: Site, extra: dict[str, str]
) -> None:
    site.given(environments={"staging": {
        "name": "staging", **NO_RULES, "deployment_branch_policy": ONLY_NAMED, "policies": [extra],
    }})  # fmt: skip
    done = site.protect()
    stopped(done, "protect", "not in force: environment staging; the lines above say why")
    assert f"environment staging is NOT in force: {extra['name']} may be deployed" in done.stdout
    # What can be set is, all the same.
    assert site.reviewed()["reviewers"] == ME


def test_the_default_branch_has_the_name_that_github_says(site: Site) -> None:
    site.given(branches=["trunk"], repository={
        "default_branch": "trunk", "private": False, "permissions": {"admin": True},
    })  # fmt: skip
    assert site.protect().returncode == 0
    assert site.branches("production") == ["trunk"]


def test_rulesets_of_the_organisation_are_left_and_those_on_later_pages_found(site: Site) -> None:
    theirs = {"id": 7000, "name": "main", "source_type": "Organization", "enforcement": "active",
              "rules": []}  # fmt: skip
    filling = [{"id": 100 + n, "name": f"other {n}", "enforcement": "active", "rules": []}
               for n in range(150)]  # fmt: skip
    own = {"id": 6000, "name": "main", "enforcement": "disabled", "rules": []}
    site.given(rulesets=[theirs, *filling, own])
    assert site.protect().returncode == 0
    kept = {one["id"]: one for one in site.kept()["rulesets"]}
    assert kept[7000] == theirs
    assert kept[6000]["enforcement"] == "active"
    assert [one["id"] for one in kept.values() if one["name"] == "main"] == [7000, 6000]


def test_before_the_first_push_everything_is_set_that_would_not_refuse_it(site: Site) -> None:
    site.given(branches=[])
    done = site.protect()
    assert done.returncode == 0, done.stderr
    assert "ruleset main waits for the first push, which it would refuse: push main" in done.stdout
    assert "main" not in [one["name"] for one in site.kept()["rulesets"]]
    assert site.reviewed()["reviewers"] == ME
    site.given(branches=["main"])
    assert "ruleset main is in force" in site.protect().stdout


def test_an_owner_alone_does_not_lock_himself_out(site: Site) -> None:
    """GitHub lets nobody approve his own pull request, nor his own run where that is prevented."""
    site.given(collaborators=[SECOND, READER], environments={"production": {
        "name": "production", **NO_RULES, "protection_rules": [
            {"type": "required_reviewers", "reviewers": ME, "prevent_self_review": True}],
    }})  # fmt: skip
    done = site.protect()
    assert "it asks for no approval, as you are the only one who may push" in done.stdout
    assert parameters(site)["required_approving_review_count"] == 0
    assert not parameters(site)["require_code_owner_review"]
    assert "wait for you to agree, also to your own runs" in done.stdout
    assert site.reviewed()["prevent_self_review"] is False
    # The job that sums up is asked for all the same, and nothing goes past the rules.
    checks = [one for one in ruleset(site, "main")["rules"] if "checks" in one["type"]]
    assert len(checks) == 1
    assert ruleset(site, "main")["bypass_actors"] == []
    site.given(collaborators=[SECOND, SECOND])
    site.protect()
    assert parameters(site)["required_approving_review_count"] == 1


@pytest.mark.parametrize(
    ("without", "not_in_force", "plan"),
    [
        ("rulesets", "ruleset main, ruleset releases", "GitHub Pro, Team or Enterprise"),
        ("environments", "environment staging, environment production", "GitHub Pro, Team or"),
        ("reviewers", "runs that deploy to production", "GitHub Enterprise"),
    ],
)
def test_what_the_plan_does_not_give_is_an_error_that_names_the_plan(
    site: Site, without: str, not_in_force: str, plan: str
) -> None:
    site.given(without=[without], repository={
        "default_branch": "main", "private": True, "permissions": {"admin": True},
    })  # fmt: skip
    done = site.protect()
    stopped(done, "protect", "not in force: ", "the lines above say why")
    for name in not_in_force.split(", "):
        assert name in done.stderr
        assert f"protect: {name} is NOT in force: gh api" in done.stdout.replace(
            " are NOT", " is NOT"
        )
    assert f"(a private repository needs {plan}" in done.stdout
    # The rest is in force.
    if without != "rulesets":
        assert ruleset(site, "main")["enforcement"] == "active"
    if without == "reviewers":
        assert site.branches("production") == ["main"]


def test_who_does_not_administer_it_changes_nothing(site: Site) -> None:
    site.given(repository={"default_branch": "main", "private": False, "permissions": {}})
    before = site.kept()
    stopped(site.protect(), "protect", "only who administers the repository may protect it")
    assert {key: site.kept()[key] for key in before} == before
    assert site.kept()["rulesets"] == []
    assert site.kept()["environments"] == {}


def test_without_a_token_or_a_ruleset_one_line_says_so(site: Site) -> None:
    for path in (site.folder / ".github").glob("ruleset*.json"):
        path.unlink()
    stopped(site.protect(), "protect", ".github holds no ruleset.json: nothing to install")
    del site.variables["GH_TOKEN"]
    stopped(site.protect(), "protect", "set the GH_TOKEN environment variable")


def test_only_a_release_with_a_token_of_its_own_lets_tags_be_restricted(site: Site) -> None:
    """GitHub lets no ruleset be passed by a workflow's own token: it would stop every release."""
    first = site.protect()
    assert first.returncode == 0, first.stderr
    said = "ruleset release tags waits for the secret RELEASE_TOKEN of the environment release"
    assert said in first.stdout
    assert [one["name"] for one in site.kept()["rulesets"]] == ["releases", "main"]
    site.given(secrets={"release": ["RELEASE_TOKEN"]})
    assert "ruleset release tags is in force" in site.protect().stdout
    made = ruleset(site, "release tags")
    assert made["rules"] == [{"type": "creation"}]
    assert made["conditions"]["ref_name"]["include"] == ["refs/tags/model-*"]
    assert [one["actor_type"] for one in made["bypass_actors"]] == ["RepositoryRole"]
    # Nobody moves or removes one, whoever made it.
    kept = ruleset(site, "releases")
    assert {one["type"] for one in kept["rules"]} == {"deletion", "non_fast_forward", "update"}
    assert kept["bypass_actors"] == []
    assert site.branches("release") == ["main"]
