"""Columns whose names are none in JSON, Python, SQL or Prometheus, from a file to the report.

Adopt gives each a name that every place takes; the source's stands in params.yaml. Requests have
the new names; files to score and files of labels have either.
"""

import csv
import json
import math
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from projects import ask, report_of
from running import PLAIN, Project, free_port, port_of, use_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
LONG = "A name of three hundred characters: " + "x" * 264
# What the source calls a column, and what everything else does.
NAMES = {
    "order": "order_column", "日付": "日付", "class": "class_column",
    "Total Amount (€)": "total_amount", "from": "from_column", "a.b": "a_b_2", "a_b": "a_b",
    "__proto__": "proto", "None": "none", " SELECT ": "select_column",
    'say "it\'s"': "say_it_s", "🙂": "column",
    LONG: "a_name_of_three_hundred_characters_" + "x" * 25, "Is it late? <b>": "is_it_late_b",
}  # fmt: skip
TARGET = "Is it late? <b>"
ADOPTED, NEW = 2_000, 400
# With all digits, as JSON has numbers of 64 bits.
READ = """
import polars as pl
rows = pl.read_parquet("new.scored.parquet")
print(rows.with_columns(pl.col("probability").cast(pl.Float64)).write_json())
"""


def rows(count: int, first: int = 0) -> list[dict[str, Any]]:
    """Return rows by the names of the source; two of them tell half of the target."""
    found = []
    for number in range(first, first + count):
        drawn = random.Random(number)  # noqa: S311
        size, share = drawn.gauss(50, 10), drawn.random()
        known = 0.08 * (size - 50) + 3 * (share - 0.5) + drawn.gauss(0, 1)
        moment = datetime(2024, 1, 1) + timedelta(minutes=65 * number)
        values = (
            number + 1_000, moment.isoformat(), drawn.choice(["from", "class", "日本", "a,b"]),
            round(size, 2), drawn.choice(["null", "<b>", "it's"]), round(share, 4),
            round(drawn.random(), 3), drawn.randrange(100), round(math.exp(drawn.random()), 3),
            drawn.random() < 0.5, drawn.randrange(7), round(drawn.random(), 2),
            round(drawn.gauss(0, 1), 3), known > 0,
        )  # fmt: skip
        found.append(dict(zip(NAMES, values, strict=True)))
    return found


def write(path: Path, given: list[dict[str, Any]], *names: str) -> None:
    """Write a CSV file with some of the columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, names or list(NAMES), extrasaction="ignore")
        writer.writeheader()
        writer.writerows({key: str(value).lower() if isinstance(value, bool) else value
                          for key, value in row.items()} for row in given)  # fmt: skip


@pytest.fixture(scope="module")
def own(generated: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project that has adopted such a table and is committed."""
    project = generated.copy(tmp_path_factory.mktemp("names") / "flight-delay")
    use_port(project.root, free_port())
    write(project.root / "rows.csv", rows(ADOPTED))
    project.commit("Rows of our own")
    printed = project.must("adopt", "SOURCE=rows.csv", f"TARGET={TARGET}", "TIME=日付", "KEY=order",
                           "SENSITIVE=class")  # fmt: skip
    assert "'Total Amount (€)' is total_amount" in printed
    project.commit("Our own data")
    return project


def test_they_work_from_the_file_to_the_report(own: Project) -> None:
    schema = yaml.safe_load((own.root / "schema.yaml").read_text(encoding="utf-8"))["columns"]
    assert list(schema) == list(NAMES.values())
    assert [name for name, one in schema.items() if "feature" in one["roles"]] == list(
        NAMES.values()
    )[2:-1]
    source = yaml.safe_load((own.root / "params.yaml").read_text(encoding="utf-8"))["data"]
    assert source["source"]["columns"] == {raw: n for raw, n in NAMES.items() if raw != n}
    readme = (own.root / "README.md").read_text(encoding="utf-8")
    assert "| `Total Amount (€)` | `total_amount` |" in readme
    own.must("lifecycle")
    try:
        new = rows(NEW, ADOPTED)
        by_http = _ask(own, new)
        _score(own, new, by_http)
        _watch(own, new)
    finally:
        own.must("stop")


def _ask(own: Project, new: list[dict[str, Any]]) -> list[float]:
    """Ask over HTTP by the new names; return the probabilities. The old names are refused."""
    # What stands for no value is a word of the source alone (data.source.nulls).
    records = [{NAMES[raw]: None if value == "null" else value for raw, value in row.items()
                if raw != TARGET} for row in new]  # fmt: skip
    answer = ask(own, "/v1/predict", {"records": records, "explain": True})["predictions"]
    assert {type(one[NAMES[TARGET]]) for one in answer} == {bool}
    assert set(answer[0]["contributions"]) >= {"total_amount", "a_b_2", "proto", "column"}
    url = f"http://127.0.0.1:{port_of(own.root)}/v1/predict"
    raw = {**records[0], "Total Amount (€)": records[0].pop("total_amount")}
    refused = httpx.post(url, json={"records": [raw]}, timeout=20, **PLAIN)
    assert refused.status_code == 400
    document = ask(own, "/docs.json")
    properties = next(one["properties"] for one in document["components"]["schemas"].values()
                      if "total_amount" in one.get("properties", {}))  # fmt: skip
    assert "Total Amount (€)" in properties["total_amount"]["description"]
    return [one["probability"] for one in answer]


def _score(own: Project, new: list[dict[str, Any]], by_http: list[float]) -> None:
    """Score a file as the source has it, without the target; one that has both names is refused."""
    write(own.root / "new.csv", new, *[name for name in NAMES if name != TARGET])
    printed = own.must("batch", "INPUT=new.csv")
    assert f"{NEW} rows scored" in printed
    scored = json.loads(own.python("-c", READ).stdout)
    assert [row["probability"] for row in scored] == by_http
    assert set(scored[0]) >= {"total_amount", "日付", "predicted_is_it_late_b"}
    text = (own.root / "new.csv").read_text(encoding="utf-8").splitlines()
    (own.root / "both.csv").write_text(
        "".join(f"{line},{'proto' if number == 0 else 1}\n" for number, line in enumerate(text)),
        encoding="utf-8",
    )
    done = own.make("batch", "INPUT=both.csv")
    assert done.returncode != 0
    assert "both.csv has the columns '__proto__' and 'proto', which are one" in done.stderr


def _watch(own: Project, new: list[dict[str, Any]]) -> None:
    """The service counts by the new names; labels by the old ones join with the log."""
    metrics = httpx.get(f"http://127.0.0.1:{port_of(own.root) + 1}/workers/live/metrics", **PLAIN)
    for name in ("total_amount", "a_b_2", "proto", "column", "select_column"):
        assert f'feature="{name}"' in metrics.text
    write(own.root / "data" / "labels" / "came.csv", new, "order", TARGET)
    own.make("monitor")
    found = json.loads((own.root / "reports" / "monitor.json").read_text(encoding="utf-8"))
    assert found["alerts"] == []
    assert sum(one["quality"]["rows"] for one in found["windows"] if one["quality"]) == NEW
    assert set(found["windows"][-1]["drift"]) == set(list(NAMES.values())[2:-1])
    own.must("report")
    page = (own.root / "reports" / "site" / "index.html").read_text(encoding="utf-8")
    assert "total_amount" in page
    assert "a_b_2" in page
    assert report_of(own)["prediction"]["answer"]["predictions"]
