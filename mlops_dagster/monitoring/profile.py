"""Profiles a Spark frame on a baseline's cells, in this process where its rows are few.

Otherwise Spark's workers count them: one scan, one row a slice and column comes back.
"""

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, cast

from pyspark import cloudpickle
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.transfer import few_rows, table_if_small
from mlops_dagster.monitoring.counts import Profile, WrongType
from mlops_dagster.monitoring.grid import Grid, NumericGrid
from mlops_dagster.monitoring.tally import CountedRow, profile_from_rows
from mlops_dagster.workers import profile as worker

if TYPE_CHECKING:
    from mlops_dagster.monitoring.baseline import Baseline

# Examples of unseen values fetched a column: more than one partition's, so that frequent ones win.
_EXAMPLES = 200

# Slices times columns: 500 columns in all rows and in 99 slice values.
_MOST_ROWS = 50_000

_SUMMED = ("rows", "nulls", "nans", "positive_infinities", "negative_infinities", "zeros")


def window_profile(frame: DataFrame, baseline: "Baseline", *, limit_rows_here: int = 0) -> Profile:
    """Count a window's rows on the baseline's cells.

    Costs one scan of the needed columns; on workers a shuffle of one row a partition, slice and
    column beside it. Counts are the same either way; sums are added in another order. Columns that
    are not in the frame or cannot be counted as their kind are named in the profile instead of
    failing it: they are findings.

    Args:
        frame: Rows of the window with features, prediction and slice columns by the baseline's
            names.
        baseline: The baseline of the model in charge.
        limit_rows_here: Up to so many rows, and 32 MB, are fetched and counted by this process;
            starting workers takes longer than a few rows do.

    Raises:
        TransientEngineError: The session or server went away.
    """
    grid = baseline.grid
    types = {field.name: field.dataType for field in frame.schema.fields}
    names = baseline.needed_columns
    absent = [name for name in names if name not in types]
    wrong = [
        w for w in (_wrong_type(grid, name, types[name]) for name in names if name in types) if w
    ]
    uncounted = {*absent, *(w.column for w in wrong)}
    columns = [c for c in grid.columns if c.name not in uncounted]
    slices = [s for s in grid.slices if s.name not in uncounted]
    rows: list[CountedRow] = []
    if columns:
        # mapInArrow refers to its input by unquoted names, which not every name survives.
        plain = {name: f"c{i}" for i, name in enumerate(n for n in names if n not in uncounted)}
        needed = frame.select(
            *(_countable(grid, name, types[name]).alias(plain[name]) for name in plain)
        )
        count = worker.counter(
            [c.cells._replace(name=plain[c.name]) for c in columns],
            [s.cells._replace(name=plain[s.name]) for s in slices],
        )
        counted = _counted_here(needed, count, limit_rows=limit_rows_here)
        if counted is None:
            counted = _counted_by_workers(needed, count)
        rows = _with_names(counted, {short: name for name, short in plain.items()})
    return profile_from_rows(rows, grid, absent=absent, wrong_types=wrong)


def _counted_here(
    frame: DataFrame, count: worker.Count, *, limit_rows: int
) -> list[CountedRow] | None:
    """Return the counts of rows that this process fetches; None where they are too many."""
    if limit_rows == 0:
        return None
    rows = table_if_small(frame, what="the rows of a window to profile", limit_rows=limit_rows)
    if rows is None:
        return None
    batches = rows.combine_chunks().to_batches()
    return [row for counted in count(batches) for row in counted.to_pylist()]


def _counted_by_workers(frame: DataFrame, count: worker.Count) -> list[CountedRow]:
    cloudpickle.register_pickle_by_value(worker)  # type: ignore[no-untyped-call]
    partial = frame.mapInArrow(count, worker.PARTIAL_SCHEMA)
    summed = partial.groupBy("slice_key", "slice_value", "column").agg(
        *(F.sum(name).alias(name) for name in _SUMMED),
        F.min("low").alias("low"),
        F.max("high").alias("high"),
        _sum_arrays("counts", "bigint"),
        _sum_arrays("sums", "double"),
        _sum_arrays("moments", "double"),
        F.slice(F.flatten(F.collect_list("unseen")), 1, _EXAMPLES).alias("unseen"),
    )
    found = few_rows(summed, what="the profile of a window", at_most=_MOST_ROWS)
    return cast(list[CountedRow], [row.asDict(recursive=True) for row in found])


def _with_names(rows: list[CountedRow], names: Mapping[str, str]) -> list[CountedRow]:
    for row in rows:
        row["column"] = names[row["column"]]
        row["slice_key"] = None if row["slice_key"] is None else names[row["slice_key"]]
    return rows


def _sum_arrays(name: str, element: str) -> Column:
    """Sum arrays cell by cell; sorted first, since doubles add up differently in another order."""
    empty = F.array().cast(f"array<{element}>")
    zero = F.lit(0).cast(element)

    def add(total: Column, part: Column) -> Column:
        return F.zip_with(total, part, lambda a, b: F.coalesce(a, zero) + F.coalesce(b, zero))

    return F.aggregate(F.array_sort(F.collect_list(name)), empty, add).alias(name)


def _wrong_type(grid: Grid, name: str, found: T.DataType) -> WrongType | None:
    numeric = any(isinstance(c, NumericGrid) and c.name == name for c in grid.columns)
    countable = (T.NumericType, T.BooleanType) if numeric else (T.AtomicType,)
    if isinstance(found, (*countable, T.NullType)):
        return None
    expected = "a number" if numeric else "a string, number, boolean, date or timestamp"
    return WrongType(column=name, expected=expected, found=found.simpleString())


def _countable(grid: Grid, name: str, found: T.DataType) -> Column:
    """Return the column in a form that Arrow and the worker read alike.

    A column may be numeric and a slice at once, so numbers stay as they are; dates and decimals
    become texts only where they are categories.
    """
    column = F.col(quote(name))
    numeric = any(isinstance(c, NumericGrid) and c.name == name for c in grid.columns)
    if numeric:
        return column.cast("double")
    plain = (T.StringType, T.IntegralType, T.FloatType, T.DoubleType, T.BooleanType)
    return column if isinstance(found, plain) else column.cast("string")


def add_profiles(profiles: list[Profile]) -> Profile:
    """Return the profile of all row sets together, such as the hours of a day.

    Raises:
        MonitoringError: They do not share one grid.
    """
    return reduce(lambda a, b: a + b, profiles)
