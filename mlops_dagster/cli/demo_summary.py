"""What the demo leaves for programs: `.mlops/demo/summary.json`."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from mlops_dagster.automation.figures import Figure
from mlops_dagster.automation.history import WindowHistory


class _Summary(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MonthSummary(_Summary):
    """One month.

    Attributes:
        month: Its key, such as 2013-04.
        rows: Flights published in the schedule.
        quarantined: Rows of all its tables that went to quarantine.
        drifted_columns: What moved by a warning or more and counts.
        roc_auc: Of the champion in charge, with its 95 % interval; None before the first one.
        expected_calibration_error: The same.
        champion_version: The version in charge.
        decision: What the policy decided.
        reason: Why.
        trained: What became of the training whose cutoff is this month.
        run_ids: Runs that made the month, in the order in which they started.
        table_versions: Table to the Delta version that published the month.
    """

    month: str
    rows: int
    quarantined: int
    drifted_columns: tuple[str, ...]
    roc_auc: float | None
    roc_auc_interval: tuple[float, float] | None
    expected_calibration_error: float | None
    expected_calibration_error_interval: tuple[float, float] | None
    champion_version: str | None
    decision: str | None
    reason: str | None
    trained: str | None
    run_ids: tuple[str, ...]
    table_versions: dict[str, int]


class ModelSummary(_Summary):
    """A version and its mean ROC AUC over the months that both versions are compared on."""

    version: str
    mean_roc_auc_after_promotion: float


class DifferenceSummary(_Summary):
    """The champion's mean ROC AUC less the first model's, on the same flights.

    Attributes:
        months: The months compared, all after the champion's training cutoff.
        value: The difference.
        low: Lower end of its paired 95 % interval; whole days of each month are resampled.
        high: Upper end.
        days: How many days were resampled.
    """

    months: tuple[str, ...]
    value: float
    low: float
    high: float
    days: int


class Compared(_Summary):
    """The first model and the newest champion that at least three months follow."""

    first_model: ModelSummary
    champion: ModelSummary
    difference: DifferenceSummary


class DemoSummary(_Summary):
    """The whole replay; `wall_seconds` is the time of the runs that this start of it did."""

    wall_seconds: float
    retrainings: int
    months: tuple[MonthSummary, ...]
    first_model: ModelSummary | None
    champion: ModelSummary | None
    difference: DifferenceSummary | None


def summary_of(
    windows: Sequence[WindowHistory], *, wall_seconds: float, compared: Compared | None
) -> DemoSummary:
    """Return the typed summary of replayed windows."""
    return DemoSummary(
        wall_seconds=round(wall_seconds, 1),
        retrainings=sum(window.decision == "retrain" for window in windows),
        months=tuple(_month(window) for window in windows),
        first_model=compared.first_model if compared else None,
        champion=compared.champion if compared else None,
        difference=compared.difference if compared else None,
    )


def write_summary(path: Path, summary: DemoSummary) -> None:
    """Replace the file by this summary, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_suffix(".tmp")
    written.write_text(summary.model_dump_json(indent=2) + "\n", encoding="utf-8")
    written.replace(path)


def read_summary(path: Path) -> DemoSummary | None:
    """Return a summary that was written before, or None when there is none of this form."""
    try:
        return DemoSummary.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _month(window: WindowHistory) -> MonthSummary:
    auc, error = window.figure("roc_auc"), window.figure("expected_calibration_error")
    return MonthSummary(
        month=window.window,
        rows=window.rows,
        quarantined=window.quarantined,
        drifted_columns=window.drifted_columns,
        roc_auc=auc.value if auc else None,
        roc_auc_interval=_interval(auc),
        expected_calibration_error=error.value if error else None,
        expected_calibration_error_interval=_interval(error),
        champion_version=window.champion_version,
        decision=window.decision,
        reason=window.reason,
        trained=window.trained,
        run_ids=window.run_ids,
        table_versions=dict(window.table_versions),
    )


def _interval(figure: Figure | None) -> tuple[float, float] | None:
    if figure is None or figure.low is None or figure.high is None:
        return None
    return figure.low, figure.high
