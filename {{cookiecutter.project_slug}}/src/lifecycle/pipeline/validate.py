"""Validate lets a snapshot pass only if every expectation holds (ML Test Score, Data 1).

Great Expectations is the only validator. The report names column, rule, count and share, with a
few example rows by their key; the same results are rendered as Data Docs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from lifecycle.contract.columns import Schema, load_schema
from lifecycle.contract.errors import StageError
from lifecycle.contract.files import write_json
from lifecycle.core.command import project_root
from lifecycle.core.moments import named
from lifecycle.core.params import load_params
from lifecycle.core.timing import window_of
from lifecycle.core.window import Unit, Window, day_after, first_day
from lifecycle.pipeline import withheld
from lifecycle.pipeline.suite import Beyond, Expectation, load_beyond, of_periods, of_snapshot

WEEK = 7


def with_derived(frame: pl.DataFrame, beyond: Beyond) -> pl.DataFrame:
    """Add the columns that expectations/suite.yaml derives.

    Raises:
        StageError: an expression names a column that is not there or is no SQL.
    """
    for name, expression in beyond.derived.items():
        try:
            # The expression is the project's own, reviewed like code.
            frame = frame.sql(f"select *, {expression} as {name} from self")  # noqa: S608
        except pl.exceptions.PolarsError as error:
            reason = str(error).splitlines()[0]
            raise StageError(f"expectations/suite.yaml: derived.{name}: {reason}") from None
    return frame


def periods(
    frame: pl.DataFrame, schema: Schema, unit: Unit = "month", window: Window | None = None
) -> pl.DataFrame:
    """Return a row a month, or another unit: rows a day, and the change against the one before.

    Of a period that the window cuts, its days within count; where those are too few for one of
    each weekday, it is not compared.
    """
    counts = frame.group_by(named(pl.col(schema.clock), unit).alias(unit)).len().sort(unit)
    days = []
    for name in counts[unit]:
        whole = (day_after(name) - first_day(name)).days
        within = window.days_of(name) if window else whole
        days.append(within if within >= min(WEEK, whole) else None)
    rate = (counts["len"] / pl.Series(days, dtype=pl.Int64)).alias("rows_a_day")
    return counts.with_columns(rate, (rate / rate.shift(1) - 1).alias("row_count_change"))


def _context(gx: Any, docs: Path) -> Any:
    """Return a Great Expectations context that keeps nothing but the Data Docs."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    context.add_data_docs_site(
        site_name="local",
        site_config={
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs.resolve()),
            },
        },
    )  # fmt: skip
    return context


