"""A bundle on another machine: taken in whole or not at all, and rolled back where it is bad."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from breaking import commit, edit, stopped
from running import Project, free_port

KEYS = {"ENV": "staging", "API_KEYS": "first"}


@pytest.fixture(scope="module")
def bundle(better: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundle of a better model, packed elsewhere, as the fourth run of a release."""
    project = better.copy(tmp_path_factory.mktemp("packing") / "flight-delay")
    project.must("bundle", RELEASE_NUMBER="4")
    return project.root / "dist/bundle.tar.gz"


@pytest.fixture(scope="module")
def host(small: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return a machine whose staging has version 1."""
    project = small.copy(tmp_path_factory.mktemp("host") / "flight-delay")
    edit(project, "params.yaml", (
        ("    staging: 3010", f"    staging: {free_port()}"),
        ("    staging: 10\n", "    staging: 1\n"),
    ))  # fmt: skip
    commit(project)
    project.must("deploy", **KEYS)
    yield project
    project.must("stop", ENV="staging")


def live(project: Project) -> str:
    """Return the line about what serves staging."""
    printed = project.must("status", ENV="staging")
    (line,) = [one for one in printed.splitlines() if one.startswith("live ")]
    return line


@pytest.mark.slow
def test_what_is_no_bundle_is_refused_and_nothing_changes(
    host: Project, bundle: Path, tmp_path: Path
) -> None:
    before = live(host)
    torn = tmp_path / "torn.tar.gz"
    torn.write_bytes(bundle.read_bytes()[:-5000])
    flipped, content = tmp_path / "flipped.tar.gz", bytearray(bundle.read_bytes())
    for place in range(2000, len(content) - 2000, 2000):
        content[place] ^= 0x55
    flipped.write_bytes(content)
    for path, hash_, words in (
        (flipped, "", "is no bundle: `make bundle` packs one"),
        (tmp_path / "none", "", "is missing: say which bundle, BUNDLE=file"),
        (torn, "", "is no bundle: `make bundle` packs one"),
        (bundle, "0" * 64, "not what was built"),
    ):
        named = {"BUNDLE_SHA256": hash_} if hash_ else {}
        done = host.make("deliver", f"BUNDLE={path}", **named, **KEYS)
        stopped(done, "deliver", words)
        assert live(host) == before


def a_version_that_fails_its_check_after_deploy_is_rolled_back(host: Project, bundle: Path) -> None:
    # The rollout asks the workers themselves; only a client has to have a key that is right.
    done = host.make("deliver", f"BUNDLE={bundle}", API_KEY="wrong", **KEYS)
    stopped(done, "deliver", "answered 401", "version 1 serves staging again")
    assert "live         version 1 " in live(host)
    report = json.loads((host.root / "dist/staging.json").read_text())
    assert [(one["step"], one["result"]) for one in report["steps"]] == [
        ("receive", "done"), ("roll out", "done"), ("smoke and load", "failed"),
        ("roll back", "done"),
    ]  # fmt: skip
    audit = (host.root / ".lifecycle/staging/audit.jsonl").read_text().splitlines()
    assert "the check after deploy: " in json.loads(audit[-1])["reason"]


def a_good_version_is_delivered_and_delivering_it_again_changes_nothing(
    host: Project, bundle: Path
) -> None:
    printed = host.must("deliver", f"BUNDLE={bundle}", **KEYS)
    assert "deliver: version 4 serves staging" in printed
    before = live(host)
    assert "version 4 " in before
    again = host.must("deliver", f"BUNDLE={bundle}", **KEYS)
    assert "roll out done" in again
    assert "serves already" in again
    assert "is here already, as it is" in again
    assert live(host) == before
    done = host.make("verify", "SECONDS=1", ENV="staging", API_KEY="wrong")
    stopped(done, "verify", "answered 401")


def a_release_that_a_later_one_has_overtaken_is_not_delivered(
    host: Project, bundle: Path, earlier: Path
) -> None:
    """It waited for a review, say, and the next did not."""
    host.must("deliver", f"BUNDLE={bundle}", **KEYS)
    before = live(host)
    done = host.make("deliver", f"BUNDLE={earlier}", **KEYS)
    stopped(done, "deliver", "version 4 serves staging, which is newer than version 2")
    assert live(host) == before


@pytest.mark.slow
def test_versions_come_to_a_host(
    host: Project, bundle: Path, better: Project, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """A better one that fails there, then does not; then one that it has overtaken."""
    earlier = better.copy(tmp_path / "flight-delay")
    earlier.must("bundle")
    with subtests.test("fails its check"):
        a_version_that_fails_its_check_after_deploy_is_rolled_back(host, bundle)
    with subtests.test("is good"):
        a_good_version_is_delivered_and_delivering_it_again_changes_nothing(host, bundle)
    with subtests.test("is overtaken"):
        a_release_that_a_later_one_has_overtaken_is_not_delivered(
            host, bundle, earlier.root / "dist/bundle.tar.gz"
        )


@pytest.mark.slow
def test_the_version_before_is_not_run_where_it_is_not_the_one_that_was_released(
    host: Project, bundle: Path, tmp_path: Path
) -> None:
    """Whoever may write releases can replace their files; its code would be given the keys."""
    other = tmp_path / "previous.tar.gz"
    other.write_bytes(bundle.read_bytes() + b"more")
    for hash_, words in (("0" * 64, "not what was built"), ("", "PREVIOUS_SHA256= is no SHA-256")):
        done = host.make(
            "rehearse", f"BUNDLE={bundle}", ENV="production", API_KEYS="first",
            PREVIOUS=str(other), PREVIOUS_SHA256=hash_,
        )  # fmt: skip
        stopped(done, "deliver", words)
        assert "deploy it" not in done.stdout
    assert "nothing serves production" in host.must("status", ENV="production")
