"""The rows of a query, a piece at a time, from any database that SQLAlchemy has a driver for.

The password comes from the environment, or from the database's own files (~/.pgpass). What the
query does besides reading is rolled back.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy
from sqlalchemy import exc

from lifecycle.contract.errors import StageError
from lifecycle.core.csv_file import check_names

ROWS = 50_000
# What a frame has no type for becomes text: an identifier (UUID), an address.
HELD = {bool, int, float, str, bytes, Decimal, date, datetime, time, timedelta}
DRIVER = "add its driver to requirements/development.in, then type `make lock setup`"


def fetch(place: str, query: str, target: Path, root: Path) -> None:
    """Write the rows of a query to a Parquet file.

    Raises:
        StageError: the database cannot be reached, or refuses the query.
    """
    url = _url(place, root)
    engine = _engine(url)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as scratch:
            parts = list(_write_parts(engine, query, Path(scratch)))
            every = [pl.scan_parquet(part, glob=False) for part in parts]
            pl.concat(every, how="vertical_relaxed").sink_parquet(target, row_group_size=ROWS)
    except (exc.SQLAlchemyError, pl.exceptions.PolarsError, OverflowError) as error:
        raise StageError(f"data.source: the query failed: {_said(error, url)}") from None
    finally:
        engine.dispose()


def only_table(place: str, root: Path) -> str:
    """Return a query for all rows of the only table that a database has.

    Raises:
        StageError: it has none or several, or cannot be reached.
    """
    url = _url(place, root)
    engine = _engine(url)
    try:
        names = sqlalchemy.inspect(engine).get_table_names()
        if len(names) != 1:
            raise StageError(f"the database has the tables {', '.join(names) or 'none'}",
                             "say which rows by QUERY='SELECT ...'")  # fmt: skip
        return f"SELECT * FROM {engine.dialect.identifier_preparer.quote(names[0])}"  # noqa: S608
    except exc.SQLAlchemyError as error:
        raise StageError(f"data.source: the database cannot be read: {_said(error, url)}") from None
    finally:
        engine.dispose()


def _engine(url: sqlalchemy.URL) -> sqlalchemy.Engine:
    try:
        return sqlalchemy.create_engine(url, hide_parameters=True)
    except exc.NoSuchModuleError:
        raise StageError(f"no database is called {url.drivername}", DRIVER) from None
    except ImportError as error:
        raise StageError(f"{url.drivername}: {error.name} is not installed", DRIVER) from None


def _url(place: str, root: Path) -> sqlalchemy.URL:
    """Return the parts of a URL; a file of SQLite is relative to the project's folder."""
    try:
        url = sqlalchemy.make_url(place)
    except (exc.ArgumentError, ValueError):
        said = "the URL of data.source is none (it is not shown: it may hold a password)"
        advice = "write dialect://user@host:port/database, and @ in a password as %40"
        raise StageError(said, advice) from None
    if url.get_backend_name() == "sqlite" and url.database and ":" not in url.database:
        path = root / Path(url.database).expanduser()
        # SQLite would make an empty one.
        if not path.is_file():
            raise StageError(f"{path} is missing", "see data.source.url of params.yaml")
        return url.set(database=str(path))
    return url


def _write_parts(engine: sqlalchemy.Engine, query: str, folder: Path) -> Iterator[Path]:
    """Write the rows in files, each with the types that its own rows have."""
    with engine.connect() as connection:
        streamed = connection.execution_options(
            stream_results=True, yield_per=ROWS, no_parameters=True
        )
        result = streamed.exec_driver_sql(query)
        if not result.returns_rows:
            raise StageError(
                "data.source.query returns no rows", "give one that begins with SELECT"
            )
        names = list(result.keys())
        check_names(Path("data.source.query"), names)
        number = 0
        for number, rows in enumerate(result.partitions(), 1):
            path = folder / f"{number:06}.parquet"
            _frame(names, rows).write_parquet(path)
            yield path
        if not number:
            path = folder / "none.parquet"
            pl.DataFrame(schema=dict.fromkeys(names, pl.Null)).write_parquet(path)
            yield path


def _frame(names: list[str], rows: Sequence[Any]) -> pl.DataFrame:
    columns = zip(*rows, strict=True)
    return pl.DataFrame(
        [_series(name, list(values)) for name, values in zip(names, columns, strict=True)]
    )


def _series(name: str, values: list[Any]) -> pl.Series:
    """Return a column in the type that its values have; text where they have several."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, Decimal} and all(value is None or _finite(value) for value in values):
        convert: Any = Decimal if Decimal in kinds else int
    elif kinds <= {int, float, Decimal}:
        convert = float
    elif kinds == {datetime}:
        convert = _moment
    else:
        convert = (lambda value: value) if len(kinds) == 1 and kinds <= HELD else str
    return pl.Series(name, [None if value is None else convert(value) for value in values])


def _finite(value: int | Decimal) -> bool:
    return isinstance(value, int) or value.is_finite()


def _moment(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo else value


def _said(error: Exception, url: sqlalchemy.URL) -> str:
    """Return the reason in one line, without the password."""
    said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    for value in filter(None, (str(url.password or ""), url.render_as_string(hide_password=False))):
        said = said.replace(value, "***")
    return said
