"""What a query's text says about its rows, against Spark on rows that all stand there twice."""

import pytest
from pyspark.sql import SparkSession

from mlops_dagster.rules import parse_select

COLUMNS = {"sales": ("shop", "at", "amount", "tags"), "shops": ("shop", "town")}

TOLD_APART = {
    "SELECT shop, count(*) AS n FROM sales GROUP BY shop": {"shop"},
    "SELECT shop AS s, max(amount) AS m FROM sales GROUP BY shop": {"s"},
    "SELECT DISTINCT shop, amount FROM sales": {"shop", "amount"},
    "SELECT Shop, date_trunc('DAY', at) + interval 1 day AS day, sum(amount) AS total "
    "FROM sales GROUP BY Shop, date_trunc('DAY', at) + interval 1 day HAVING sum(amount) > 0": {
        "shop",
        "day",
    },
    "SELECT s.shop, s.amount, count(*) AS n FROM sales AS s JOIN shops USING (shop) "
    "GROUP BY s.shop, s.amount": {"shop", "amount"},
    "WITH daily AS (SELECT shop, date_trunc('DAY', at) AS day, sum(amount) AS total FROM sales "
    "GROUP BY shop, date_trunc('DAY', at)), rolling AS (SELECT d.shop AS store, d.day, "
    "sum(d.total) OVER (PARTITION BY d.shop ORDER BY d.day) AS total FROM daily AS d) "
    "SELECT day, store, total / 2 AS half FROM rolling WHERE total > 0": {"day", "store"},
    "SELECT shop FROM (SELECT shop, count(*) AS n FROM sales GROUP BY shop) AS c WHERE n > 1": {
        "shop"
    },
}
UNKNOWN = (
    "SELECT shop, amount FROM sales",
    "SELECT shop, count(*) AS n FROM sales GROUP BY shop, amount",
    "SELECT upper(shop) AS shop, count(*) AS n FROM sales GROUP BY shop",
    "SELECT shop, amount, count(*) AS n FROM sales GROUP BY CUBE (shop, amount)",
    "SELECT shop, amount, count(*) AS n FROM sales GROUP BY ROLLUP (shop, amount)",
    "SELECT shop, explode(sort_array(collect_set(amount))) AS amount FROM sales GROUP BY shop",
    "SELECT *, window(at, '2 days', '1 day') AS days FROM (SELECT DISTINCT shop, at FROM sales)",
    "SELECT shop, window(at, '2 days', '1 day') AS days FROM (SELECT DISTINCT shop, at FROM sales)",
    "SELECT DISTINCT shop FROM sales UNION ALL SELECT shop FROM shops",
    "WITH a AS (SELECT DISTINCT shop FROM sales) SELECT a.shop FROM a JOIN shops USING (shop)",
    "WITH a AS (SELECT DISTINCT shop FROM sales) SELECT shop, explode(array(1, 2)) AS n FROM a",
    "WITH a AS (SELECT DISTINCT shop, amount FROM sales) SELECT shop FROM a",
    "WITH a AS (SELECT DISTINCT shop, amount FROM sales) SELECT shop, amount > 1 AS amount FROM a",
)


@pytest.fixture
def sales(spark: SparkSession) -> SparkSession:
    """Every row stands there twice, nulls and both zeros among them."""
    rows = "".join(
        f"({shop}, timestamp '2013-01-0{day} 10:00:00', {amount}, array('a', 'b')),"
        for _ in range(2)
        for shop in ("'north'", "'North'", "NULL")
        for day in (1, 2)
        for amount in ("0.0D", "-0.0D", "double('nan')", "NULL", "7.5D")
    ).rstrip(",")
    spark.sql(f"SELECT * FROM VALUES {rows} AS t(shop, at, amount, tags)").createOrReplaceTempView(
        "sales"
    )
    spark.sql(
        "SELECT * FROM VALUES ('north', 'a'), ('north', 'b') AS t(shop, town)"
    ).createOrReplaceTempView("shops")
    return spark


def test_rows_are_told_apart_by_what_they_are_grouped_by(sales: SparkSession) -> None:
    for text, expected in TOLD_APART.items():
        found = parse_select(text, COLUMNS, columns=COLUMNS).unique_by
        assert found == frozenset(expected), text
        rows = sales.sql(text)
        assert rows.select(*expected).distinct().count() == rows.count() > 0, text


@pytest.mark.parametrize("text", UNKNOWN)
def test_nothing_is_said_of_other_queries(text: str) -> None:
    assert parse_select(text, COLUMNS, columns=COLUMNS).unique_by is None
