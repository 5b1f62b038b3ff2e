"""Other people's machines change nothing, or are named in one line.

That is what stands in the caller's environment, in git's or pip's configuration, or where the
folder lies. A new one is added to one of two tables: SAME, if it must change nothing (each is tried
alone with a quick command, and all together through setup, lifecycle and what follows), or NAMED.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from baking import ROOT, clean_environment, run
from breaking import git, md5, stopped
from projects import clone, released_project, shrunk_project
from running import Project, ports_in_use

# Not every one takes the time of a lifecycle.
pytestmark = pytest.mark.slow
# Nobody listens there: what is sent fails at once.
NOBODY = "http://127.0.0.1:9"
Variables = dict[str, str | None]


@dataclass(frozen=True)
class Row:
    """Variables of a caller (None: unset; {tmp} is a folder of the test), and lines for git."""

    variables: Variables = field(default_factory=dict)
    git: str = ""
    target: str = "status"


SAME = {
    "a proxy for everything": Row(
        {
            **dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"), NOBODY),
            **dict.fromkeys(("all_proxy", "ALL_PROXY"), NOBODY),
            "NO_PROXY": "",
            "no_proxy": "example.org",
        }
    ),
    "pip for the user": Row({"PIP_USER": "1", "PIP_TARGET": "{tmp}/target"}),
    "pip elsewhere": Row({"PIP_PREFIX": "{tmp}/prefix", "PIP_REQUIRE_VIRTUALENV": "1"}),
    "pip's configuration": Row({"PIP_CONFIG_FILE": "{tmp}/pip.conf"}),
    "another Python": Row({"PYTHONHOME": "/nowhere", "PYTHONPLATLIBDIR": "nowhere"}),
    "modules of others": Row({"PYTHONPATH": "{tmp}/modules", "PYTHONSTARTUP": "{tmp}/fails.py"}),
    "Python without asserts": Row({"PYTHONOPTIMIZE": "2", "PYTHONSAFEPATH": "1"}),
    "Python's warnings": Row({"PYTHONWARNINGS": "error", "PYTHONHASHSEED": "7"}),
    "Python in debug mode": Row({"PYTHONDEVMODE": "1", "PYTHONINSPECT": "1", "PYTHONVERBOSE": ""}),
    "bytecode forbidden": Row({"PYTHONDONTWRITEBYTECODE": "1"}),
    "uv elsewhere": Row({"UV_PYTHON": "3.8", "UV_PROJECT_ENVIRONMENT": "{tmp}/uv"}),
    "uv's empty choice": Row({"UV_COMPILE_BYTECODE": "", "UV_EXCLUDE_NEWER": "2010-01-01"}),
    "another environment": Row({"VIRTUAL_ENV": "/nowhere", "CONDA_PREFIX": "/nowhere"}),
    "a run of MLflow": Row({"MLFLOW_RUN_ID": "0" * 32, "MLFLOW_ACTIVE_MODEL_ID": "m-1"}),
    "an experiment of MLflow": Row({"MLFLOW_EXPERIMENT_NAME": "x", "MLFLOW_EXPERIMENT_ID": "77"}),
    "a registry of MLflow": Row({"MLFLOW_REGISTRY_URI": NOBODY}, target="lineage"),
    "BentoML elsewhere": Row({"BENTOML_HOME": "/nowhere", "BENTOML_CONFIG": "/nowhere/x.yaml"}),
    "DVC elsewhere": Row({"DVC_ROOT": "/nowhere", "DVC_EXP_NAME": "x", "DVC_NO_SCM": "1"}),
    "MLflow's progress": Row(
        {
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "junk",
            "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "junk",
            "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "junk",
        },
        target="lineage",
    ),
    "an image's version": Row({"VERSION": "32 (Container Image)"}, target="lineage"),
    "POSIX's ENV": Row({"ENV": "/etc/profile"}),
    "inputs of others": Row(
        {
            "SECONDS": "86400",
            "INPUT": "/nowhere",
            "OUTPUT": "/nowhere",
            "MONTHS": "12",
            "BUNDLE": "/nowhere",
            "PORT": "80",
            "REQUEST": "GET / HTTP/1.1",
            "RELEASE": "no",
            "WRITE": "1",
            "SPEED": "fast",
            "VERDICT": "/nowhere/verdict",
            "REASON": "$(touch {tmp}/touched)",
        }
    ),
    "a worker's variables": Row(
        {
            "PREDICTION_LOG": "/nowhere",
            "REFUSAL_FILE": "/nowhere",
            "ROUTING_FILE": "/nowhere",
            "WORKER_NAME": "x",
            "PROMETHEUS_MULTIPROC_DIR": "/nowhere",
        }
    ),
    "git's own repository": Row(
        {"GIT_DIR": "/nowhere", "GIT_WORK_TREE": "/", "GIT_INDEX_FILE": "/nowhere/index"},
        target="lineage",
    ),
    "git's objects": Row({"GIT_OBJECT_DIRECTORY": "/nowhere", "GIT_LITERAL_PATHSPECS": "1"}),
    "git's hooks": Row(git="[core]\nhooksPath = /nowhere\n"),
    "git's monitor": Row(git="[core]\nfsmonitor = /nowhere/monitor\n", target="lineage"),
    "git's line ends": Row(git="[core]\nautocrlf = true\neol = crlf\n", target="lineage"),
    "git's colours": Row(git="[color]\nui = always\n[column]\nui = always\n", target="lineage"),
    "git's paths": Row(git="[core]\nquotePath = true\n[status]\nrelativePaths = false\n"),
    "git's diffs": Row(
        git="[diff]\nnoprefix = true\nexternal = /nowhere\n[log]\nshowSignature = 1\n"
    ),
    "git's merges": Row(
        git="[pull]\nff = only\n[merge]\nff = false\n[commit]\ntemplate = /nowhere\n"
    ),
    "git's attributes": Row(git="[core]\nattributesFile = {tmp}/attributes\n", target="lineage"),
    "git's transports": Row(git='[protocol "file"]\nallow = never\n', target="lineage"),
    "git's templates": Row(
        git="[init]\ntemplateDir = {tmp}/template\n[clone]\ndefaultRemoteName = elsewhere\n",
        target="lineage",
    ),
    "git's remains": Row(
        git="[fetch]\nprune = true\npruneTags = true\n[submodule]\nrecurse = true\n"
        "[index]\nversion = 4\n[tag]\nsort = -refname\n[gc]\nauto = 1\n",
        target="lineage",
    ),
    "tar's options": Row({"TAR_OPTIONS": "--exclude=*"}),
    "git's user is asked for": Row(git="[user]\nuseConfigOnly = true\n"),
    "C": Row({"LANG": "C", "LC_ALL": "C", "LANGUAGE": "de"}),
    "Turkish": Row({"LC_ALL": "tr_TR.ISO-8859-9", "LANG": "tr_TR"}),
    "another time zone": Row({"TZ": "Pacific/Kiritimati"}),
    "bars of progress": Row({"TQDM_NCOLS": "junk", "TQDM_MININTERVAL": "junk"}, target="pipeline"),
    "another reader of messages": Row(
        {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "junk"}, target="lineage"
    ),
    "no folder for DVC": Row({"DVC_SITE_CACHE_DIR": "/proc/nowhere"}, target="pipeline"),
    "no temporary folder": Row({"TMPDIR": "/nowhere/tmp"}),
    "no home": Row({"HOME": None}),
    "a home that is not there": Row({"HOME": "/proc/nowhere"}),
    "nobody": Row({"USER": None, "LOGNAME": None}),
    "cd elsewhere": Row({"CDPATH": "/:{tmp}", "BASH_ENV": "{tmp}/fails.sh", "SHELL": "/bin/zsh"}),
    "grep's options": Row({"GREP_OPTIONS": "--color=always -v", "GREP_COLOR": "1"}),
    "make goes on": Row({"MAKEFLAGS": "-k"}),
    "make at once": Row({"MAKEFLAGS": "-j4"}),
    "words that are no names": Row({"A.B": "%(here)s", "PERCENT": '%(x)s %d "$HOME" \'\n\\'}),
    "colours": Row({"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "NO_COLOR": None}),
}


@pytest.fixture(scope="module")
def released(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the shrunk project with version 1 as champion; its service is stopped."""
    return released_project(generated, tmp_path_factory)


