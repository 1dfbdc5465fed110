"""Delta tables as values of assets: users' own code reads ours and feeds us its own.

The annotation decides what is handed over: a Spark DataFrame (lazy, any size), a pandas DataFrame
or a pyarrow Table (both within the engine's transfer limits).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import ConfigDict

from mlops_dagster.assets.keys import table_ref
from mlops_dagster.assets.metadata import Metadata, published_metadata
from mlops_dagster.assets.stage import stage_errors
from mlops_dagster.clock import utc_now
from mlops_dagster.errors import SourceError, TerminalError
from mlops_dagster.io_managers.rows import rows_as, spark_rows
from mlops_dagster.resources.spark import SparkResource
from mlops_dagster.resources.workspace import WorkspaceResource
from mlops_dagster.spec.refs import STATIC, TableRef

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from mlops_dagster.io_managers.rows import Rows
    from mlops_dagster.state.fence import SlicePublished

# Outputs without a declared code version are told apart by their rows alone.
_NO_CODE_VERSION = "undeclared"


class DeltaIOManager(dg.ConfigurableIOManager):
    """Reads and writes the tables of the workspace at `[owner, layer, name]`.

    Reading takes the version that was published last, limited to the partitions asked for. Writing
    replaces the slice of the partition (or the whole table) in one commit, behind the same fence as
    every other write. For several partitions in one run the rows must say theirs in a column
    `window`.
    """

    model_config = ConfigDict(extra="forbid")

    mlops: dg.ResourceDependency[WorkspaceResource]
    spark: dg.ResourceDependency[SparkResource]

    def load_input(self, context: dg.InputContext) -> "Rows":
        """Return the rows of the upstream asset as the type that the input is annotated with.

        Windows among those asked for that are not published hold no rows; the log names them.

        Raises:
            dagster.Failure: The key names no table, nothing of it is published, or the rows are too
                many for pandas or pyarrow.
        """
        with stage_errors():
            ref = _table(context.asset_key)
            frame = self._published(context, ref)
            return rows_as(frame, context.dagster_type.typing_type, what=str(ref))

    def handle_output(self, context: dg.OutputContext, obj: "Rows | None") -> None:
        """Publish the rows as the slice of each of the run's partitions and report them.

        Raises:
            dagster.Failure: The key names no table, the rows cannot be stored or do not say their
                windows, or a newer run took a slice over.
        """
        if obj is None:
            return
        with stage_errors():
            ref = _table(context.asset_key)
            keys = list(context.asset_partition_keys) if context.has_asset_partitions else [STATIC]
            with self.spark.step(str(ref)) as session:
                rows = spark_rows(session, obj, what=str(ref))
                slices = {
                    key: self._publish(context, ref, key, part)
                    for key, part in _by_window(rows, keys, what=str(ref))
                }
        context.add_output_metadata(_metadata(slices))

    def _published(self, context: dg.InputContext, ref: TableRef) -> "DataFrame":
        from mlops_dagster.tables.pins import pin, pin_published

        session = self.spark.spark_session
        if not context.has_asset_partitions:
            return pin(self.mlops.store, ref, None).read(session, self.mlops.locations)
        keys = list(context.asset_partition_keys)
        found = pin_published(self.mlops.store, ref, keys)
        if found is None:
            raise SourceError(
                "none of these windows is published",
                where=str(ref),
                expected=", ".join(keys),
                next_step=f"Materialize {context.asset_key.to_user_string()} first.",
            )
        missing = [key for key in keys if key not in (found.windows or ())]
        if missing:
            context.log.warning(f"{ref} is not published for {', '.join(missing)}")
        return found.read(session, self.mlops.locations)

    def _publish(
        self, context: dg.OutputContext, ref: TableRef, key: str, rows: "DataFrame"
    ) -> "SlicePublished":
        from mlops_dagster.tables.publish import publish_frame
        from mlops_dagster.tables.slices import Slice

        return publish_frame(
            self.spark.spark_session,
            frame=rows,
            target=Slice(ref, key),
            as_of=self._as_of(ref, key),
            store=self.mlops.store,
            locations=self.mlops.locations,
            run_id=context.run_id,
            code_version=_NO_CODE_VERSION,
        ).published

    def _as_of(self, ref: TableRef, key: str) -> datetime:
        """Return the close of the window, as for our own tables; the present for static tables."""
        use_case = self.mlops.workspace.use_cases.get(ref.owner)
        if key == STATIC or use_case is None or use_case.calendar is None:
            return utc_now()
        return use_case.calendar.as_of_close(key)


def _table(key: dg.AssetKey) -> TableRef:
    try:
        return table_ref(key)
    except ValueError as error:
        raise TerminalError(
            "the key of this asset names no table",
            where=key.to_user_string(),
            expected="three parts: [owner, layer, name]",
            found=f"{len(key.path)}",
        ) from error


def _by_window(
    rows: "DataFrame", keys: list[str], *, what: str
) -> Iterator[tuple[str, "DataFrame"]]:
    from pyspark.sql import functions as F

    from mlops_dagster.engine.transfer import few_rows
    from mlops_dagster.tables.slices import WINDOW_COLUMN

    if keys == [STATIC]:
        yield STATIC, rows
        return
    if WINDOW_COLUMN in rows.columns:
        window = F.col(WINDOW_COLUMN)
        others = rows.where(window.isNull() | ~window.isin(keys)).select(window).limit(1)
        for other in few_rows(others, what=what):
            raise TerminalError(
                "rows of a window that this run does not write",
                where=what,
                expected=f"{', '.join(keys)} in column '{WINDOW_COLUMN}'",
                found=str(other[0]),
            )
        for key in keys:
            yield key, rows.where(window == key).drop(WINDOW_COLUMN)
        return
    if len(keys) > 1:
        raise TerminalError(
            "one run writes several windows, but the rows do not say which is theirs",
            where=what,
            expected=f"a column '{WINDOW_COLUMN}' with keys such as {keys[0]}",
            found=f"the columns {', '.join(rows.columns)}",
        )
    yield keys[0], rows


def _metadata(slices: "Mapping[str, SlicePublished]") -> Metadata:
    if len(slices) == 1:
        key, only = next(iter(slices.items()))
        return published_metadata(only, partitioned=key != STATIC)
    return {
        "rows": dg.MetadataValue.int(sum(published.rows for published in slices.values())),
        "windows": dg.MetadataValue.table(
            [
                dg.TableRecord(
                    {
                        "window": key,
                        "rows": published.rows,
                        "digest": published.digest,
                        "delta_version": published.delta_version,
                    }
                )
                for key, published in slices.items()
            ]
        ),
    }
