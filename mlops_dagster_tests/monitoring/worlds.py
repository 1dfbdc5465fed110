"""Small worlds that tests of monitoring share."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mlops_dagster.monitoring.baseline import Baseline, fit_baseline, profile_pandas
from mlops_dagster.monitoring.drift import drift_report
from mlops_dagster.monitoring.grid import ColumnKind
from mlops_dagster.monitoring.report import ColumnDrift, DriftReport

NUMERIC = [f"x{i}" for i in range(4)]
CATEGORICAL = ["c0", "c1"]
FEATURES: list[tuple[str, ColumnKind]] = [
    *((name, "numeric") for name in NUMERIC),
    *((name, "categorical") for name in CATEGORICAL),
]


def rows(seed: int, *, days: int, per_day: int, day_share: float = 0.0) -> pd.DataFrame:
    """Rows of equal source; `day_share` is the part of the variance that a day's rows share."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), per_day)
    frame = pd.DataFrame({"day": day})
    own, shared = np.sqrt(1 - day_share), np.sqrt(day_share)
    for name in NUMERIC:
        frame[name] = shared * rng.normal(size=days)[day] + own * rng.normal(size=len(day))
    for name in CATEGORICAL:
        hidden = shared * rng.normal(size=days)[day] + own * rng.normal(size=len(day))
        frame[name] = np.array(list("abcdefgh"))[np.digitize(hidden, np.linspace(-1.5, 1.5, 7))]
    return frame


def baseline_of(
    frame: pd.DataFrame,
    features: Sequence[tuple[str, ColumnKind]] = FEATURES,
    *,
    group: str | None = "day",
    slices: Sequence[str] = (),
) -> Baseline:
    """The baseline of a frame."""
    return fit_baseline(frame, features=features, group=group, slices=slices)


def compared(
    reference: pd.DataFrame,
    window: pd.DataFrame,
    features: Sequence[tuple[str, ColumnKind]] = FEATURES,
    *,
    group: str | None = "day",
    importances: dict[str, float] | None = None,
) -> DriftReport:
    """The drift report of a window against a reference."""
    baseline = baseline_of(reference, features, group=group)
    profile = profile_pandas(window, baseline.grid)
    return drift_report(
        baseline, profile, window="2013-04", model_version="7", importances=importances
    )


def column(report: DriftReport, name: str) -> ColumnDrift:
    """The comparison of a column over all rows."""
    (found,) = (c for c in report.overall if c.column == name)
    return found
