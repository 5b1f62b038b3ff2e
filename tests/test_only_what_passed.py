"""Nothing serves but what the gate passed, as it was packaged: status says so, deploy mends it."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from breaking import Unchanged, stopped
from projects import ask, wait_until, worker_of
from running import Project, free_port, use_port

pytestmark = pytest.mark.slow

DAMAGED = "is not what was packaged (release/model.ubj is another)"
# As somebody does by hand: a version with tags of his own, and the alias on it.
BY_HAND = """
import json, sys
from pathlib import Path
from lifecycle.records import registry
from lifecycle.core.params import load_params
versions = registry.connect(Path.cwd(), load_params())
good = versions.get(1)
tags = {**good.tags, **json.loads(sys.argv[1])}
made = versions.create(good.run_id, {key: value for key, value in tags.items() if value})
versions.set_alias("challenger", made.number)
print(made.number)
"""


@pytest.fixture(scope="module")
def served(small: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return a project whose version 1 serves."""
    project = small.copy(tmp_path_factory.mktemp("served") / "flight-delay")
    use_port(project.root, free_port())
    project.must("deploy")
    yield project
    project.must("stop")


def bento(project: Project) -> Path:
    """Return the folder of the one Bento."""
    (found,) = (project.root / ".bentoml/bentos/flight-delay").glob("1-*")
    return found


def row(project: Project) -> object:
    """Return the probability that the service gives the first smoke row."""
    smoke = json.loads((bento(project) / "src/release/smoke.json").read_text(encoding="utf-8"))
    body = {"records": smoke["request"]["records"][:1]}
    return ask(project, "/v1/predict", body)["predictions"]


def test_an_alias_moved_by_hand_to_what_the_gate_refused_is_not_obeyed(
    champion: Project, unchanged: Unchanged
) -> None:
    """One click in MLflow: the version has everything but a verdict that passed, or its proof."""
    for tags, words in (
        ('{"gate_verdict": "fail"}', "the gate did not pass it (its tag gate_verdict is fail)"),
        ('{"gate_md5": "0"}', "is another than its tags name"),
        ('{"model_md5": "0"}', "its verdict is about another model"),
        ('{"gate_verdict": ""}', "its tag gate_verdict is missing"),
    ):
        done = champion.python("-c", BY_HAND, tags)
        assert done.returncode == 0, done.stderr
        with unchanged(champion):
            done = champion.python("-m", "lifecycle", "package")
        said = stopped(done, "package", "does not serve: ", words, "the alias challenger names it")
        assert "in MLflow (`make ui`) remove that alias" in said
    with unchanged(champion):
        done = champion.python("-m", "lifecycle", "deploy", LIFECYCLE_ENVIRONMENT="development")
    stopped(done, "deploy", "version 5 does not serve: ", "gate_verdict is missing")


def test_a_model_replaced_in_the_bento_never_answers(served: Project) -> None:
    """Not by a deploy, which names it, nor by a restart; packaged again, the right one does."""
    before, model = row(served), bento(served) / "src/release/model.ubj"
    assert "serves development already" in served.must("deploy")
    content = model.read_bytes()
    model.write_bytes(content[:-40] + bytes(40))
    done = served.make("deploy")
    said = stopped(done, "deploy", DAMAGED, "so it does not serve: run `make release`")
    assert "serves development already" not in done.stdout
    assert "packages it again" in said
    # What runs has loaded the right one, and goes on.
    assert row(served) == before
    assert DAMAGED in served.must("status")
    log = served.root / ".lifecycle/development/logs" / f"{bento(served).name}.log"
    os.kill(worker_of(served), signal.SIGKILL)
    refusal = "this Bento is not as it was packaged: release/model.ubj is another"
    # More than once: where it dies within a second, the supervisor waits longer after each time.
    wait_until(
        lambda: log.read_text(errors="replace").count(refusal) > 3, "it is not begun again", 120
    )
    printed = served.must("status")
    assert DAMAGED in printed
    assert ", ready" not in printed
    for arguments in (("rollback", "VERSION=1"), ("deploy",)):
        assert served.make(*arguments).returncode
    printed = served.python("-m", "lifecycle", "package").stdout
    assert f"{DAMAGED}: it is made again" in printed
    served.must("deploy")
    assert row(served) == before
    assert "is not what was packaged" not in served.must("status")
    assert model.read_bytes() == content
