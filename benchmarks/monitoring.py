"""Measures what the monitor's defaults give: false alarms, faults caught, what the year shows.

`.venv/bin/python benchmarks/monitoring.py` generates a project, runs its pipeline, judges weeks of
the example's year (benchmarks/weeks.py, by the project's own code), and writes the figures into
docs/reference/monitor.md. Nothing is asserted.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "monitor.md"
FACTORS, EFFECTS = (1.0, 1.25, 1.5, 2.0), (0.05, 0.1, 0.2)


def judged(project: Path) -> dict[str, Any]:
    """Return what every week and every fault gave in a project whose pipeline has run."""
    environment = {
        **os.environ, "PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "",
        "OMP_WAIT_POLICY": "PASSIVE",
    }  # fmt: skip
    # Without -P, the folder of this file would hide the project's package.
    command = [".venv/bin/python", "-P", str(ROOT / "benchmarks" / "weeks.py")]
    done = subprocess.run(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def beyond(one: dict[str, float], least: float, factor: float) -> float:
    """Return how many times its limit a feature of a week has."""
    effect = one["effect"] / max(least, factor * one["widest"])
    return max(effect, one["missing"] / max(least, factor * one["widest_missing"]))


def false_alarms(months: list[list[dict[str, Any]]], least: float, factor: float) -> list[int]:
    """Return how many weeks fire: each alone, by two of four, and by that or twice the limit."""
    alone = two = sudden = 0
    for weeks in months:
        for position, week in enumerate(weeks):
            latest = {name: beyond(one, least, factor) for name, one in week.items()}
            fires = [name for name, times in latest.items() if times > 1]
            often = [
                name for name in fires
                if sum(beyond(w[name], least, factor) > 1 for w in weeks[: position + 1]) >= 2
            ]  # fmt: skip
            alone += bool(fires)
            two += bool(often)
            sudden += bool(often) or any(times > 2 for times in latest.values())
    return [alone, two, sudden]


def grid(found: dict[str, Any]) -> list[str]:
    """Return the table of false alarms by the rule's figures."""
    months = found["left_out"]
    weeks = sum(map(len, months))
    lines = [
        f"| `minimum_effect` | `reference_factor` | of {weeks} weeks, one alone fires in | "
        "2 of the last 4 | 2 of 4, or twice the limit |",
        "| --- | --- | --- | --- | --- |",
    ]
    chosen = (found["rule"]["drift"]["minimum_effect"], found["rule"]["drift"]["reference_factor"])
    for least, factor in product(EFFECTS, FACTORS):
        mark = "**" if (least, factor) == chosen else ""
        counts = false_alarms(months, least, factor)
        cells = [f"{mark}{value}{mark}" for value in (least, factor, *counts)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def caught(found: dict[str, Any]) -> list[str]:
    """Return the table of faults, each in so many weeks, and which alerts came in most of them."""
    lines = ["| fault in one week | weeks in which something fires | alerts in at least half of "
             "the weeks |", "| --- | --- | --- |"]  # fmt: skip
    for name, weeks in found["faults"].items():
        fired = sum(bool(alerts) for alerts in weeks)
        names = sorted({alert for alerts in weeks for alert in alerts})
        often = [n for n in names if sum(n in alerts for alerts in weeks) * 2 >= len(weeks)]
        lines.append(f"| {name} | {fired} of {len(weeks)} | {', '.join(often) or 'none'} |")
    return lines


def months(found: dict[str, Any]) -> list[str]:
    """Return the table of the year against the default reference, a row a month."""
    lines = ["| month | weeks of 4 that fire | alerts |",
             "| --- | --- | --- |"]  # fmt: skip
    for month in sorted({week[:7] for week in found["later"]}):
        weeks = [alerts for week, alerts in found["later"].items() if week[:7] == month]
        names = sorted({alert for alerts in weeks for alert in alerts})
        lines.append(f"| {month} | {sum(map(bool, weeks))} | {', '.join(names) or 'none'} |")
    return lines


def write(blocks: dict[str, list[str]]) -> None:
    """Put each block between its marks on the page."""
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in blocks.items():
        before, _, rest = text.partition(f"<!-- {name}: begin -->\n")
        after = rest.partition(f"<!-- {name}: end -->")[2]
        block = "\n".join(lines)
        text = f"{before}<!-- {name}: begin -->\n{block}\n<!-- {name}: end -->{after}"
    PAGE.write_text(text, encoding="utf-8")


def main() -> None:
    """Judge, and write the figures into the page."""
    parser = argparse.ArgumentParser(description="Measure what the monitor's defaults give.")
    parser.add_argument("--project", type=Path, help="one that is there, its pipeline has run")
    given = parser.parse_args().project
    with tempfile.TemporaryDirectory() as scratch:
        project = given
        if project is None:
            command = [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", "-o", scratch]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            (project,) = Path(scratch).iterdir()
            subprocess.run(["make", "-C", str(project), "pipeline"], check=True)
        found = judged(project)
    write({"alarms": grid(found), "faults": caught(found), "year": months(found)})


if __name__ == "__main__":
    main()
