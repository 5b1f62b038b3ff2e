"""Nothing is registered or packaged but what the gate passed, and what answers as it did.

Each case starts with champion version 1 and a challenger that the gate has let through.
"""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from breaking import (
    EVALUATION,
    GATE,
    MODEL,
    Unchanged,
    commit,
    edit_json,
    evaluated_as_it_is,
    git,
    md5,
    rewrite_model,
    stopped,
    unreachable_remote,
)
from running import Project

pytestmark = pytest.mark.slow

FEATURES = "src/project/features.py"
SERVICE = "src/lifecycle/serving/service.py"
PREDICTOR = "src/lifecycle/serving/predictor.py"


def lose_verdict(project: Project) -> None:
    """Remove the gate's report."""
    (project.root / GATE).unlink()


def fail_verdict(project: Project) -> None:
    """Let the gate have said no."""
    project.change("params.yaml", "maximum_megabytes: 20.0", "maximum_megabytes: 0.01")
    commit(project)
    assert project.python("-m", "lifecycle", "gate").returncode == 1


def approve_by_hand(project: Project) -> None:
    """Write another word over what the gate said."""
    fail_verdict(project)
    edit_json(project, GATE, lambda report: report.update(verdict="approved by me"))


def forge_verdict(project: Project) -> None:
    """Write over the gate's report so that form, rules and hashes are right."""
    fail_verdict(project)

    def forge(report: dict[str, Any]) -> None:
        report.update(verdict="pass", reason="every rule holds")
        for line in report["rules"]:
            line["verdict"] = "pass"

    edit_json(project, GATE, forge)


def change_limits_after(project: Project) -> None:
    """Change and commit a limit that the verdict knows nothing of."""
    project.change("params.yaml", "maximum_megabytes: 20.0", "maximum_megabytes: 0.01")
    commit(project)


def change_code_after(project: Project) -> None:
    """Change code that the pipeline does not run, and do not commit it."""
    with (project.root / SERVICE).open("a", encoding="utf-8") as code:
        code.write("# To be continued.\n")


def judge_again(project: Project) -> None:
    """Commit, and let the gate pass what is there now."""
    commit(project)
    project.must("gate")


def train_otherwise_unrun(project: Project) -> None:
    """Change how the model would be trained, and forget to train it."""
    project.change("params.yaml", "maximum_trees: 60", "maximum_trees: 80")
    judge_again(project)


def other_features_unrun(project: Project) -> None:
    """Change the features, and forget to run the pipeline with them."""
    project.change(
        FEATURES, "functions.weekday(departure),", "functions.weekday(departure) % 7 + 1,"
    )
    judge_again(project)


def model_of_elsewhere(project: Project) -> None:
    """Put in place a model that DVC does not know, evaluated as it is."""
    rewrite_model(project)
    evaluated_as_it_is(project)
    project.must("gate")


OTHER = "the pipeline ran with other content of"
REFUSED = [
    (lose_verdict, "there is no verdict of the gate: run `make gate`"),
    (fail_verdict, "the gate failed (failed: size of the model file): nothing is registered"),
    (approve_by_hand, "the gate's verdict is not one of the gate (verdict: Input should be 'pass'"),
    (forge_verdict, "judged again, the model fails size of the model file: nothing is registered"),
    (rewrite_model, "the gate's verdict is not about this model (model_md5 differ)"),
    (change_limits_after, "the gate's verdict is not about this model (params_md5 differ)"),
    (change_code_after, f"{SERVICE} not committed: a release leads back to a commit"),
    (train_otherwise_unrun, f"{OTHER} params.yaml: train: run `make pipeline`"),
    (other_features_unrun, f"{OTHER} {FEATURES}: run `make pipeline`"),
    (model_of_elsewhere, f"{OTHER} {MODEL}, {EVALUATION}: run `make pipeline`"),
    (unreachable_remote, "dvc push failed, nothing is registered: unexpected error - [Errno 20]"),
]


