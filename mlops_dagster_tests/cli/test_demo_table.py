"""The table that the demo prints."""

import io

from rich.console import Console

from mlops_dagster.automation.figures import Figure
from mlops_dagster.automation.history import WindowHistory
from mlops_dagster.cli.demo_table import decided_table


def shown(width: int) -> str:
    """Return the table of one month with long values as a terminal of a width shows it."""
    month = WindowHistory(
        window="2013-03",
        rows=1_027_004,
        quarantined=12_345,
        champion_version="12",
        drifted_columns=("carrier", "origin"),
        data_faults=0,
        figures=(
            Figure(name="roc_auc", value=0.678, low=0.642, high=0.709),
            Figure(name="expected_calibration_error", value=0.048, low=0.017, high=0.087),
        ),
        decision="train_first",
        reason="3 windows are in",
        trained=None,
        run_ids=(),
        table_versions={},
    )
    console = Console(file=io.StringIO(), width=width)
    console.print(decided_table([month]))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_of_80_characters_shows_every_column_whole() -> None:
    (row,) = [line for line in shown(80).splitlines() if line.startswith("2013-03")]
    assert row.split() == [
        *("2013-03", "1,027,004", "12345", "2"),
        *("0.678", "[0.642,", "0.709]", "0.048", "12", "train_first"),
    ]


def test_no_line_is_longer_than_the_terminal() -> None:
    assert max(map(len, shown(80).splitlines())) <= 80
