"""Answers with which no project could live are refused, each in one line that says what to type."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from baking import PROJECT, PUBLIC, QUESTIONS, ROOT, cookiecutter, run

UNSAFE = 'would break a file: type one line, without " \\ ` $ < > | or braces'
BLANK = "is blank or has a space at an end: type words without"
START = "is no name: type up to 50 characters, a small letter first"
LETTERS = "is no name: type a-z, 0-9, single inner hyphens"
TAKEN = "is taken: type a name of your own"
LOGIN = "is no GitHub login: type 1 to 39 letters, digits, single hyphens"
GOOD = {
    "project_name": "Flight delay",
    "project_slug": "flight-delay",
    "description": "Says what will be late.",
    "author": "Team",
    "github_owner": "team",
    "licence": "MIT",
    "dvc_remote": "local",
    "deploy_target": "compose",
}
BAD = [
    ("project_name", "", BLANK),
    ("project_name", "  ", BLANK),
    ("project_name", " Delay", BLANK),
    ("project_name", "x" * 61, "is too long: type at most 60 characters"),
    ("project_name", 'The "late" one', UNSAFE),
    ("project_name", "back\\slash", UNSAFE),
    ("project_name", "two\nlines", UNSAFE),
    ("project_name", "bell\a", UNSAFE),
    ("project_name", "turned\u202eround", UNSAFE),
    ("description", "costs $HOME", UNSAFE),
    ("description", "runs `ls`", UNSAFE),
    ("description", "a {brace", UNSAFE),
    ("description", "<b>bold</b>", UNSAFE),
    ("description", "x" * 201, "is too long: type at most 200 characters"),
    ("description", "", BLANK),
    ("author", "Ends with a space ", BLANK),
    ("author", "tab\tbed", UNSAFE),
    ("author", "x" * 61, "is too long: type at most 60 characters"),
    ("project_slug", "", START),
    ("project_slug", "Flight", START),
    ("project_slug", "1flight", START),
    ("project_slug", "-flight", START),
    ("project_slug", "x" * 51, START),
    ("project_slug", "../flight", START),
    ("project_slug", ".", START),
    ("project_slug", "flight/delay", LETTERS),
    ("project_slug", "flight_delay", LETTERS),
    ("project_slug", "flight delay", LETTERS),
    ("project_slug", "flüge", LETTERS),
    ("project_slug", "flight--delay", LETTERS),
    ("project_slug", "flight-", LETTERS),
    ("project_slug", "fl\night", START),
    ("project_slug", "mlflow", TAKEN),
    ("project_slug", "great-expectations", TAKEN),
    ("project_slug", "lifecycle", TAKEN),
    ("project_slug", "test", TAKEN),
    ("project_slug", "con", TAKEN),
    ("project_slug", "com7", TAKEN),
    ("github_owner", "", LOGIN),
    ("github_owner", "my org", LOGIN),
    ("github_owner", "-org", LOGIN),
    ("github_owner", "my--org", LOGIN),
    ("github_owner", "my_org", LOGIN),
    ("github_owner", "x" * 40, LOGIN),
]
UNKNOWN = [
    ("licence", "GPL-3.0", "is unknown: type MIT, Apache-2.0, proprietary"),
    ("licence", "mit", "is unknown: type MIT, Apache-2.0, proprietary"),
    ("dvc_remote", "ftp", "is unknown: type local, s3, gs or azure"),
    ("deploy_target", "heroku", "is unknown: type compose or none"),
]
FINE = [
    {"author": "Zoë Müller-Ångström 李明"},
    {"project_name": "Ana's flights (2013), 50% off & more", "author": "O'Brien & Co."},
    {"project_name": "x" * 60, "author": "y" * 60, "description": "z" * 200},
    {"project_slug": "x" * 50, "github_owner": "Z" * 39},
    {"project_slug": "a"},
    {"project_slug": "mlflow-flights"},
    {"project_name": "Verspätung", "description": "Sagt voraus, ob ein Flug zu spät ankommt."},
]


def load(name: str) -> ModuleType:
    """Import a hook as it stands in the repository, unrendered."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "hooks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "value", "advice"), BAD)
def test_bad_answer_is_refused_in_one_line(
    name: str,
    value: str,
    advice: str,
    clean_template: Path,
    tmp_path: Path,
    environment: dict[str, str],
) -> None:
    """The line names the answer and says what to type; nothing is left behind."""
    out = tmp_path / "out"
    done = cookiecutter(clean_template, out, environment, **{name: value})
    assert done.returncode != 0
    # Cookiecutter reports on the other stream, with a traceback of its own, that the hook failed.
    assert done.stderr == f"ERROR: {name} {value!r} {advice}\n"
    assert list(out.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "out"]


