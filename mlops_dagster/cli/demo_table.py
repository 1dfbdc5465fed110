"""What the demo shows at its end: a table for people and a summary for programs."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict
from rich.table import Table

from mlops_dagster.automation.history import Figure, WindowHistory


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
    """Return one row a month: data, drift, quality of the champion in charge, decision."""
    table = Table(title="Flights leaving New York more than 15 minutes late, month by month")
    table.add_column("month", no_wrap=True)
    table.add_column("flights", justify="right")
    table.add_column("quarantined", justify="right")
    table.add_column("drifted", justify="right")
    table.add_column("ROC AUC", justify="right", no_wrap=True)
    table.add_column("calibration error", justify="right", no_wrap=True)
    table.add_column("champion", justify="right")
    table.add_column("decision", no_wrap=True)
    for window in windows:
        scored = window.champion_version is not None
        table.add_row(
            window.window,
            f"{window.rows:,}",
            str(window.quarantined),
            str(len(window.drifted_columns)) if scored else "-",
            _figure(window.figure("roc_auc")),
            _figure(window.figure("expected_calibration_error")),
            window.champion_version or "-",
            window.decision or "-",
        )
    return table


def reasons(windows: Sequence[WindowHistory]) -> list[str]:
    """Return a line a month: why it was decided so, and what became of the training."""
    lines = []
    for window in windows:
        line = f"{window.window}  {window.reason or 'not decided'}"
        if window.trained is not None:
            line += f" -> {window.trained}"
        lines.append(line)
    return lines


def _figure(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