@pytest.fixture(scope="module")
def tmp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what rows name."""
    folder = tmp_path_factory.mktemp("caller")
    (folder / "pip.conf").write_text("[install]\nuser = true\n")
    (folder / "modules").mkdir()
    for name in ("json", "polars", "mlflow", "git", "typing"):
        (folder / "modules" / f"{name}.py").write_text("raise SystemExit('not mine')\n")
    (folder / "fails.py").write_text("raise SystemExit('started')\n")
    (folder / "fails.sh").write_text("exit 7\n")
    (folder / "requirements").mkdir()
    (folder / "attributes").write_text("* export-ignore\n")
    (folder / "template/hooks").mkdir(parents=True)
    (folder / "template/hooks/post-checkout").write_text("#!/bin/sh\nexit 1\n")
    (folder / "template/hooks/post-checkout").chmod(0o755)
    return folder


def as_caller(project: Project, tmp: Path, *rows: Row) -> Project:
    """Return the project as the caller of these rows has it."""
    variables: dict[str, str | None] = dict(project.environment.variables)
    for row in rows:
        variables |= row.variables
    if lines := "".join(row.git for row in rows):
        path = tmp / f"gitconfig-{abs(hash(lines))}"
        path.write_text(lines.replace("{tmp}", str(tmp)))
        variables["GIT_CONFIG_GLOBAL"] = str(path)
    given = {k: v.replace("{tmp}", str(tmp)) for k, v in variables.items() if v is not None}
    return Project(project.root, type(project.environment)(
        project.environment.venv, project.environment.serving_venv, given
    ))  # fmt: skip


@pytest.mark.parametrize("row", SAME.values(), ids=SAME)
def test_alone_it_changes_nothing(row: Row, released: Project, tmp: Path) -> None:
    """What a quick command prints is what it prints to anybody else."""
    wanted = _undisturbed(released, row.target)
    done = as_caller(released, tmp, row).make(row.target)
    assert (done.returncode, done.stdout) == (0, wanted), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp / "touched").exists()


_printed: dict[tuple[Path, str], str] = {}


def _undisturbed(project: Project, target: str) -> str:
    key = (project.root, target)
    if key not in _printed:
        _printed[key] = project.must(target)
    return _printed[key]


def test_together_they_change_nothing(
    generated: Project,
    released: Project,
    tmp: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Setup, lifecycle and what follows it: the same model, served, judged and stopped."""
    fresh = clone(shrunk_project(generated, tmp_path_factory), tmp_path / "flight-delay")
    # The remote is in the home, and a release that cannot be pushed is refused, in one line.
    homes = ("no home", "a home that is not there")
    rows = [row for name, row in SAME.items() if name not in homes]
    # A private mask as well: nothing may be left that its owner cannot read.
    project = Masked(fresh.root, as_caller(fresh, tmp, *rows).environment)
    try:
        project.must("lifecycle")
        assert md5(project.root / "models/model.ubj") == md5(released.root / "models/model.ubj")
        project.must("predict")
        project.must("verify", "SECONDS=1")
        assert "links hold" in project.must("lineage")
        assert "version 1" in project.must("deploy")
        assert ", ready" in project.must("status")
    finally:
        stopped_ = project.make("stop")
    assert "stop: development is stopped" in stopped_.stdout
    assert git(fresh, "status", "--porcelain") == ""
    assert not (tmp / "touched").exists()