@pytest.mark.parametrize(("name", "value", "advice"), UNKNOWN)
def test_unknown_choice_is_refused(
    name: str,
    value: str,
    advice: str,
    clean_template: Path,
    tmp_path: Path,
    environment: dict[str, str],
) -> None:
    """Cookiecutter refuses unknown choices; the hook those which come another way."""
    done = cookiecutter(clean_template, tmp_path / "out", environment, **{name: value})
    assert done.returncode != 0
    assert f"{value} provided for choice variable {name}, but the choices are" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []
    fault = load("pre_gen_project").first_fault(GOOD | {name: value})
    assert fault == f"ERROR: {name} {value!r} {advice}"


@pytest.mark.parametrize("answers", FINE)
def test_unusual_but_good_answers_are_taken(
    answers: dict[str, str], clean_template: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Letters of any alphabet, apostrophes and the longest texts generate a project."""
    out = tmp_path / "out"
    done = cookiecutter(clean_template, out, environment, **answers)
    assert done.returncode == 0, done.stderr
    (project,) = out.iterdir()
    assert re.fullmatch(r"[a-z][a-z0-9-]*", project.name)
    licence = (project / "LICENSE").read_text(encoding="utf-8")
    assert answers.get("author", QUESTIONS["author"]) in licence
    log = run("git", "log", "-1", "--format=%an", folder=project, environment=environment)
    # Git leaves out a full stop at the end of a name.
    assert log.stdout.strip() == answers.get("author", QUESTIONS["author"]).rstrip(".")


def test_good_answers_have_no_fault() -> None:
    """The hook takes what it should, and covers every question."""
    assert list(GOOD) == PUBLIC
    assert load("pre_gen_project").first_fault(GOOD) is None


def test_every_package_of_the_project_is_a_taken_name() -> None:
    """A project cannot be called like anything that its environments install on purpose."""
    hook = load("pre_gen_project")
    folder = ROOT / PROJECT / "requirements"
    lines = [line for name in ("serving.in", "development.in") for line in (folder / name).open()]
    packages = {found[0] for line in lines if (found := re.match(r"[A-Za-z][\w.-]*", line))}
    assert len(packages) > 20
    for package in packages:
        fault = hook.first_fault(GOOD | {"project_slug": package.lower().replace("_", "-")})
        assert fault is not None, package


def test_hooks_are_short_and_importing_them_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hooks stay small enough to be read by whoever is about to run them."""
    monkeypatch.chdir(tmp_path)
    for name, longest in {"pre_gen_project": 60, "post_gen_project": 60}.items():
        load(name)
        assert len((ROOT / "hooks" / f"{name}.py").read_text().splitlines()) <= longest
    assert list(tmp_path.iterdir()) == []


def test_dropped_paths_belong_to_values_that_can_be_chosen() -> None:
    """The table of the last hook names only options and values of cookiecutter.json."""
    hook = load("post_gen_project")
    for option, value in hook.DROPPED:
        assert value in QUESTIONS[option]
    for option, name in hook.KEPT.items():
        for value in QUESTIONS[option]:
            assert (ROOT / PROJECT / name.format(f"-{value}")).is_file()


def test_what_was_chosen_is_kept_and_the_example_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each set of alternatives one file stays, under its final name; no cache is copied."""
    monkeypatch.chdir(tmp_path)
    own = ["src/project/model.py", "expectations/suite.yaml", "params.yaml", "schema.yaml"]
    cache = "src/project/__pycache__/model.pyc"
    for name in ("LICENSE-MIT", "LICENSE-proprietary", "deploy/compose.yaml", cache, *own):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "requirements").mkdir()
    for remote in ("local", "s3"):
        (tmp_path / f"requirements/development-{remote}.txt").write_text(remote)
    answers = {"licence": "MIT", "dvc_remote": "s3", "deploy_target": "none"}
    load("post_gen_project").arrange(answers)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    copies = [f"tests/machinery/example/{name.removeprefix('src/')}" for name in own]
    assert left == sorted(["LICENSE", "requirements/development.txt", *own, *copies])
    assert [(tmp_path / copy).read_text() for copy in copies] == own
    assert (tmp_path / "LICENSE").read_text() == "LICENSE-MIT"
    assert (tmp_path / "requirements/development.txt").read_text() == "s3"
