"""Keeps what was chosen, makes the first commit, and says how to go on."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from tempfile import gettempdir

ANSWERS = r"""{{ cookiecutter | tojson }}"""
# The paths that a value leaves out; the files of which the one named after the answer is kept.
DROPPED = {("deploy_target", "none"): ["deploy"]}
KEPT = {"licence": "LICENSE{}", "dvc_remote": "requirements/development{}.txt"}
IDENTITY = {"user.name": "{author}", "user.email": "{github_owner}@users.noreply.github.com"}
ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")
STEPS = ("init -q -b main", "add --all", "commit -q -m Generate")
BY_HAND = " && ".join(f"git {step}" for step in STEPS)


def prune(answers: dict[str, str]) -> None:
    """Drop every path that the answers leave out."""
    for option, name in KEPT.items():
        Path(name.format(f"-{answers[option]}")).replace(name.format(""))
        for other in Path().glob(name.format("-*")):
            other.unlink()
    for (option, value), paths in DROPPED.items():
        for path in paths if answers[option] == value else ():
            shutil.rmtree(path, ignore_errors=True)


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in this folder, without hooks and signatures, even if a git hook started us."""
    here = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    command = ["git", "-c", f"core.hooksPath={os.devnull}", "-c", "commit.gpgSign=false"]
    return subprocess.run([*command, *arguments], env=here, capture_output=True, text=True)


def first_commit(answers: dict[str, str]) -> str:
    """Commit the project to a new repository; return a sentence that says how it went."""
    if not shutil.which("git"):
        return f"Git is not installed, so nothing is committed: install it, then type {BY_HAND}"
    # `cruft update` compares two generated folders; Git's own files would break its patch.
    if "_output_dir" not in answers and Path.cwd().parents[1] == Path(gettempdir()).resolve():
        return "Generated to be compared, so nothing is committed."
    # A folder that the repository around it ignores is as good as one outside.
    if git("rev-parse", "--git-dir").returncode == 0 and git("check-ignore", "-q", ".").returncode:
        return f"This is inside a Git repository: commit it there, or type {BY_HAND}"
    missing = [key for key in IDENTITY if not git("config", key).stdout.strip()]
    identity = [w for key in missing for w in ("-c", f"{key}={IDENTITY[key].format(**answers)}")]
    for step in STEPS:
        if (done := git(*identity, *step.split())).returncode:
            return f"Git failed ({' '.join(done.stderr.split())}): repair that, then type {BY_HAND}"
    return "The project is committed to a new Git repository, on branch main."


if __name__ == "__main__":
    prune(given := json.loads(ANSWERS))
    print(first_commit(given))
    print(f"Next: cd {given['project_slug']}, make setup, make lifecycle; then make help")
