"""Draws the lifecycle and the data flow as SVG, each readable in light and dark by its own ground.

`make drawings` writes them: the lifecycle into the project as well, whose README opens with it.
"""

from html import escape
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent / "{{cookiecutter.project_slug}}"
WIDTH = 680
# Text has a contrast of at least 4.5 to 1 on its ground, in both schemes.
STYLE = """
svg { --ground: #ffffff; --edge: #d0d7de; --text: #1f2328; --dim: #57606a; --pure: #e7f1fb;
  --effect: #f1ebfb; --gate: #fff0cf; --blue: #0b57a4; --violet: #6b4fa0; --amber: #8a5a00; }
@media (prefers-color-scheme: dark) { svg { --ground: #16181b; --edge: #45484d; --text: #e8e8e6;
  --dim: #b0b0ae; --pure: #15293f; --effect: #2a2140; --gate: #3b2e10; --blue: #8ec2f7;
  --violet: #c0aaf0; --amber: #f0c75a; } }
text { font: 15px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--text); }
.name { font-weight: 600; font-size: 17px; } .small { font-size: 13px; } .dim { fill: var(--dim); }
.ground { fill: var(--ground); stroke: var(--edge); }
.pure { fill: var(--pure); stroke: var(--blue); }
.effect { fill: var(--effect); stroke: var(--violet); }
.gate { fill: var(--gate); stroke: var(--amber); stroke-width: 2; }
.file { fill: none; stroke: var(--edge); }
.line { fill: none; stroke: var(--dim); stroke-width: 1.6; marker-end: url(#head); }
.plain { fill: none; stroke: var(--edge); stroke-dasharray: 5 4; }
#head path { fill: var(--dim); }
"""
HEAD = (
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
    'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>'
)
PURE = [
    ("ingest", "one snapshot"), ("validate", "expectations"), ("prepare", "split by time"),
    ("train", "XGBoost"), ("evaluate", "slices, fairness"),
]  # fmt: skip
EFFECTS = [
    ("monitor", "drift, quality"), ("serve", "BentoML, proxy"), ("deploy", "shadow, canary"),
    ("package", "Bento, SBOM"), ("register", "MLflow version"),
]  # fmt: skip
# What is read besides, the step, what it leaves, and what goes on to the next one.
FLOW = [
    (("source files", "project/source.py"), "ingest", ("ingest.json: profile",),
     "data/snapshot.parquet"),
    (("schema.yaml", "expectations/"), "validate", ("validation.json", "Data Docs"),
     "the same, all rules hold"),
    (("project/features.py",), "prepare", ("prepare.json",),
     "data/train.parquet, data/holdout.parquet"),
    (("project/model.py", "params.yaml: train"), "train", ("a run in MLflow",), "models/model.ubj"),
    (("the holdout",), "evaluate", ("metrics, slices, plots", "reference sample"),
     "reports/evaluation.json"),
    (("params.yaml: gate", "the champion's answers"), "gate", ("gate.json: the verdict",),
     "pass, else all stays as it is"),
    (("Git: the commit",), "register", ("a version in MLflow", "data in DVC's remote"),
     "alias challenger"),
    (("requirements/serving.txt",), "package", ("SBOM",), "a Bento"),
    (("API keys",), "deploy", ("state and audit log",), "alias champion"),
    (("requests",), "serve", ("answers", "metrics for Prometheus"), "the prediction log"),
    (("data/labels", "reference sample"), "monitor", ("monitor.json, a page", "alerts, what to do"),
     ""),
]  # fmt: skip


def box(x: int, y: int, width: int, height: int, kind: str) -> str:
    """Return a box with round corners."""
    place = f'x="{x}" y="{y}" width="{width}" height="{height}"'
    return f'<rect class="{kind}" {place} rx="7"/>'


def text(x: int, y: int, said: str, kind: str = "", anchor: str = "middle") -> str:
    """Return a line of text whose anchor is at a point."""
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(said)}</text>'


def line(path: str, kind: str = "line") -> str:
    """Return a line along an SVG path, which ends in an arrow's head."""
    return f'<path class="{kind}" d="{path}"/>'


def picture(title: str, description: str, height: int, parts: list[str]) -> str:
    """Return an SVG that tells what it shows to whoever does not see it."""
    around = box(0, 0, WIDTH - 1, height - 1, "ground").replace(
        '<rect class="ground" x="0" y="0"', '<rect class="ground" x="0.5" y="0.5"'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-labelledby="title description">\n'
        f'<title id="title">{escape(title)}</title>\n'
        f'<desc id="description">{escape(description)}</desc>\n'
        f"<style>{STYLE}</style>\n{HEAD}\n" + "\n".join([around, *parts]) + "\n</svg>\n"
    )


