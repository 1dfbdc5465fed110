"""Mistakes in the files beside use_case.yaml: SQL, hooks, contracts, environments, the project."""
# ruff: noqa: E501 - a message stands in one line, as it is shown.
# fmt: off

from pathlib import Path

import pytest

from mlops_dagster_tests.spec.worlds import (
    CONTRACT,
    DEV,
    HOOKS,
    PROJECT,
    SQL,
    STOCK,
    USE_CASE,
    changed,
    messages,
    write_project,
)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("FROM orders", "FROM order", "6: column 6: a table that is not an input; expected orders, found order (did you mean orders?). Declare it under inputs"),
        ("FROM orders", "FROM bronze.orders", "6: column 6: a table is named only as declared; expected orders, found bronze.orders"),
        ("FROM orders", "FROM csv.`/etc/passwd`", "6: column 6: a table is named only as declared; expected orders, found csv.`/etc/passwd`"),
        ("FROM orders", "FROM orders JOIN suppliers USING (supplier)", "6: column 18: a table that is not an input; expected orders, found suppliers. Declare it under inputs"),
        ("WHERE weight IS", "WHERE weight weight IS", "7: column 14: not valid SQL: Invalid expression / Unexpected token"),
        ("WHERE weight IS NOT NULL", "; DELETE FROM orders", "7: column 1: a second statement is not allowed: a file is one SELECT"),
        ("SELECT\n", "INSERT INTO orders SELECT\n", "1: column 1: a SQL file is one SELECT; expected SELECT or WITH, found INSERT"),
        ("SELECT\n", "SELECT /*+ BROADCAST(orders) */\n", "1: column 8: a hint is not allowed: the plan belongs to the engine"),
        ("  weight,\n", "  weight + rand() AS weight,\n", "4: column 12: rand is refused: it is random, so the table would differ each time it is computed"),
        ("  weight,\n", "  weight, now() AS made_at,\n", "4: column 11: now is refused: it reads the clock, so the table would differ each time it is computed"),
        ("  weight,\n", '  reflect("java.lang.System", "exit", "1") AS weight,\n', "4: column 3: reflect is refused: it reaches outside the inputs"),
    ],
)
def test_sql_that_leaves_its_inputs_or_its_language_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(SQL, old, new))
    assert messages(tmp_path) == [f"{SQL}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("def city_history(arrivals, calendar):", "def city_history(arrivals, calendar)", "9: not valid Python: expected ':'"),
        ("def cost(actual, predicted)", "def cost(truth, predicted)", "15: the @metric 'cost' has other parameters than it is called with; expected (actual, predicted), found (truth, predicted)"),
        ("@metric(lower_is_better=True)", "@metric", "15: the @metric 'cost' does not say which direction is better; expected @metric(lower_is_better=True) or @metric(lower_is_better=False)"),
        ("@metric(lower_is_better=True)", '@metric(lower_is_better="yes")', "15: the @metric 'cost' does not say which direction is better; expected @metric(lower_is_better=True) or @metric(lower_is_better=False)"),
        ("def helper(rows):", "@transform\ndef city_history(arrivals, calendar):", "21: the hook 'city_history' stands twice, first in line 9"),
        ("def helper(rows):", "from mlops_dagster.hooks import estimator\n@estimator\ndef forest(trees):", "22: the @estimator 'forest' has other parameters than it is called with; expected (seed), found (trees)"),
        ("def helper(rows):", "@metric(lower_is_better=True)\ndef log_loss(actual, predicted):", "21: the @metric 'log_loss' has the name of a built-in metric"),
    ],
)
def test_hooks_that_cannot_be_called_are_told_with_their_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(HOOKS, old, new))
    assert messages(tmp_path) == [f"{HOOKS}:{message}"]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (USE_CASE, "hook: city_history", "hook: city_histry", "use_cases/deliveries/use_case.yaml:24: tables.features.city_history.hook: expected a @transform of hooks.py: 'city_history', found 'city_histry' (did you mean 'city_history'?)"),
        (USE_CASE, "hook: city_history", "hook: helper", "use_cases/deliveries/use_case.yaml:24: tables.features.city_history.hook: expected a @transform of hooks.py: 'city_history', found 'helper', which is no hook (use_cases/deliveries/hooks.py:20)"),
        (USE_CASE, "hook: city_history", "hook: cost", "use_cases/deliveries/use_case.yaml:24: tables.features.city_history.hook: expected a @transform of hooks.py: 'city_history', found the @metric 'cost'"),
        (USE_CASE, "metric: cost", "metric: costs", "use_cases/deliveries/use_case.yaml:48: models.late.gates[2].metric: expected a metric of task binary or an @metric of hooks.py: 'roc_auc', 'average_precision', 'log_loss', 'brier_score', 'expected_calibration_error', 'accuracy', 'f1', 'cost', found 'costs' (did you mean 'cost'?)"),
        (HOOKS, "@transform\n", "", "use_cases/deliveries/use_case.yaml:24: tables.features.city_history.hook: expected a @transform of hooks.py, which has none, found 'city_history', which is no hook (use_cases/deliveries/hooks.py:8)"),
        (HOOKS, "def city_history(", "async def city_history(", "use_cases/deliveries/use_case.yaml:24: tables.features.city_history.hook: expected a @transform of hooks.py, which has none, found 'city_history', which is no hook (use_cases/deliveries/hooks.py:9)"),
        (HOOKS, "def city_history(arrivals, calendar)", "def city_history(arrivals)", "use_cases/deliveries/use_case.yaml:24: tables.features.city_history.hook: expected inputs named as the parameters of city_history: 'arrivals', found 'arrivals', 'calendar'"),
        (HOOKS, "def city_history(arrivals, calendar)", "def city_history(*tables)", "use_cases/deliveries/use_case.yaml:24: tables.features.city_history.hook: expected inputs named as the parameters of city_history: '*tables', found 'arrivals', 'calendar'"),
        (HOOKS, "def city_history(arrivals, calendar)", "def city_history()", "use_cases/deliveries/use_case.yaml:24: tables.features.city_history.hook: expected inputs named as the parameters of city_history: none, found 'arrivals', 'calendar'"),
        (HOOKS, "from mlops_dagster.hooks import metric, transform", "from mlops_dagster.hooks import metric\nfrom elsewhere import transform", "use_cases/deliveries/use_case.yaml:24: tables.features.city_history.hook: expected a @transform of hooks.py, which has none, found 'city_history', which is no hook (use_cases/deliveries/hooks.py:10)"),
    ],
)
def test_a_hook_that_yaml_names_wrongly_is_told(
    tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(file, old, new))
    assert messages(tmp_path) == [message]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (CONTRACT, "type: double", "type: duble", "use_cases/deliveries/contracts/silver.orders.yaml:6: columns[2].type: expected a Spark type such as 'bigint', 'decimal(10,2)' or 'array<string>', found 'duble' (did you mean 'double'?)"),
        (CONTRACT, "type: double", "type: FLOAT8", "use_cases/deliveries/contracts/silver.orders.yaml:6: columns[2].type: expected a Spark type such as 'bigint', 'decimal(10,2)' or 'array<string>', found 'FLOAT8'"),
        (CONTRACT, "table: deliveries.silver.orders", "table: silver.orders", "use_cases/deliveries/contracts/silver.orders.yaml:2: table: expected 'deliveries.silver.orders', found 'silver.orders'"),
        (CONTRACT, "name: weight", "name: city", "use_cases/deliveries/contracts/silver.orders.yaml:7: columns[3].name: the column 'city' stands twice"),
        (CONTRACT, "name: weight, type: double}", "name: weight, type: double}\n  - {name: window, type: string}", "use_cases/deliveries/contracts/silver.orders.yaml:7: columns[3].name: the column 'window' is added, never declared"),
        (CONTRACT, "  - {name: city, type: string}", "  - {name: city}", "use_cases/deliveries/contracts/silver.orders.yaml:7: columns[3]: expected the key 'type', found only 'name'"),
        (CONTRACT, "nullable: false", "nulable: false", "use_cases/deliveries/contracts/silver.orders.yaml:4: columns[0].nulable: expected one of the keys name, type, nullable, optional, found 'nulable' (did you mean 'nullable'?)"),
        (CONTRACT, "spec_version: 1", "spec_version: 2", "use_cases/deliveries/contracts/silver.orders.yaml:1: spec_version: expected 1, found 2"),
        (SQL, "  weight,\n", "  weight, kilos,\n", "use_cases/deliveries/contracts/silver.orders.yaml:3: columns: expected the columns of use_cases/deliveries/silver/orders.sql, found no 'kilos'"),
        (SQL, "  weight,\n", "  kilos,\n", "use_cases/deliveries/contracts/silver.orders.yaml:3: columns: expected the columns of use_cases/deliveries/silver/orders.sql, found 'weight', which it does not make, and no 'kilos'"),
        (SQL, "  weight,\n", "  weight, 1 AS window,\n", "use_cases/deliveries/use_case.yaml:10: tables.silver.orders: use_cases/deliveries/silver/orders.sql makes a column 'window', a name that is taken"),
    ],
)
def test_a_contract_that_does_not_fit_is_told(
    tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(file, old, new))
    assert messages(tmp_path) == [message]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: dev", "name: test", "2: name: expected the name of the file, 'dev', found 'test'"),
        ("kind: local", "kind: locale", "3: engine.kind: expected one of 'local', 'remote', 'databricks', found 'locale' (did you mean 'local'?)"),
        ("2 GB", "2 gb", "3: engine.memory: expected an amount of memory such as '2 GB' or '1536 MB', found '2 gb'"),
        ("2 GB", "2048", "3: engine.memory: expected an amount of memory such as '2 GB' or '1536 MB', found 2048"),
        ("2 GB", "511 MB", "3: engine.memory: expected at least '512 MB', without which Spark cannot start, found '511 MB'"),
        ("landing: landing\n", "", "1: expected the key 'landing', found only 'spec_version', 'name', 'engine', 'tables'"),
        ("kind: paths, warehouse: .mlops/dev/warehouse", "kind: catalog, catalog: main", "5: tables: expected the key 'schema', found only 'kind', 'catalog'"),
        ("kind: paths, warehouse: .mlops/dev/warehouse", 'kind: catalog, catalog: spark_catalog, schema: "{usecase}"', "5: tables.schema: expected the placeholders '{use_case}' and '{layer}' only, found '{usecase}' (did you mean '{use_case}'?)"),
        ("kind: paths, warehouse: .mlops/dev/warehouse", "kind: catalog, catalog: spark_catalog, schema: a.b", "5: tables.schema: expected letters, digits, '_' and the placeholders '{use_case}' and '{layer}', found 'a.b'"),
        ("kind: paths, warehouse: .mlops/dev/warehouse", "kind: catalog, catalog: my-catalog, schema: a", "5: tables.catalog: expected the name of a catalog such as 'main', found 'my-catalog' (did you mean 'my_catalog'?)"),
        ("kind: paths, warehouse: .mlops/dev/warehouse", "kind: paths, warehouse: 's3a://key:secret@bucket/x'", "5: tables.warehouse: an address must hold no password; give it to Spark, by its settings or an identity"),
        ("kind: paths, warehouse: .mlops/dev/warehouse", "kind: catalog, catalog: main, schema: a", "5: tables.catalog: expected 'spark_catalog', the catalog of a local engine, found 'main'"),
        ("landing: landing", "landing: landing\nuse_cases: [delivries]", "5: use_cases[0]: expected a folder in use_cases/, found 'delivries' (did you mean 'deliveries'?)"),
        ("landing: landing", "landing: landing\nuse_cases: [stock, stock]", "5: use_cases[1]: the use case 'stock' stands twice"),
        ("landing: landing", "landing: landing\ntracking: https://example.org", "5: tracking: expected 'sqlite' or a mapping with the key address_variable, found 'https://example.org'"),
        ("landing: landing", 'landing: landing\nstate: {address_variable: "postgresql://user:secret@example.org/db"}', "5: state.address_variable: expected the name of an environment variable such as 'SPARK_REMOTE', found 'postgresql://***'"),
        ("landing: landing", "landing: landing\nalerts: {channels: [log, email]}", "5: alerts.channels[1]: expected 'log' or a mapping with the key webhook, found 'email'"),
        ("landing: landing", "landing: landing\nalerts: {channels: [{webhook: {address_variable: 'https://chat.example.org/T00/secret?a=b'}}]}", "5: alerts.channels[0].webhook.address_variable: expected the name of an environment variable such as 'SPARK_REMOTE', found 'https://chat.example.org/***'"),
        ("landing: landing", "landing: landing\nalerts: {channels: [{webhook: {at_lest: error}}]}", "5: alerts.channels[0].webhook.at_lest: expected one of the keys address_variable, at_least, timeout_seconds, tries, found 'at_lest' (did you mean 'at_least'?)"),
        ("landing: landing", "landing: landing\nalerts: {channels: [{webhok: {}}]}", "5: alerts.channels[0].webhok: expected one of the keys webhook, found 'webhok' (did you mean 'webhook'?)"),
        ("landing: landing", "landing: landing\nalerts: {channels: [{webhook: {tries: 9}}]}", "5: alerts.channels[0].webhook.tries: expected a number of at most 5, found 9"),
        ("landing: landing", "landing: landing\nalerts: {channels: [{webhook: {}}, log, {webhook: {tries: 1}}]}", "5: alerts.channels[2]: the channel webhook ALERT_WEBHOOK stands twice"),
        ("landing: landing", "landing: landing\naccept_licence: true", "5: accept_licence: expected one of the keys spec_version, name, engine, landing, tables, connections, tracking, state, alerts, automation, scoring, use_cases, production, detectors, accept_bsl, found 'accept_licence' (did you mean 'accept_bsl'?)"),
        ("landing: landing", "landing: landing\nproduction: true\ndetectors: [alibi_ks]", "6: detectors: expected 'accept_bsl: true' beside 'production: true', where an agreement with alibi-detect's owner allows the use, or no detectors, found alibi-detect in production under the Business Source License 1.1, which grants non-production use only"),
    ],
)
def test_a_wrong_environment_is_told(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(DEV, old, new))
    assert messages(tmp_path) == [f"{DEV}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("files: calendar.csv", "hook: days", "4: tables.calendar.hook: only a use case has hooks"),
        ("files: calendar.csv", 'files: "calendar/{window}.csv"', "4: tables.calendar.files: '{window}' has no meaning: project.yaml declares no windows"),
        ("  suppliers:", "  Suppliers:", "5: tables.Suppliers: expected a name of lower-case letters, digits and '_', starting with a letter, found 'Suppliers' (did you mean 'suppliers'?)"),
        ("name: shop", "name: shop\nwindows: {every: day}", "3: windows: expected one of the keys spec_version, name, description, owner, tables, found 'windows'"),
    ],
)
def test_a_wrong_project_is_told(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed("project.yaml", old, new))
    assert messages(tmp_path) == [f"project.yaml:{message}"]
