"""Computing a derived table: its SELECT or its hook over frames."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from uuid import uuid4

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.data.kept import kept_rows
from mlops_dagster.errors import ExpressionError, HookError
from mlops_dagster.hooks import load_hook
from mlops_dagster.spec.hooks import HookSource
from mlops_dagster.spec.workspace import ResolvedTable


@contextmanager
def computed(
    session: SparkSession, table: ResolvedTable, frames: Mapping[str, DataFrame]
) -> Iterator[DataFrame]:
    """Yield what a table's SQL or hook makes of its inputs; lazy, to be used inside the block.

    Args:
        session: A Spark session.
        table: A table of SQL or of a hook, or one that keeps rows.
        frames: Rows of its inputs by name.

    Raises:
        HookError: The hook failed or gave no DataFrame.
        ExpressionError: Spark refuses the SQL.
    """
    views: dict[str, str] = {}
    try:
        if table.sql is not None:
            for name, frame in frames.items():
                views[name] = f"mlops_{name}_{uuid4().hex}"
                frame.createTempView(views[name])
            yield _select(session, table, views)
        elif table.kind == "keep":
            (rows,) = frames.values()
            yield kept_rows(rows, table)
        elif table.hook is not None:
            yield _call(table.hook, frames)
        else:
            raise ValueError(f"{table.ref} is not computed from other tables")
    finally:
        for view in views.values():
            session.catalog.dropTempView(view)


def _select(session: SparkSession, table: ResolvedTable, views: Mapping[str, str]) -> DataFrame:
    if table.sql is None:
        raise ValueError(f"{table.ref} has no SQL")
    try:
        return session.sql(table.sql.render(views))
    except AnalysisException as error:
        raise ExpressionError(
            "Spark refuses the SQL",
            where=f"{table.position[0]}:{table.position[1]} {table.ref}",
            found=str(error).split("JVM stacktrace")[0].strip(),
        ) from error


def _call(hook: HookSource, frames: Mapping[str, DataFrame]) -> DataFrame:
    where = f"{hook.file}:{hook.line}"
    if set(hook.parameters) != set(frames):
        raise HookError(
            f"the parameters of '{hook.name}' are not the table's inputs",
            where=where,
            expected=", ".join(sorted(frames)),
            found=", ".join(hook.parameters),
        )
    function = load_hook(hook)
    try:
        rows = function(**frames)
        if isinstance(rows, DataFrame):
            _ = rows.schema
    except Exception as error:
        raise HookError(
            f"'{hook.name}' failed: {type(error).__name__}: {error}", where=where
        ) from error
    if not isinstance(rows, DataFrame):
        raise HookError(
            f"'{hook.name}' gave no rows",
            where=where,
            expected="a pyspark.sql.DataFrame",
            found=type(rows).__name__,
        )
    return rows
