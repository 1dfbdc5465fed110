"""The baseline of a model: its hold-out as counts on cells, and the noise equal data would show."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from mlops_dagster.errors import MonitoringError, nearest_name
from mlops_dagster.monitoring.counts import Profile
from mlops_dagster.monitoring.fitting import arrow_values, fit_category, fit_numeric, fit_slice
from mlops_dagster.monitoring.grid import ColumnKind, ColumnRole, Grid
from mlops_dagster.monitoring.payload import Payload
from mlops_dagster.monitoring.tally import profile_from_batches
from mlops_dagster.workers.profile import category_text

if TYPE_CHECKING:
    import pandas as pd

CELLS = 100
TOP_VALUES = 200


class ExpectedMetric(Payload):
    """A metric of the model on its hold-out with its interval; overall when the slice is None.

    `rows` are those behind the interval; None where there was none and low and high are the value.
    """

    metric: str
    value: float
    low: float
    high: float
    rows: int | None = None
    slice_key: str | None = None
    slice_value: str | None = None


class Baseline(Payload):
    """What the model in charge was evaluated on: cells, counts, label mix, expected metrics.

    Args:
        groups: Number of groups (days) in the reference; 0 when rows are taken as independent.
        label_rates: Share of each label value (classification), or the mean under the key "mean".
        rows_per_window: Median rows of a training window, the expectation for volume; None if
            unknown.
    """

    version: Literal[1] = 1
    grid: Grid
    reference: Profile
    groups: int
    prediction: str | None = None
    label_rates: dict[str, float] = Field(default_factory=dict)
    rows_per_window: float | None = None
    expected_metrics: tuple[ExpectedMetric, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows in the reference."""
        return self.reference.rows

    @property
    def needed_columns(self) -> tuple[str, ...]:
        """The columns a window must bring to be profiled, each once."""
        names = [*(c.name for c in self.grid.columns), *(s.name for s in self.grid.slices)]
        return tuple(dict.fromkeys(names))


def fit_baseline(
    frame: "pd.DataFrame",
    *,
    features: Sequence[tuple[str, ColumnKind]],
    prediction: tuple[str, ColumnKind] | None = None,
    group: str | None = "day",
    slices: Sequence[str] = (),
    label: str | None = None,
    label_kind: ColumnKind = "categorical",
    rows_per_window: Sequence[int] = (),
    expected_metrics: Sequence[ExpectedMetric] = (),
    cells: int = CELLS,
    top_values: int = TOP_VALUES,
) -> Baseline:
    """Fit the baseline of a model on its hold-out.

    Args:
        frame: Hold-out rows, one a prediction, with the features, prediction, label, slice and
            group columns.
        features: Name and kind of each feature, as the model sees them.
        prediction: Name and kind of the prediction column (a score: numeric; a class: categorical).
        group: Column of the groups within which rows depend on each other; None for independent
            rows.
        slices: Columns by whose values everything is counted apart.
        label: Column of the label; rows without a label are left out of its rates.
        label_kind: `categorical` for classes, `numeric` for a regression target.
        rows_per_window: Rows of past training windows, the expectation for a window's volume.
        expected_metrics: Metrics on the hold-out with intervals, the expectation for a window's
            quality.
        cells: Cells of a numeric column.
        top_values: Own cells of a categorical column.

    Raises:
        MonitoringError: A column is not in the frame, or the frame has no rows.
    """
    asked = [name for name, _ in features] + ([prediction[0]] if prediction else [])
    _check_columns(
        frame, [*asked, *slices, *([group] if group else []), *([label] if label else [])]
    )
    groups = _group_codes(frame, group)
    roles: list[tuple[str, ColumnKind, ColumnRole]] = [(n, k, "feature") for n, k in features]
    if prediction is not None:
        roles.append((*prediction, "prediction"))
    grids = [
        fit_numeric(frame, name=name, role=role, groups=groups, cells=cells)
        if kind == "numeric"
        else fit_category(frame, name=name, role=role, groups=groups, top_values=top_values)
        for name, kind, role in roles
    ]
    grid = Grid(columns=tuple(grids), slices=tuple(fit_slice(frame, name) for name in slices))
    return Baseline(
        grid=grid,
        reference=profile_pandas(frame, grid),
        groups=0 if groups is None else int(groups.max()) + 1,
        prediction=prediction[0] if prediction else None,
        label_rates=_label_rates(frame, label, label_kind) if label else {},
        rows_per_window=float(np.median(rows_per_window)) if len(rows_per_window) else None,
        expected_metrics=tuple(expected_metrics),
    )


def profile_pandas(frame: "pd.DataFrame", grid: Grid) -> Profile:
    """Count a pandas frame on a grid, by the same code that runs on Spark's workers."""
    arrays = {c.name: arrow_values(frame[c.name], c.kind) for c in grid.columns}
    for part in grid.slices:
        arrays.setdefault(part.name, arrow_values(frame[part.name], "categorical"))
    batch = pa.RecordBatch.from_pydict(arrays)
    return profile_from_batches([batch] if len(frame) else [], grid)


def _check_columns(frame: "pd.DataFrame", names: Sequence[str]) -> None:
    for name in names:
        if name not in frame.columns:
            raise MonitoringError(
                f"the hold-out has no column '{name}'",
                expected=f"one of {', '.join(map(str, frame.columns))}",
                nearest=nearest_name(name, map(str, frame.columns)),
            )
    if not len(frame):
        raise MonitoringError("a baseline cannot be fitted on a hold-out without rows")


def _group_codes(frame: "pd.DataFrame", group: str | None) -> NDArray[np.int64] | None:
    if group is None:
        return None
    import pandas as pd

    codes, _ = pd.factorize(frame[group], use_na_sentinel=False)
    return np.asarray(codes, dtype=np.int64)


def _label_rates(frame: "pd.DataFrame", label: str, kind: ColumnKind) -> dict[str, float]:
    known = frame[label].dropna()
    if not len(known):
        return {}
    if kind == "numeric":
        return {"mean": float(known.astype(float).mean())}
    texts = [category_text(value) or "" for value in known]
    shares = {text: texts.count(text) / len(texts) for text in sorted(set(texts))}
    return dict(sorted(shares.items()))
