"""Corrections from a file, released with what reads their table, by the commands alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from pyspark.sql import SparkSession

from mlops_dagster.cli import main
from mlops_dagster_tests.assets.inline_project import write_project
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.end_to_end.live_project import LiveProject, live_project
from mlops_dagster_tests.end_to_end.test_refused import DAYS_SQL, FIRST, amounts_of, deliver

pytestmark = pytest.mark.verify
SHOP = """\
spec_version: 1
name: shop
windows: {every: day, first: 2024-01-01}
tables:
  bronze.orders:
    files: "orders/{window}.csv"
    key: [number]
    event_time: at
    rules:
      - {rule: amount >= 0, name: not_refunds}
  silver.days:
    inputs:
      orders: {table: bronze.orders, back: 1 day}
    key: [day]
    event_time: day
"""


@pytest.fixture
def shop(remote: None, tmp_path: Path) -> Iterator[LiveProject]:
    engine = f"{{kind: remote, address_variable: {REMOTE_VARIABLE}}}"
    root = write_project(tmp_path, {"shop": SHOP}, engine=engine)
    sql = root / "use_cases" / "shop" / "silver" / "days.sql"
    sql.parent.mkdir()
    sql.write_text(DAYS_SQL)
    deliver(root, FIRST, 1, -2, 3, -4)
    with live_project(root) as project:
        yield project


def test_a_file_of_corrections_reaches_the_tables_below(
    shop: LiveProject, spark: SparkSession
) -> None:
    root = shop.workspace.root

    def say(verb: str, *arguments: str) -> str:
        done = CliRunner().invoke(main, ["quarantine", verb, "--root", str(root), *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    assert shop.close(FIRST).success
    assert amounts_of(shop, spark) == {FIRST: 4}
    first, second = (line.split()[0] for line in say("list").splitlines()[1:3])
    file = root / "corrections.csv"
    file.write_text(f"row,amount\n{first},20\n{second},\\N\n")
    told = say("fix", "--file", str(file), "--reason", "list of the shop")
    assert f"row {first}\n  amount = 20\n  passes the present rules" in told
    assert f"row {second}\n  amount = null\n  would still fail: not_refunds" in told
    released = say("release", "--downstream")
    assert "  1 still failing\n  1 released\n" in released
    assert "4 delivered = 3 valid + 1 quarantined + 0 dropped + 0 discarded" in released
    built = "bronze.orders, silver.days, monitoring.quarantine, monitoring.quality_results"
    assert f"built: {built}" in released
    assert amounts_of(shop, spark) == {FIRST: 24}
    assert "as corrected, failed again:\n" in say("show", second)
    say("discard", second, "--reason", "not an order")
    assert "1 discarded" in say("release", second)
    assert "4 delivered = 3 valid + 0 quarantined + 0 dropped + 1 discarded" in say("list")
