"""A generated project passes its own checks and tests, and its checks can fail."""

import pytest
from running import Project

BAD = {
    "an unformatted file": ("src/lifecycle/extra.py", '"""Extra."""\n\nx = [1,2]\n', "reformat"),
    "a type error": (
        "src/lifecycle/extra.py",
        '"""Extra."""\n\nNUMBER: int = "one"\n',
        "Incompatible types in assignment",
    ),
    "a secret": (
        "docs/secret.md",
        'aws_secret_access_key = "' + "wJalrXUtnFEMI/K7MDENG" + '/bPxRfiCYzzzzzzzzzz"\n',
        "Potential secrets",
    ),
    "a notebook with output": (
        "notebooks/dirty.ipynb",
        '{"cells": [{"cell_type": "code", "execution_count": 1, "id": "a", "metadata": {}, '
        '"outputs": [{"name": "stdout", "output_type": "stream", "text": ["1\\n"]}], '
        '"source": ["print(1)"]}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}\n',
        "dirty.ipynb",
    ),
    "a Dockerfile that does not say which image": (
        "deploy/extra/Dockerfile",
        "FROM debian\nRUN ls\n",
        "DL3006",
    ),
}


@pytest.mark.slow
def test_the_projects_own_tests_pass(fresh: Project) -> None:
    assert " passed" in fresh.must("test")


@pytest.mark.slow
def test_the_projects_own_checks_pass(fresh: Project) -> None:
    fresh.must("check")


@pytest.mark.slow
@pytest.mark.parametrize("fault", BAD)
def test_the_checks_refuse(fault: str, fresh: Project) -> None:
    path, content, said = BAD[fault]
    (fresh.root / path).parent.mkdir(exist_ok=True)
    (fresh.root / path).write_text(content, encoding="utf-8")
    fresh.commit(fault)
    done = fresh.make("check")
    assert done.returncode != 0
    assert said in done.stdout + done.stderr


@pytest.mark.slow
def test_a_commit_runs_the_checks(fresh: Project) -> None:
    hook = ("-m", "pre_commit", "run", "--all-files")
    variables = {"VENV": str(fresh.environment.venv)}
    variables["SERVING_VENV"] = str(fresh.environment.serving_venv)
    passed = fresh.python(*hook, **variables)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    (fresh.root / "src/lifecycle/extra.py").write_text("import os\n", encoding="utf-8")
    fresh.commit("A fault")
    assert fresh.python(*hook, **variables).returncode != 0
