"""The commands of the pipeline: `pipeline` runs the stages that DVC finds changed."""

from __future__ import annotations

from lifecycle.core.command import Command, option

COMMANDS = (
    Command("source", "lifecycle.pipeline.fetch:main", "Bring the source's files to data/source"),
    Command("pipeline", "lifecycle.pipeline.repro:main", "Run the stages that have changed"),
    Command("ingest", "lifecycle.pipeline.ingest:main", "Make one snapshot of the source (stage)",
            is_long=True),
    Command("validate", "lifecycle.pipeline.validate:main", "Check the snapshot (stage)",
            is_long=True),
    Command("prepare", "lifecycle.pipeline.prepare:main", "Add features, and split (stage)"),
    Command("train", "lifecycle.pipeline.train:main", "Fit the model (stage)", is_long=True),
    Command("evaluate", "lifecycle.pipeline.evaluate:main", "Measure it on the holdout (stage)",
            is_long=True),
    Command("tune", "lifecycle.pipeline.tune:main", "Search hyper-parameters", (
        option("--write", action="store_true", help="write the best to params.yaml"),
    )),
    Command("docs", "lifecycle.pipeline.document:main", "Write the page of columns; check links"),
)  # fmt: skip
