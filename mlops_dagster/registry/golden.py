"""Golden rows: some rows with the predictions that the model gave when it was trained."""

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from mlops_dagster.registry.manifest import BundleInfo

if TYPE_CHECKING:
    import pandas as pd

GOLDEN_ROWS = 50
# Other processors and builds of the same library round differently in the last digits.
TOLERANCE = 1e-9

Value = None | bool | int | float | str
Predicted = None | bool | int | float | str | tuple[float, ...]


class Golden(BaseModel):
    """Rows as the model got them, and what it predicted, column by column."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: Mapping[str, tuple[Value, ...]]
    predictions: Mapping[str, tuple[Predicted, ...]]

    def to_bytes(self) -> bytes:
        """Return the text of the file; equal rows give equal bytes."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, indent=1).encode()


def golden_of(estimator: object, info: BundleInfo, example: "pd.DataFrame") -> Golden:
    """Return the golden rows of a model: up to 50 rows, spread evenly over the example.

    Args:
        estimator: The fitted model.
        info: What it is.
        example: Rows with the features by name, such as the hold-out.
    """
    from mlops_dagster.workers.score import model_input

    step = max(1, math.ceil(len(example) / GOLDEN_ROWS))
    rows = model_input(example.iloc[::step], info.column_kinds)
    return Golden(rows=_plain(rows), predictions=_plain(_predicted(estimator, info, rows)))


def golden_differences(estimator: object, info: BundleInfo, golden: Golden) -> tuple[str, ...]:
    """Score the golden rows again and return what differs, empty when nothing does."""
    import pandas as pd

    rows = pd.DataFrame({name: list(values) for name, values in golden.rows.items()})
    found = _plain(_predicted(estimator, info, rows))
    if set(found) != set(golden.predictions):
        return (f"columns {sorted(found)} instead of {sorted(golden.predictions)}",)
    return tuple(
        f"row {number}: {name} is {got} instead of {wanted}"
        for name, values in golden.predictions.items()
        for number, (wanted, got) in enumerate(zip(values, found[name], strict=True))
        if not _equal(wanted, got)
    )


def _predicted(estimator: object, info: BundleInfo, rows: "pd.DataFrame") -> "pd.DataFrame":
    from mlops_dagster.workers.score import predictions

    return predictions(estimator, rows, info.signature)


def _plain(frame: "pd.DataFrame") -> dict[str, tuple[Predicted, ...]]:
    return {str(name): tuple(_value(value) for value in frame[name]) for name in frame.columns}


def _value(value: object) -> Predicted:
    import numpy as np

    if isinstance(value, np.ndarray):
        return tuple(float(number) for number in value)
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a golden row holds a {type(value).__name__}")


def _equal(wanted: Predicted, got: Predicted) -> bool:
    if isinstance(wanted, tuple) and isinstance(got, tuple):
        return len(wanted) == len(got) and all(map(_equal, wanted, got))
    if isinstance(wanted, float) and isinstance(got, float):
        return math.isclose(wanted, got, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return wanted == got
