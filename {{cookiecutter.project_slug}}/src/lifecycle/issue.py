"""Issue keeps one open GitHub issue about each thing that went wrong: opened once, then updated."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lifecycle import outputs
from lifecycle.command import StageError, project_root, run
from lifecycle.files import read_json
from lifecycle.params import load_params
from lifecycle.publish import must

LONGEST = 60_000


def about_monitor(root: Path) -> tuple[str, str]:
    """Return title and text about a monitor that fires."""
    made = read_json(root / load_params().paths.monitor_report)
    alerts = "".join(f"- **{one['kind']}**: {one['message']}\n" for one in made["alerts"])
    sentences = "".join(f"- {one}\n" for one in made["sentences"])
    title = f"Monitor fires: {made['environment']}, version {made['version']}"
    text = (f"**{made['verdict']}**: {made['reason']}\n\n{alerts}\n{sentences}\n"
            f"Judged at {made['judged_at']}. A retrain was started; until a better version is "
            "released, this one serves.")  # fmt: skip
    return title, text


def about_upstream(root: Path) -> tuple[str, str]:
    """Return title and text about newest versions that break something."""
    path = root / "reports/upstream.md"
    if not path.is_file():
        raise StageError(f"{path.relative_to(root)} is missing: run `make upstream`")
    return "Newest versions break the project", path.read_text(encoding="utf-8")


SUBJECTS: dict[str, Callable[[Path], tuple[str, str]]] = {
    "monitor": about_monitor, "upstream": about_upstream,
}  # fmt: skip


def keep_one(label: str, title: str, text: str) -> tuple[int, bool]:
    """Open the issue with this label, or update the one that is open; return number and which."""
    place = f"repos/{os.environ.get('GITHUB_REPOSITORY') or '{owner}/{repo}'}/issues"
    body: dict[str, Any] = {"title": title, "body": text[:LONGEST]}
    found = json.loads(must("api", f"{place}?state=open&labels={label}", "--method", "GET"))
    # GitHub lists pull requests among the issues.
    issues = [one for one in found if "pull_request" not in one]
    if issues:
        number = min(one["number"] for one in issues)
        must("api", f"{place}/{number}", "--method", "PATCH", "--input", "-",
             given=json.dumps(body))  # fmt: skip
        return number, False
    made = must("api", place, "--method", "POST", "--input", "-",
                given=json.dumps({**body, "labels": [label]}))  # fmt: skip
    return int(json.loads(made)["number"]), True


def main() -> None:
    """Open or update the issue about what is named."""
    parser = argparse.ArgumentParser(description="Keep one issue about something.")
    parser.add_argument("about", help=" or ".join(SUBJECTS))
    about = parser.parse_args().about
    if about not in SUBJECTS:
        names = " or ".join(f"ABOUT={name}" for name in SUBJECTS)
        raise StageError(f"{about or 'nothing'} is nothing to open an issue about: say {names}")
    title, text = SUBJECTS[about](project_root())
    if url := os.environ.get("RUN_URL"):
        text += f"\n\n[The run that found it]({url})"
    number, is_new = keep_one(about, title, text)
    how = "opened" if is_new else "updated"
    print(f"issue: #{number} is {how}: {title}")
    outputs.summarise(f"Issue #{number} is {how}: {title}")


if __name__ == "__main__":
    run("issue", main)