# fmt: on


def test_files_of_no_table_are_told(tmp_path: Path) -> None:
    folder = "use_cases/deliveries"
    stray = {
        f"{folder}/top.sql": "SELECT 1",
        f"{folder}/silver/extra.sql": "SELECT 1",
        f"{folder}/slver/late.sql": "SELECT 1",
        f"{folder}/contracts/silver.extra.yaml": "spec_version: 1\ntable: x\ncolumns: []\n",
    }
    layers = "expected one of the folders 'bronze', 'silver', 'gold', 'features'"
    write_project(tmp_path, stray)
    assert messages(tmp_path) == [
        (
            f"{folder}/contracts/silver.extra.yaml:1: "
            "no table 'silver.extra' is declared for this contract"
        ),
        f"{folder}/silver/extra.sql:1: no table 'silver.extra' is declared for this SQL file",
        (
            f"{folder}/slver/late.sql:1: this SQL file belongs to no table; {layers} "
            "(did you mean 'silver/late.sql'?)"
        ),
        f"{folder}/top.sql:1: this SQL file belongs to no table; {layers}",
    ]


def test_a_misnamed_sql_file_is_told_once(tmp_path: Path) -> None:
    write_project(
        tmp_path, {SQL: None, "use_cases/deliveries/silver/order.sql": "SELECT 1 FROM orders"}
    )
    assert messages(tmp_path) == [
        (
            f"{USE_CASE}:10: tables.silver.orders: expected exactly one source of its rows: files, "
            "source, hook, keep or the SQL file silver/orders.sql, found none (did you mean 'silver/order.sql'?)"
        )
    ]