def lifecycle() -> str:
    """Return the lifecycle: pure stages, the gate, effects, and the way back to the beginning."""
    wide, high, step = 112, 54, 132
    upper, lower, bar = 46, 196, 128
    said = "Pure stages: cached by DVC, the same bytes each time"
    parts = [text(20, 30, said, "small dim", "start")]
    for number, (name, what) in enumerate(PURE):
        x = 20 + number * step
        parts += [box(x, upper, wide, high, "pure"), text(x + 56, upper + 23, name, "name"),
                  text(x + 56, upper + 42, what, "small dim")]  # fmt: skip
        if number:
            parts.append(line(f"M{x - 20} {upper + 27}H{x - 2}"))
    for number, (name, what) in enumerate(EFFECTS):
        x = 20 + number * step
        parts += [box(x, lower, wide, high, "effect"), text(x + 56, lower + 23, name, "name"),
                  text(x + 56, lower + 42, what, "small dim")]  # fmt: skip
        if number:
            parts.append(line(f"M{x} {lower + 27}H{x - 18}"))
    right, left, middle = 20 + 4 * step, 76, bar + 20
    centre = (right + left + 84) // 2
    parts += [
        line(f"M{right + 56} {upper + high}V{bar - 2}"), box(right, bar, wide, 40, "gate"),
        text(right + 56, bar + 25, "gate", "name"), line(f"M{right + 56} {bar + 40}V{lower - 2}"),
        line(f"M{right} {middle}H{left + 84}", "plain"),
        text(centre, middle - 7, "nothing passes but through the gate", "small dim"),
        text(centre, middle + 18, "refused: everything stays as it is", "small dim"),
        line(f"M{left} {lower}V{upper + high + 3}"),
        text(left + 9, middle + 5, "retrain", "name", "start"),
        text(20, lower + high + 22, "Effects: each safe to repeat", "small dim", "start"),
    ]  # fmt: skip
    order = [name for name, _ in PURE], [name for name, _ in reversed(EFFECTS)]
    return picture(
        "The lifecycle of a model",
        f"{', '.join(order[0])} are pure stages; the gate judges what they made; "
        f"{', '.join(order[1])} are effects; retrain begins again with newer data.",
        290, parts,
    )  # fmt: skip


def data_flow() -> str:
    """Return what each step reads besides, what it leaves, and what it hands on."""
    wide, high, step, first = 176, 42, 68, 52
    columns = (20, 252, 484)
    heads = ("read besides", "step, and what it hands on", "left behind")
    parts = [text(x + 88, 32, head, "small dim") for x, head in zip(columns, heads, strict=True)]
    for number, (read, name, left, passed) in enumerate(FLOW):
        y = first + number * step
        middle = y + high // 2
        kind = "pure" if number < 5 else "gate" if name == "gate" else "effect"
        parts += [box(columns[1], y, wide, high, kind),
                  text(columns[1] + 88, middle + 5, name, "name")]  # fmt: skip
        for x, lines in ((columns[0], read), (columns[2], left)):
            parts.append(box(x, y, wide, high, "file"))
            top = middle + 4 - 8 * (len(lines) - 1)
            parts += [text(x + 88, top + 16 * at, said, "small") for at, said in enumerate(lines)]
        parts += [line(f"M{columns[0] + wide} {middle}H{columns[1] - 3}"),
                  line(f"M{columns[1] + wide} {middle}H{columns[2] - 3}")]  # fmt: skip
        if passed:
            parts += [line(f"M{columns[1] + 88} {y + high}V{y + step - 3}"),
                      text(columns[1] + 98, y + 59, passed, "small dim", "start")]  # fmt: skip
    last = first + (len(FLOW) - 1) * step + high
    again = "retrain: a newer window of the source"
    parts += [
        line(f"M{columns[1] + 88} {last}V{last + 18}H8V{first + high // 2}H{columns[0] - 3}"),
        text(columns[1] + 98, last + 22, again, "small dim", "start"),
    ]  # fmt: skip
    return picture(
        "How data flows through the lifecycle",
        "From the source's files by way of snapshot, train and holdout, model, verdict, version "
        "and Bento to the service; its prediction log, with labels, is what the monitor judges.",
        last + 40, parts,
    )  # fmt: skip


def drawings() -> dict[Path, str]:
    """Return what is drawn, by the file where it belongs."""
    return {
        HERE / "lifecycle.svg": lifecycle(),
        HERE / "data-flow.svg": data_flow(),
        PROJECT / "docs" / "lifecycle.svg": lifecycle(),
    }


if __name__ == "__main__":
    for path, drawn in drawings().items():
        path.write_text(drawn, encoding="utf-8")
