"""What tests share: a clean copy of the template, and a way to generate projects from it."""

import fcntl
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from baking import clean_environment, commit_all, cookiecutter, copy_template
from running import Environment, Project, free_port, ports_in_use, use_port
from xdist.scheduler import LoadScopeScheduling

pytest_plugins = ["breaking", "containers"]
# Files of projects, and no tests of the template.
collect_ignore = ["other_data", "other_timeless"]
# Files that share a worker, since they share what takes minutes: the engine, its images and the
# project that is `finished`; the project that is `small`, and the one that is `better`. Mypy's
# cache is one for all workers, but of two that begin without it each would take its minute.
TOGETHER = {
    "test_project_tests": ("test_project_tests", "test_parts_deleted"),
    "engine": (
        "test_image", "test_compose", "test_stack", "test_devcontainer",
        "test_docs", "test_lifecycle", "test_parity",
    ),
    "small": (
        "test_stop_the_line_data", "test_stop_the_line_gate", "test_stop_the_line_ingest",
        "test_stop_the_line_release", "test_deliver", "test_only_what_passed", "test_private",
    ),
}  # fmt: skip
# What takes longest begins first, so that in the end no worker waits for one that goes on.
FIRST = (
    "test_project_tests", "engine", "small", "test_rollout", "test_workflow_ci", "test_monitor",
    "test_tasks", "test_adopt", "test_your_data", "test_names",
    "test_survival", "test_replay", "test_workflow_release", "test_reproducible", "test_retrain",
    "test_environments", "test_update", "test_workflow_train", "test_proxy", "test_upstream",
    "test_other_data", "test_remotes", "test_bad_luck", "test_other_model", "test_protect",
    "test_other_timeless", "test_makefile", "test_better_version", "test_report",
)  # fmt: skip


def pytest_configure() -> None:
    """Let Ctrl-C reach what the tests start: a run in the background would have it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class ByGroup(LoadScopeScheduling):
    """Gives each worker whole files, and those of a group one after the other."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(Path(nodeid.partition("::")[0]))


def _group(path: Path) -> str:
    return next((name for name, files in TOGETHER.items() if path.stem in files), path.stem)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    """Let all tests that share something be run by one worker."""
    return ByGroup(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the groups in the order in which they begin; within one, tests stay as they are.

    With SEED, pytest-random-order has shuffled the files, and the tests in each. What takes longest
    begins before the rest all the same, in the order that it was given.
    """
    groups = {name: number for number, name in enumerate(FIRST)}
    if not config.getoption("random_order_seed").startswith("default:"):
        groups = dict.fromkeys(FIRST, 0)
    items.sort(key=lambda item: groups.get(_group(item.path), len(FIRST)))


@pytest.fixture(scope="module", autouse=True)
def _nothing_goes_on_listening() -> Iterator[None]:
    """Assert that what a file's tests started has ended: the next file may use the same port."""
    yield
    assert ports_in_use() == []


@pytest.fixture(scope="module", autouse=True)
def _the_shared_environments_stay(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Assert that nobody has made them anew for a lock of his own: others were using them."""
    place = _shared_place(request, tmp_path_factory)
    made = [place / name / "installed.txt" for name in ("venv", "venv-serving")]
    before = {path: path.stat().st_mtime_ns for path in made if path.is_file()}
    yield
    assert {path: path.stat().st_mtime_ns for path in before} == before


def _shared_place(request: pytest.FixtureRequest, factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all workers share."""
    place = factory.getbasetemp()
    return place.parent if hasattr(request.config, "workerinput") else place


@pytest.fixture(scope="session")
def clean_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the template without caches and other leftovers of work on it."""
    return copy_template(tmp_path_factory.mktemp("template") / "cd4ml")


@pytest.fixture(scope="session")
def template_repository(clean_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the template as a Git repository of its own."""
    repository = copy_template(tmp_path_factory.mktemp("repository") / "cd4ml")
    commit_all(repository, clean_environment(tmp_path_factory.mktemp("home")))
    return repository


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the variables of a user with an empty home folder."""
    return clean_environment(tmp_path / "home")


@pytest.fixture(scope="session")
def bake(clean_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that generates a project from answers, and returns its folder."""

    def generate(**answers: str) -> Path:
        folder = tmp_path_factory.mktemp("bake")
        home = clean_environment(folder / "home")
        done = cookiecutter(clean_template, folder / "out", home, **answers)
        assert done.returncode == 0, done.stdout + done.stderr
        (project,) = (folder / "out").iterdir()
        return project

    return generate


@pytest.fixture(scope="session")
def generated(
    bake: Callable[..., Path], request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Project:  # fmt: skip
    """Return the default project with its environments installed, nothing run yet.

    The first worker installs them, and all use them: a test whose lock is another one has to name
    an environment of its own.
    """
    root, place = bake(), _shared_place(request, tmp_path_factory)
    # What mypy has read once it knows by content wherever a copy or a checkout lies, and whichever
    # worker asks: each check without that takes a minute of processor.
    caches = {"MYPY_CACHE_DIR": str(place / "mypy"), "UV_CACHE_DIR": str(place / "uv")}
    variables = clean_environment(tmp_path_factory.mktemp("user") / "home", **caches)
    environment = Environment(place / "venv", place / "venv-serving", variables)
    project = Project(root, environment)
    use_port(root, free_port())
    project.commit("Choose a port")
    with (place / "setup.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        project.must("setup")
    return project


@pytest.fixture(scope="session")
def finished(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return a project whose lifecycle has run: version 1 is champion; its service is stopped.

    Tests do not change it: they work on `project`, a copy.
    """
    project = generated.copy(tmp_path_factory.mktemp("finished") / "flight-delay")
    printed = project.must("lifecycle")
    (project.root.parent / "printed.txt").write_text(printed, encoding="utf-8")
    project.must("stop")
    yield project
    project.must("stop")


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Iterator[Project]:
    """Return a copy of the finished project that the test may change."""
    copied = finished.copy(tmp_path / "flight-delay")
    yield copied
    if (copied.root / ".lifecycle" / "development").exists():
        copied.must("stop")


@pytest.fixture
def fresh(generated: Project, tmp_path: Path) -> Iterator[Project]:
    """Return a copy of the generated project in which nothing has run yet."""
    copied = generated.copy(tmp_path / "flight-delay")
    yield copied
    if (copied.root / ".lifecycle" / "development").exists():
        copied.must("stop")
