"""release.yml, deploy.yml, rollback.yml, monitor.yml and upstream.yml, every job executed by act.

One repository goes through its life: a first release that fails, one that does not, a push that
changes nothing, a gate that fails, a package that fails, a second release, a rollback, a version
that breaks where it is deployed. Staging has a host of its own, production's rollout is rehearsed.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from acting import ACTIONS, PUBLIC, GitHub, Outcome, by_hand, push, workflow
from baking import PROJECT, ROOT
from breaking import commit, edit, git
from projects import clone, shrunk_project
from running import PLAIN, Project, free_port

NO_COMMIT, KEY = "0" * 40, "a-key-for-the-test-0123456789"
HOST = ("-P", "target=-self-hosted")
# Eight runs of workflows, with what they start; minutes on a quiet machine.
SECONDS = 2_400
FOLDER = ROOT / PROJECT
NAMES = ("release.yml", "deploy.yml", "monitor.yml", "rollback.yml", "upstream.yml")
# What a person types is never part of a command.
REASON = 'it is slow; $(touch pwned) "quoted" $HOME'
# Each is better than the one before it.
SECOND = (
    ("  maximum_trees: 10", "  maximum_trees: 30"),
    ("  maximum_depth: 2", "  maximum_depth: 4"),
)
THIRD = (
    ("  maximum_trees: 30", "  maximum_trees: 60"),
    ("  maximum_depth: 4", "  maximum_depth: 5"),
)
ANSWER = "            predicted.values, predicted.decisions, self.release\n"
WRONG = "            [1 - one for one in predicted.values], predicted.decisions, self.release\n"
WRONG_IN_STAGING = (
    '            [one + (os.environ["LIFECYCLE_ENVIRONMENT"] == "staging")\n'
    "             for one in predicted.values], predicted.decisions, self.release,\n"
)
DELIVERED = {"model", "audit", "image", "Staging / staging"}
RELEASED = DELIVERED | {"Production / production", "publish"}


@dataclass
class Life:
    """A repository, the folder of its staging host, and what happened so far."""

    github: GitHub
    host: Project
    port: int
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def act(self, name: str, file: str, event: str, *arguments: str, **more: Any) -> Outcome:
        """Run a workflow with staging's runner named, and keep the outcome."""
        self.github.forget_artifacts()
        shared = self.host.environment
        environment = {
            "VENV": str(shared.venv), "SERVING_VENV": str(shared.serving_venv),
            "PIP_AUDIT": str(ACTIONS / "bin" / "pip-audit"),
        }  # fmt: skip
        variables = {"STAGING_RUNNER": "target", "DEPLOY_FOLDER": str(self.host.root)}
        self.outcomes[name] = self.github.act(
            file, event, *HOST, *arguments, secrets={"API_KEYS": KEY},
            variables=variables | more.pop("variables", {}),
            environment=environment | more.pop("environment", {}), **more,
        )  # fmt: skip
        return self.outcomes[name]

    def release(self, name: str, **more: Any) -> Outcome:
        """Commit what was changed, push it to main, and run the release."""
        before = git(self.github.project, "rev-parse", "HEAD")
        commit(self.github.project)
        payload = push(before)
        payload["repository"] = PUBLIC | {"visibility": more.pop("visibility", "public")}
        return self.act(name, "release.yml", "push", payload=payload, **more)

    def answering(self) -> str:
        """Return the version that staging answers with."""
        smoke = next(self.host.root.glob(".bentoml/bentos/*/*/src/release/smoke.json"))
        body = {"records": json.loads(smoke.read_text())["request"]["records"][:1]}
        answer = httpx.post(
            f"http://127.0.0.1:{self.port}/v1/predict", json=body, timeout=20, **PLAIN,
            headers={"X-API-Key": KEY},
        ).raise_for_status()  # fmt: skip
        return str(answer.json()["model_version"])

    def state(self) -> dict[str, Any]:
        """Return what no stopped release may change: tags, releases, and what serves."""
        deployment = self.host.root / ".lifecycle/staging/deployment.json"
        live = json.loads(deployment.read_text())["live"]
        return {
            "tags": git(self.github.project, "tag", "--list"),
            "releases": self.github.kept()["releases"],
            "live": {key: live[key] for key in ("version", "tag")},
            "answers": self.answering(),
        }


