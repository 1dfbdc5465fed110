"""Mistakes in tables: sources, names, columns, windows, files and rules."""
# ruff: noqa: E501 - a message stands in one line, as it is shown.
# fmt: off

from pathlib import Path

import pytest

from mlops_dagster_tests.spec.worlds import USE_CASE, changed, messages, write_project


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{orders: bronze.orders}", "{orders: bronze.order}", "11: tables.silver.orders.inputs.orders: expected a declared table, written 'layer.name', 'project.name' or 'use_case.layer.name', found 'bronze.order' (did you mean 'bronze.orders'?)"),
        ("{table: silver.arrivals, back", "{table: silver.arival, back", "26: tables.features.city_history.inputs.arrivals.table: expected a declared table, written 'layer.name', 'project.name' or 'use_case.layer.name', found 'silver.arival' (did you mean 'silver.arrivals'?)"),
        ("calendar: project.calendar", "calendar: project.calender", "27: tables.features.city_history.inputs.calendar: expected a declared table, written 'layer.name', 'project.name' or 'use_case.layer.name', found 'project.calender' (did you mean 'project.calendar'?)"),
        ("calendar: project.calendar", "calendar: project.suppliers", "27: tables.features.city_history.inputs.calendar: expected a table of this use case or one that its owner exports, found 'project.suppliers', which project.yaml:5 does not export"),
        ("calendar: project.calendar", "calendar: stock.bronze.counds", "27: tables.features.city_history.inputs.calendar: expected a declared table, written 'layer.name', 'project.name' or 'use_case.layer.name', found 'stock.bronze.counds' (did you mean 'stock.bronze.counts'?)"),
        ("calendar: project.calendar", "calendar: a.b.c.d", "27: tables.features.city_history.inputs.calendar: expected a declared table, written 'layer.name', 'project.name' or 'use_case.layer.name', found 'a.b.c.d'"),
        ("calendar: project.calendar", "calendar: calendar", "27: tables.features.city_history.inputs.calendar: expected a declared table, written 'layer.name', 'project.name' or 'use_case.layer.name', found 'calendar' (did you mean 'project.calendar'?)"),
    ],
)
def test_a_name_that_means_no_table_is_told_with_the_nearest(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  features.city_history:\n    hook: city_history\n", "  features.city_history:\n", "23: tables.features.city_history: expected exactly one source of its rows: files, source, hook, keep or the SQL file features/city_history.sql, found none"),
        ("    hook: city_history\n", "    hook: city_history\n    files: x.csv\n", "23: tables.features.city_history: expected exactly one source of its rows: files, source, hook, keep or the SQL file features/city_history.sql, found files and hook"),
        ("  silver.orders:\n    inputs: {orders: bronze.orders}\n", '  silver.orders:\n    files: "orders/{window}.csv"\n', "10: tables.silver.orders: expected exactly one source of its rows: files, source, hook, keep or the SQL file silver/orders.sql, found files and the SQL file use_cases/deliveries/silver/orders.sql"),
        ("    nulls: [NA]", "    inputs: {calendar: project.calendar}", "8: tables.bronze.orders.inputs: a table of files reads no other tables"),
        ("    known_at: arrived_at", "    known_at: arrived_at\n    nulls: [NA]", "23: tables.silver.arrivals.nulls: only a table of files has texts that mean null"),
        ("    known_at: arrived_at", "    known_at: arrived_at\n    row_number: order_id", "23: tables.silver.arrivals.row_number: only records of files have places that could be numbered. In SQL write row_number() over (order by ...)"),
        ("    inputs: {orders: bronze.orders}\n", "", "10: tables.silver.orders: expected inputs: the tables that the SQL file reads, by the names it uses, found none"),
        ("{orders: bronze.orders}", "{orders: bronze.orders, calendar: project.calendar}", "11: tables.silver.orders.inputs.calendar: use_cases/deliveries/silver/orders.sql never reads this input"),
    ],
)
def test_a_table_has_one_source_of_rows(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{orders: bronze.orders}", "{orders: silver.orders}", "11: tables.silver.orders.inputs.orders: tables read each other in a circle: deliveries.silver.orders (use_cases/deliveries/use_case.yaml:10) reads deliveries.silver.orders (use_cases/deliveries/use_case.yaml:10)"),
        ("{arrivals: bronze.arrivals}", "{arrivals: features.city_history}", "26: tables.features.city_history.inputs.arrivals: tables read each other in a circle: deliveries.silver.arrivals (use_cases/deliveries/use_case.yaml:18) reads deliveries.features.city_history (use_cases/deliveries/use_case.yaml:23) reads deliveries.silver.arrivals (use_cases/deliveries/use_case.yaml:18)"),
    ],
)
def test_tables_that_read_each_other_are_told_with_their_places(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("calendar: project.calendar", "calendar: stock.bronze.counts", "27: tables.features.city_history.inputs.calendar: expected a table by day in Europe/Berlin, as this use case, or one without windows, found stock.bronze.counts by week in UTC (use_cases/stock/use_case.yaml:5)"),
        ("calendar: project.calendar", "calendar: {table: project.calendar, back: 7 days}", "27: tables.features.city_history.inputs.calendar.back: project.shared.calendar has no windows, it is read whole"),
        ("calendar: project.calendar", "calendar: {table: project.calendar, until: start}", "27: tables.features.city_history.inputs.calendar.until: project.shared.calendar has no windows, it is read whole"),
        ("windows: {every: day, first: 2024-01-01, last: 2024-12-31, time_zone: Europe/Berlin, close_after: 3 days}", "windows: {every: week, first: 2024-01-02}", "4: windows.first: week '2024-01-02' is named by its Monday: '2024-01-01'"),
    ],
)
def test_what_does_not_fit_the_windows_is_told(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    key: [order_id]\n    event_time: ordered_at\n    rules", "    key: [order]\n    event_time: ordered_at\n    rules", "12: tables.silver.orders.key[0]: expected a column of deliveries.silver.orders, found 'order' (did you mean 'order_id'?)"),
        ("    key: [order_id]\n    event_time: ordered_at\n    rules", "    key: [order_id, order_id]\n    event_time: ordered_at\n    rules", "12: tables.silver.orders.key[1]: the column 'order_id' stands twice"),
        ("    event_time: ordered_at\n    rules", "    event_time: orderd_at\n    rules", "13: tables.silver.orders.event_time: expected a column of deliveries.silver.orders, found 'orderd_at' (did you mean 'ordered_at'?)"),
        ("    event_time: ordered_at\n    rules", "    event_time: weight\n    rules", "13: tables.silver.orders.event_time: expected a column of type timestamp or date, found double"),
        ("known_at: arrived_at", "known_at: arived_at", "22: tables.silver.arrivals.known_at: expected a column of deliveries.silver.arrivals, found 'arived_at' (did you mean 'arrived_at'?)"),
        ("    event_time: ordered_at\n    known_at: arrived_at", "    known_at: arrived_at", "21: tables.silver.arrivals.known_at: known_at needs an event_time beside it"),
        ("    event_time: hour\n", "", "29: tables.features.city_history.valid_for: valid_for needs an event_time beside it"),
        ("valid_for: 2 days", "valid_for: 2 days\n    forecast: true", "31: tables.features.city_history.forecast: forecast needs known_at beside it"),
        ("valid_for: 2 days", "known_at: hour\n    forecast: true", "31: tables.features.city_history.forecast: forecast needs valid_for beside it"),
        ("valid_for: 2 days", "valid_for: 0 days\n    known_at: hour\n    forecast: true", "30: tables.features.city_history.valid_for: expected more than 0 for a forecast, found '0 days'"),
        ("valid_for: 2 days", "freshness: 2 windows", "30: tables.features.city_history.freshness: expected a time span such as '4 hours' (units: minutes, hours, days, weeks), found '2 windows'"),
        ("valid_for: 2 days", "freshness: 0 hours", "30: tables.features.city_history.freshness: expected at least 1 minute, found '0 hours'"),
        ("valid_for: 2 days", "freshness: {within: 2 days, warn_after: 2 days}", "30: tables.features.city_history.freshness.warn_after: expected less than within, '2 days', found '2 days'"),
        ("valid_for: 2 days", "freshness: {warn_after: 2 days}", "30: tables.features.city_history.freshness: expected the key 'within', found only 'warn_after'"),
        ("weight > 0", "wieght > 0", "16: tables.silver.orders.rules[1]: unknown column wieght (did you mean weight?)"),
    ],
)
def test_a_column_that_a_table_has_not_is_told_with_the_nearest(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"arrivals/{window}.csv"', '"/data/{window}.csv"', "9: tables.bronze.arrivals.files: expected a path below the landing folder, without '..' or an address, found '/data/{window}.csv'"),
        ('"arrivals/{window}.csv"', '"../{window}.csv"', "9: tables.bronze.arrivals.files: expected a path below the landing folder, without '..' or an address, found '../{window}.csv'"),
        ('"arrivals/{window}.csv"', '"a/../../{window}.csv"', "9: tables.bronze.arrivals.files: expected a path below the landing folder, without '..' or an address, found 'a/../../{window}.csv'"),
        ('"arrivals/{window}.csv"', '"s3://bucket/{window}.csv"', "9: tables.bronze.arrivals.files: expected a path below the landing folder, without '..' or an address, found 's3://bucket/{window}.csv'"),
        ('"arrivals/{window}.csv"', '"https://user:secret@example.org/{window}.csv"', "9: tables.bronze.arrivals.files: expected a path below the landing folder, without '..' or an address, found 'https://***'"),
        ('"arrivals/{window}.csv"', '"dbfs:/{window}.csv"', "9: tables.bronze.arrivals.files: expected a path below the landing folder, without '..' or an address, found 'dbfs:/{window}.csv'"),
        ('"arrivals/{window}.csv"', '"C:/{window}.csv"', "9: tables.bronze.arrivals.files: expected a path below the landing folder, without '..' or an address, found 'C:/{window}.csv'"),
        ('"arrivals/{window}.csv"', '"a\\\\{window}.csv"', "9: tables.bronze.arrivals.files: expected a path below the landing folder, without '..' or an address, found 'a\\{window}.csv'"),
        ('"arrivals/{window}.csv"', '"~/{window}.csv"', "9: tables.bronze.arrivals.files: expected a path below the landing folder, without '..' or an address, found '~/{window}.csv'"),
        ('"arrivals/{window}.csv"', '"./{window}.csv"', "9: tables.bronze.arrivals.files: expected a path below the landing folder, without '..' or an address, found './{window}.csv'"),
        ('"arrivals/{window}.csv"', '"a//{window}.csv"', "9: tables.bronze.arrivals.files: expected a path below the landing folder, without '..' or an address, found 'a//{window}.csv'"),
        ('"arrivals/{window}.csv"', '""', "9: tables.bronze.arrivals.files: expected a path below the landing folder, without '..' or an address, found ''"),
        ('"arrivals/{window}.csv"', '" "', "9: tables.bronze.arrivals.files: expected a path below the landing folder, without '..' or an address, found ' '"),
        ('"arrivals/{window}.csv"', '"."', "9: tables.bronze.arrivals.files: expected a path below the landing folder, without '..' or an address, found '.'"),
        ('"arrivals/{window}.csv"', '"a\\0/{window}.csv"', "9: tables.bronze.arrivals.files: expected a path below the landing folder, without '..' or an address, found 'a\\x00/{window}.csv'"),
        ('"arrivals/{window}.csv"', '"a/*.csv"', "9: tables.bronze.arrivals.files: expected a path without wildcards; a folder stands for all its files, found 'a/*.csv'"),
        ('"arrivals/{window}.csv"', '"a/{window"', "9: tables.bronze.arrivals.files: expected a path without wildcards; a folder stands for all its files, found 'a/{window'"),
        ('"arrivals/{window}.csv"', '"a/{window}.xlsx"', "9: tables.bronze.arrivals.files: expected a name that ends in .csv, .json, .jsonl, .ndjson, .parquet, texts also with .gz, or a folder, written with '/' at its end, found '.xlsx'"),
        ('"arrivals/{window}.csv"', '"a/{window}.csv.zip"', "9: tables.bronze.arrivals.files: expected a name that ends in .csv, .json, .jsonl, .ndjson, .parquet, texts also with .gz, or a folder, written with '/' at its end, found '.zip'"),
        ('"arrivals/{window}.csv"', '"a/{window}.parquet.gz"', "9: tables.bronze.arrivals.files: expected a name that ends in .csv, .json, .jsonl, .ndjson, .parquet, texts also with .gz, or a folder, written with '/' at its end, found '.parquet.gz'"),
        ('"arrivals/{window}.csv"', '"a/{window}.gz"', "9: tables.bronze.arrivals.files: expected a name that ends in .csv, .json, .jsonl, .ndjson, .parquet, texts also with .gz, or a folder, written with '/' at its end, found '.gz'"),
        ('"arrivals/{window}.csv"', '"a/{month}.csv"', "9: tables.bronze.arrivals.files: expected at most one placeholder, '{window}', found 'a/{month}.csv'"),
        ('"arrivals/{window}.csv"', '"{window}/{window}.csv"', "9: tables.bronze.arrivals.files: expected at most one placeholder, '{window}', found '{window}/{window}.csv'"),
    ],
)
def test_files_lie_below_the_landing_folder(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("weight > 0", "weight >> 0", "16: tables.silver.orders.rules[1]: not understood at character 9 of 'weight >> 0'; expected a column or value, found >"),
        ("weight > 0", "weight > 0 and", "16: tables.silver.orders.rules[1]: the text ends too early at character 15 of 'weight > 0 and'; expected a column or value, found the end"),
        ("weight > 0", "weight > (select 1)", "16: tables.silver.orders.rules[1]: a query inside a rule is not part of the rule language at character 11 of 'weight > (select 1)'. A rule sees one table; join in the table's SQL"),
        ("weight > 0", "weight > 0; drop table orders", "16: tables.silver.orders.rules[1]: a second statement is not part of the rule language at character 11 of 'weight > 0; drop table orders'"),
        ("weight > 0", "lenght(city) > 0", "16: tables.silver.orders.rules[1]: unknown function at character 1 of 'lenght(city) > 0'; found lenght (did you mean 'length'?)"),
        ("weight > 0", "weight", "16: tables.silver.orders.rules[1]: a rule is a condition, this is a number in 'weight'"),
        ("weight > 0", "city > 0", "16: tables.silver.orders.rules[1]: a text cannot be compared with a number in '0'"),
        ("row_count > 10", "row_count > 20_000", "15: tables.silver.orders.rules[0]: not a number at character 13 of 'row_count > 20_000'; expected a number without underscores or letters, such as 20000, found 20_000. A column whose name begins with a digit is written in backticks"),
        ("row_count > 10", "row_count > weight", "15: tables.silver.orders.rules[0]: column weight belongs to a row, but the rule is about the data set at character 13 of 'row_count > weight'; expected columns only inside count, mean, min, max and the like. Write two rules"),
        ('warn_if: "> 1 %"', 'warn_if: "1 %"', "17: tables.silver.orders.rules[2].warn_if: not a limit at character 1 of '1 %'; expected '> 1 %' (a share of the rows) or '> 100' (a number of rows), with > or >="),
        ('warn_if: "> 1 %"', 'warn_if: "> 20 %"', "17: tables.silver.orders.rules[2].warn_if: expected less than fail_if, '> 10 %', found '> 20 %'"),
    ],
)
def test_a_rule_that_cannot_be_read_is_told_with_its_place(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("row_count > 10", "{rule: row_count > 10, on_fail: drop}", "15: tables.silver.orders.rules[0].on_fail: expected 'stop' or 'record': the rule is about the data set, not about rows, found 'drop'"),
        ("row_count > 10", '{rule: row_count > 10, warn_if: "> 1 %"}', "15: tables.silver.orders.rules[0].warn_if: 'warn_if' is about failing rows, the rule is about the data set"),
        ("weight > 0", "{rule: weight > 0, when: row_count > 3}", "16: tables.silver.orders.rules[1].when: 'when' chooses rows, it cannot be about the data set"),
        ("weight > 0", "{rule: weight > 0, severity: critical, on_fail: drop}", "16: tables.silver.orders.rules[1].on_fail: expected 'stop', which severity critical means, found 'drop'"),
        ("weight > 0", "{rule: weight > 0, severity: warning, on_fail: stop}", "16: tables.silver.orders.rules[1].severity: expected 'error' or 'critical': the rule stops the batch, found 'warning'"),
        ("weight > 0", '{rule: weight > 0, on_fail: stop, warn_if: "> 1 %"}', "16: tables.silver.orders.rules[1].warn_if: 'warn_if' has no effect: the first failing row stops the batch"),
        ("weight > 0", "{rule: weight > 0, name: heavy}\n      - {rule: weight > 1, name: heavy}", "17: tables.silver.orders.rules[2].name: the name 'heavy' stands twice, first in line 16"),
    ],
)
def test_keys_of_a_rule_that_contradict_each_other_are_told(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("row_number", "message"),
    [
        ("plase", "9: tables.bronze.orders.row_number: expected a column of deliveries.bronze.orders, found 'plase' (did you mean 'place'?)"),
        ("city", "9: tables.bronze.orders.row_number: expected a column of type bigint in the contract, found string"),
        ("place", None),
    ],
)
def test_a_row_number_is_a_column_of_the_contract(
    tmp_path: Path, row_number: str, message: str | None
) -> None:
    contract = """\
spec_version: 1
table: deliveries.bronze.orders
columns:
  - {name: place, type: bigint}
  - {name: order_id, type: bigint}
  - {name: ordered_at, type: timestamp}
  - {name: weight, type: double}
  - {name: city, type: string}
"""
    changes = changed(USE_CASE, "    nulls: [NA]\n", f"    nulls: [NA]\n    row_number: {row_number}\n")
    changes["use_cases/deliveries/contracts/bronze.orders.yaml"] = contract
    found = messages(write_project(tmp_path, changes))
    assert found == ([] if message is None else [f"{USE_CASE}:{message}"])
