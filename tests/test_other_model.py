"""Another kind of model: the owner's model.py is another, and so are its hyper-parameters.

A pipeline of scikit-learn, saved as JSON and computed by numpy (tests/other_model/), does whatever
XGBoost's does: it has no attributions, which each step says that is asked for them.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from projects import ask, clone, report_of, shrunk_project, stored
from running import PLAIN, Project, free_port, port_of, use_port
from test_parity import PICK, READ, from_service

pytestmark = pytest.mark.slow
OWN_FILES = Path(__file__).parent / "other_model"
TRAIN = """\
train:
  seed: 20130101
  newest_share: 0.15
  inverse_regularisation: 0.00001
  iterations: 200
"""
TUNE = """\
tune:
  trials: 2
  timeout_seconds: 600
  inverse_regularisation: [0.01, 1.0]
  iterations: [50, 100]
"""


@pytest.fixture(scope="module")
def live(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return a small project whose model is another, through its lifecycle; its service runs."""
    folder = tmp_path_factory.mktemp("model")
    project = clone(shrunk_project(generated, tmp_path_factory), folder / "flight-delay")
    shutil.copytree(OWN_FILES, project.root, dirs_exist_ok=True)
    (project.root / "tests/project/test_boosting.py").unlink()
    params = project.root / "params.yaml"
    text = params.read_text(encoding="utf-8")
    for section in (TRAIN, TUNE):
        text, found = re.subn(rf"(?m)^{section.splitlines()[0]}\n(?:  .*\n)*", section, text)
        assert found == 1
    params.write_text(text, encoding="utf-8")
    use_port(project.root, free_port())
    project.commit("Take logistic regression")
    project.must("lifecycle")
    yield project
    project.must("stop")


def test_the_type_checker_and_the_contracts_of_imports_let_it_in(live: Project) -> None:
    # Where the machinery asks for it.
    asked = ("contract/model_file", "pipeline/train", "pipeline/tune")
    done = live.python("-m", "mypy", *(f"src/lifecycle/{name}.py" for name in asked))
    assert done.returncode == 0, done.stdout
    linted = live.python("-c", "from importlinter.cli import lint_imports_command as c; c()")
    assert linted.returncode == 0, linted.stdout


def test_pipeline_batch_and_service_give_the_same_bits(live: Project, tmp_path: Path) -> None:
    picked = live.python("-c", PICK, str(tmp_path))
    assert picked.returncode == 0, picked.stderr
    wanted = json.loads((tmp_path / "wanted.json").read_text(encoding="utf-8"))
    scored = tmp_path / "scored.parquet"
    said = live.must("batch", f"INPUT={tmp_path / 'rows.parquet'}", f"OUTPUT={scored}")
    assert "1000 rows scored" in said
    assert json.loads(live.python("-c", READ, str(scored)).stdout) == wanted
    rows = json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))
    assert from_service(f"http://127.0.0.1:{port_of(live.root)}", rows) == wanted
    assert len(set(wanted)) > 900


def test_whoever_asks_for_attributions_is_told_that_there_are_none(live: Project) -> None:
    predicted = report_of(live)["prediction"]
    assert predicted["request"]["explain"] is False
    assert set(predicted["answer"]["predictions"][0]) == {"probability", "late"}
    url = f"http://127.0.0.1:{port_of(live.root)}/v1/predict"
    body = {**predicted["request"], "explain": True}
    refused = httpx.post(url, json=body, timeout=20, **PLAIN)
    assert refused.status_code == 400
    none = "this kind of model has no attributions: leave explain out"
    assert refused.json()["error"] == none
    assert refused.json()["details"] == [{"field": "explain", "problem": none}]
    page = (live.root / "reports/site/index.html").read_text(encoding="utf-8")
    assert "This kind of model has no attributions." in page
    plotted = (live.root / "reports/plots/attributions.json").read_text(encoding="utf-8")
    assert json.loads(plotted) == []


def test_the_run_tells_of_this_model(live: Project) -> None:
    figures = dict(stored(live, "select key, value from metrics"))
    assert 0.5 < figures["newest_roc_auc"] < 1
    assert "trees" not in figures
    needed = [*(live.root / "mlartifacts").rglob("requirements.txt")]
    assert needed
    for path in needed:
        assert "scikit-learn==" in path.read_text(encoding="utf-8")
        assert "xgboost" not in path.read_text(encoding="utf-8")


def test_what_a_search_has_found_is_retrained_and_rolled_out(live: Project) -> None:
    """The gate finds it better than the champion, which was held back on purpose."""
    before = (live.root / "params.yaml").read_text(encoding="utf-8")
    printed = live.must("tune", "WRITE=1")
    assert "tune: best score 0." in printed
    found = dict(re.findall(r"(?m)^  (\w+): ([\d.]+)$", printed))
    assert set(found) == {"inverse_regularisation", "iterations"}
    assert 0.01 <= float(found["inverse_regularisation"]) <= 1
    assert int(found["iterations"]) in range(50, 101)
    after = (live.root / "params.yaml").read_text(encoding="utf-8").splitlines()
    changed = set(after) - set(before.splitlines())
    assert changed == {f"  {name}: {value}" for name, value in found.items()}
    live.commit("Take what the search has found")
    assert "retrain: the window is 2013-02 to 2013-04" in live.must("retrain", "END=2013-04")
    assert ask(live, "/v1/model")["version"] == "2"
