"""Scoring in Spark's Python workers, shipped by value: imports nothing of this package.

What a worker must have is pandas, numpy, pyarrow, skops, scikit-learn and, for its models,
LightGBM. The same functions prepare rows for training and score on the client, so a model sees
equal numbers everywhere.
"""

import hashlib
import sys
import types
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, cast

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

ColumnKind = Literal["number", "category"]

# Kept in sys.modules because functions shipped by value bring new globals with every job, while
# worker processes are reused.
_CACHE_MODULE = "_mlops_dagster_models_of_this_process"
_CACHED_MODELS = 4

# Matrix products treat the last rows of a block by other instructions, so that a row's last digit
# would depend on how many rows came with it. In whole blocks every row is treated alike (tested).
_BLOCK_ROWS = 64


class Classifier(Protocol):
    """The part of a scikit-learn classifier that is used."""

    def predict_proba(self, rows: pd.DataFrame, /) -> NDArray[np.float64]:
        """Return the probability of each class, shape (rows, classes)."""


class Regressor(Protocol):
    """The part of a scikit-learn regressor that is used."""

    def predict(self, rows: pd.DataFrame, /) -> NDArray[np.float64]:
        """Return a number for each row, shape (rows,)."""


@dataclass(frozen=True)
class Signature:
    """What goes into a model and what comes out.

    Attributes:
        columns: Name and kind of each feature, in the model's order.
        task: binary, multiclass or regression.
        classes: Labels in the order of the model's probabilities; empty for regression.
    """

    columns: tuple[tuple[str, ColumnKind], ...]
    task: Literal["binary", "multiclass", "regression"]
    classes: tuple[int, ...] | tuple[str, ...]


@dataclass(frozen=True)
class ScoringModel:
    """What a worker needs of a model.

    Attributes:
        digest: SHA-256 of the model's bytes before compression.
        compressed: The model file of the bundle, deflated.
        trusted: Types that skops may construct, all reviewed.
        signature: What goes into it and what comes out.
        library: Version of scikit-learn with which the model was loaded and checked.
    """

    digest: str
    compressed: bytes
    trusted: tuple[str, ...]
    signature: Signature
    library: str


def model_input(rows: pd.DataFrame, columns: Sequence[tuple[str, ColumnKind]]) -> pd.DataFrame:
    """Return the features as every model of this package gets them.

    Numbers (integers, decimals, booleans as 0 and 1) become float64 with NaN for null, categories
    become text with None for null. Column order is that of `columns`; other columns are left out.

    Args:
        rows: Rows as Spark or pandas deliver them.
        columns: Name and kind of each feature.
    """
    return pd.DataFrame(
        {
            name: _numbers(rows[name]) if kind == "number" else _categories(rows[name])
            for name, kind in columns
        },
        index=rows.index,
        columns=[name for name, _ in columns],
    )


def predictions(estimator: object, rows: pd.DataFrame, signature: Signature) -> pd.DataFrame:
    """Return the predictions of rows, on their index; each depends on its own row alone.

    Returns:
        Binary: `score`, the probability of the second class. Multiclass: `prediction`, the
        likeliest class, `score`, its probability, and `scores`, the probabilities in the order of
        the classes. Regression: `prediction`.
    """
    features = _whole_blocks(model_input(rows, signature.columns))
    if signature.task == "regression":
        found = _regression(cast(Regressor, estimator), features)[: len(rows)]
        return pd.DataFrame({"prediction": found}, index=rows.index)
    classes = signature.classes
    scores = _probabilities(cast(Classifier, estimator), features, len(classes))[: len(rows)]
    if signature.task == "binary":
        return pd.DataFrame({"score": scores[:, 1]}, index=rows.index)
    likeliest = scores.argmax(axis=1)
    return pd.DataFrame(
        {
            "prediction": np.asarray(classes)[likeliest],
            "score": scores[np.arange(len(rows)), likeliest],
            "scores": pd.Series(list(scores), rows.index, dtype=object),
        },
        index=rows.index,
    )