@pytest.mark.parametrize(("harm", "words"), REFUSED, ids=[case[0].__name__ for case in REFUSED])
def test_nothing_is_registered_without_verdict_commit_and_remote(
    harm: Callable[[Project], None], words: str, challenger: Project, unchanged: Unchanged
) -> None:
    """A version is made for exactly what the gate passed, from a commit, with its data kept."""
    harm(challenger)
    with unchanged(challenger):
        done = challenger.python("-m", "lifecycle", "register")
    stopped(done, "register", words)


def test_a_package_that_answers_differently_is_not_released(
    challenger: Project, unchanged: Unchanged
) -> None:
    """The features that are packaged are not those that the pipeline computed, or are used so."""
    assert challenger.python("-m", "lifecycle", "register").returncode == 0
    predict = "self.model.predict(columns)"
    for path, text, other, words in (
        (FEATURES, "functions.weekday(departure),", "functions.weekday(departure) % 7 + 1,",
         f" was judged with another {FEATURES} than is here: run `make pipeline`, then"),
        ("params.yaml", "threshold: 0.3", "threshold: 0.4", "another evaluate.threshold in params"),
        (PREDICTOR, predict, f"{predict} / 2", "the Bento's answer to smoke row 0 is"),
    ):  # fmt: skip
        challenger.change(path, text, other)
        commit(challenger)
        with unchanged(challenger):
            done = challenger.python("-m", "lifecycle", "package")
        stopped(done, "package", words)
        git(challenger, "checkout", "--quiet", "HEAD~1", "--", path)
        commit(challenger)
    assert "compute different features" in done.stderr
    done = challenger.python("-m", "lifecycle", "package")
    assert done.returncode == 0, done.stderr


def tell_the_registry(project: Project, tag: str, value: str) -> None:
    """Change a tag of every version, as somebody can who may write to the registry."""
    question = "update model_version_tags set value = ? where key = ?"
    with closing(sqlite3.connect(project.root / "mlflow.db")) as store, store:
        assert store.execute(question, (value, tag)).rowcount == 1


def change_kept_verdict(project: Project, change: Callable[[Any], object]) -> None:
    """Change the verdict that is kept with the run, and the hash of it in the registry."""
    (path,) = (project.root / "mlartifacts").glob("*/artifacts/gate/gate.json")
    report = json.loads(path.read_text(encoding="utf-8"))
    change(report)
    path.write_text(json.dumps(report), encoding="utf-8")
    tell_the_registry(project, "gate_md5", md5(path))


def test_a_version_whose_verdict_does_not_hold_is_no_link_that_holds(champion: Project) -> None:
    """The lineage looks at what the verdict says, not only whether somebody has changed it."""
    assert "15 links hold" in champion.must("lineage")
    forgeries: list[tuple[Callable[[Any], object], str]] = [
        (lambda report: report.update(model_md5="0" * 32), "it is about another model_md5"),
        (lambda report: report["rules"].pop(0), "rules that are missing: roc_auc"),
        (lambda report: report["rules"][0].update(verdict="fail"), "rules that failed: pr_auc"),
        (lambda report: report.update(verdict="approved by me"), "Input should be 'pass'"),
        (lambda report: report.clear(), "Field required"),
    ]
    for forge, words in forgeries:
        change_kept_verdict(champion, forge)
        done = champion.python("-m", "lifecycle", "lineage")
        stopped(done, "lineage", "1 of 15 links differ: gate verdict: pass ")
        assert "DOES NOT HOLD: " in done.stdout
        assert words in done.stdout
    tell_the_registry(champion, "gate_verdict", "fail")
    done = champion.python("-m", "lifecycle", "lineage")
    stopped(done, "lineage", "1 of 15 links differ: gate verdict: fail ")
    assert "REFUSED: the gate did not let it through" in done.stdout
    with closing(sqlite3.connect(champion.root / "mlflow.db")) as store, store:
        store.execute("delete from model_version_tags where key = 'model_md5'")
    done = champion.python("-m", "lifecycle", "lineage", "1")
    stopped(done, "lineage", "version 1 leads back to nothing, it has no model_md5")
