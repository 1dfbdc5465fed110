"""Code versions: what is written differently is the same, what means something else is not."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mlops_dagster.spec.loader import load_workspace
from mlops_dagster_tests.spec.worlds import (
    HOOKS,
    PROJECT,
    SQL,
    USE_CASE,
    changed,
    write_project,
)

ORDERS, ARRIVALS = "deliveries.silver.orders", "deliveries.silver.arrivals"
RAW, HISTORY = "deliveries.bronze.orders", "deliveries.features.city_history"
MODEL = "deliveries.late"


def versions(root: Path, changes: Mapping[str, str] | None = None) -> dict[str, str]:
    workspace = load_workspace(write_project(root, changes), "dev")
    tables = {str(ref): table.code_version for ref, table in workspace.tables.items()}
    models = {
        model.stream: model.code_version
        for use_case in workspace.use_cases.values()
        for model in use_case.models.values()
    }
    return tables | models


def moved(tmp_path: Path, changes: Mapping[str, str]) -> set[str]:
    """Return which code versions the changes moved."""
    before = versions(tmp_path / "before")
    after = versions(tmp_path / "after", changes)
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (USE_CASE, "tables:\n", "# A comment.\ntables:  # and another\n\n"),
        (USE_CASE, "owner: team:logistics", "owner: team:parcels"),
        (USE_CASE, "owner: team:logistics", "description: Late or not?"),
        (USE_CASE, "    nulls: [NA]", "    nulls: [NA]\n    description: As delivered."),
        (USE_CASE, "    nulls: [NA]", "    nulls: [NA]\n    owner: team:parcels"),
        (USE_CASE, "    nulls: [NA]", "    nulls: [NA]\n    tags: {source: carrier}"),
        (USE_CASE, "    nulls: [NA]", "    nulls: [NA]\n    export: true"),
        (USE_CASE, "    nulls: [NA]", "    nulls: [NA]\n    watch: true\n    lateness: 3 days"),
        (USE_CASE, "    nulls: [NA]\n", '    nulls: ["NA"]\n'),
        (
            USE_CASE,
            "    key: [city]\n    event_time: hour\n",
            "    event_time: hour\n    key: [city]\n",
        ),
        (USE_CASE, "- weight > 0", "- {rule: weight > 0, description: Nothing is weightless.}"),
        (USE_CASE, "- weight > 0", "- {rule: weight > 0, severity: error}"),
        (
            USE_CASE,
            "- weight > 0",
            "- {rule: weight > 0, owner: team:logistics, tags: {on: scale}}",
        ),
        (USE_CASE, "{orders: bronze.orders}", "{orders: {table: bronze.orders}}"),
        (USE_CASE, "{orders: bronze.orders}", "{orders: {table: deliveries.bronze.orders}}"),
        (USE_CASE, "calibrate: isotonic\n", "calibrate: isotonic\n      seed: 0\n"),
        (USE_CASE, "valid_for: 2 days", "valid_for: 2 days\n    freshness: 2 days"),
        (USE_CASE, "valid_for: 2 days", "valid_for: 2 days\n    forecast: false"),
        (USE_CASE, "alerts: [drift]", "alerts: [drift, quality]"),
        (USE_CASE, "last: 2024-12-31, ", ""),
        (USE_CASE, "slices: [city]", "slices: [weight]"),
        (USE_CASE, "confirm: 2 of 4 windows", "wait: 9 windows"),
        (SQL, "SELECT\n", "-- Every order.\nSELECT  /* all */\n"),
        (SQL, "  weight,\n  city\n", "  weight, city\n"),
        (HOOKS, '    """Share of late orders, by city and hour."""\n', ""),
        (HOOKS, '"""Hooks of deliveries."""', '"""Functions."""\n\n# A comment.'),
        (HOOKS, "def helper(rows):\n    return rows", "def helper(rows):\n    return None"),
        (HOOKS, 'arrivals.join(calendar, "day")', "arrivals.join(calendar, 'day')"),
    ],
)
def test_what_is_only_written_differently_moves_nothing(
    tmp_path: Path, file: str, old: str, new: str
) -> None:
    assert moved(tmp_path, changed(file, old, new)) == set()


@pytest.mark.parametrize(
    ("file", "old", "new", "names"),
    [
        (USE_CASE, "weight > 0", "weight > 1", {ORDERS}),
        (USE_CASE, "- weight > 0", "- positive: weight", {ORDERS}),
        (USE_CASE, "- weight > 0", "- {rule: weight > 0, unknown: pass}", {ORDERS}),
        (USE_CASE, "on_fail: record", "on_fail: drop", {ORDERS}),
        (USE_CASE, "{rule: city is", "{severity: warning, rule: city is", {ORDERS}),
        (USE_CASE, "    nulls: [NA]", "    nulls: [NA, '-']", {RAW}),
        (USE_CASE, '"orders/{window}.csv"', '"order/{window}.csv"', {RAW}),
        (USE_CASE, "    nulls: [NA]", "    nulls: [NA]\n    row_number: place", {RAW}),
        (USE_CASE, "    nulls: [NA]", "    nulls: [NA]\n    evolve: additive", {RAW}),
        (USE_CASE, "{by: day, every: 5}", "{share: 0.2}", {MODEL}),
        (USE_CASE, "{by: day, every: 5}", "{share: 0.2, group: city}", {MODEL}),
        (USE_CASE, "known_at: arrived_at", "known_at: ordered_at", {ARRIVALS}),
        (USE_CASE, "back: 7 days", "back: 8 days", {HISTORY}),
        (USE_CASE, "back: 7 days", "back: 7 days, until: start", {HISTORY}),
        (USE_CASE, "valid_for: 2 days", "valid_for: 3 days", {HISTORY}),
        (
            USE_CASE,
            "    valid_for: 2 days",
            "    known_at: hour\n    valid_for: 2 days\n    forecast: true",
            {HISTORY},
        ),
        (USE_CASE, "max_iter: 50", "max_iter: 51", {MODEL}),
        (USE_CASE, "within: 3 days", "within: 4 days", {MODEL}),
        (USE_CASE, "[weight, city]", "[city, weight]", {MODEL}),
        (USE_CASE, "roc_auc >= 0.6", "roc_auc >= 0.7", {MODEL}),
        (SQL, "WHERE weight IS NOT NULL", "WHERE weight > 0", {ORDERS}),
        (SQL, "  city\n", "  upper(city) AS city\n", {ORDERS}),
        (HOOKS, 'arrivals.join(calendar, "day")', "arrivals", {HISTORY}),
        (HOOKS, "PRICE = 3.0", "PRICE = 4.0", {MODEL}),
        (HOOKS, "PRICE * abs", "2 * PRICE * abs", {MODEL}),
        (HOOKS, "lower_is_better=True", "lower_is_better=False", {MODEL}),
    ],
)
def test_what_means_something_else_moves_what_it_belongs_to(
    tmp_path: Path, file: str, old: str, new: str, names: set[str]
) -> None:
    assert moved(tmp_path, changed(file, old, new)) == names


def test_another_time_zone_makes_other_windows_of_every_windowed_table(tmp_path: Path) -> None:
    other = changed(USE_CASE, "Europe/Berlin", "Europe/London")
    assert moved(tmp_path, other) == {
        RAW,
        "deliveries.bronze.arrivals",
        ORDERS,
        ARRIVALS,
        HISTORY,
    }


def test_the_order_of_tables_and_models_moves_nothing(tmp_path: Path) -> None:
    text = PROJECT[USE_CASE]
    head, tables, rest = text.partition("tables:\n")
    tables, models, tail = rest.partition("models:\n")
    arrivals = '  bronze.arrivals: {files: "arrivals/{window}.csv"}\n'
    reordered = head + "tables:\n" + tables.replace(arrivals, "") + arrivals + models + tail
    assert moved(tmp_path, {USE_CASE: reordered}) == set()


def test_a_helper_that_a_hook_uses_belongs_to_it(tmp_path: Path) -> None:
    uses = PROJECT[HOOKS].replace("return arrivals.join", "return helper(arrivals).join")
    before = versions(tmp_path / "before", {HOOKS: uses})
    after = versions(
        tmp_path / "after", {HOOKS: uses.replace("    return rows", "    return rows.distinct()")}
    )
    assert {name for name in before if before[name] != after[name]} == {HISTORY}


def test_a_statement_without_a_name_belongs_to_every_hook(tmp_path: Path) -> None:
    assert moved(tmp_path, {HOOKS: PROJECT[HOOKS] + "\nprint('at import')\n"}) == {HISTORY, MODEL}


def test_the_folder_of_a_project_moves_nothing(tmp_path: Path) -> None:
    assert versions(tmp_path / "one") == versions(tmp_path / "another" / "place")


def test_equal_tables_of_other_names_have_the_version_of_their_meaning(tmp_path: Path) -> None:
    found = versions(tmp_path)
    assert len(set(found.values())) == len(found)
    assert all(len(version) == 16 for version in found.values())