class Masked(Project):
    """A project whose caller lets nobody else read what it writes."""

    def command(self, *arguments: str) -> list[str]:
        """Return the make command under such a mask."""
        return ["sh", "-c", 'umask 077; exec "$@"', "sh", *super().command(*arguments)]


def test_setup_installs_where_it_says(generated: Project, tmp: Path, tmp_path: Path) -> None:
    """Both environments are whole; the hook that git does not want is named, and nothing redone."""
    # What installs has to reach an index, by the proxy that there is.
    rows = [row for name, row in SAME.items() if name != "a proxy for everything"]
    project = as_caller(generated.copy(tmp_path / "flight-delay"), tmp, *rows)
    places = (f"VENV={tmp_path / 'venv'}", f"SERVING_VENV={tmp_path / 'serving'}")
    command = ["make", "--no-print-directory", *places, "setup"]
    done = run(*command, folder=project.root, environment=project.environment.variables)
    assert done.returncode == 0, done.stdout + done.stderr
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("setup: ")]
    assert "no hook will check commits" in said
    assert "core.hooksPath" in said
    for name, module in (("venv", "pre_commit"), ("serving", "bentoml")):
        assert (tmp_path / name / "installed.txt").is_file()
        assert list((tmp_path / name).glob(f"lib/python*/site-packages/{module}"))
    assert not [name for name in ("target", "prefix", "uv") if (tmp / name).exists()]
    again = run(*command, folder=project.root, environment=project.environment.variables)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_a_host_has_the_commit_however_git_is_set(
    released: Project, tmp: Path, tmp_path: Path
) -> None:
    """Its files, as they are, at the first time and at the next."""
    rows = [row for name, row in SAME.items() if name != "a home that is not there"]
    project = as_caller(released, tmp, *rows)
    for _ in range(2):
        project.must("host", FOLDER=str(tmp_path / "host"))
    host = Project(tmp_path / "host", released.environment)
    assert git(host, "rev-parse", "HEAD") == git(released, "rev-parse", "HEAD")
    assert git(host, "status", "--porcelain") == ""
    assert (host.root / "Makefile").read_bytes() == (released.root / "Makefile").read_bytes()


