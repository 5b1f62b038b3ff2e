"""Generates projects the way a user does, in a home folder that nobody else uses."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = "{{cookiecutter.project_slug}}"
SLUG = "flight-delay"
QUESTIONS = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
PUBLIC = [name for name in QUESTIONS if not name.startswith("_")]
PLACE = ("PATH", "TMPDIR", "LANG")
# How this machine reaches package registries, where that takes a proxy or own certificates.
NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT")
EVERY_VALUE = [
    (name, value)
    for name in PUBLIC
    if isinstance(QUESTIONS[name], list)
    for value in QUESTIONS[name]
]


def clean_environment(home: Path, **changes: str) -> dict[str, str]:
    """Return the variables of a user who has configured nothing."""
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in (*PLACE, *NETWORK) if name in os.environ}
    return kept | {
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONDONTWRITEBYTECODE": "",
        "NO_COLOR": "1",
        **changes,
    }


def run(
    *command: str | Path, folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command without a terminal and return how it ended."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def succeed(*command: str | Path, folder: Path, environment: dict[str, str]) -> str:
    """Run a command that must pass, and return what it printed."""
    done = run(*command, folder=folder, environment=environment)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def cookiecutter(
    template: Path | str, output: Path, environment: dict[str, str], **answers: str
) -> subprocess.CompletedProcess[str]:
    """Run cookiecutter on a template without questions."""
    output.mkdir(parents=True, exist_ok=True)
    given = [f"{name}={value}" for name, value in answers.items()]
    command = (sys.executable, "-m", "cookiecutter", str(template), "--no-input", *given)
    return run(*command, folder=output, environment=environment)


def copy_template(destination: Path) -> Path:
    """Copy what a clone would hold, together with new files that nothing ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        ignored = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", ".*_cache")
        return Path(shutil.copytree(ROOT, destination, ignore=ignored))
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, destination / name)
    return destination


def commit_all(folder: Path, environment: dict[str, str], subject: str = "Change") -> None:
    """Commit everything in a folder as somebody, making it a repository if it is none."""
    # The project's own hook would check every commit; tests of the hook run it themselves.
    settings = ("user.name=Somebody", "user.email=somebody@example.org", "core.hooksPath=/dev/null")
    somebody = [word for setting in settings for word in ("-c", setting)]
    succeed("git", "init", "-q", "-b", "main", folder=folder, environment=environment)
    succeed("git", "add", "--all", folder=folder, environment=environment)
    succeed("git", *somebody, "commit", "-qm", subject, folder=folder, environment=environment)


def files_of(project: Path) -> Iterator[Path]:
    """Yield every file of a project, relative to it, Git's own excepted."""
    for path in sorted(project.rglob("*")):
        inside = path.relative_to(project)
        if path.is_file() and inside.parts[0] != ".git":
            yield inside
