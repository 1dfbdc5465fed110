"""Predictions of rows by a checked model: in this process where they are few, else on workers."""

from datetime import datetime

import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from mlops_dagster.engine.arrow import frame_from_arrow
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.transfer import table_if_small
from mlops_dagster.errors import ContractViolation, ModelRefused
from mlops_dagster.registry.bundle import LoadedModel
from mlops_dagster.registry.manifest import BundleInfo
from mlops_dagster.spec.models import Task
from mlops_dagster.workers import score as worker

SCORED_AT = "scored_at"
# The model travels inside the plan; Spark Connect refuses requests above 128 MB.
MAXIMUM_MODEL_BYTES = 32 * 1024 * 1024


def predictions_frame(rows: DataFrame, model: LoadedModel, *, scored_at: datetime) -> DataFrame:
    """Return rows with their predictions; all columns are kept as they are.

    Binary: `score`. Multiclass: `prediction`, `score`, `scores`. Regression: `prediction`. Costs
    one pass of Python workers over the rows by Arrow; nothing runs before the frame is used. The
    shipped function imports nothing of this package.

    Args:
        rows: Features by name, with whatever stands beside them.
        model: A model that the loader has checked.
        scored_at: The instant that decides, written into every row.

    Raises:
        ContractViolation: A feature of the model is missing, or is text where it was a number or
            the other way round.
        ModelRefused: The model is too large to travel with the query.
    """
    _check_features(rows, model.info)
    shipped = model.for_workers()
    if len(shipped.compressed) > MAXIMUM_MODEL_BYTES:
        raise ModelRefused(
            "the model is too large for batch scoring",
            where=f"{model.info.model}, bundle {model.digest[:12]}",
            expected=f"at most {MAXIMUM_MODEL_BYTES // 2**20} MB compressed",
            found=f"{len(shipped.compressed) / 2**20:.1f} MB",
            next_step="Use fewer or smaller trees",
        )
    # pyspark pickles functions with its own copy of cloudpickle, which has a registry of its own.
    cloudpickle.register_pickle_by_value(worker)  # type: ignore[no-untyped-call]
    added = prediction_fields(model.info)
    rows = rows.drop(*(field.name for field in added), SCORED_AT)
    fields = rows.schema.fields
    names = [field.name for field in fields]
    # mapInArrow refers to its input by unquoted names, which not every name survives.
    plain = [
        T.StructField(f"c{n}", field.dataType, field.nullable) for n, field in enumerate(fields)
    ]
    scored = (
        rows.toDF(*(field.name for field in plain))
        .mapInArrow(worker.scorer(shipped, names), T.StructType([*plain, *added]))  # type: ignore[arg-type]
        .toDF(*names, *(field.name for field in added))
    )
    return scored.withColumn(SCORED_AT, F.lit(scored_at).cast("timestamp"))


def predictions_here(
    session: SparkSession,
    rows: DataFrame,
    model: LoadedModel,
    *,
    scored_at: datetime,
    what: str,
    limit_rows: int,
) -> DataFrame | None:
    """Return rows with predictions that this process computed; None where they are too many.

    The same columns and, to the last digit, the same predictions as `predictions_frame`. Costs one
    query that fetches the rows; they go back inside the plan. No Python worker has to start, which
    takes longer than a few rows do.

    Args:
        session: Where the frame lives.
        rows: As `predictions_frame`.
        model: As `predictions_frame`.
        scored_at: As `predictions_frame`.
        what: What the rows are, for messages.
        limit_rows: More rows than these are too many; so is more than 32 MB of them.

    Raises:
        ContractViolation: As `predictions_frame`.
    """
    _check_features(rows, model.info)
    added = prediction_fields(model.info)
    rows = rows.drop(*(field.name for field in added), SCORED_AT)
    found = table_if_small(rows, what=what, limit_rows=limit_rows)
    if found is None:
        return None
    scored = pa.Table.from_batches(
        [model.score(batch) for batch in found.combine_chunks().to_batches() or _nothing(found)]
    )
    return frame_from_arrow(session, scored, what=what).select(
        *(
            _typed(F.col(quote(field.name)), field.dataType).alias(field.name)
            for field in (*rows.schema.fields, *added)
        ),
        F.lit(scored_at).cast("timestamp").alias(SCORED_AT),
    )


def prediction_fields(info: BundleInfo) -> list[T.StructField]:
    """Return the columns that a model adds to the rows it scores."""
    score = T.StructField("score", T.DoubleType())
    if info.task is Task.BINARY:
        return [score]
    if info.task is Task.REGRESSION:
        return [T.StructField("prediction", T.DoubleType())]
    label = T.StringType() if isinstance(info.classes[0], str) else T.LongType()
    return [
        T.StructField("prediction", label),
        score,
        T.StructField("scores", T.ArrayType(T.DoubleType())),
    ]


def _typed(column: Column, kind: T.DataType) -> Column:
    nested = isinstance(kind, T.StructType | T.ArrayType | T.MapType)
    return column if nested else column.cast(kind)


def _nothing(rows: pa.Table) -> list[pa.RecordBatch]:
    return [pa.RecordBatch.from_pylist([], schema=rows.schema)]


def _check_features(rows: DataFrame, info: BundleInfo) -> None:
    types = {field.name: field.dataType for field in rows.schema.fields}
    for column in info.columns:
        found = types.get(column.name)
        if found is None or isinstance(found, T.StringType) != (column.kind == "category"):
            raise ContractViolation(
                "the rows do not fit the model",
                where=f"{info.model}, column {quote(column.name)}",
                expected=f"a {column.kind} as in its training set ({column.type})",
                found="no such column" if found is None else found.simpleString(),
                next_step="Train the model again on the tables as they are now",
            )
