"""What a command takes from its caller, and what it takes away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.core import inherited

FOREIGN = (
    "BENTOML_CONFIG", "CDPATH", "DVC_ROOT", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE",
    "GIT_LITERAL_PATHSPECS", "MLFLOW_EXPERIMENT_ID", "MLFLOW_REGISTRY_URI", "MLFLOW_RUN_ID",
    "PIP_TARGET", "PIP_USER", "PREDICTION_LOG", "PYTHONHOME", "PYTHONOPTIMIZE", "PYTHONWARNINGS",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "TAR_OPTIONS",
    "TQDM_NCOLS", "UV_COMPILE_BYTECODE", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "VIRTUAL_ENV",
)  # fmt: skip
KEPT = (
    "API_KEYS", "AWS_PROFILE", "DVC_REMOTE_URL", "GIT_AUTHOR_NAME", "GIT_CONFIG_COUNT",
    "GIT_SSH_COMMAND", "HTTPS_PROXY", "LIFECYCLE_ENVIRONMENT", "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_URI", "PATH", "PIP_CERT", "PIP_CONFIG_FILE", "PIP_INDEX_URL", "PYTHON",
    "PYTHONPATH", "SSL_CERT_FILE", "UV_DEFAULT_INDEX", "UV_INDEX_OWN_PASSWORD", "UV_SYSTEM_CERTS",
)  # fmt: skip


def test_what_changes_tools_is_foreign_and_what_reaches_servers_is_not() -> None:
    assert inherited.foreign(dict.fromkeys((*FOREIGN, *KEPT), "x")) == set(FOREIGN)


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("VERSION", "32 (Container Image)", False), ("VERSION", "1.2.3", False),
        ("VERSION", "12", True), ("VERSION", "", True), ("ENV", "/etc/profile", False),
        ("ENV", "prod", False), ("ENV", "staging", True), ("SECONDS", "12", False),
        ("INPUT", "rows.csv", False), ("PORT", "8080", False),
    ],
)  # fmt: skip
def test_an_input_counts_only_where_it_can_be_meant(name: str, value: str, meant: bool) -> None:
    assert inherited.not_meant({name: value}) == (set() if meant else {name})


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, "localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "a.example, .b"}, "a.example,.b,localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "a", "no_proxy": "b"}, "b,localhost,127.0.0.1,::1"),
        ({"no_proxy": "localhost,::1"}, "localhost,::1,127.0.0.1"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_this_machine_is_reached_without_a_proxy(given: dict[str, str], wanted: str) -> None:
    assert inherited.without_proxy(given) == {"NO_PROXY": wanted, "no_proxy": wanted}


def test_a_home_that_cannot_be_written_is_still_read(tmp_path: Path) -> None:
    found = inherited.missing({"HOME": str(tmp_path / "gone"), "USER": "x"}, tmp_path)
    assert "HOME" not in found
    assert found["XDG_CACHE_HOME"] == str(tmp_path / ".lifecycle/home/cache")
    assert "XDG_CACHE_HOME" not in inherited.missing({"HOME": str(tmp_path)}, tmp_path)
    own = {"HOME": str(tmp_path / "gone"), "XDG_CACHE_HOME": "/mine"}
    assert "XDG_CACHE_HOME" not in inherited.missing(own, tmp_path)
    assert inherited.missing({}, tmp_path)["HOME"]


def test_threads_that_wait_do_not_spin_where_nobody_says_so(tmp_path: Path) -> None:
    assert inherited.missing({}, tmp_path)["OMP_WAIT_POLICY"] == "PASSIVE"
    assert "OMP_WAIT_POLICY" not in inherited.missing({"OMP_WAIT_POLICY": "ACTIVE"}, tmp_path)


def test_settling_twice_changes_nothing_more(tmp_path: Path) -> None:
    given = dict.fromkeys((*FOREIGN, *KEPT), "x") | {"HOME": str(tmp_path)}
    inherited.settle(given, tmp_path)
    once = dict(given)
    inherited.settle(given, tmp_path)
    assert given == once
    assert once["PIP_USER"] == "0"
    assert not set(FOREIGN) - {"PIP_USER"} & set(once)


@pytest.mark.parametrize("name", ["TMPDIR", "DVC_SITE_CACHE_DIR"])
def test_a_folder_that_is_gone_is_not_written_to(name: str, tmp_path: Path) -> None:
    assert inherited.foreign({name: str(tmp_path / "gone")}) == {name}
    assert inherited.foreign({name: str(tmp_path)}) == set()


def test_make_is_told_in_words_of_its_own(tmp_path: Path) -> None:
    said = inherited.for_make({"PIP_USER", "PYTHON.X"}, {"HOME": "/a b/$c#d"})
    assert said == "-PIP_USER HOME:=/a$(SPACE)b/$$c\\#d"
    makefile = "SPACE := $(subst ,, )\n$(eval export $(one))\nall:\n\t@printenv HOME\n"
    done = subprocess.run(
        ["make", "--no-print-directory", "-f", "-", f"one={said.split()[1].replace('$', '$$')}"],
        input=makefile, capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout == "/a b/$c#d\n"


def test_it_runs_where_nothing_is_installed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(inherited.__file__)], cwd=tmp_path, check=True,
        env={"PYTHONHOME": "/nowhere", "HOME": str(tmp_path), "USER": "x", "PATH": os.defpath},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split()[0] == "-PYTHONHOME"
