"""Mistakes in how deliveries are watched and how contracts may grow."""
# ruff: noqa: E501 - a message stands in one line, as it is shown.

from pathlib import Path

import pytest

from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.refs import TableRef
from mlops_dagster_tests.spec.worlds import USE_CASE, changed, messages, write_project

RAW = "    nulls: [NA]"


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (USE_CASE, RAW, "    lateness: 3 days", "8: tables.bronze.orders.lateness: lateness needs 'watch: true' beside it"),
        (USE_CASE, RAW, "    watch: true\n    lateness: 3 windows", "9: tables.bronze.orders.lateness: expected a time span such as '4 hours' (units: minutes, hours, days, weeks), found '3 windows'"),
        (USE_CASE, RAW, "    watch: yes", "8: tables.bronze.orders.watch: expected true or false, found 'yes' (did you mean true?)"),
        (USE_CASE, RAW, "    evolve: additiv", "8: tables.bronze.orders.evolve: expected 'additive', found 'additiv' (did you mean 'additive'?)"),
        (USE_CASE, "    known_at: arrived_at", "    known_at: arrived_at\n    watch: true", "23: tables.silver.arrivals.watch: only a table of files is watched"),
        (USE_CASE, "    known_at: arrived_at", "    known_at: arrived_at\n    evolve: additive", "23: tables.silver.arrivals.evolve: what makes it says which columns it has; only a delivered table grows"),
        ("project.yaml", "{files: suppliers.csv, ", "{files: suppliers.csv, watch: true, ", "5: tables.suppliers.watch: only tables of a use case are watched"),
    ],
)  # fmt: skip
def test_what_is_not_watched_or_cannot_grow_is_told(
    tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(file, old, new))
    assert messages(tmp_path) == [f"{file}:{message}"]


def test_a_whole_table_is_never_late(tmp_path: Path) -> None:
    old = '  bronze.arrivals: {files: "arrivals/{window}.csv"}\n'
    new = old + "  bronze.shops: {files: shops/, watch: true, lateness: 3 days}\n"
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [
        (
            f"{USE_CASE}:10: tables.bronze.shops.lateness: a table without windows is never late: "
            "every change of its files is taken"
        )
    ]


def test_watched_files_are_read(tmp_path: Path) -> None:
    new = "    watch: true\n    lateness: 3 days\n    evolve: additive"
    write_project(tmp_path, changed(USE_CASE, RAW, new))
    spec = load_workspace(tmp_path, "dev").table(TableRef.parse("deliveries.bronze.orders")).spec
    assert (spec.watch, str(spec.lateness), spec.evolve) == (True, "3 days", "additive")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('{files: "orders/{window}.csv", window_by: at, event_time: at}', "10: tables.bronze.shops.window_by: '{window}' in `files` says already which window a row is of"),
        ("{files: orders/, window_by: at, event_time: on}", "10: tables.bronze.shops.window_by: expected the event_time of the table, found 'at'. Rows without a place are told from others by the rule about event times"),
        ("{files: orders/, window_by: at}", "10: tables.bronze.shops.window_by: expected the event_time of the table, found 'at'. Rows without a place are told from others by the rule about event times"),
        ("{files: orders/, window_by: at, event_time: at, row_number: n}", "10: tables.bronze.shops.row_number: a file whose rows belong to several windows has no numbers in one of them"),
        ("{hook: city_history, inputs: {arrivals: bronze.arrivals, calendar: project.calendar}, window_by: at}", "10: tables.bronze.shops.window_by: only rows of files are told apart here. A source has a window_by of its own: source: {..., window_by: ...}"),
    ],
)  # fmt: skip
def test_rows_say_their_window_by_the_event_time_of_files_alone(
    tmp_path: Path, table: str, message: str
) -> None:
    old = '  bronze.arrivals: {files: "arrivals/{window}.csv"}\n'
    write_project(tmp_path, changed(USE_CASE, old, f"{old}  bronze.shops: {table}\n"))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


KEPT = "  silver.arrivals:\n    inputs: {arrivals: bronze.arrivals}\n    key: [order_id]\n    event_time: ordered_at\n    known_at: arrived_at\n"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("{keep: latest, inputs: {a: silver.arrivals}, event_time: ordered_at}", "23: tables.gold.last.keep: keep needs key beside it, which tells which row is the newest"),
        ("{keep: history, inputs: {a: silver.arrivals}, key: [order_id]}", "23: tables.gold.last.keep: keep needs event_time beside it, which tells which row is the newest"),
        ("{keep: latest, key: [order_id], event_time: ordered_at}", "23: tables.gold.last.keep: expected one input, whose rows are kept, found 0 inputs"),
        ("{keep: latest, inputs: {a: {table: silver.arrivals, back: 7 days}}, key: [order_id], event_time: ordered_at}", "23: tables.gold.last.inputs.a.back: a table with keep reads all windows of its input"),
        ("{keep: newest, inputs: {a: silver.arrivals}, key: [order_id], event_time: ordered_at}", "23: tables.gold.last.keep: expected one of 'latest', 'history', found 'newest'"),
        ("{keep: latest, inputs: {a: silver.arrivals}, key: [order], event_time: ordered_at}", "23: tables.gold.last.key[0]: expected a column of deliveries.gold.last, found 'order' (did you mean 'order_id'?)"),
    ],
)  # fmt: skip
def test_a_table_that_keeps_rows_needs_a_key_and_a_time(
    tmp_path: Path, more: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, KEPT, f"{KEPT}  gold.last: {more}\n"))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


def test_no_window_reads_what_was_kept_after_it(tmp_path: Path) -> None:
    kept = (
        "  gold.last: {keep: latest, inputs: {a: silver.arrivals}, key: [order_id], "
        "event_time: ordered_at}\n"
        "  gold.sums: {hook: city_history, inputs: {arrivals: gold.last, calendar: project.calendar}}\n"
    )
    text = changed(USE_CASE, KEPT, KEPT + kept)[USE_CASE].replace(
        "      silver.orders: [weight, city]\n",
        "      silver.orders: [weight, city]\n      gold.last: [late]\n",
    )
    write_project(tmp_path, {USE_CASE: text})
    assert [one for one in messages(tmp_path) if "became known" in one] == [
        (
            f"{USE_CASE}:24: tables.gold.sums.inputs.arrivals: deliveries.gold.last holds what "
            "became known after a window, so no window may read it. Read deliveries.silver.arrivals: "
            "joins take the newest row that was known at the time"
        ),
        (
            f"{USE_CASE}:40: models.late.features.gold.last: deliveries.gold.last holds what became "
            "known after a window, so no window may read it. Read deliveries.silver.arrivals: joins "
            "take the newest row that was known at the time"
        ),
    ]