NAMED = {
    "a dead tracking server": (
        {"MLFLOW_TRACKING_URI": NOBODY}, ("lineage",), "lineage",
        f"the tracking server {NOBODY} does not answer (", "unset MLFLOW_TRACKING_URI",
    ),
    "a dead tracking server, at once": (
        {"MLFLOW_TRACKING_URI": "http://who:secret@127.0.0.1:9"}, ("lifecycle",), "lifecycle",
        f"the tracking server {NOBODY} does not answer (",
    ),
    "a folder as tracking server": (
        {"MLFLOW_TRACKING_URI": "mlruns"}, ("lineage",), "lineage",
        "MLFLOW_TRACKING_URI is 'mlruns'",
    ),
    "a database that nobody runs": (
        {"MLFLOW_TRACKING_URI": "postgresql://who:secret@127.0.0.1:9/x"}, ("lineage",), "lineage",
        "the tracking server postgresql://127.0.0.1:9/x does not answer (",
    ),
    "a tracking server of no kind": (
        {"MLFLOW_TRACKING_URI": "junk://who:secret@x"}, ("lineage",), "lineage",
        "MLFLOW_TRACKING_URI is 'junk://x', which MLflow cannot use (",
    ),
    "a tracking file that is not there": (
        {"MLFLOW_TRACKING_URI": "sqlite:////nowhere/x.db"}, ("lineage",), "lineage",
        "MLFLOW_TRACKING_URI is 'sqlite:////nowhere/x.db'", "there is no folder /nowhere",
    ),
    "a number of MLflow that is none": (
        {"MLFLOW_HTTP_REQUEST_TIMEOUT": "junk"}, ("lineage",), "lineage",
        "correct or unset MLFLOW_HTTP_REQUEST_TIMEOUT",
    ),
    "a count of git's settings that is none": (
        {"GIT_CONFIG_COUNT": "junk"}, ("lineage",), "lineage", "unset GIT_CONFIG_COUNT",
    ),
    "a wrong environment": (
        {"LIFECYCLE_ENVIRONMENT": "prod"}, ("lifecycle",), "lifecycle", "prod is no environment",
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", NAMED.values(), ids=NAMED)
def test_it_is_named_in_one_line(
    row: tuple[dict[str, str], tuple[str, ...], str, str], released: Project
) -> None:
    """At once, with what to do."""
    variables, targets, stage, *words = row
    began = time.monotonic()
    line = stopped(released.make(*targets, **variables), stage, *words)
    assert "secret" not in line
    # MLflow's own client asked for 251 seconds.
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("place", ["template", "project"])
def test_what_make_starts_sees_none_of_it(place: str, generated: Project, tmp: Path) -> None:
    """Neither the template's own commands nor a project's."""
    caller = as_caller(generated, tmp, *SAME.values()).environment.variables
    folder = ROOT if place == "template" else generated.root
    show = ["make", "-s", "--eval=shown: ; @env -0", "shown", "-j1"]
    lines = run(*show, folder=folder, environment=caller).stdout.split("\0")
    shown = dict(line.partition("=")[::2] for line in lines)
    for name in ("PIP_TARGET", "PYTHONHOME", "UV_PYTHON", "GIT_DIR", "MLFLOW_RUN_ID", "DVC_ROOT",
                 "BENTOML_CONFIG", "BASH_ENV", "CDPATH", "TMPDIR", "PYTHONOPTIMIZE",
                 "PORT"):  # fmt: skip
        assert not shown.get(name), (name, shown[name])
    assert shown["no_proxy"] == "example.org,localhost,127.0.0.1,::1"
    assert shown["PYTHONDONTWRITEBYTECODE"] == ""
    assert shown.get("PYTHONPATH", "") in ("", "src")


REFUSED = {
    "a space in VENV": (("VENV=/tmp/my env", "status"), {}, "name folders without a space"),
    "a colon in VENV": (("VENV=/tmp/a:b", "status"), {}, "no program is found in /tmp/a:b"),
    "make -i": (("status",), {"MAKEFLAGS": "-i"}, "leave out -i and -e"),
    "make -e": (("-e", "status"), {}, "leave out -i and -e"),
    "make -t": (("-t", "status"), {}, "leave out -t and -q"),
    "make -q": (("-q", "release", "deploy"), {}, "leave out -t and -q"),
    "make -sqk": (("-skq", "status"), {}, "leave out -t and -q"),
    "make --touch": (("--touch", "status"), {}, "leave out -t and -q"),
    "make --question": (("--no-builtin-rules", "--question", "status", "X=1"), {}, "leave out -t"),
    "make's t": (("status",), {"MAKEFLAGS": "t"}, "leave out -t and -q"),
    "make's q": (("-j2", "status"), {"MAKEFLAGS": "-q --no-print-directory"}, "leave out -t and"),
    "make's nt": (("-n", "status"), {"MAKEFLAGS": "t"}, "leave out -t and -q"),
}


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED)
def test_make_refuses_it(
    row: tuple[tuple[str, ...], dict[str, str], str], released: Project
) -> None:
    """Before anything is run."""
    arguments, variables, words = row
    command = ["make", "--no-print-directory", *arguments]
    done = run(*command, folder=released.root, environment=released.variables(variables))
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert words in line


@pytest.mark.parametrize("arguments", [
    ("-n",), ("-n", "MONTHS=quiet", "REASON=-t -q"), ("-n", "-k", "-j4", "BASE=t", "q=t"),
    ("--dry-run", "--output-sync=target", "REASON=t"), ("-n", "--warn-undefined-variables", "t="),
    ("-n", "--eval=t = q", "-l", "9"), ("-n", "-I", "tq", "--no-builtin-variables"),
])  # fmt: skip
def test_make_takes_no_word_for_an_option(arguments: tuple[str, ...], released: Project) -> None:
    """Nor a variable's value, an option's, or one that is written out."""
    command = ["make", "--no-print-directory", *arguments, "rollback"]
    done = run(*command, folder=released.root, environment=released.variables({}))
    assert done.returncode == 0, done.stderr
    assert "-m lifecycle rollback" in done.stdout


@pytest.mark.parametrize("kind", ["files", "a foreign environment", "a file", "serving"])
def test_setup_clears_no_folder_that_it_did_not_make(
    kind: str, generated: Project, tmp_path: Path
) -> None:
    """One line says so, and every file is as it was."""
    place = tmp_path / "mine"
    if kind == "a file":
        place.write_text("precious")
    else:
        place.mkdir()
        (place / "precious").write_text("precious")
    if kind == "a foreign environment":
        (place / "pyvenv.cfg").write_text("home = /usr/bin\n")
    before = sorted((str(path), path.read_bytes()) for path in _files(place))
    shared = generated.environment
    venvs = ("VENV", shared.venv) if kind == "serving" else ("SERVING_VENV", shared.serving_venv)
    other = "SERVING_VENV" if kind == "serving" else "VENV"
    target = "serving-environment" if kind == "serving" else "setup"
    command = ["make", f"{venvs[0]}={venvs[1]}", f"{other}={place}", target]
    done = run(*command, folder=generated.root, environment=generated.variables({}))
    assert done.returncode != 0
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("setup: ")]
    assert str(place) in said
    assert "name another folder" in said
    assert sorted((str(path), path.read_bytes()) for path in _files(place)) == before