def scorer(
    model: ScoringModel, names: Sequence[str]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return a function for `mapInArrow` that adds the prediction columns to each batch.

    All other columns pass through as they came, so no type or null of theirs changes.

    Args:
        model: The model.
        names: What the columns of the batches are called, in their order; Spark may know them by
            plainer names.
    """

    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

        # Spark already runs one worker a core; more threads in each would only queue.
        with threadpool_limits(limits=1):
            estimator = loaded(model)
            for batch in batches:
                named = pa.RecordBatch.from_arrays(batch.columns, names=list(names))
                scored = with_predictions(estimator, named, model.signature)
                added = scored.schema.names[len(names) :]
                yield pa.RecordBatch.from_arrays(
                    scored.columns, names=[*batch.schema.names, *added]
                )

    return score


def loaded(model: ScoringModel) -> object:
    """Return the estimator, constructed once in each process.

    Raises:
        RuntimeError: The bytes are not those of the digest, or this worker's scikit-learn differs
            from the one with which the model was checked.
    """
    cache = _cache()
    if model.digest not in cache:
        import sklearn
        import skops.io

        if _minor(sklearn.__version__) != _minor(model.library):
            raise RuntimeError(
                f"this Spark worker has scikit-learn {sklearn.__version__}, the model was checked "
                f"with {model.library}; install the same minor version on the workers"
            )
        data = zlib.decompress(model.compressed)
        found = hashlib.sha256(data).hexdigest()
        if found != model.digest:
            raise RuntimeError(f"model bytes of digest {found} arrived, {model.digest} were sent")
        while len(cache) >= _CACHED_MODELS:
            cache.pop(next(iter(cache)))
        cache[model.digest] = skops.io.loads(data, trusted=list(model.trusted))
    return cache[model.digest]


def with_predictions(
    estimator: object, batch: pa.RecordBatch, signature: Signature
) -> pa.RecordBatch:
    """Return a batch with the prediction columns of its rows behind its own; see `predictions`."""
    rows = batch.select([name for name, _ in signature.columns]).to_pandas()
    found = predictions(estimator, rows, signature)
    arrays, fields = list(batch.columns), list(batch.schema)
    for name in found.columns:
        if name == "scores":
            values = pa.array(found[name].tolist(), pa.list_(pa.float64()))
        else:
            values = pa.array(found[name].tolist(), _arrow_type(found[name]))
        arrays.append(values)
        fields.append(pa.field(name, values.type))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _arrow_type(values: pd.Series) -> pa.DataType:
    if values.dtype.kind == "f":
        return pa.float64()
    return pa.int64() if values.dtype.kind == "i" else pa.string()


def _cache() -> dict[str, object]:
    module = sys.modules.setdefault(_CACHE_MODULE, types.ModuleType(_CACHE_MODULE))
    return cast(dict[str, object], module.__dict__.setdefault("models", {}))


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _whole_blocks(features: pd.DataFrame) -> pd.DataFrame:
    missing = -len(features) % _BLOCK_ROWS
    if missing == 0:
        return features
    positions = np.append(np.arange(len(features)), np.repeat(len(features) - 1, missing))
    return features.iloc[positions]


def _numbers(values: pd.Series) -> NDArray[np.float64]:
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _categories(values: pd.Series) -> NDArray[np.object_]:
    missing = values.isna().to_numpy()
    texts = [None if gone else str(value) for value, gone in zip(values, missing, strict=True)]
    return np.array(texts, dtype=object)


def _probabilities(
    estimator: Classifier, features: pd.DataFrame, classes: int
) -> NDArray[np.float64]:
    # Estimators refuse to be asked about no rows at all, and Spark has empty partitions.
    if features.empty:
        return np.empty((0, classes))
    return np.asarray(estimator.predict_proba(features), dtype=np.float64)


def _regression(estimator: Regressor, features: pd.DataFrame) -> NDArray[np.float64]:
    if features.empty:
        return np.empty(0)
    return np.asarray(estimator.predict(features), dtype=np.float64)
