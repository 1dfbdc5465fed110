"""Delta tables as values of assets: users' own code reads ours and feeds us its own.

The annotation decides what is handed over: a Spark DataFrame (lazy, any size), a pandas DataFrame or a pyarrow Table
(both within the engine's transfer limits).
"""

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import ConfigDict

from mlops_dagster.assets.keys import table_ref
from mlops_dagster.assets.metadata import published_metadata
from mlops_dagster.clock import utc_now
from mlops_dagster.errors import SourceError, TerminalError
from mlops_dagster.resources.spark import SparkResource
from mlops_dagster.resources.workspace import WorkspaceResource
from mlops_dagster.spec.refs import STATIC

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    Rows = DataFrame | pd.DataFrame | pa.Table

# Outputs without a declared code version are told apart by their rows alone.
_NO_CODE_VERSION = "undeclared"


class DeltaIOManager(dg.ConfigurableIOManager):
    """Reads and writes the tables of the workspace at `[owner, layer, name]`.

    Reading takes the version that was published last, limited to the partitions asked for. Writing replaces the slice
    of the partition (or the whole table) in one commit, behind the same fence as every other write. For several
    partitions in one run the rows must say theirs in a column `window`.
    """

    model_config = ConfigDict(extra="forbid")

    mlops: dg.ResourceDependency[WorkspaceResource]
    spark: dg.ResourceDependency[SparkResource]

    def load_input(self, context: dg.InputContext) -> "Rows":
        """Return the rows of the upstream asset as the type that the input is annotated with.

        Raises:
            SourceError: None of the partitions was published.
            TransferTooLarge: A pandas or pyarrow input exceeds the limits.
        """
        from mlops_dagster.tables.pins import pin, pin_published

        ref = table_ref(context.asset_key)
        store, locations = self.mlops.store, self.mlops.locations
        if context.has_asset_partitions:
            found = pin_published(store, ref, list(context.asset_partition_keys))
            if found is None:
                raise SourceError(
                    "none of these windows is published",
                    where=str(ref),
                    expected=", ".join(context.asset_partition_keys),
                    next_step=f"Materialize {context.asset_key.to_user_string()} first.",
                )
        else:
            found = pin(store, ref, None)
        session = self.spark.spark_session
        return _as_type(found.read(session, locations), context.dagster_type.typing_type, str(ref))

    def handle_output(self, context: dg.OutputContext, obj: "Rows | None") -> None:
        """Publish the rows as the slice of the asset's partition and report them.

        Raises:
            TerminalError: Several partitions, and the rows have no column `window`.
            SupersededWrite: A newer run took the slice over.
        """
        from pyspark.sql import functions as F

        from mlops_dagster.tables.publish import publish_frame
        from mlops_dagster.tables.slices import WINDOW_COLUMN, Slice

        if obj is None:
            return
        ref = table_ref(context.asset_key)
        with self.spark.step(str(ref)) as session:
            frame = _as_spark(session, obj)
            keys = list(context.asset_partition_keys) if context.has_asset_partitions else [STATIC]
            if len(keys) > 1 and WINDOW_COLUMN not in frame.columns:
                raise TerminalError(
                    "one run writes several windows, but the rows do not say which is theirs",
                    where=str(ref),
                    expected=f"a column '{WINDOW_COLUMN}' with keys such as {keys[0]}",
                )
            for key in keys:
                rows = frame
                if WINDOW_COLUMN in frame.columns:
                    rows = frame.where(F.col(WINDOW_COLUMN) == key).drop(WINDOW_COLUMN)
                publication = publish_frame(
                    session,
                    frame=rows,
                    target=Slice(ref, key),
                    as_of=utc_now(),
                    store=self.mlops.store,
                    locations=self.mlops.locations,
                    run_id=context.run_id,
                    code_version=_NO_CODE_VERSION,
                )
                context.add_output_metadata(
                    published_metadata(publication.published, partitioned=key != STATIC)
                )


def _as_spark(session: "SparkSession", rows: "Rows") -> "DataFrame":
    """Return rows of any supported type as a Spark DataFrame.

    Raises:
        TerminalError: The type is none of the supported ones.
    """
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from mlops_dagster.engine.transfer import frame_from_pandas

    if isinstance(rows, DataFrame):
        return rows
    if isinstance(rows, pa.Table):
        return frame_from_pandas(session, rows.to_pandas())
    if isinstance(rows, pd.DataFrame):
        return frame_from_pandas(session, rows)
    raise _unknown_type(type(rows).__name__)


def _as_type(frame: "DataFrame", wanted: object, what: str) -> "Rows":
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from mlops_dagster.engine.transfer import rows_to_client

    if isinstance(wanted, type):
        if issubclass(wanted, pd.DataFrame):
            return rows_to_client(frame, what=what)
        if issubclass(wanted, pa.Table):
            return pa.Table.from_pandas(rows_to_client(frame, what=what), preserve_index=False)
        if issubclass(wanted, DataFrame) or wanted is object:
            return frame
        raise _unknown_type(wanted.__name__)
    return frame


def _unknown_type(name: str) -> TerminalError:
    return TerminalError(
        "the Delta IO manager does not know this type",
        expected="pyspark.sql.DataFrame, pandas.DataFrame or pyarrow.Table",
        found=name,
    )
