"""What the demo shows at its end: a table for people and a summary for programs."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict
from rich.table import Table

from mlops_dagster.automation.history import Figure, WindowHistory

# Longer lists of columns are cut in the table; the reports have them all.
_SHOWN_COLUMNS = 3


class MonthSummary(BaseModel):
    """One replayed month."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    month: str
    rows: int
    quarantined: int
    drifted_columns: tuple[str, ...]
    roc_auc: float | None
    champion_version: str | None
    decision: str | None
    reason: str | None
    trained: str | None
    table_versions: dict[str, int]


class DemoSummary(BaseModel):
    """`.mlops/demo/summary.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wall_seconds: float | None
    retrainings: int
    months: tuple[MonthSummary, ...]


def summary_of(windows: Sequence[WindowHistory], *, wall_seconds: float | None) -> DemoSummary:
    """Return the typed summary of replayed windows."""
    return DemoSummary(
        wall_seconds=wall_seconds,
        retrainings=sum(window.decision == "retrain" for window in windows),
        months=tuple(
            MonthSummary(
                month=window.window,
                rows=window.rows,
                quarantined=window.quarantined,
                drifted_columns=window.drifted_columns,
                roc_auc=None if (auc := window.figure("roc_auc")) is None else auc.value,
                champion_version=window.champion_version,
                decision=window.decision,
                reason=window.reason,
                trained=window.trained,
                table_versions=dict(window.table_versions),
            )
            for window in windows
        ),
    )


def decided_table(windows: Sequence[WindowHistory]) -> Table:
    """Return one row a month: data, drift, quality of the champion in charge, decision and why."""
    table = Table(title="Flights leaving New York more than 15 minutes late, month by month")
    for name, justify in (
        ("month", "left"),
        ("flights", "right"),
        ("quar.", "right"),
        ("drifted columns", "left"),
        ("ROC AUC", "right"),
        ("calibration error", "right"),
        ("champion", "right"),
        ("decision", "left"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for window in windows:
        told = f"[bold]{window.decision or '-'}[/bold]: {window.reason or ''}"
        if window.trained is not None:
            told += f" -> {window.trained}"
        table.add_row(
            window.window,
            f"{window.rows:,}",
            str(window.quarantined),
            _columns(window.drifted_columns),
            _figure(window.figure("roc_auc")),
            _figure(window.figure("expected_calibration_error")),
            window.champion_version or "-",
            told,
        )
    return table


def _columns(names: tuple[str, ...]) -> str:
    more = len(names) - _SHOWN_COLUMNS
    shown = ", ".join(names[:_SHOWN_COLUMNS])
    return (f"{shown} and {more} more" if more > 0 else shown) or "-"


def _figure(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