def _files(place: Path) -> Iterator[Path]:
    yield from [place] if place.is_file() else (one for one in place.rglob("*") if one.is_file())


def test_an_interrupted_setup_is_ours(tmp_path: Path) -> None:
    """What was begun is emptied and made again, links in it are not followed."""
    script = (
        Path(__file__).parent.parent
        / "{{cookiecutter.project_slug}}/src/lifecycle/core/own_folder.py"
    )
    mine, venv = tmp_path / "mine", tmp_path / "venv"
    mine.mkdir()
    (mine / "precious").touch()

    def own() -> subprocess.CompletedProcess[str]:
        return run(sys.executable, "-I", script, venv, folder=tmp_path, environment={})

    assert own().returncode == 0
    (venv / "lib").mkdir()
    (venv / "lib" / "half").touch()
    (venv / "link").symlink_to(mine)
    assert own().returncode == 0
    assert [path.name for path in venv.iterdir()] == ["made-by-make-setup"]
    assert (mine / "precious").exists()


def test_goals_keep_their_order(released: Project, tmp_path: Path) -> None:
    """`make -j4 release deploy` releases first, and a goal may come after the one that needs it."""
    done = released.make("-n", "-j4", "release", "deploy", "status", MAKEFLAGS="-j4")
    assert done.returncode == 0, done.stderr
    steps = ("gate", "register", "package", "deploy", "status")
    places = [done.stdout.index(f"-m lifecycle {step}\n") for step in steps]
    assert places == sorted(places)
    project = released.copy(tmp_path / "flight-delay")
    renew = "LOCK=sh -c 'echo >> serving.txt'"
    said = project.make("lock", "setup", renew, PYTHON="/nowhere/python")
    # The lock is another one now, so setup has work, and stops at the Python that is not there.
    assert "Nothing to be done" not in said.stdout
    assert "/nowhere/python" in said.stderr


