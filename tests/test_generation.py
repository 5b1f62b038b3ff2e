"""A generated project holds exactly what it should, is committed, and can be updated."""

import ast
import configparser
import json
import os
import re
import resource
import shutil
import sys
import time
import tomllib
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from baking import (
    EVERY_VALUE,
    PROJECT,
    PUBLIC,
    QUESTIONS,
    ROOT,
    SLUG,
    commit_all,
    cookiecutter,
    copy_template,
    files_of,
    run,
    succeed,
)

EXPECTED = ROOT / "tests" / "expected_files.txt"
# What a value leaves out of the files that the default answers give.
LEFT_OUT = {("deploy_target", "none"): "deploy/*"}
# The only files of the project that are rendered; everything else reaches the user as it stands.
TEMPLATED = {
    ".devcontainer/devcontainer.json",
    ".github/CODEOWNERS",
    ".dvc/config",
    "LICENSE-Apache-2.0",
    "LICENSE-MIT",
    "LICENSE-proprietary",
    "README.md",
    "params.yaml",
    "pyproject.toml",
    "requirements/remote.in",
}
# Files that reach the user with double braces which are not cookiecutter's.
OTHER_BRACES = {"deploy/grafana/dashboard.json", "deploy/prometheus/alerts.yml"}
PAGES = "src/lifecycle/*/templates/*"
CACHES = {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv", ".DS_Store"}
JINJA = re.compile(r"(?<!\$)\{\{|\{%|\{#")
Bake = Callable[..., Path]


def text_of(path: Path) -> str:
    """Return the text of a file, or nothing when it is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def is_copied(name: str) -> bool:
    """Say whether cookiecutter copies a file of the project without rendering it."""
    return any(fnmatch(name, pattern) for pattern in QUESTIONS["_copy_without_render"])


@pytest.mark.parametrize(("option", "value"), EVERY_VALUE)
def test_every_value_gives_exactly_the_expected_files(option: str, value: str, bake: Bake) -> None:
    """No file is missing, none is left over, whatever is chosen."""
    left_out = LEFT_OUT.get((option, value), "")
    expected = [name for name in EXPECTED.read_text().splitlines() if not fnmatch(name, left_out)]
    found = [path.as_posix() for path in files_of(bake(**{option: value}))]
    assert sorted(found) == sorted(expected)


def foreign_words(project: Path, template: Path) -> list[str]:
    """List the template's authors and the places of this machine."""
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    words = re.findall(r"Copyright \(c\) \d+ (.*)", licence)
    for key in ("user.name", "user.email"):
        found = run("git", "config", key, folder=ROOT, environment=dict(os.environ))
        words.append(found.stdout.strip())
    return [*filter(None, words), str(ROOT), str(template), str(project.parent), str(Path.home())]


@pytest.mark.parametrize(("option", "value"), EVERY_VALUE)
def test_nothing_foreign_is_in_the_files(
    option: str, value: str, bake: Bake, clean_template: Path
) -> None:
    """No Jinja, no author of the template, no path of this machine, nothing empty, no cache."""
    project = bake(**{option: value})
    foreign = foreign_words(project, clean_template)
    for path in files_of(project):
        assert (project / path).stat().st_size > 0, f"{path} is empty"
        assert not CACHES & set(path.parts), f"{path} is a cache"
        text = text_of(project / path)
        for word in foreign:
            assert word not in text, f"{path} contains {word}"
        if path.as_posix() not in OTHER_BRACES and not fnmatch(path.as_posix(), PAGES):
            assert not JINJA.search(text), f"{path} contains Jinja"


def test_only_listed_files_are_templated() -> None:
    """Jinja stays where it is expected, and copied files hold none of it."""
    project = copy_names()
    with_jinja = {name for name, path in project.items() if JINJA.search(text_of(path))}
    pages = {name for name in with_jinja if fnmatch(name, PAGES)}
    assert pages
    assert with_jinja - OTHER_BRACES - pages == TEMPLATED
    assert not any(is_copied(name) for name in TEMPLATED)
    copied = [path for name, path in project.items() if is_copied(name)]
    assert not [path for path in copied if "cookiecutter." in text_of(path)]


def copy_names() -> dict[str, Path]:
    """Map every file of the unrendered project, as a clone would hold it, to its path."""
    folder = ROOT / PROJECT
    listed = run(
        "git", "ls-files", "-co", "--exclude-standard", folder=folder, environment=dict(os.environ)
    )
    names = listed.stdout.splitlines() or [path.as_posix() for path in files_of(folder)]
    return {name: folder / name for name in names if (folder / name).is_file()}


def test_no_pattern_matches_a_folder() -> None:
    """A pattern that matches a folder would copy it whole, names and all, unrendered."""
    folders = {parent.as_posix() for name in copy_names() for parent in Path(name).parents}
    assert not [folder for folder in folders if is_copied(folder)]


def parse(path: Path) -> object:
    """Parse a file by its kind; raise if it is broken."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return ast.parse(text)
    if path.suffix in {".yaml", ".yml"}:
        return list(yaml.safe_load_all(text))
    if path.suffix == ".toml":
        return tomllib.loads(text)
    if path.suffix in {".ipynb", ".json"}:
        return json.loads(text)
    if path.name == "config":
        parser = configparser.ConfigParser()
        parser.read_string(text)
        return parser
    return None


def test_raw_files_parse() -> None:
    """Tools can read every file of the project directory before it is rendered."""
    for path in copy_names().values():
        parse(path)


@pytest.mark.parametrize(("option", "value"), EVERY_VALUE)
def test_rendered_files_parse(option: str, value: str, bake: Bake) -> None:
    """They still parse afterwards, also with the most awkward of good texts."""
    awkward = {
        "project_name": "Ana's: #1 & co, 50% 航班",
        "project_slug": SLUG,
        "author": "O'Brien: [x]",
    }
    project = bake(**awkward, description="It's: 100% - [late], #1, é!", **{option: value})
    for path in files_of(project):
        parse(project / path)


def test_questions_are_few_and_asked_in_words() -> None:
    """At most eight questions, each with its own text, each choice explained."""
    assert len(PUBLIC) <= 8
    prompts = QUESTIONS["__prompts__"]
    assert list(prompts) == PUBLIC
    for name in PUBLIC:
        if isinstance(QUESTIONS[name], list):
            assert list(prompts[name]) == ["__prompt__", *QUESTIONS[name]]


@pytest.mark.parametrize("licence", QUESTIONS["licence"])
def test_licence_names_the_author(licence: str, bake: Bake) -> None:
    """The chosen text alone is there, with this year and the author in it."""
    text = (bake(licence=licence, author="Zoë") / "LICENSE").read_text(encoding="utf-8")
    assert f"{time.gmtime().tm_year} Zoë" in text
    titles = {"MIT": "MIT License", "Apache-2.0": "Apache License", "proprietary": "All rights"}
    assert [name for name, title in titles.items() if title in text] == [licence]


@pytest.mark.parametrize("remote", QUESTIONS["dvc_remote"])
def test_lock_belongs_to_the_remote(remote: str, bake: Bake) -> None:
    """Hashes for everything, no addresses, the serving lock's versions, and DVC for the remote."""
    folder = bake(dvc_remote=remote) / "requirements"
    extra = "dvc" if remote == "local" else f"dvc[{remote}]"
    assert (folder / "remote.in").read_text() == f"{extra}\n"
    versions = {}
    for name in ("serving", "development", "bootstrap"):
        text = (folder / f"{name}.txt").read_text()
        assert "://" not in text
        pins = re.findall(r"(?m)^([\w.-]+)==(\S+)", text)
        assert len(re.findall(r"(?m)^\S.*\n    --hash=sha256:[0-9a-f]{64}", text)) == len(pins)
        versions[name] = set(pins)
    assert versions["serving"] < versions["development"]
    assert versions["bootstrap"] < versions["development"]
    remotes = {
        name[4:] for name, _ in versions["development"] if name in {"dvc-s3", "dvc-gs", "dvc-azure"}
    }
    assert remotes == {remote} - {"local"}


def test_generation_takes_less_than_two_seconds(
    clean_template: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """The whole command, commit included, is quick: in the processor's time, not the clock's."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = cookiecutter(clean_template, tmp_path / "out", environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2


def check_repository(project: Path, environment: dict[str, str]) -> None:
    """Assert one commit on main that holds everything."""

    def git(*arguments: str) -> str:
        return succeed("git", *arguments, folder=project, environment=environment)

    assert git("branch", "--show-current") == "main\n"
    assert git("rev-list", "--count", "HEAD") == "1\n"
    assert git("status", "--porcelain", "--ignored") == ""
    committed = git("ls-files").splitlines()
    assert sorted(committed) == sorted(path.as_posix() for path in files_of(project))


def test_project_is_committed_without_identity(
    clean_template: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Git needs no configuration; the answers stand in for it."""
    done = cookiecutter(
        clean_template, tmp_path / "out", environment, author="Zoë", github_owner="z-1"
    )
    project = tmp_path / "out" / SLUG
    check_repository(project, environment)
    who = succeed("git", "log", "--format=%an %ae", folder=project, environment=environment)
    assert who == "Zoë z-1@users.noreply.github.com\n"
    assert f"cd {SLUG}" in done.stdout
    assert "make lifecycle" in done.stdout


def test_configured_identity_is_used_and_hooks_are_not_run(
    clean_template: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """The user's name is kept; neither signing nor template hooks can stop the commit."""
    hook = tmp_path / "templates" / "hooks" / "pre-commit"
    hook.parent.mkdir(parents=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    (tmp_path / "home" / ".gitconfig").write_text(
        "[user]\nname = Ann\nemail = ann@example.org\nsigningkey = none\n[commit]\ngpgsign = true\n"
        f"[init]\ntemplateDir = {tmp_path / 'templates'}\n"
    )
    environment["GIT_DIR"] = str(tmp_path / "elsewhere")
    assert cookiecutter(clean_template, tmp_path / "out", environment).returncode == 0
    del environment["GIT_DIR"]
    project = tmp_path / "out" / SLUG
    check_repository(project, environment)
    who = succeed("git", "log", "--format=%an %ae", folder=project, environment=environment)
    assert who == "Ann ann@example.org\n"


def test_without_git_a_sentence_says_what_to_type(
    clean_template: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Generation works on a machine without Git."""
    (tmp_path / "bin").mkdir()
    environment["PATH"] = str(tmp_path / "bin")
    done = cookiecutter(clean_template, tmp_path / "out", environment)
    assert done.returncode == 0
    assert (
        "Git is not installed, so nothing is committed: install it, then type git init"
        in done.stdout
    )
    assert not (tmp_path / "out" / SLUG / ".git").exists()


def test_failing_git_does_not_fail_generation(
    clean_template: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Whatever Git complains about is repeated, with what to type."""
    (tmp_path / "home" / ".gitconfig").write_text("[user]\nname = ,\nemail = x\n")
    done = cookiecutter(clean_template, tmp_path / "out", environment)
    assert done.returncode == 0
    assert "Git failed (" in done.stdout
    assert (
        "repair that, then type git init -q -b main && git add --all --force && git commit"
        in done.stdout
    )


def test_inside_a_repository_generation_is_refused_unless_it_ignores_the_folder(
    clean_template: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """A project is a repository of its own; an ignored folder, as of make demo, is as good."""
    outer = tmp_path / "outer"
    (outer / "below").mkdir(parents=True)
    succeed("git", "init", "-q", folder=outer, environment=environment)
    (outer / ".gitignore").write_text("build/\n")
    for place in (outer, outer / "below"):
        done = cookiecutter(clean_template, place, environment)
        assert done.returncode != 0
        assert done.stderr == (
            f"ERROR: {place / SLUG} lies in the Git repository {outer}, and a project is a "
            "repository of its own: generate it outside (cookiecutter --output-dir), or let that "
            "repository's .gitignore name it first\n"
        )
        assert not (place / SLUG).exists()
    assert cookiecutter(clean_template, outer / "build", environment).returncode == 0
    check_repository(outer / "build" / SLUG, environment)


def test_the_first_commit_is_by_whom_git_would_name_there(
    clean_template: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """An identity for some folders only is used in those, the placeholder only where none is."""
    (tmp_path / "home" / ".gitconfig").write_text(
        f'[user]\nuseConfigOnly = true\n[includeIf "gitdir:{tmp_path}/office/"]\npath = work\n'
    )
    (tmp_path / "home" / "work").write_text("[user]\nname = Ann\nemail = ann@work.example\n")
    for place, who in (("office", "Ann ann@work.example\n"), ("own", "Zoë z@users")):
        answers = {"author": "Zoë", "github_owner": "z"}
        done = cookiecutter(clean_template, tmp_path / place, environment, **answers)
        assert done.returncode == 0, done.stderr
        project = tmp_path / place / SLUG
        check_repository(project, environment)
        said = succeed("git", "log", "--format=%an %ae", folder=project, environment=environment)
        assert said.startswith(who)


def test_a_users_own_list_of_ignored_files_leaves_nothing_out(
    clean_template: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """What was generated is committed, and in a repository as DVC reads it."""
    (tmp_path / "home" / ".gitconfig").write_text(
        f"[core]\nexcludesFile = {tmp_path / 'ignored'}\n[init]\ndefaultObjectFormat = sha256\n"
    )
    (tmp_path / "ignored").write_text("*.in\ndocs/\nmodel/\n.dvcignore\n")
    environment["GIT_DEFAULT_HASH"] = "sha256"
    assert cookiecutter(clean_template, tmp_path / "out", environment).returncode == 0
    del environment["GIT_DEFAULT_HASH"]
    project = tmp_path / "out" / SLUG
    check_repository(project, environment)
    head = succeed("git", "rev-parse", "HEAD", folder=project, environment=environment)
    assert len(head.strip()) == 40


def test_caches_of_who_works_on_the_template_do_not_reach_a_project(
    clean_template: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """They would be committed, and be stale from the first change on."""
    template = Path(shutil.copytree(clean_template, tmp_path / "template"))
    left = ("src/lifecycle/__pycache__/a.cpython-311.pyc", "src/.mypy_cache/3.11/a.json")
    for name in (*left, "tests/.pytest_cache/README.md", ".ruff_cache/0/a", "docs/.DS_Store"):
        path = template / PROJECT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xa7\r\r\n\0\xe3")
    done = cookiecutter(template, tmp_path / "out", environment)
    assert done.returncode == 0, done.stderr
    project = tmp_path / "out" / SLUG
    check_repository(project, environment)
    assert not [path for path in files_of(project) if CACHES & set(path.parts)]


def test_caches_in_the_working_tree_do_not_reach_a_copy(clean_template: Path) -> None:
    """Tests generate from what a clone would hold."""
    assert not [path for path in files_of(clean_template) if CACHES & set(path.parts)]


def cruft(*arguments: str | Path, folder: Path, environment: dict[str, str]) -> str:
    """Run cruft, which must pass."""
    command = (sys.executable, "-c", "from cruft._cli import app; app()", *arguments)
    return succeed(*command, folder=folder, environment=environment)


def test_git_address_and_replay_give_the_same_project(
    bake: Bake, template_repository: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """From a path, from a Git address and from the last answers comes the same project."""
    address = f"git+{template_repository.as_uri()}"
    answers = {"licence": "Apache-2.0", "author": "Zoë", "dvc_remote": "s3"}
    first = cookiecutter(address, tmp_path / "address", environment, **answers)
    assert first.returncode == 0, first.stderr
    replayed = tmp_path / "replayed"
    replayed.mkdir()
    # Cookiecutter files the answers under the name of the template.
    command = (sys.executable, "-m", "cookiecutter", template_repository, "--replay")
    succeed(*command, folder=replayed, environment=environment)
    expected = contents(bake(**answers))
    assert contents(tmp_path / "address" / SLUG) == expected
    assert contents(replayed / SLUG) == expected
    check_repository(replayed / SLUG, environment)


def contents(project: Path) -> dict[str, bytes]:
    """Return the bytes of every file of a project."""
    return {path.as_posix(): (project / path).read_bytes() for path in files_of(project)}


@pytest.mark.parametrize("kind", ["path", "address"])
def test_cruft_create_gives_the_same_project(
    kind: str, bake: Bake, template_repository: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Cruft adds its record of the template's commit, and nothing else."""
    source = str(template_repository) if kind == "path" else template_repository.as_uri()
    cruft("create", source, "--no-input", folder=tmp_path, environment=environment)
    created = contents(tmp_path / SLUG)
    record = json.loads(created.pop(".cruft.json"))
    assert record["commit"]
    assert created == contents(bake())


def test_cruft_update_keeps_the_users_edits_and_brings_the_templates(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """A project made from an older template takes the change, and keeps what its owner did."""
    template = copy_template(tmp_path / "template")
    commit_all(template, environment, "Old")
    cruft("create", template.as_uri(), "--no-input", folder=tmp_path, environment=environment)
    project = tmp_path / SLUG
    ignored = project / ".gitignore"
    ignored.write_text("# Mine.\n/mine/\n\n" + ignored.read_text())
    (project / "mine.txt").write_text("mine\n")
    commit_all(project, environment, "Edit")
    with (template / PROJECT / ".gitignore").open("a") as file:
        file.write("*.bak\n")
    (template / PROJECT / "src" / "new.py").write_text('"""New in the template."""\n')
    commit_all(template, environment, "New")
    cruft("update", "--skip-apply-ask", folder=project, environment=environment)
    assert ignored.read_text().startswith("# Mine.\n/mine/\n")
    assert ignored.read_text().endswith("*.bak\n")
    assert (project / "src" / "new.py").is_file()
    assert (project / "mine.txt").read_text() == "mine\n"
    assert not list(project.rglob("*.rej"))
    changed = succeed("git", "status", "--porcelain", folder=project, environment=environment)
    names = {line.split()[-1] for line in changed.splitlines()}
    assert names == {".cruft.json", ".gitignore", "src/new.py"}
    assert cruft("check", folder=project, environment=environment)
