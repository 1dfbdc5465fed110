"""One file with ten different mistakes: ten messages, in the order of the file."""
# ruff: noqa: E501 - a message stands in one line, as it is shown.

from pathlib import Path

import pytest

from mlops_dagster.errors import SpecError
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster_tests.spec.worlds import USE_CASE, messages, write_project

TEN_MISTAKES = """\
spec_version: 1
name: deliveries
owner: team:logistics
windows: {every: day, first: 2024-1-1, time_zone: Europe/Berlin}
tables:
  bronze.orders: {files: "/data/{window}.csv"}
  bronze.arrivals: {files: "arrivals/{window}.csv"}
  silver.orders:
    inputs: {orders: bronze.order}
    key: [order_id]
    event_tme: ordered_at
    rules:
      - weight >> 0
  silver.arrivals:
    inputs: {arrivals: bronze.arrivals}
    key: [order_id]
    event_time: ordered_at
    known_at: arrived
  features.city_history:
    hook: city_hstory
    inputs:
      arrivals: {table: silver.arrivals, back: 7 days}
      calendar: project.calendar
    key: [city]
    event_time: hour
models:
  late:
    task: binray
    rows: {table: silver.orders}
    label: {table: silver.arrivals, column: late}
    features:
      silver.orders: [weight, city]
    train:
      estimator: {family: hist_gradient_boosting}
      holdout: {by: day, every: "5"}
    gates:
      - {metric: roc_auc, slice: town, at_least: 0.5}
"""
MESSAGES = """\
use_cases/deliveries/use_case.yaml:4: windows.first: '2024-1-1' is not a day window such as '2013-04-15'
use_cases/deliveries/use_case.yaml:6: tables.bronze.orders.files: expected a path below the landing folder, without '..' or an address, found '/data/{window}.csv'
use_cases/deliveries/use_case.yaml:9: tables.silver.orders.inputs.orders: expected a declared table, written 'layer.name', 'project.name' or 'use_case.layer.name', found 'bronze.order' (did you mean 'bronze.orders'?)
use_cases/deliveries/use_case.yaml:11: tables.silver.orders.event_tme: expected one of the keys description, owner, tags, files, window_by, nulls, row_number, watch, lateness, source, evolve, hook, keep, inputs, key, event_time, known_at, valid_for, forecast, rules, freshness, export, found 'event_tme' (did you mean 'event_time'?)
use_cases/deliveries/use_case.yaml:13: tables.silver.orders.rules[0]: not understood at character 9 of 'weight >> 0'; expected a column or value, found >
use_cases/deliveries/use_case.yaml:18: tables.silver.arrivals.known_at: expected a column of deliveries.silver.arrivals, found 'arrived' (did you mean 'arrived_at'?)
use_cases/deliveries/use_case.yaml:20: tables.features.city_history.hook: expected a @transform of hooks.py: 'city_history', found 'city_hstory' (did you mean 'city_history'?)
use_cases/deliveries/use_case.yaml:28: models.late.task: expected one of 'binary', 'multiclass', 'regression', found 'binray' (did you mean 'binary'?)
use_cases/deliveries/use_case.yaml:35: models.late.train.holdout.every: expected a whole number, found '5' (did you mean 5?)
use_cases/deliveries/use_case.yaml:37: models.late.gates[0].slice: expected a feature of the model, found 'town'
"""


def test_ten_mistakes_give_ten_messages(tmp_path: Path) -> None:
    write_project(tmp_path, {USE_CASE: TEN_MISTAKES})
    assert messages(tmp_path) == MESSAGES.splitlines()


def test_loading_raises_all_messages_at_once(tmp_path: Path) -> None:
    write_project(tmp_path, {USE_CASE: TEN_MISTAKES})
    with pytest.raises(SpecError) as refused:
        load_workspace(tmp_path, "dev")
    assert str(refused.value) + "\n" == MESSAGES


def test_one_mistake_less_is_one_message_less(tmp_path: Path) -> None:
    text = TEN_MISTAKES.replace("2024-1-1", "2024-01-01").replace("binray", "binary")
    write_project(tmp_path, {USE_CASE: text})
    told = MESSAGES.splitlines()
    assert messages(tmp_path) == [m for m in told if "2024-1-1" not in m and "binray" not in m]