def check(
    frames: dict[str, tuple[pl.DataFrame, Sequence[Expectation], list[str]]],
    docs: Path,
    examples: int,
    private: frozenset[str] = frozenset(),
) -> list[dict[str, Any]]:
    """Validate frames by name: (frame, expectations, columns that identify a row).

    Returns one result an expectation, in order. Data Docs are written to `docs`. Of the columns
    in `private` neither has a value.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx  # four seconds, so nothing else imports it

    context = _context(gx, docs)
    source = context.data_sources.add_pandas("project")
    found: list[dict[str, Any]] = []
    for name, (frame, expectations, identity) in frames.items():
        suite = context.suites.add(gx.ExpectationSuite(
            name=name, expectations=[e.model_dump() for e in expectations]
        ))  # fmt: skip
        batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("whole")
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(name=name, data=batch, suite=suite)
        )
        outcome = context.checkpoints.add(gx.Checkpoint(
            name=name, validation_definitions=[definition],
            result_format={
                "result_format": "SUMMARY", "partial_unexpected_count": examples,
            },
        )).run(batch_parameters={"dataframe": frame.to_pandas()})  # fmt: skip
        shown = [key for key in identity if key not in private]
        for key, validation in outcome.run_results.items():
            for result in validation.results:
                rows = _examples(frame, shown, examples, result)
                if withheld.concerns(result, private):
                    withheld.withhold(result)
                found.append(_result(name, frame, rows, result))
            context.validation_results_store.set(key, validation)
    # Last, of what is left of the results.
    context.build_data_docs(site_names=["local"])
    return found


def _examples(
    frame: pl.DataFrame, identity: list[str], count: int, result: Any
) -> list[dict[str, str]]:
    """Return a few rows that a result is about, by their key.

    Rows by number, then by key here: Great Expectations' own look-up of key columns is a loop over
    every unexpected row, 12 seconds where a column is mostly null.
    """
    numbers = (result.result.get("partial_unexpected_index_list") or [])[:count]
    rows = frame.select(identity)[numbers].to_dicts() if numbers else []
    return [{key: str(value) for key, value in row.items()} for row in rows]


def _result(
    name: str, frame: pl.DataFrame, examples: list[dict[str, str]], result: Any
) -> dict[str, Any]:
    """Flatten one Great Expectations result."""
    kwargs = result.expectation_config.kwargs
    pair = [kwargs[name] for name in ("column_A", "column_B") if name in kwargs]
    column = kwargs.get("column") or ", ".join(kwargs.get("column_list", pair)) or "(table)"
    hidden = ("column", "batch_id", "value_set", "column_list", "column_set")
    limits = {
        k: v if isinstance(v, (int, float, str, bool, type(None))) else str(v)
        for k, v in kwargs.items()
        if k not in hidden
    }
    raised = [
        info["exception_message"]
        for info in (result.exception_info or {}).values()
        if isinstance(info, dict) and info.get("raised_exception")
    ]
    count = result.result.get("unexpected_count", 0 if result.success else frame.height)
    return {
        "data": name,
        "column": column,
        "rule": result.expectation_config.type,
        "required": limits,
        "passed": bool(result.success),
        "count": int(count),
        "share": round(int(count) / max(frame.height, 1), 6),
        "examples": examples,
        **({"observed": str(result.result["observed_value"])[:200]}
           if "observed_value" in result.result else {}),
        **({"could_not_be_checked": raised[0].splitlines()[0]} if raised else {}),
    }  # fmt: skip


def failure_lines(failed: Sequence[dict[str, Any]]) -> list[str]:
    """Return the table of failures: a line each with column, rule, count and share of rows."""
    lines = [f"{'column':32} {'rule':44} {'rows':>8} {'share':>9}"]
    for one in failed:
        rule = one["rule"].removeprefix("expect_")
        lines.append(f"{one['column'][:32]:32} {rule[:44]:44} {one['count']:8} {one['share']:9.4%}")
        if "could_not_be_checked" in one:
            lines.append(f"    could not be checked: {one['could_not_be_checked'][:120]}")
    return lines


def main() -> None:
    """Validate the snapshot; any expectation that fails stops the line."""
    params, schema, beyond = load_params(), load_schema(), load_beyond()
    root = project_root()
    frame = pl.read_parquet(root / params.paths.snapshot, glob=False)
    unit, window = params.data.unit, window_of(params, schema)
    counts = periods(frame, schema, unit, window) if window else None
    results = check(
        {
            "snapshot": (
                with_derived(frame, beyond),
                of_snapshot(schema, window, beyond),
                schema.names("key"),
            ),
            **(
                {}
                if counts is None
                else {f"{unit}s": (counts, of_periods(params.validate_, unit), [unit])}
            ),
        },
        root / params.paths.data_docs,
        params.validate_.example_rows,
        withheld.names(schema, beyond),
    )
    failed = [result for result in results if not result["passed"]]
    report = {"passed": not failed, "rows": frame.height, "checked": len(results)}
    write_json(
        root / params.paths.validation_report,
        {
            **report,
            "failed": failed,
            "row_counts": [] if counts is None else counts.to_dicts(),
            "results": results,
        },
    )
    if failed:
        print("\n".join(failure_lines(failed)), flush=True)
        first = failed[0]
        raise StageError(
            f"{len(failed)} of {len(results)} expectations failed, first {first['column']}: "
            f"{first['rule']}, {first['count']} rows; see {params.paths.validation_report}",
            about=dict.fromkeys(one["column"] for one in failed),
        )
    print(f"validate: {len(results)} expectations hold on {frame.height} rows")
