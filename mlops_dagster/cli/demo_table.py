"""What the demo shows at its end: a table for people and a summary for programs."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict
from rich import box
from rich.console import JustifyMethod
from rich.table import Table

from mlops_dagster.automation.history import Figure, WindowHistory

# Heads and widths of the longest values, so that no column is squeezed away.
_COLUMNS: tuple[tuple[str, int, JustifyMethod], ...] = (
    ("month", 7, "left"),
    ("flights", 7, "right"),
    ("quar.", 5, "right"),
    ("drifted", 7, "right"),
    ("ROC AUC", 20, "right"),
    ("calib.\nerror", 6, "right"),
    ("champion", 8, "right"),
    ("decision", 11, "left"),
)


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
    # 78 characters wide: a narrower table than its columns need would lose some of them unsaid.
    table = Table(
        title="Flights leaving New York more than 15 minutes late, month by month",
        box=box.SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    for name, width, justify in _COLUMNS:
        table.add_column(name, justify=justify, min_width=width)
    for window in windows:
        scored = window.champion_version is not None
        table.add_row(
            window.window,
            f"{window.rows:,}",
            str(window.quarantined),
            str(len(window.drifted_columns)) if scored else "-",
            _figure(window.figure("roc_auc")),
            _value(window.figure("expected_calibration_error")),
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


def _value(figure: Figure | None) -> str:
    return "-" if figure is None else f"{figure.value:.3f}"


def _figure(figure: Figure | None) -> str:
    if figure is None or figure.low is None or figure.high is None:
        return _value(figure)
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
