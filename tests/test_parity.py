"""Batch, the running service and the pipeline give the same probabilities, to the last bit."""

import json
import urllib.request
from pathlib import Path

import pytest
from running import Project, port_of

# Rows of the holdout with every kind of null that it has, one with a category that training never
# saw; probabilities as the pipeline wrote them, and by the model itself for the changed row.
PICK = """
import sys, polars as pl
from lifecycle.contract import features
from lifecycle.contract.columns import load_schema
from project.model import Model
from lifecycle.core.frames import arrays
from pathlib import Path

schema = load_schema()
holdout = pl.read_parquet("data/holdout.parquet")
scores = pl.read_parquet("data/holdout_predictions.parquet")["probability"]
rows = holdout.with_columns(scores.alias("pipeline")).with_row_index("number")
nulls = [rows.filter(pl.col(n).is_null()).head(20) for n in schema.request]
picked = pl.concat([*nulls, rows]).unique("number", maintain_order=True).head(1000)
unknown = picked.with_columns(
    pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("ZZZ")).otherwise(pl.col("destination"))
    .alias("destination")
)
model = Model.load(Path("models/model.ubj"))
again = features.on_frame(schema, unknown.select(schema.request), model.fitted)
scored = model.predict(arrays(again, list(model.names)))
assert (picked["pipeline"].to_numpy() == scored)[1:].all(), "the pipeline's own file differs"
rows = unknown.select(schema.request).with_columns(pl.Series("pipeline", scored))
target = Path(sys.argv[1])
rows.write_parquet(target / "rows.parquet")
values = rows.with_columns(pl.col(schema.time).dt.strftime("%Y-%m-%dT%H:%M:%S"))
values.write_csv(target / "rows.csv")
values.select(schema.request).write_json(target / "rows.json")
(target / "wanted.json").write_text(str(rows["pipeline"].to_list()))
assert any(rows[name].null_count() for name in schema.request)
"""
READ = "import sys, polars as pl; print(pl.read_parquet(sys.argv[1])['probability'].to_list())"


def from_service(url: str, rows: list[dict[str, object]]) -> list[float]:
    """Return the service's probabilities, asked for a hundred rows at a time."""
    found: list[float] = []
    for start in range(0, len(rows), 100):
        body = json.dumps({"records": rows[start : start + 100]}).encode()
        request = urllib.request.Request(  # noqa: S310
            f"{url}/v1/predict", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            found += [one["probability"] for one in json.load(answer)["predictions"]]
    return found


@pytest.mark.slow
def test_a_thousand_rows_have_the_same_bits_everywhere(project: Project, tmp_path: Path) -> None:
    picked = project.python("-c", PICK, str(tmp_path))
    assert picked.returncode == 0, picked.stderr
    wanted = json.loads((tmp_path / "wanted.json").read_text(encoding="utf-8"))
    assert len(wanted) == 1000
    for kind in ("parquet", "csv"):
        scored = tmp_path / f"{kind}.scored.parquet"
        said = project.must("batch", f"INPUT={tmp_path / f'rows.{kind}'}", f"OUTPUT={scored}")
        assert "1000 rows scored" in said
        assert "0 rejected" in said
        assert json.loads(project.python("-c", READ, str(scored)).stdout) == wanted
    project.must("deploy")
    rows = json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))
    assert from_service(f"http://127.0.0.1:{port_of(project.root)}", rows) == wanted
