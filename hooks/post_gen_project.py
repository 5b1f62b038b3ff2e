"""Keeps what was chosen, and the example; makes the first commit, and says how to go on."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from tempfile import gettempdir

CACHES = ["**/__pycache__", "**/.*_cache", "**/.DS_Store"]  # Left by who works on the template.
DROPPED = {("deploy_target", "none"): ["deploy"]}  # The paths that a value leaves out.
KEPT = {"licence": "LICENSE{}", "dvc_remote": "requirements/development{}.txt"}  # By the answer.
IDENTITY = {"user.name": "{author}", "user.email": "{github_owner}@users.noreply.github.com"}
HERE = ("GIT_AUTHOR", "GIT_COMMITTER", "GIT_CONFIG")  # All others would lead Git elsewhere.
STEPS = ("init -q -b main", "add --all --force", "commit -q -m Generate")
BY_HAND = " && ".join(f"git {step}" for step in STEPS)


def arrange(answers: dict[str, str]) -> None:
    """Drop what the answers leave out, and caches; copy what the machinery's tests work on."""
    for option, name in KEPT.items():
        Path(name.format(f"-{answers[option]}")).replace(name.format(""))
    unwanted = [p for (name, value), ps in DROPPED.items() if answers[name] == value for p in ps]
    unwanted += [*CACHES, *(name.format("-*") for name in KEPT.values())]
    for path in [path for pattern in unwanted for path in Path().glob(pattern)]:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    # `cruft update` compares what this hook has made: the copy then follows the template's files.
    for p in map(Path, ("src/project", "expectations", "params.yaml", "schema.yaml")):
        (shutil.copytree if p.is_dir() else shutil.copy)(p, f"tests/machinery/example/{p.name}")


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in this folder, without hooks and signatures, even if a git hook started us."""
    here = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(HERE)}
    here["GIT_DEFAULT_HASH"] = "sha1"  # DVC reads no other.
    plain = ("-c", f"core.hooksPath={os.devnull}", "-c", "commit.gpgSign=false")
    return subprocess.run(["git", *plain, *arguments], env=here, capture_output=True, text=True)


def first_commit(answers: dict[str, str]) -> str:
    """Commit the project to a new repository; return a sentence that says how it went."""
    if not shutil.which("git"):
        return f"Git is not installed, so nothing is committed: install it, then type {BY_HAND}"
    # `cruft update` compares two such folders; Git's own files would break its patch.
    if "_output_dir" not in answers and Path.cwd().parents[1] == Path(gettempdir()).resolve():
        return "Generated to be compared, so nothing is committed."
    identity = list[str]()
    for step in STEPS:
        if (done := git(*identity, *step.split())).returncode:
            return f"Git failed ({' '.join(done.stderr.split())}): repair that, then type {BY_HAND}"
        # Asked once there is a repository: in some folders a user may be somebody else (includeIf).
        missing = {k: v for k, v in IDENTITY.items() if not git("config", k).stdout.strip()}
        identity = [w for k, v in missing.items() for w in ("-c", f"{k}={v.format(**answers)}")]
    return "The project is committed to a new Git repository, on branch main."


if __name__ == "__main__":
    arrange(given := json.loads(r"""{{ cookiecutter | tojson }}"""))
    print(first_commit(given))
    print(f"Next: cd {given['project_slug']}, make setup, make lifecycle; then make help")