def test_missing_files_are_told(tmp_path: Path) -> None:
    write_project(tmp_path, {"project.yaml": None, USE_CASE: None, CONTRACT: None, HOOKS: None})
    assert messages(tmp_path) == [
        "project.yaml:1: no such file: this folder is not the root of a project",
        f"{USE_CASE}:1: no such file: a folder in use_cases/ is a use case",
    ]


@pytest.mark.parametrize(("name", "near"), [("deb", " (did you mean 'dev'?)"), ("production", "")])
def test_an_unknown_environment_is_told_with_the_known_ones(
    tmp_path: Path, name: str, near: str
) -> None:
    write_project(tmp_path)
    assert messages(tmp_path, name) == [
        (
            f"environments/{name}.yaml:1: no such file; expected one of the environments 'dev', "
            f"found '{name}'{near}"
        )
    ]


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a list\n", "a text"])
def test_a_file_that_is_no_mapping_is_told_with_the_keys(tmp_path: Path, text: str) -> None:
    write_project(tmp_path, {STOCK: text})
    found = {"": "nothing", "#": "nothing", "-": "a list", "a": "'a text'"}[text[:1]]
    assert messages(tmp_path) == [
        (
            f"{STOCK}:1: expected a mapping with the keys spec_version, name, description, owner, "
            f"windows, tables, models, alerts, found {found}"
        )
    ]


