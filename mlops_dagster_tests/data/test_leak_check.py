import pytest

from mlops_dagster.cli.check_leaks import lines_of
from mlops_dagster.data.leak_check import INSTANTS, TableChecked, check_leaks
from mlops_dagster_tests.data.worlds import Project

pytestmark = pytest.mark.long

TABLES = """
bronze.sales: {files: "sales/{window}.csv", event_time: at}
silver.honest: {inputs: {sales: bronze.sales}, key: [id], event_time: at}
silver.leaking: {inputs: {sales: bronze.sales}, key: [id], event_time: at}
silver.timeless: {inputs: {sales: bronze.sales}}
silver.unbuilt: {inputs: {sales: bronze.sales}, key: [id], event_time: at}
"""
TOTALS = "select id, at, sum(amount) over (partition by id {order}) as total from sales"


def checked(project: Project, window: str | None = None) -> dict[str, TableChecked]:
    found = check_leaks(
        project.session,
        workspace=project.workspace(),
        store=project.store,
        locations=project.locations,
        window=window,
    )
    return {one.table.removeprefix("shop.silver."): one for one in found}


def test_every_derived_table_is_tested_or_says_why_not(project: Project) -> None:
    project.declare(TABLES)
    for number, month in enumerate(("2013-01", "2013-02")):
        lines = "".join(f"{i % 2},{month}-{i:02d}T00:00:00Z,{i + number}\n" for i in range(1, 28))
        project.write(f"landing/sales/{month}.csv", f"id,at,amount\n{lines}")
    project.sql("silver.honest", TOTALS.format(order="order by at"))
    project.sql("silver.leaking", TOTALS.format(order=""))
    project.sql("silver.timeless", "select id, sum(amount) as total from sales group by id")
    project.sql("silver.unbuilt", TOTALS.format(order=""))
    for table in ("bronze.sales", "silver.honest", "silver.leaking", "silver.timeless"):
        project.build(table, "2013-01")
    project.build("bronze.sales", "2013-02")
    project.build("silver.honest", "2013-02")

    newest = checked(project)
    assert newest["honest"].window == "2013-02"
    assert newest["honest"].leaks == ()
    assert len(set(newest["honest"].instants)) == INSTANTS
    assert {at.month for at in newest["honest"].instants} == {2}
    assert newest["leaking"].window == "2013-01"
    assert {leak.columns for leak in newest["leaking"].leaks} == {("total",)}
    assert "no time at which they became known" in newest["timeless"].left_out
    assert newest["unbuilt"].left_out == "no window is published"

    january = checked(project, "2013-01")
    assert january["honest"].window == "2013-01"
    assert january["honest"].leaks == ()
    assert january["leaking"] == newest["leaking"], "equal projects, equal instants"

    assert list(lines_of(newest["unbuilt"])) == [
        "shop.silver.unbuilt: not tested: no window is published"
    ]
    told = list(lines_of(newest["leaking"]))
    assert told[0] == "shop.silver.leaking 2013-01: leaks, 3 instants"
    assert told[1].startswith("  id=0, at=2013-01-0")
    assert "total 182, but " in told[1]
    assert "from what was known by 2013-01-" in told[1]