@pytest.fixture(scope="module")
def life(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Return a repository whose first push to main failed, and whose second is version 1."""
    folder = tmp_path_factory.mktemp("release")
    project = clone(shrunk_project(generated, tmp_path_factory), folder / "flight-delay")
    port = free_port()
    edit(project, "params.yaml", (
        ("    staging: 3010", f"    staging: {port}"),
        ("    production: 3020", f"    production: {free_port()}"),
        ("    staging: 10\n", "    staging: 1\n"),
    ))  # fmt: skip
    # As documented: the first commit that is pushed has the lock of the model.
    project.must("pipeline")
    project.change("src/lifecycle/serving/answering.py", ANSWER, WRONG)
    commit(project)
    host = Project(folder / "host", project.environment)
    made = Life(GitHub(project, folder / "github"), host, port)
    try:
        made.act("failed", "release.yml", "push", payload=push(NO_COMMIT))
        project.change("src/lifecycle/serving/answering.py", WRONG, ANSWER)
        made.release("first")
        yield made
    finally:
        if (host.root / "Makefile").exists():
            host.must("stop", "ENV=staging")


@pytest.mark.slow
def test_a_first_release_that_fails_stops_no_later_one(life: Life) -> None:
    """What main held before a push need not have been released: it is no champion."""
    assert life.outcomes["failed"].jobs == {"model": "failure"}
    assert "the Bento's answer to smoke row 0 is" in life.outcomes["failed"].printed["model"]
    assert life.outcomes["first"].jobs == dict.fromkeys(RELEASED, "success")


def the_first_push_is_released(life: Life) -> None:
    outcome = life.outcomes["first"]
    assert outcome.code == 0, outcome.log[-8000:]
    assert outcome.jobs == dict.fromkeys(RELEASED, "success")
    # Staging has a host, where version 1 serves on; production was rehearsed and is gone.
    assert life.answering() == "1"
    summary = "\n".join(outcome.summaries.values())
    assert "### Staging: version 1 serves staging" in summary
    assert "### Production: version 1 was rehearsed for production, and nothing" in summary
    assert "This was a **rehearsal**" in summary
    assert "## Released: Version 1" in summary
    assert set(outcome.artifacts) == {"bundle", "gate", "image", "staging", "production"}
    assert not (life.host.root / ".lifecycle/production").exists()


def the_release_has_tag_notes_and_files(life: Life) -> None:
    made = life.github.kept()["releases"]["model-1"]
    assert made["assets"] == [
        "bundle.tar.gz", "version.json", "sbom.cdx.json", "image-sbom.cdx.json"
    ]  # fmt: skip
    assert made["title"] == "Version 1"
    for words in (
        "all 13 rules hold", "| roc_auc | 0.", "| commit | `", "staging: serves (200",
        "production: was rehearsed", "Attested: `gh attestation verify bundle",
        "Image: `ghcr.io/acme/flight-delay@sha256:0123",
    ):  # fmt: skip
        assert words in made["notes"], made["notes"]
    project = life.github.project
    message = git(project, "tag", "--list", "--format=%(contents)", "model-1")
    lineage = json.loads(message.partition("\n\n")[2])
    assert git(project, "rev-parse", "model-1^{commit}") == lineage["git_commit"]
    digest = hashlib.sha256((life.github.state / "releases/model-1/bundle.tar.gz").read_bytes())
    assert lineage["bundle_sha256"] == digest.hexdigest()
    assert lineage["model_md5"] in git(project, "show", "model-1:dvc.lock")
    calls = [" ".join(call["arguments"][:3]) for call in life.outcomes["first"].calls]
    assert calls == ["release view model-1", "release create model-1"]


def what_was_built_is_what_was_scanned_pushed_and_attested(life: Life) -> None:
    state = life.github.state
    docker = [json.loads(line) for line in (state / "docker.jsonl").read_text().splitlines()]
    verbs = [call[0] for call in docker]
    assert verbs == ["build", "run", "tag", "push"]
    tag = docker[0][docker[0].index("--tag") + 1]
    assert docker[3][1] == f"ghcr.io/acme/flight-delay:{tag.partition(':')[2]}"
    said = (state / "actions.txt").read_text().splitlines()
    # The job that looks for known vulnerabilities runs beside the image's: either may come first.
    (audit,) = [line for line in said if line.startswith("pip-audit ")]
    assert audit.endswith("-r requirements/serving.txt")
    actions = [line for line in said if line != audit]
    assert len(actions) == 4
    assert actions[0].startswith(f"trivy-action image-ref={tag} severity=CRITICAL,HIGH")
    assert actions[0].endswith(" scanners=vuln")
    assert actions[1].startswith("login-action registry=ghcr.io")
    digest = "sha256:" + "0123456789abcdef" * 4
    assert f"subject-digest={digest}" in actions[2]
    assert "subject-path=dist/bundle.tar.gz" in actions[3]


def an_unchanged_model_is_not_released(life: Life) -> None:
    before = life.state()
    (life.github.project.root / "README.md").write_text("# Shorter\n", encoding="utf-8")
    outcome = life.release("unchanged")
    assert outcome.code == 0, outcome.log[-8000:]
    assert outcome.jobs == {"model": "success"}
    assert "## Nothing to release\n\nthis model is champion version 1" in outcome.summaries["model"]
    assert "is cached - skipping run" in outcome.printed["model"]
    assert life.state() == before


def a_model_that_fails_the_gate_changes_nothing(life: Life) -> None:
    before = life.state()
    edit(
        life.github.project,
        "params.yaml",
        (*SECOND, ("roc_auc: {minimum: 0.55", "roc_auc: {minimum: 0.85")),
    )
    outcome = life.release("gate")
    assert outcome.code == 1
    assert outcome.jobs == {"model": "failure"}
    assert outcome.failing() == [("model", "Gate, register, package")]
    assert (
        "failed: roc_auc; nothing is released, the champion stays version 1"
        in (outcome.summaries["model"])
    )
    assert life.state() == before


def a_model_that_cannot_be_packaged_changes_nothing(life: Life) -> None:
    before = life.state()
    project = life.github.project
    edit(project, "params.yaml", (("roc_auc: {minimum: 0.85", "roc_auc: {minimum: 0.55"),))
    project.change("src/lifecycle/serving/answering.py", ANSWER, WRONG)
    outcome = life.release("package")
    assert outcome.code == 1
    assert outcome.jobs == {"model": "failure"}
    assert " rules hold" in outcome.printed["model"]
    assert "the Bento's answer to smoke row 0 is" in outcome.printed["model"]
    assert life.state() == before


def forge(project: Project) -> None:
    """Push a tag whose commit nobody let in, as whoever may push can."""
    git(project, "checkout", "--quiet", "-b", "evil")
    (project.root / "src/lifecycle/pipeline/train.py").write_text("raise SystemExit('evil')\n")
    commit(project)
    lineage = git(project, "tag", "--list", "--format=%(contents:body)", "model-1")
    head = git(project, "rev-parse", "HEAD")
    forged = json.dumps({**json.loads(lineage), "git_commit": head})
    git(project, "-c", "user.name=a", "-c", "user.email=a@localhost", "tag", "--annotate",
        "--message", f"Version 99\n\n{forged}", "model-99")  # fmt: skip
    git(project, "checkout", "--quiet", "main")


def the_next_version_is_rolled_out_over_the_one_before(life: Life) -> None:
    forge(life.github.project)
    life.github.project.change("src/lifecycle/serving/answering.py", WRONG, ANSWER)
    outcome = life.release("second", visibility="private")
    assert outcome.code == 0, outcome.log[-8000:]
    assert outcome.jobs == dict.fromkeys(RELEASED, "success")
    assert life.answering() == "2"
    assert set(life.github.kept()["releases"]) == {"model-1", "model-2"}
    assert "the tag model-99 is not believed: its commit" in outcome.printed["model"]
    assert "champion version 1" in outcome.printed["model"]
    # The commit that the tag brought adds the lock of the model, which main did not have.
    project = life.github.project
    assert git(project, "rev-parse", "model-2~1") == git(project, "rev-parse", "main")
    assert git(project, "diff", "--name-only", "main", "model-2") == "dvc.lock"
    # A private repository has no attestations unless it says so.
    said = (life.github.state / "actions.txt").read_text().splitlines()
    assert len([one for one in said if one.startswith("attest-build-provenance")]) == 2
    assert "Not attested: for a private repository" in "\n".join(outcome.summaries.values())
    # Where nothing serves, the release before was fetched, rolled over, and rolled back to.
    rehearsed = read(life, "production")
    assert [one["step"] for one in rehearsed["steps"]] == [
        "receive the version before", "deploy it", "receive", "roll out", "smoke and load",
        "roll back", "smoke and load", "stop",
    ]  # fmt: skip
    assert rehearsed["steps"][5]["found"] == "version 1 serves"
    assert "release download model-1" in " ".join(
        word for call in life.github.calls() for word in call["arguments"]
    )


def a_version_that_breaks_where_it_is_deployed_leaves_the_one_before(life: Life) -> None:
    before = life.state()
    project = life.github.project
    edit(project, "params.yaml", THIRD)
    project.change("src/lifecycle/serving/answering.py", ANSWER, WRONG_IN_STAGING)
    outcome = life.release("broken")
    assert outcome.code == 1
    assert outcome.jobs == dict.fromkeys(DELIVERED, "success") | {"Staging / staging": "failure"}
    summary = "\n".join(outcome.summaries.values())
    assert "### Staging: staging was not changed: version 3 was rolled back at smoke: " in summary
    assert "the Bento's answer to smoke row 0 is" in summary
    assert life.state() == before


def rollback_returns_to_the_version_before_and_says_who_and_why(life: Life) -> None:
    outcome = life.act(
        "rollback", "rollback.yml", "workflow_dispatch",
        payload=by_hand(environment="staging", reason=REASON, version=""),
        # The first runner may be busy with a rollout for an hour: act would skip its label.
        variables={"STAGING_RUNNER": "busy", "STAGING_ROLLBACK_RUNNER": "target"},
    )  # fmt: skip
    assert outcome.code == 0, outcome.log[-5000:]
    assert outcome.jobs == {"rollback": "success"}
    assert life.answering() == "1"
    assert "live         version 1" in outcome.summaries["rollback"]
    audit = life.github.state / "artifacts/audit/audit.jsonl"
    last = json.loads(audit.read_text().splitlines()[-1])
    assert last["action"] == "rollback"
    assert last["version"] == 1
    assert last["reason"].startswith(f"{REASON} (")
    assert not list(life.host.root.glob("**/pwned"))


STORY = (
    the_first_push_is_released,
    the_release_has_tag_notes_and_files,
    what_was_built_is_what_was_scanned_pushed_and_attested,
    an_unchanged_model_is_not_released,
    a_model_that_fails_the_gate_changes_nothing,
    a_model_that_cannot_be_packaged_changes_nothing,
    the_next_version_is_rolled_out_over_the_one_before,
    a_version_that_breaks_where_it_is_deployed_leaves_the_one_before,
    rollback_returns_to_the_version_before_and_says_who_and_why,
)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS)
def test_a_repository_goes_through_its_life(life: Life, subtests: pytest.Subtests) -> None:
    """Each step begins with what the one before has left, as it would for its owner."""
    for step in STORY:
        with subtests.test(step.__name__):
            step(life)


@pytest.mark.slow
def test_rollback_of_what_is_not_deployed_is_refused(life: Life) -> None:
    before = life.state()
    outcome = life.act(
        "nowhere", "rollback.yml", "workflow_dispatch",
        payload=by_hand(environment="production", reason="none", version="1"),
    )  # fmt: skip
    assert outcome.code == 1
    assert "nothing is deployed to production, as no runner is named for it" in outcome.log
    assert life.state() == before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["release.yml", "train.yml", "rollback.yml", "monitor.yml"])
def test_another_branch_is_refused_before_anything_runs(life: Life, name: str) -> None:
    inputs = {"environment": "staging", "reason": "none", "version": ""}
    payload = by_hand(**inputs) | {"ref": "refs/heads/other"}
    outcome = life.act(f"other {name}", name, "workflow_dispatch", payload=payload)
    assert outcome.code == 1
    assert outcome.jobs == {"elsewhere": "failure"}
    # What so short a step prints, the runner of the tests may lose.
    assert outcome.steps == {("elsewhere", "Say so"): "failure"}
    (step,) = jobs(name)["elsewhere"]["steps"]
    assert "this runs on the default branch alone" in step["run"]


def read(life: Life, name: str) -> Any:
    """Return what a delivery wrote."""
    return json.loads((life.github.state / f"artifacts/{name}/{name}.json").read_text())


def jobs(name: str) -> dict[str, dict[str, Any]]:
    """Return the jobs of a workflow."""
    found: dict[str, dict[str, Any]] = workflow(FOLDER, name)["jobs"]
    return found


def test_triggers_and_concurrency() -> None:
    """What act does not evaluate: when they start, and what waits for what."""
    found = {name: workflow(FOLDER, name) for name in NAMES}
    assert set(found["release.yml"]["on"]) == {"push", "workflow_dispatch"}
    assert found["release.yml"]["on"]["push"] == {"branches": ["main"]}
    assert set(found["deploy.yml"]["on"]) == {"workflow_call"}
    assert set(found["rollback.yml"]["on"]) == {"workflow_dispatch"}
    inputs = found["rollback.yml"]["on"]["workflow_dispatch"]["inputs"]
    assert inputs["environment"]["options"] == ["staging", "production"]
    assert inputs["reason"]["required"]
    for name in ("monitor.yml", "upstream.yml"):
        (one,) = found[name]["on"]["schedule"]
        assert re.fullmatch(r"\d+ \d+ \* \* (\*|1)", one["cron"])
    groups = {n: (f.get("concurrency") or {}).get("group") for n, f in found.items()}
    # Of the runs that wait in one group GitHub keeps the newest alone, and a run that waits for a
    # review holds its group: so each commit of main has its own.
    assert groups["release.yml"] == "release-${{ github.sha }}"
    assert len(set(groups.values())) == len(groups)
    for name in ("release.yml", "monitor.yml", "rollback.yml"):
        assert found[name]["concurrency"]["cancel-in-progress"] is False


@pytest.mark.parametrize("name", NAMES)
def test_rights_are_the_least_and_time_is_limited(name: str) -> None:
    assert workflow(FOLDER, name)["permissions"] == {}
    for job in jobs(name).values():
        assert "permissions" in job
        if "uses" not in job:
            assert job["timeout-minutes"] <= 60
        for step in job.get("steps", []):
            assert "${{" not in step.get("run", ""), step
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False
    writing = {key: {k for k, v in job["permissions"].items() if v == "write"}
               for key, job in jobs(name).items()}  # fmt: skip
    assert {key: rights for key, rights in writing.items() if rights} == {
        "release.yml": {
            "model": {"id-token"},
            "image": {"packages", "id-token", "attestations"},
            "publish": {"contents", "id-token", "attestations"},
        },
        "monitor.yml": {
            "issue": {"issues"}, "retrain": {"contents", "pull-requests", "issues", "id-token"}
        },
        "upstream.yml": {"issue": {"issues"}},
    }.get(name, {})  # fmt: skip


def test_environments_guard_what_is_deployed() -> None:
    assert jobs("deploy.yml")["deploy"]["environment"] == "${{ inputs.environment }}"
    # A rollback waits for no reviewer, and where a second runner is named for no rollout either.
    rollback = jobs("rollback.yml")["rollback"]
    assert rollback["environment"] == "rollback"
    for name in ("STAGING", "PRODUCTION"):
        runners = f"vars.{name}_RUNNER && vars.{name}_ROLLBACK_RUNNER || vars.{name}_RUNNER"
        assert runners in rollback["runs-on"]
    release = jobs("release.yml")
    assert release["publish"]["environment"] == "release"
    assert release["production"]["needs"] == ["model", "staging"]
    for name in ("staging", "production"):
        assert release[name]["with"]["environment"] == name
        # The same bundle in both, known by its hash.
        assert release[name]["with"]["sha256"] == "${{ needs.model.outputs.sha256 }}"
        previous = "${{ needs.model.outputs.previous-sha256 }}"
        assert release[name]["with"]["previous-sha256"] == previous


WRITES = {("id-token", "write"), ("contents", "write")}
DEFAULT_BRANCH = "github.ref == format('refs/heads/{0}', github.event.repository.default_branch)"


@pytest.mark.parametrize(
    "name", ["release.yml", "deploy.yml", "rollback.yml", "train.yml", "monitor.yml"]
)
def test_what_writes_or_signs_in_runs_on_the_default_branch_alone(name: str) -> None:
    first = ["deploy"] if name == "deploy.yml" else [*jobs(name)][1:2]
    for key, job in jobs(name).items():
        if key in first or WRITES & set(job["permissions"].items()):
            assert DEFAULT_BRANCH in job["if"], key


def test_every_bundle_is_checked_by_its_hash_before_it_is_used() -> None:
    """The hash comes as an output of the job that made it, or from the tag of that release."""
    for name in ("release.yml", "deploy.yml"):
        for key, job in jobs(name).items():
            steps = job.get("steps", [])
            loads = [
                number
                for number, step in enumerate(steps)
                if step.get("with", {}).get("name") == "bundle" and "download" in step["uses"]
            ]
            for number in loads:
                # Whatever comes after the downloads, host (which reads no bundle) left out.
                using = next(step for step in steps[number + 1 :]
                             if "run" in step and "release download" not in step["run"]
                             and step["run"] != "make host")  # fmt: skip
                hashes = {k: v for k, v in using["env"].items() if k.endswith("SHA256")}
                assert "${{ needs.model.outputs.sha256 }}" in hashes.values() or (
                    "${{ inputs.sha256 }}" in hashes.values()), key  # fmt: skip
                if "PREVIOUS" in using["env"]:
                    assert hashes["PREVIOUS_SHA256"] == "${{ inputs.previous-sha256 }}"
    publish = [step["name"] for step in jobs("release.yml")["publish"]["steps"] if "name" in step]
    check, attest = (next(n for n, name in enumerate(publish) if word in name)
                     for word in ("Check that", "Attest"))  # fmt: skip
    assert check < attest


def test_attestations_are_made_where_github_keeps_them() -> None:
    steps = [step for job in jobs("release.yml").values() for step in job.get("steps", [])]
    attesting = [step for step in steps if "attest-build" in step.get("uses", "")]
    assert len(attesting) == 2
    for step in attesting:
        wanted = "github.event.repository.visibility == 'public' || vars.ATTEST == 'true'"
        assert step["if"] == wanted


def test_the_ruleset_asks_for_the_job_that_sums_up() -> None:
    rules = json.loads((FOLDER / ".github/ruleset.json").read_text())["rules"]
    (checks,) = [one["parameters"] for one in rules if one["type"] == "required_status_checks"]
    assert checks["required_status_checks"] == [{"context": jobs("ci.yml")["pass"]["name"]}]
    assert FOLDER.joinpath(".github/ruleset-releases.json").is_file()
