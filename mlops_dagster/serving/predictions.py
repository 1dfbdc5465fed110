"""Predictions of many rows on Spark's workers, by a model that was checked on the client."""

from collections.abc import Sequence
from datetime import datetime

import cloudpickle
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import ModelRefused
from mlops_dagster.registry.bundle import LoadedModel
from mlops_dagster.spec.models import Task
from mlops_dagster.workers import score as worker

SCORED_AT = "scored_at"
# The model travels inside the plan, and Connect refuses larger requests.
MAXIMUM_MODEL_BYTES = 32 * 1024 * 1024


def predictions_frame(rows: DataFrame, model: LoadedModel, *, scored_at: datetime) -> DataFrame:
    """Return rows with their predictions, all columns kept.

    Binary: `score`. Multiclass: `prediction`, `score`, `scores`. Regression: `prediction`. Costs one pass of Python
    workers over the rows; nothing runs before the frame is used. The shipped function imports nothing of this package.

    Args:
        rows: Features by name, with whatever stands beside them.
        model: A model that the loader has checked.
        scored_at: The instant that decides, written into every row.

    Raises:
        ModelRefused: The model is too large to travel with the query.
    """
    shipped = model.for_workers()
    if len(shipped.compressed) > MAXIMUM_MODEL_BYTES:
        raise ModelRefused(
            "the model is too large for batch scoring",
            where=f"{model.info.model}, bundle {model.digest[:12]}",
            expected=f"at most {MAXIMUM_MODEL_BYTES // 2**20} MB compressed",
            found=f"{len(shipped.compressed) // 2**20} MB",
            next_step="Use fewer or smaller trees.",
        )
    cloudpickle.register_pickle_by_value(worker)  # type: ignore[no-untyped-call]
    kept = rows.columns
    schema = T.StructType([*rows.schema.fields, *_predicted(model.info.task, model.info.classes)])
    # Decimals and integers with nulls reach pandas as objects and floats; the model reads doubles anyway.
    features = {name for name, kind in shipped.columns if kind == "number"}
    numeric = rows.select(
        *(
            F.col(quote(name)).cast("double").alias(name) if name in features else F.col(quote(name))
            for name in kept
        )
    )
    schema = T.StructType(
        [
            T.StructField(field.name, T.DoubleType()) if field.name in features else field
            for field in schema.fields
        ]
    )
    scored = numeric.mapInPandas(worker.scorer(shipped, kept), schema)
    return scored.withColumn(SCORED_AT, F.lit(scored_at).cast("timestamp"))


def _predicted(task: Task, classes: Sequence[int] | Sequence[str]) -> list[T.StructField]:
    score = T.StructField("score", T.DoubleType())
    if task is Task.BINARY:
        return [score]
    if task is Task.REGRESSION:
        return [T.StructField("prediction", T.DoubleType())]
    label = T.StringType() if classes and isinstance(classes[0], str) else T.LongType()
    return [
        T.StructField("prediction", label),
        score,
        T.StructField("scores", T.ArrayType(T.DoubleType())),
    ]
