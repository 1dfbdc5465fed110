from datetime import datetime, timezone

import pytest

from mlops_dagster.data.leaks import Leak, find_leaks
from mlops_dagster_tests.data.worlds import Project

T = datetime(2013, 1, 15, tzinfo=timezone.utc)
HONEST = """
select a.id, a.at, sum(b.amount) as before
from sales as a join sales as b on b.at < a.at and b.id = a.id group by a.id, a.at
"""
LEAKING = """
select id, at, sum(amount) over (partition by id) as before from sales
"""


@pytest.fixture
def sales(project: Project) -> Project:
    project.declare(
        """
        bronze.sales: {files: "sales/{window}.csv", event_time: at}
        features.totals: {inputs: {sales: bronze.sales}, key: [id], event_time: at}
        """
    )
    lines = "".join(f"{i % 2},2013-01-{i:02d}T00:00:00Z,{i}\n" for i in range(1, 30))
    project.write("landing/sales/2013-01.csv", f"id,at,amount\n{lines}")
    project.sql("features.totals", HONEST)
    project.build("bronze.sales", "2013-01")
    return project


def leaks(project: Project, *instants: datetime) -> tuple[Leak, ...]:
    workspace = project.workspace()
    return find_leaks(
        project.session,
        workspace=workspace,
        table=project.table("features.totals"),
        window="2013-01",
        instants=instants,
        store=project.store,
        locations=project.locations,
    )


def test_a_table_that_uses_earlier_rows_only_has_no_leaks(sales: Project) -> None:
    assert leaks(sales, T, datetime(2013, 1, 3, tzinfo=timezone.utc)) == ()


def test_a_feature_that_uses_a_later_row_is_found_with_its_column(sales: Project) -> None:
    sales.sql("features.totals", LEAKING)
    found = leaks(sales, T)
    assert len(found) == 5
    assert {leak.columns for leak in found} == {("before",)}
    first = found[0]
    assert first.key[0] == ("id", 0)
    assert first.shown is not None
    assert first.knowable is not None
    assert dict(first.shown)["before"] == sum(range(2, 30, 2))
    assert dict(first.knowable)["before"] == sum(range(2, 16, 2))


def test_a_row_that_exists_only_because_of_the_future_is_found(sales: Project) -> None:
    # Keeps a sale only if the same shop sells again.
    sales.sql(
        "features.totals",
        "select distinct a.id, a.at from sales as a join sales as b on b.id = a.id and b.at > a.at",
    )
    found = leaks(sales, T)
    assert [leak.knowable for leak in found] == [None, None]
    assert {leak.columns for leak in found} == {("id", "at")}


def test_tables_of_files_have_nothing_to_test(sales: Project) -> None:
    workspace = sales.workspace()
    assert (
        find_leaks(
            sales.session,
            workspace=workspace,
            table=sales.table("bronze.sales"),
            window="2013-01",
            instants=[T],
            store=sales.store,
            locations=sales.locations,
        )
        == ()
    )
