"""What is private stays in the data: canaries in private columns are searched in what is written.

Private are a text that is part of the key, an open category and a number, both features of the
model and one of them behind a derived feature, and a number known only after the event. The
lifecycle runs, the service is asked, refuses, explains and is watched; then every file outside
data/ and DVC's cache is read, packed ones unpacked.
"""

import gzip
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from breaking import commit, edit, flights, weather
from running import PLAIN, Project, free_port, port_of, use_port

pytestmark = pytest.mark.slow
TAIL, DESTINATION = "QCANARYTAIL", "QCANARYDEST"
# What is added to every temperature and delay: no other number ends like this.
FRACTION = "045678"
CANARIES = re.compile(rb"QCANARY|\d\.\d{0,3}045678")
SCHEMA = (
    ("    {type: string, roles: [ignored], description: Aircraft, null_share: 0.02}",
     "    {type: string, roles: [key], description: Aircraft, private: hashed}"),
    ("    unknown_share: 0.005\n", "    unknown_share: 0.2\n    private: left_out\n"),
    ("  temperature:\n    {type: float, roles: [feature],",
     "  temperature:\n    {type: float, private: hashed, roles: [feature],"),
    ("{type: float, roles: [leak], description: Delay at departure,",
     "{type: float, roles: [leak], private: left_out, description: Delay at departure,"),
)  # fmt: skip
PARAMS = (
    ("    - carrier\n", "    - carrier\n    - destination\n    - dewpoint_spread\n"),
    ("  minimum_slice_rows: 300", "  minimum_slice_rows: 50"),
    ("minimum: 0.45}", "minimum: 0.0}"),
    # So few rows a day are a window.
    ("  minimum_rows: 1000", "  minimum_rows: 100"),
)
# Rows of the holdout that have them all, as a client sends them.
SEND = """
import sys
from pathlib import Path
import polars as pl
from lifecycle.contract.columns import load_schema
from lifecycle.loop.replay.traffic import Traffic

schema = load_schema()
rows = pl.read_parquet("data/holdout.parquet")
Traffic(sys.argv[1], 2, None).send(rows.head(2000).select(schema.request), schema.time, 20)
labels = Path("data/labels/labels.parquet")
labels.parent.mkdir(parents=True, exist_ok=True)
rows.select(*schema.names("key"), schema.target).write_parquet(labels)
canary = rows.filter(pl.col("destination").str.starts_with("QCANARY")).head(3)
assert canary.height == 3
text = pl.col(schema.time).dt.strftime("%Y-%m-%dT%H:%M:%S")
canary.select(schema.request).with_columns(text).write_json("data/canary.json")
"""
PARQUET = "import sys, polars as pl; print(pl.read_parquet(sys.argv[1]).write_json())"


def plant(project: Project) -> None:
    """Mark columns private, and give them values that stand nowhere else."""
    edit(project, "schema.yaml", SCHEMA)
    edit(project, "params.yaml", PARAMS)
    with flights(project) as columns:
        known = columns["tailnum"]
        columns["tailnum"] = [TAIL + name for name in known]
        columns["dest"] = [DESTINATION if d == "ATL" else d for d in columns["dest"]]
        delays = columns["dep_delay"]
        columns["dep_delay"] = [v if v == "NA" else f"{v}.0{FRACTION}" for v in delays]
    with weather(project) as columns:
        columns["temp"] = [
            v if v == "NA" else f"{v if '.' in v else v + '.'}0{FRACTION}" for v in columns["temp"]
        ]


def contents(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a file's content, and what is packed in it."""
    yield name, data
    if data[:2] == b"\x1f\x8b":
        yield from contents(f"{name}:gz", gzip.decompress(data))
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from contents(f"{name}:{member}", archive.read(member))
    elif data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as unpacked:
            for one in unpacked:
                found = unpacked.extractfile(one)
                if found:
                    yield from contents(f"{name}:{one.name}", found.read())


def written(project: Project) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of every file outside the data, DVC's cache and git's objects."""
    skipped = ("data/", ".dvc/cache/", ".dvc/storage", ".git/objects/")
    for path in sorted(project.root.rglob("*")):
        name = path.relative_to(project.root).as_posix()
        if not path.is_file() or path.is_symlink() or name.startswith(skipped):
            continue
        yield from contents(name, path.read_bytes())
        if path.suffix == ".parquet":
            done = project.python("-c", PARQUET, str(path))
            assert done.returncode == 0, done.stderr
            yield f"{name}:rows", done.stdout.encode()


def places(project: Project, printed: str) -> dict[str, bytes]:
    """Return where a canary stands, with what is around it."""
    found = {}
    for name, data in [("(printed)", printed.encode()), *written(project)]:
        if match := CANARIES.search(data):
            found[name] = data[max(0, match.start() - 60) : match.end() + 20]
    return found


def ask(project: Project) -> None:
    """Ask the service with canaries: answered, explained, refused in several ways."""
    url = f"http://127.0.0.1:{port_of(project.root)}"
    sent = project.python("-c", SEND, url)
    assert sent.returncode == 0, sent.stderr
    records = json.loads((project.root / "data/canary.json").read_text(encoding="utf-8"))
    spoilt = {"temperature": "hot", "tail_number": 7, "destination": None, "distance": -1}
    bodies = [(200, records), *((400, [{**records[0], name: bad}]) for name, bad in spoilt.items())]
    for status, body in bodies:
        answer = httpx.post(f"{url}/v1/predict", json={"records": body, "explain": True}, **PLAIN)
        assert answer.status_code == status, answer.text


def test_nothing_but_the_data_has_a_value_of_a_private_column(
    unrun: Project, tmp_path: Path
) -> None:
    project = unrun.copy(tmp_path / "flight-delay")
    use_port(project.root, free_port())
    plant(project)
    commit(project)
    try:
        printed = [project.must("lifecycle", "predict")]
        ask(project)
        rows, scored = (project.root / f"data/{name}.parquet" for name in ("holdout", "scored"))
        printed.append(project.must("batch", f"INPUT={rows}", f"OUTPUT={scored}"))
        monitored = project.make("monitor")
        printed += [monitored.stdout, monitored.stderr, project.must("docs", "report", "bundle")]
    finally:
        project.must("stop")
    assert places(project, "\n".join(printed)) == {}
    # The search finds what is there: the data have them.
    assert TAIL.encode() in (project.root / "data/canary.json").read_bytes()
