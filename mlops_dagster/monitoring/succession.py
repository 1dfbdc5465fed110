"""Was retraining worth it: a later version beside the first on windows that neither was fitted on.

Both versions score the same rows. A window's metric is measured apart and the windows' metrics are
averaged, so that a month with many rows does not decide alone. The interval of the difference
resamples the days of each window with repetition, both versions together (paired, stratified
cluster bootstrap; Field and Welsh 2007, JRSS B, with Hesterberg's expanded percentiles).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from mlops_dagster.errors import MonitoringError

if TYPE_CHECKING:
    import pandas as pd

    from mlops_dagster.training.outcome import Outcome

METRIC = "roc_auc"
# Means over fewer windows than this say little about the next one.
MINIMUM_WINDOWS = 3
_SEED = 0


class Succession(BaseModel):
    """The mean ROC AUC of two versions over the same windows.

    Attributes:
        windows: Keys of the windows, all after the later version's cutoff.
        earlier: Mean of the earlier version.
        later: Mean of the later version.
        difference: `later` less `earlier`.
        low: Lower end of the difference's 95 % interval.
        high: Upper end.
        days: How many days were resampled.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    windows: tuple[str, ...]
    earlier: float
    later: float
    difference: float
    low: float
    high: float
    days: int


def windows_to_compare(
    cutoffs: Mapping[str, str], windows: tuple[str, ...]
) -> tuple[str, tuple[str, ...]] | None:
    """Return the newest version that enough windows follow, and those windows.

    Args:
        cutoffs: Version to the window that its training ended with, oldest promotion first.
        windows: Windows with mature labels, oldest first.

    Returns:
        None when no version has at least MINIMUM_WINDOWS windows after its cutoff.
    """
    for version, cutoff in reversed(list(cutoffs.items())):
        after = tuple(window for window in windows if window > cutoff)
        if len(after) >= MINIMUM_WINDOWS:
            return version, after
    return None


def succession(windows: "Mapping[str, pd.DataFrame]") -> Succession:
    """Compare two versions of a binary model.

    Args:
        windows: By window key the labelled rows with columns `label` (0 or 1), `day`, `earlier` and
            `later` (the probability that each version gave).

    Raises:
        MonitoringError: A window has rows of one class only, or no rows.
    """
    import numpy as np

    from mlops_dagster.training.intervals import Bootstrap, day_groups, expanded_percentiles
    from mlops_dagster.training.metrics import measure
    from mlops_dagster.training.resampling import resampled_metric

    values: dict[str, list[float]] = {"earlier": [], "later": []}
    gains = []
    days = 0
    for number, (window, rows) in enumerate(windows.items()):
        groups = day_groups(rows["day"].to_numpy().astype(str))
        draws = Bootstrap(groups, _SEED + number).draws(hook=False)
        resampled = {}
        for name, found in values.items():
            outcome = _outcome(rows, name)
            value = measure(METRIC, outcome).value
            if value is None:
                raise MonitoringError(
                    "two versions cannot be compared on this window",
                    where=window,
                    expected="labelled rows of both classes",
                    found=f"{outcome.rows} rows, {int(outcome.actual.sum())} of them positive",
                )
            found.append(value)
            resampled[name] = resampled_metric(METRIC, outcome, groups.of_row)(draws)
        gains.append(resampled["later"] - resampled["earlier"])
        days += groups.count
    means = {name: float(np.mean(found)) for name, found in values.items()}
    spread = np.mean(gains, axis=0)
    low, high = expanded_percentiles(spread[np.isfinite(spread)], groups=days)
    return Succession(
        windows=tuple(windows),
        earlier=means["earlier"],
        later=means["later"],
        difference=means["later"] - means["earlier"],
        low=low,
        high=high,
        days=days,
    )


def _outcome(rows: "pd.DataFrame", name: str) -> "Outcome":
    import numpy as np

    from mlops_dagster.spec.models import Task
    from mlops_dagster.training.outcome import Outcome

    return Outcome(
        Task.BINARY, rows["label"].to_numpy(dtype=np.float64), rows[name].to_numpy(dtype=np.float64)
    )
