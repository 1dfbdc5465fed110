"""What a replay says about a run that failed."""

from collections.abc import Callable

import dagster as dg
import pytest

from mlops_dagster.automation.replay import Watcher, run_job
from mlops_dagster.errors import TerminalError


def broken() -> None:
    raise ValueError("no such column: kwh")


def refused() -> None:
    raise dg.Failure(description="shop.orders: refused by its rules.")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (broken, r"^run \S+: hold failed for 2024-01-01: ValueError: no such column: kwh\. Open"),
        (refused, r"^run \S+: hold failed for 2024-01-01: shop\.orders: refused by its rules\. Op"),
    ],
)
def test_a_failed_run_is_told_with_its_cause(body: Callable[[], None], told: str) -> None:
    days = dg.DailyPartitionsDefinition("2024-01-01")

    @dg.asset(partitions_def=days)
    def orders() -> None:
        body()

    definitions = dg.Definitions(assets=[orders], jobs=[dg.define_asset_job("hold", [orders])])
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(TerminalError, match=told):
        run_job(definitions, instance, "hold", "2024-01-01", watcher=Watcher())
