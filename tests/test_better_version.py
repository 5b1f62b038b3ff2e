"""A version that must differ from the stale one is rolled out, one that is broken is returned.

Version 1 is a weak model that decides at 0.3, version 2 a better one that decides at 0.18: they
decide 45 % of the rows otherwise, as the gate measures. Everything goes through real workers.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from breaking import BETTER, commit, edit, read_json, stopped
from projects import released_project
from running import Project, free_port, use_port

pytestmark = pytest.mark.slow
PREDICTOR = "src/lifecycle/serving/predictor.py"
PREDICTS = "        scores = self.model.predict(columns)\n"
# They come with small requests; the smoke request is a large one.
SMALL_ONES = "        if len(records) < 10:\n"
AGAIN = "            scores = self.model.predict(columns)\n"
DEFECTS = {
    "features swapped": (
        "            columns = {**columns, 'humidity': columns['departure_minute'],"
        " 'departure_minute': columns['humidity']}\n" + AGAIN
    ),
    "a constant": "            scores = scores * 0 + 0.1\n",
    "scores scaled": "            scores = scores * 0.5\n",
}
OWN = ("changed decisions", "prediction shift", "known answers")


@pytest.fixture(scope="module")
def pair(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return a project where version 1 is live, and version 2 is packaged as the challenger."""
    released = released_project(generated, tmp_path_factory)
    project = released.copy(tmp_path_factory.mktemp("pair") / "flight-delay")
    (project.root / ".lifecycle" / "development" / "deployment.json").unlink()
    use_port(project.root, free_port())
    project.must("deploy")
    edit(project, "params.yaml", (*BETTER, ("  threshold: 0.3\n", "  threshold: 0.18\n")))
    commit(project)
    printed = project.must("pipeline", "release")
    assert "are decided otherwise than by champion version 1" in printed
    yield project
    project.must("stop")


def live(project: Project) -> int:
    """Return the number of the version that is live."""
    state = read_json(project, ".lifecycle/development/deployment.json")
    assert state["candidate"] is None
    return int(state["live"]["version"])


def audit(project: Project) -> list[dict[str, Any]]:
    """Return what was done, in order."""
    path = project.root / ".lifecycle/development/audit.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def packaged(project: Project) -> Path:
    """Return the folder of version 2's Bento."""
    tag = read_json(project, ".lifecycle/packaged.json")["2"]
    return Path(project.root, ".bentoml", "bentos", tag.replace(":", "/"))


def test_the_gate_measures_it_and_the_bento_carries_it(pair: Project) -> None:
    found = read_json(pair, "reports/gate.json")["difference"]
    assert 0.4 < found["changed_decisions"]["mean"] < 0.5
    assert [found[name]["threshold"] for name in ("champion", "challenger")] == [0.3, 0.18]
    carried = (packaged(pair) / "src/release/difference.json").read_text(encoding="utf-8")
    assert json.loads(carried) == found


def a_broken_successor_is_returned_though_much_was_to_change(pair: Project, defect: str) -> None:
    source, good = pair.root / PREDICTOR, packaged(pair)
    known = (pair.root / ".lifecycle/packaged.json").read_text(encoding="utf-8")
    kept = source.read_text(encoding="utf-8")
    pair.change(PREDICTOR, PREDICTS, PREDICTS + SMALL_ONES + DEFECTS[defect])
    try:
        done = pair.python("-m", "lifecycle", "package")
        assert done.returncode == 0, done.stderr
        assert packaged(pair) != good
        done = pair.make("deploy")
        shutil.rmtree(packaged(pair))
    finally:
        source.write_text(kept, encoding="utf-8")
        (pair.root / ".lifecycle/packaged.json").write_text(known, encoding="utf-8")
    said = stopped(done, "deploy", "version 2 was rolled back at shadow", "version 1 answers all")
    last = audit(pair)[-1]
    print(f"{defect}: {said}")
    assert (last["action"], last["rule"] in OWN) == ("rolled back", True)
    assert f"{last['rule']}: {last['reason']}" in said
    assert live(pair) == 1


def the_better_version_is_rolled_out(pair: Project) -> None:
    """After all that was broken, the one that is not; the fixed limit would have returned it."""
    began = len(audit(pair))
    pair.must("deploy")
    assert live(pair) == 2
    steps = [line for line in audit(pair)[began:] if line["action"] == "step"]
    (shadow,) = [line for line in steps if line["step"] == "shadow"]
    seen = shadow["figures"]["live"]
    # More than rollout.maximum_changed_decisions, which is asked where nothing was measured.
    assert seen["changed"] / seen["compared"] > 0.3
    assert 0.4 < shadow["expected"]["changed_decisions"] < 0.5
    assert shadow["figures"]["candidate"]["known"] >= 200
    assert shadow["figures"]["candidate"]["wrong"] == 0


def test_of_the_successors_only_the_one_that_is_not_broken_stays(
    pair: Project, subtests: pytest.Subtests
) -> None:
    for defect in DEFECTS:
        with subtests.test(defect):
            a_broken_successor_is_returned_though_much_was_to_change(pair, defect)
    with subtests.test("nothing is broken"):
        the_better_version_is_rolled_out(pair)
