"""Nothing is registered or packaged but what the gate passed, and what answers as it did.

Each case starts with champion version 1 and a challenger that the gate has let through.
"""

from collections.abc import Callable

import pytest
from breaking import (
    EVALUATION,
    GATE,
    MODEL,
    Unchanged,
    commit,
    evaluated_as_it_is,
    git,
    rewrite_model,
    stopped,
    unreachable_remote,
)
from running import Project

pytestmark = pytest.mark.slow

FEATURES = "src/lifecycle/features.py"
SERVICE = "src/lifecycle/service.py"


def lose_verdict(project: Project) -> None:
    """Remove the gate's report."""
    (project.root / GATE).unlink()


def fail_verdict(project: Project) -> None:
    """Let the gate have said no."""
    project.change("params.yaml", "maximum_megabytes: 20.0", "maximum_megabytes: 0.01")
    commit(project)
    assert project.python("-m", "lifecycle.gate").returncode == 1


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
    project.change(FEATURES, "clock.weekday(departure),", "clock.weekday(departure) % 7 + 1,")
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
        done = challenger.python("-m", "lifecycle.register")
    stopped(done, "register", words)


def test_a_package_that_answers_differently_is_not_released(
    challenger: Project, unchanged: Unchanged
) -> None:
    """The features that are packaged are not those that the pipeline computed."""
    assert challenger.python("-m", "lifecycle.register").returncode == 0
    challenger.change(FEATURES, "clock.weekday(departure),", "clock.weekday(departure) % 7 + 1,")
    commit(challenger)
    with unchanged(challenger):
        done = challenger.python("-m", "lifecycle.package")
    stopped(done, "package", "the Bento's answer to smoke row", "compute different features")
    git(challenger, "checkout", "--quiet", "HEAD~1", "--", FEATURES)
    done = challenger.python("-m", "lifecycle.package")
    assert done.returncode == 0, done.stderr
