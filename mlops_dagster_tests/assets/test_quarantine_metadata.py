"""What the UI shows of the quarantine: counts by status, the reasons of most rows, as text."""

import dagster as dg

from mlops_dagster.assets.metadata import markdown_text
from mlops_dagster.assets.quarantine import quarantine_metadata
from mlops_dagster.data.row_ledger import RowStatus
from mlops_dagster.data.slice_counts import SliceCounts
from mlops_dagster.spec.refs import TableRef

NOTHING = dict.fromkeys(RowStatus, 0)
WEATHER = SliceCounts(
    ref=TableRef("flights", "silver", "weather"),
    window="2013-02",
    rows_in=10,
    valid=6,
    quarantined=2,
    dropped=1,
    discarded=1,
    refused=False,
    statuses={**NOTHING, RowStatus.OPEN: 1, RowStatus.FIXED: 1, RowStatus.DISCARDED: 1},
    failed_rules={"wind_speed between 0 and 100": 2, "<b>*row_count*</b>": None, "a|b": 1},
)


def test_rows_are_counted_by_status_and_table() -> None:
    shown = quarantine_metadata([WEATHER], "2013-02")
    values = {name: value.value for name, value in shown.items()}
    assert (values["rows_in"], values["quarantined"], values["dropped"]) == (10, 2, 1)
    assert [values[name] for name in ("open", "fixed", "released", "discarded")] == [1, 1, 0, 1]
    table = shown["tables"]
    assert isinstance(table, dg.TableMetadataValue)
    record = table.records[0].data
    delivered = sum(int(str(record[k])) for k in ("valid", "quarantined", "dropped", "discarded"))
    assert record["rows_in"] == delivered
    assert values["next"] == "`mlops-dagster quarantine list --use-case flights --window 2013-02`"


def test_reasons_are_text_in_markdown_most_rows_first() -> None:
    shown = quarantine_metadata([WEATHER], "2013-02")["top_reasons"].value
    assert shown == (
        "- silver.weather: wind\\_speed between 0 and 100 (2)\n- silver.weather: a\\|b (1)"
    )
    assert markdown_text("<img src=x> [a](b)\n# c") == r"\<img src=x\> \[a\]\(b\) \# c"


def test_an_empty_quarantine_asks_for_nothing() -> None:
    shown = quarantine_metadata([], "2013-02")
    assert set(shown) == {
        *("quarantined", "dropped", "rows_in", "open", "fixed", "released", "discarded"),
    }