def test_a_project_in_another_repository_says_so(released: Project, tmp_path: Path) -> None:
    """Its folder was put into a larger repository, without its own."""
    project = released.copy(tmp_path / "outer" / "flight-delay")
    shutil.rmtree(project.root / ".git")
    (tmp_path / "outer/.gitignore").write_text("data\n")
    run("git", "init", "-q", folder=tmp_path / "outer", environment=project.variables({}))
    for target in ("pipeline", "lifecycle"):
        line = stopped(project.make(target), target, f"lies in the repository {tmp_path / 'outer'}")
        assert "git init" in line
    done = project.python("-m", "lifecycle", "hook")
    assert done.returncode == 0
    assert f"lies in the repository {tmp_path / 'outer'}" in done.stderr


def test_a_folder_of_another_user_says_what_to_type(released: Project, tmp_path: Path) -> None:
    """Git refuses to open it: setup goes on, and what needs git names the command that helps."""
    if os.geteuid():
        pytest.skip("NOT TESTED: giving a folder to another user needs root")
    project = released.copy(tmp_path / "flight-delay")
    for path in (project.root, project.root / ".git"):
        os.chown(path, 12345, 12345)
    stopped(project.make("pipeline"), "pipeline", "dubious ownership", "safe.directory")
    done = project.python("-m", "lifecycle", "hook")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert "setup: no hook will check commits" in line
    assert "safe.directory" in line
    (tmp_path / "gitconfig").write_text(f"[safe]\ndirectory = {project.root}\n")
    project.must("pipeline", GIT_CONFIG_GLOBAL=str(tmp_path / "gitconfig"))


def test_a_user_without_a_name_or_a_home(released: Project, tmp_path: Path) -> None:
    """As some container platforms have it: a number that the system does not know."""
    nobody = ["unshare", "-U", "--map-user=12345", "--map-group=12345"]
    if not shutil.which("unshare") or subprocess.run([*nobody, "true"], check=False).returncode:
        pytest.skip("NOT TESTED: being a user without a name needs unshare, and to be allowed it")
    project = released.copy(tmp_path / "flight-delay")
    # Not writable: by whom it is seen to belong to, /proc is only read.
    variables = {**project.variables({}), "HOME": "/proc"}
    try:
        for target in ("lifecycle", "status"):
            done = run(
                *nobody, *project.command(target), folder=project.root, environment=variables
            )
            assert done.returncode == 0, done.stdout + done.stderr
            assert "Traceback" not in done.stderr
        assert ", ready" in done.stdout
    finally:
        stop = run(*nobody, *project.command("stop"), folder=project.root, environment=variables)
    assert "stop: development is stopped" in stop.stdout
    # Each command was in a namespace of its own, from which it cannot read who the others are.
    assert ports_in_use() == []


def test_a_proxy_never_sees_a_call_to_this_machine(released: Project, tmp_path: Path) -> None:
    """Not the project's own clients, whatever host its service is given, nor MLflow's."""
    code = (
        "import os; from pathlib import Path; from urllib.request import getproxies, proxy_bypass;"
        "from lifecycle.core import inherited; inherited.settle(os.environ, Path.cwd());"
        "hosts = ('127.0.0.1', 'localhost', '127.0.0.1:3000');"
        "print(getproxies()['http'], [bool(proxy_bypass(host)) for host in hosts],"
        " bool(proxy_bypass('example.com')), bool(proxy_bypass('example.org')))"
    )
    clean = clean_environment(tmp_path / "home", http_proxy=NOBODY, no_proxy="example.org")
    done = released.python("-c", code, **clean)
    assert done.stdout == f"{NOBODY} [True, True, True] False True\n", done.stderr
