"""The table that the demo prints at its end, and why each month was decided so."""

from collections.abc import Sequence

from rich import box
from rich.console import JustifyMethod
from rich.table import Table

from mlops_dagster.automation.figures import Figure
from mlops_dagster.automation.history import WindowHistory
from mlops_dagster.cli.demo_summary import DemoSummary

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


def gained(summary: DemoSummary) -> list[str]:
    """Return a line on what retraining gained, if the months so far allow one."""
    first, champion, difference = summary.first_model, summary.champion, summary.difference
    if first is None or champion is None or difference is None:
        return []
    months = f"{difference.months[0]} to {difference.months[-1]}"
    if champion.version == first.version:
        mean = first.mean_roc_auc_after_promotion
        return [f"mean ROC AUC of version {first.version} over {months}: {mean:.3f}"]
    means = (
        f"version {champion.version} {champion.mean_roc_auc_after_promotion:.3f}, "
        f"version {first.version} {first.mean_roc_auc_after_promotion:.3f}"
    )
    interval = f"[{difference.low:+.3f}, {difference.high:+.3f}]"
    return [f"mean ROC AUC over {months}: {means}, difference {difference.value:+.3f} {interval}"]


def _value(figure: Figure | None) -> str:
    return "-" if figure is None else f"{figure.value:.3f}"


def _figure(figure: Figure | None) -> str:
    if figure is None or figure.low is None or figure.high is None:
        return _value(figure)
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
