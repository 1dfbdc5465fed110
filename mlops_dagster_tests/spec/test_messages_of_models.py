"""Mistakes in models: rows, label, features, training, gates, prediction and monitoring."""
# ruff: noqa: E501 - a message stands in one line, as it is shown.
# fmt: off

from pathlib import Path

import pytest

from mlops_dagster_tests.spec.worlds import STOCK, USE_CASE, changed, messages, write_project


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rows: {table: silver.orders", "rows: {table: silver.order", "34: models.late.rows.table: expected a declared table, written 'layer.name', 'project.name' or 'use_case.layer.name', found 'silver.order' (did you mean 'silver.orders'?)"),
        ("rows: {table: silver.orders", "rows: {table: project.calendar", "34: models.late.rows.table: expected a table with windows, as the use case has them, found project.shared.calendar without (project.yaml:4)"),
        ("ahead: 0 hours", "ahead: 2 hours", "34: models.late.rows.ahead: rows of deliveries.silver.orders become known at their event_time, so none of them is known 2 hours before it. Make a column in the table's SQL that says when a row became known, and name it there as 'known_at'"),
        ("label: {table: silver.arrivals", "label: {table: silver.arival", "35: models.late.label.table: expected a declared table, written 'layer.name', 'project.name' or 'use_case.layer.name', found 'silver.arival' (did you mean 'silver.arrivals'?)"),
        ("column: late", "column: lat", "35: models.late.label.column: expected a column of deliveries.silver.arrivals, found 'lat' (did you mean 'late'?)"),
        ("within: 3 days", "within: 8 days", "35: models.late.label.within: labels may come 8 days after their row, but rows of deliveries.silver.arrivals that become known (arrived_at) after their window has closed go to quarantine. Write 'known_at: arrived_at' here and take it from the table, or deliver each label in the window in which it came and write 'match: key' here"),
        ("within: 3 days", "within: 2 windows", "35: models.late.label.within: labels may come 2 windows after their row, but rows of deliveries.silver.arrivals that become known (arrived_at) after their window has closed go to quarantine. Write 'known_at: arrived_at' here and take it from the table, or deliver each label in the window in which it came and write 'match: key' here"),
        ("within: 3 days", "match: key", "35: models.late.label.match: expected 'within' beside it: how long after its row a label may come, found none"),
        ("within: 3 days", "within: 3 days, match: keys", "35: models.late.label.match: expected one of 'row', 'key', found 'keys' (did you mean 'key'?)"),
        ("{table: silver.arrivals, column: late, within: 3 days}", "{table: silver.orders, column: order_id, within: 3 days, match: key}", "35: models.late.label.match: the label of the row itself is matched by 'row'"),
        ("within: 3 days", "within: 3 days, known_at: arived_at", "35: models.late.label.known_at: expected a column of deliveries.silver.arrivals, found 'arived_at' (did you mean 'arrived_at'?)"),
        ("    key: [order_id]\n    event_time: ordered_at\n    rules", "    event_time: ordered_at\n    rules", "33: models.late.rows.table: expected a table with a key, found deliveries.silver.orders without (use_cases/deliveries/use_case.yaml:10)"),
        ("    key: [order_id]\n    event_time: ordered_at\n    rules", "    key: [order_id]\n    rules", "33: models.late.rows.table: expected a table with an event_time, found deliveries.silver.orders without (use_cases/deliveries/use_case.yaml:10)"),
        ("known_at: arrived_at", "known_at: arrived_at\n    valid_for: 1 day\n    forecast: true", "37: models.late.label.table: expected a table with one row for each key and event time, found deliveries.silver.arrivals, a table of forecasts (use_cases/deliveries/use_case.yaml:18)"),
        ("    event_time: ordered_at\n    rules", "    event_time: ordered_at\n    known_at: ordered_at\n    valid_for: 1 day\n    forecast: true\n    rules", "37: models.late.rows.table: expected a table with one row for each key and event time, found deliveries.silver.orders, a table of forecasts (use_cases/deliveries/use_case.yaml:10)"),
        ("    key: [order_id]\n    event_time: ordered_at\n    known_at", "    key: [city]\n    event_time: ordered_at\n    known_at", "35: models.late.label.table: expected a table with the key of the rows, 'order_id', found deliveries.silver.arrivals with 'city' (use_cases/deliveries/use_case.yaml:18)"),
        ("    key: [order_id]\n    event_time: ordered_at\n    known_at", "    key: [order_id]\n    known_at", "21: tables.silver.arrivals.known_at: known_at needs an event_time beside it"),
        ("label: {table: silver.arrivals, column: late", "label: {table: silver.orders, column: ordered_at", "35: models.late.label.column: expected a column of classes: truth values, numbers or texts for task binary, found ordered_at of type timestamp in deliveries.silver.orders"),
    ],
)
def test_rows_and_label_that_cannot_be_joined_are_told(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("      features.city_history: [late_share]\n", "      features.city_history: [late_share]\n      silver.arrivals: [late]\n", "39: models.late.features.silver.arrivals[0]: 'late' of deliveries.silver.arrivals is the label, which no feature may be. For past values of it, make a table that reads the windows before"),
        ("features.city_history: [late_share]", "features.city_histories: [late_share]", "38: models.late.features.features.city_histories: expected a declared table, written 'layer.name', 'project.name' or 'use_case.layer.name', found 'features.city_histories' (did you mean 'features.city_history'?)"),
        ("features.city_history: [late_share]", "project.calendar: [holiday]", "38: models.late.features.project.calendar: expected a table whose key the rows of deliveries.silver.orders have, found project.shared.calendar with 'day', which they have not"),
        ("[weight, city]", "[weigth, city]", "37: models.late.features.silver.orders[0]: expected a column of deliveries.silver.orders, found 'weigth' (did you mean 'weight'?)"),
        ("[weight, city]", "[city, city]", "37: models.late.features.silver.orders[1]: the feature 'city' stands twice"),
        ("[weight, city]", "[ordered_at, city]", "37: models.late.features.silver.orders[0]: expected features of numbers, truth values or texts, found ordered_at of type timestamp. List the columns without it, or take it apart in the table's SQL"),
        ("    key: [city]\n", "    key: [town]\n", "38: models.late.features.features.city_history: expected a table whose key the rows of deliveries.silver.orders have, found deliveries.features.city_history with 'town', which they have not"),
        ("    key: [city]\n", "", "37: models.late.features.features.city_history: expected a table with a key, by which it is joined to the rows, found deliveries.features.city_history without (use_cases/deliveries/use_case.yaml:23)"),
        ("slices: [city]", "slices: [county]", "49: models.late.monitor.slices[0]: expected a feature of the model, found 'county' (did you mean 'city'?)"),
        ("slice: city", "slice: cty", "47: models.late.gates[1].slice: expected a feature of the model, found 'cty' (did you mean 'city'?)"),
    ],
)
def test_features_that_cannot_be_are_told(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{by: day, every: 5}", "{}", "44: models.late.train.holdout: expected exactly one of the forms {by: day, every: 5}, {last: 7 windows}, {share: 0.2}, {share: 0.2, group: <column>}, found none"),
        ("{by: day, every: 5}", "{by: day}", "44: models.late.train.holdout: expected the key 'every' beside 'by', found none"),
        ("{by: day, every: 5}", "{every: 5}", "44: models.late.train.holdout: expected the key 'by' beside 'every', found none"),
        ("{by: day, every: 5}", "{by: week, every: 5}", "44: models.late.train.holdout.by: expected 'day', found 'week'"),
        ("{by: day, every: 5}", "{last: 7 windows}", "44: models.late.train.holdout.last: expected fewer windows than at_least, '7 windows', so that some are left to fit, found '7 windows'"),
        ("{by: day, every: 5}", "{last: 0 windows}", "44: models.late.train.holdout.last: expected at least '1 window', found '0 windows'"),
        ("{by: day, every: 5}", "{share: 0.2, last: 2 windows}", "44: models.late.train.holdout: expected exactly one of the forms {by: day, every: 5}, {last: 7 windows}, {share: 0.2}, {share: 0.2, group: <column>}, found last beside share"),
        ("{by: day, every: 5}", "{by: day, every: 5, share: 0.1}", "44: models.late.train.holdout: expected exactly one of the forms {by: day, every: 5}, {last: 7 windows}, {share: 0.2}, {share: 0.2, group: <column>}, found share beside by and every"),
        ("{by: day, every: 5}", "{group: city}", "44: models.late.train.holdout: expected exactly one of the forms {by: day, every: 5}, {last: 7 windows}, {share: 0.2}, {share: 0.2, group: <column>}, found none"),
        ("{by: day, every: 5}", "{by: day, every: 5, group: city}", "44: models.late.train.holdout.group: expected the key 'share' beside 'group', found none"),
        ("{by: day, every: 5}", "{share: 0.2, group: cty}", "44: models.late.train.holdout.group: expected a column of deliveries.silver.orders, found 'cty' (did you mean 'city'?)"),
        ("{by: day, every: 5}", "{share: 0.2, group: weight}", "44: models.late.train.holdout.group: expected a column of whole numbers, texts, truth values or dates, found weight of type double"),
        ("{by: day, every: 5}", "none", "44: models.late.train.holdout: expected a mapping with the keys by, every, last, share, group, found 'none'"),
    ],
)
def test_a_holdout_has_one_form(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("history: 30 windows", "history: 3 windows", "40: models.late.train.history: expected at least as many windows as at_least, '7 windows', found '3 windows'"),
        ("history: 30 windows", "history: 0 windows", "40: models.late.train.history: expected at least '1 window', found '0 windows'"),
        ("at_least: 7 windows", "at_least: 0 windows", "41: models.late.train.at_least: expected at least '1 window', found '0 windows'"),
        ("family: hist_gradient_boosting, max_iter: 50", "family: ridge", "42: models.late.train.estimator.family: expected a family for task binary: 'hist_gradient_boosting', 'lightgbm', 'logistic_regression', 'hook', found 'ridge'"),
        ("family: hist_gradient_boosting, max_iter: 50", "family: hook, hook: forest", "42: models.late.train.estimator.hook: expected an @estimator of hooks.py, which has none, found 'forest'"),
        ("family: hist_gradient_boosting, max_iter: 50", "family: hook, hook: city_history", "42: models.late.train.estimator.hook: expected an @estimator of hooks.py, which has none, found the @transform 'city_history'"),
        ("family: hist_gradient_boosting, max_iter: 50", "family: hook, hook: helper", "42: models.late.train.estimator.hook: expected an @estimator of hooks.py, which has none, found 'helper', which is no hook (use_cases/deliveries/hooks.py:20)"),
        ("family: hist_gradient_boosting, max_iter: 50", "family: hook", "42: models.late.train.estimator: expected the key 'hook', found only 'family'"),
    ],
)
def test_training_that_cannot_be_is_told(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("roc_auc >= 0.6", "roc_acu >= 0.6", "46: models.late.gates[0]: expected a metric of task binary or an @metric of hooks.py: 'roc_auc', 'average_precision', 'log_loss', 'brier_score', 'expected_calibration_error', 'accuracy', 'f1', 'cost', found 'roc_acu' (did you mean 'roc_auc'?)"),
        ("roc_auc >= 0.6", "r2 >= 0.6", "46: models.late.gates[0]: expected a metric of task binary or an @metric of hooks.py: 'roc_auc', 'average_precision', 'log_loss', 'brier_score', 'expected_calibration_error', 'accuracy', 'f1', 'cost', found 'r2', a metric of task regression"),
        ("roc_auc >= 0.6", "roc_auc >=", "46: models.late.gates[0]: the text ends too early at character 11 of 'roc_auc >='; expected a column or value, found the end"),
        ("roc_auc >= 0.6", "roc_auc", "46: models.late.gates[0]: a gate is a condition, this is a number at character 1 of 'roc_auc'"),
        ("roc_auc >= 0.6", "1 > 0", "46: models.late.gates[0]: the gate names no metric at character 1 of '1 > 0'"),
        ("roc_auc >= 0.6", "roc_auc >= 0.6; drop table x", "46: models.late.gates[0]: a second statement is not part of the rule language at character 15 of 'roc_auc >= 0.6; drop table x'"),
        ("metric: roc_auc, slice", "metric: rocauc, slice", "47: models.late.gates[1].metric: expected a metric of task binary or an @metric of hooks.py: 'roc_auc', 'average_precision', 'log_loss', 'brier_score', 'expected_calibration_error', 'accuracy', 'f1', 'cost', found 'rocauc' (did you mean 'roc_auc'?)"),
        (", at_least: 0.5}", "}", "47: models.late.gates[1]: expected one of the keys at_least, at_most, against, found none of them"),
        (", at_least: 0.5}", ", at_least: 0.5, at_most: 0.4}", "47: models.late.gates[1].at_least: expected no more than at_most, 0.4, found 0.5"),
        ("against: champion, better_by: 0", "against: champion, at_least: 0", "48: models.late.gates[2]: expected either a bound (at_least, at_most) or a comparison (against, better_by), found at_least beside against"),
        ("against: champion, better_by: 0", "better_by: 0", "48: models.late.gates[2]: expected 'against: champion' beside better_by, found none"),
        ("against: champion, better_by: 0", "against: champion, better_by: -1", "48: models.late.gates[2].better_by: expected a number of at least 0, found -1"),
    ],
)
def test_a_gate_that_cannot_be_decided_is_told(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    monitor:", "    predict: {at: open}\n    monitor:", "49: models.late.predict.at: expected rows that can be built as their window opens, so that they can be predicted then, found deliveries.silver.orders (use_cases/deliveries/use_case.yaml:10), which reads its own window. Read windows before its own, with 'back' and 'until: start', or predict at close"),
        ("    monitor:", "    predict: {at: opening}\n    monitor:", "49: models.late.predict.at: expected one of 'open', 'close', found 'opening' (did you mean 'open'?)"),
    ],
)
def test_a_prediction_that_cannot_be_made_at_open_is_told(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


ITEMS = """\
spec_version: 1
name: stock
tables:
  bronze.items: {files: items.csv, key: [item]}
  bronze.outlook: {files: outlook.csv, key: [item], event_time: day, known_at: told, valid_for: 1 day, forecast: true}
models:
  sold:
    task: regression
    rows: {table: bronze.items}
    label: {table: bronze.items, column: sold}
    features: {bronze.outlook: [price]}
    train: {estimator: {family: ridge}, holdout: {share: 0.2}}
    gates: [r2 >= 0]
"""


def test_forecasts_for_rows_without_a_time_are_told(tmp_path: Path) -> None:
    write_project(tmp_path, {STOCK: ITEMS})
    assert messages(tmp_path) == [
        f"{STOCK}:11: models.sold.features.bronze.outlook: expected rows with an event_time, for stock.bronze.outlook has forecasts, found stock.bronze.items without ({STOCK}:4)"
    ]