def test_windows_without_a_grain_are_told_where_they_are_used(tmp_path: Path) -> None:
    text = PROJECT[STOCK].replace("windows: {every: week, first: 2024-01-01}\n", "")
    write_project(tmp_path, {STOCK: text})
    assert messages(tmp_path) == [
        (
            f"{STOCK}:4: tables.bronze.counts.files: "
            "'{window}' has no meaning: the use case declares no windows"
        )
    ]


def test_a_use_case_without_windows_reads_none(tmp_path: Path) -> None:
    stock = """\
spec_version: 1
name: stock
tables:
  gold.daily: {hook: daily, inputs: {orders: deliveries.bronze.orders}}
"""
    hooks = "from mlops_dagster.hooks import transform\n\n@transform\ndef daily(orders): ...\n"
    exported = changed(USE_CASE, "    nulls: [NA]", "    export: true")
    write_project(tmp_path, {STOCK: stock, "use_cases/stock/hooks.py": hooks, **exported})
    assert messages(tmp_path) == [
        (
            f"{STOCK}:4: tables.gold.daily.inputs.orders: deliveries.bronze.orders has windows "
            f"({USE_CASE}:6), this use case declares none"
        )
    ]


def test_a_use_case_that_an_environment_leaves_out_but_needs_is_told(tmp_path: Path) -> None:
    stock = """\
spec_version: 1
name: stock
tables:
  bronze.counts: {files: counts.csv, export: true}
"""
    left_out = changed(DEV, "landing: landing", "landing: landing\nuse_cases: [deliveries]")
    reads = changed(USE_CASE, "calendar: project.calendar", "calendar: stock.bronze.counts")
    write_project(tmp_path, {STOCK: stock, **left_out, **reads})
    assert messages(tmp_path) == [
        (
            f"{DEV}:5: use_cases: expected the use case 'stock' too, found "
            "deliveries.features.city_history, which reads its bronze.counts as 'calendar'"
        )
    ]


def test_the_name_project_is_taken(tmp_path: Path) -> None:
    text = PROJECT[STOCK].replace("name: stock", "name: project")
    write_project(tmp_path, {STOCK: None, "use_cases/project/use_case.yaml": text})
    assert messages(tmp_path) == [
        (
            "use_cases/project/use_case.yaml:2: name: "
            "'project' is how tables of project.yaml are called"
        )
    ]


def test_hidden_folders_are_no_use_cases(tmp_path: Path) -> None:
    write_project(tmp_path, {"use_cases/.cache/a": "", "use_cases/__pycache__/a": ""})
    assert messages(tmp_path) == []
