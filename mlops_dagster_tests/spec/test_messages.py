"""Mistakes in the YAML itself and in single values: each has one message, and it says what to do."""
# ruff: noqa: E501 - a message stands in one line, as it is shown.
# fmt: off

from pathlib import Path

import pytest

from mlops_dagster_tests.spec.worlds import USE_CASE, changed, messages, write_project


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("alerts: [drift]", "alert: [drift]", "51: alert: expected one of the keys spec_version, name, description, owner, windows, tables, models, alerts, found 'alert' (did you mean 'alerts'?)"),
        ("    event_time: hour\n", "    event_tme: hour\n", "29: tables.features.city_history.event_tme: expected one of the keys description, owner, tags, files, window_by, nulls, row_number, watch, lateness, source, evolve, hook, keep, inputs, key, event_time, known_at, valid_for, forecast, rules, freshness, export, found 'event_tme' (did you mean 'event_time'?)"),
        ("    nulls: [NA]", "    frobnicate: 3", "8: tables.bronze.orders.frobnicate: expected one of the keys description, owner, tags, files, window_by, nulls, row_number, watch, lateness, source, evolve, hook, keep, inputs, key, event_time, known_at, valid_for, forecast, rules, freshness, export, found 'frobnicate'"),
        ("max_iter: 50", "max_iters: 50", "42: models.late.train.estimator.max_iters: expected one of the keys family, learning_rate, max_iter, max_leaf_nodes, min_samples_leaf, l2_regularization, class_weight, found 'max_iters' (did you mean 'max_iter'?)"),
        ("every: 5}", "evry: 5}", "44: models.late.train.holdout.evry: expected one of the keys by, every, last, share, group, found 'evry' (did you mean 'every'?)"),
        ("slice: city, at_least", "slyce: city, at_least", "47: models.late.gates[1].slyce: expected one of the keys metric, at_least, at_most, slice, against, better_by, found 'slyce' (did you mean 'slice'?)"),
        ("back: 7 days", "bak: 7 days", "26: tables.features.city_history.inputs.arrivals.bak: expected one of the keys table, back, until, found 'bak' (did you mean 'back'?)"),
        ("confirm: 2 of 4 windows", "wiat: 3 windows", "50: models.late.retrain.wiat: expected one of the keys when, confirm, wait, at_most, found 'wiat' (did you mean 'wait'?)"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_one(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("task: binary", "task: binray", "33: models.late.task: expected one of 'binary', 'multiclass', 'regression', found 'binray' (did you mean 'binary'?)"),
        ("family: hist_gradient_boosting, max_iter: 50", "family: hist_gradient_bosting", "42: models.late.train.estimator.family: expected one of 'hist_gradient_boosting', 'lightgbm', 'ridge', 'logistic_regression', 'hook', found 'hist_gradient_bosting' (did you mean 'hist_gradient_boosting'?)"),
        ("family: hist_gradient_boosting, max_iter: 50", "family: xgboost", "42: models.late.train.estimator.family: expected one of 'hist_gradient_boosting', 'lightgbm', 'ridge', 'logistic_regression', 'hook', found 'xgboost'"),
        ("on_fail: record", "on_fail: recrod", "17: tables.silver.orders.rules[2].on_fail: expected one of 'record', 'drop', 'quarantine', 'stop', found 'recrod' (did you mean 'record'?)"),
        ("on_fail: record", "severity: fatal", "17: tables.silver.orders.rules[2].severity: expected one of 'info', 'warning', 'error', 'critical', found 'fatal'"),
        ("alerts: [drift]", "alerts: [drifts]", "51: alerts[0]: expected one of 'data_fault', 'drift', 'quality', 'gate_failed', 'retraining', 'delivery_refused', 'late_data', found 'drifts' (did you mean 'drift'?)"),
        ("every: day", "every: dya", "4: windows.every: expected one of 'hour', 'day', 'week', 'month', found 'dya' (did you mean 'day'?)"),
        ("calibrate: isotonic", "calibrate: platt", "43: models.late.train.calibrate: expected one of 'none', 'isotonic', 'sigmoid', found 'platt'"),
        ("against: champion", "against: champoin", "48: models.late.gates[2].against: expected 'champion', found 'champoin' (did you mean 'champion'?)"),
        ("retrain: {confirm: 2 of 4 windows}", "retrain: nevr", "50: models.late.retrain: expected 'default', 'never' or a mapping with the keys when, confirm, wait, at_most, found 'nevr' (did you mean 'never'?)"),
        ("[weight, city]", "al", "37: models.late.features.silver.orders: expected 'all' or a list of columns, found 'al' (did you mean 'all'?)"),
        ("spec_version: 1", "spec_version: 2", "1: spec_version: expected 1, found 2"),
        ("spec_version: 1", 'spec_version: "1"', "1: spec_version: expected 1, found '1' (did you mean 1?)"),
    ],
)
def test_a_value_of_a_closed_set_is_told_with_its_members(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("every: 5}", 'every: "5"}', "44: models.late.train.holdout.every: expected a whole number, found '5' (did you mean 5?)"),
        ("max_iter: 50", "max_iter: 50.5", "42: models.late.train.estimator.max_iter: expected a whole number, found 50.5"),
        ("max_iter: 50", "max_iter: fifty", "42: models.late.train.estimator.max_iter: expected a whole number, found 'fifty'"),
        ("max_iter: 50", "max_iter: null", "42: models.late.train.estimator.max_iter: expected a whole number, found nothing"),
        ("max_iter: 50", 'learning_rate: "0.1"', "42: models.late.train.estimator.learning_rate: expected a number, found '0.1' (did you mean 0.1?)"),
        ("{by: day, every: 5}", "{share: 12.5 %}", "44: models.late.train.holdout.share: expected a number, found '12.5 %' (did you mean 0.125?)"),
        ("at_least: 0.5", "at_least: high", "47: models.late.gates[1].at_least: expected a number, found 'high'"),
        ("at_least: 0.5", "at_least: .inf", "47: models.late.gates[1].at_least: expected a number, found '.inf'"),
        ("name: deliveries", "name: 12", "2: name: expected a text, found 12 (did you mean '12'?)"),
        ("name: deliveries", "name: true", "2: name: expected a text, found true (did you mean 'true'?)"),
        ("    nulls: [NA]", "    nulls: [-1]", "8: tables.bronze.orders.nulls[0]: expected a text, found -1 (did you mean '-1'?)"),
        ("    nulls: [NA]", "    export: yes", "8: tables.bronze.orders.export: expected true or false, found 'yes' (did you mean true?)"),
        ("    nulls: [NA]", "    export: 1", "8: tables.bronze.orders.export: expected true or false, found 1"),
        ("key: [city]", "key: city", "28: tables.features.city_history.key: expected a list, found 'city' (did you mean [city]?)"),
        ("key: [city]", "key:", "28: tables.features.city_history.key: expected a list, found nothing"),
        ("rows: {table: silver.orders, ahead: 0 hours}", "rows: silver.orders", "34: models.late.rows: expected a mapping with the keys table, ahead, found 'silver.orders'"),
        ("      - weight > 0", "      - 7", "16: tables.silver.orders.rules[1]: expected a rule such as 'distance > 0', or a mapping with a kind of rule, found 7"),
        ("      - roc_auc >= 0.6", "      - 5", "46: models.late.gates[0]: expected a gate such as 'roc_auc >= 0.65', or a mapping with the key metric, found 5"),
        ("{orders: bronze.orders}", "{orders: [bronze.orders]}", "11: tables.silver.orders.inputs.orders: expected a table such as 'bronze.flights', or a mapping with the key table, found a list"),
        ("{orders: bronze.orders}", "bronze.orders", "11: tables.silver.orders.inputs: expected a mapping, found 'bronze.orders'"),
    ],
)
def test_a_value_of_another_type_is_told_with_what_it_is(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("back: 7 days", "back: 7 dayz", "26: tables.features.city_history.inputs.arrivals.back: expected a duration such as '4 hours' (units: minutes, hours, days, weeks, windows), found '7 dayz'"),
        ("valid_for: 2 days", "valid_for: 2", "30: tables.features.city_history.valid_for: expected a time span such as '4 hours' (units: minutes, hours, days, weeks), found 2"),
        ("valid_for: 2 days", "valid_for: 2 windows", "30: tables.features.city_history.valid_for: expected a time span such as '4 hours' (units: minutes, hours, days, weeks), found '2 windows'"),
        ("valid_for: 2 days", "valid_for: 99999 days", "30: tables.features.city_history.valid_for: expected a duration of at most 100 years, found '99999 days'"),
        ("history: 30 windows", "history: 30 days", "40: models.late.train.history: expected a number of windows such as '12 windows', found '30 days'"),
        ("confirm: 2 of 4 windows", "confirm: 4 of 2 windows", "50: models.late.retrain.confirm: expected a confirmation such as '3 of 5 windows', found '4 of 2 windows'"),
        ("confirm: 2 of 4 windows", "at_most: 6 in 90 windows", "50: models.late.retrain.at_most: expected a budget such as '6 per 90 windows', found '6 in 90 windows'"),
        ("confirm: 2 of 4 windows", "when: []", "50: models.late.retrain.when: expected at least 1 entry, found an empty list"),
        ("max_iter: 50", "max_iter: 0", "42: models.late.train.estimator.max_iter: expected a number of at least 1, found 0"),
        ("every: 5}", "every: 1}", "44: models.late.train.holdout.every: expected a number of at least 2, found 1"),
        ("by: day, every: 5", "share: 1.2", "44: models.late.train.holdout.share: expected a number below 1.0, found 1.2"),
        ("      calibrate: isotonic\n", "      seed: -1\n", "43: models.late.train.seed: expected a number of at least 0, found -1"),
        ("owner: team:logistics", "owner: logistics", "3: owner: expected an owner such as 'team:grid' or 'name@example.org', found 'logistics'"),
        ("name: deliveries", "name: Deliveries", "2: name: expected a name of lower-case letters, digits and '_', starting with a letter, found 'Deliveries' (did you mean 'deliveries'?)"),
        ("name: deliveries", "name: delivery", "2: name: expected the name of the folder, 'deliveries', found 'delivery'"),
        ("  bronze.arrivals: {", "  brnze.arrivals: {", "9: tables.brnze.arrivals: expected '<layer>.<name>' with the layer bronze, silver, gold or features and a name of lower-case letters, digits and '_', found 'brnze.arrivals' (did you mean 'bronze.arrivals'?)"),
        ("  bronze.arrivals: {", "  arrivals: {", "9: tables.arrivals: expected '<layer>.<name>' with the layer bronze, silver, gold or features and a name of lower-case letters, digits and '_', found 'arrivals'"),
        ("first: 2024-01-01", "first: 2024-01", "4: windows.first: '2024-01' is not a day window such as '2013-04-15'"),
        ("last: 2024-12-31", "last: 2023-12-31", "4: windows.last: last window 2023-12-31 lies before first window 2024-01-01"),
        ("time_zone: Europe/Berlin", "time_zone: Europe/Berln", "4: windows.time_zone: expected a time zone of the IANA database such as 'Europe/Berlin', found 'Europe/Berln' (did you mean 'Europe/Berlin'?)"),
        ("hook: city_history", "hook: os.system", "24: tables.features.city_history.hook: expected a name of lower-case letters, digits and '_', starting with a letter, found 'os.system'"),
        ("[weight, city]", "[]", "37: models.late.features.silver.orders: expected at least 1 entry, found an empty list"),
    ],
)
def test_a_value_of_the_wrong_form_or_size_is_told_with_an_example(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("spec_version: 1\n", "", "1: expected the key 'spec_version', found only 'name', 'owner', 'windows', 'tables', 'models', 'alerts'"),
        ("name: deliveries\n", "", "1: expected the key 'name', found only 'spec_version', 'owner', 'windows', 'tables', 'models', 'alerts'"),
        ("    task: binary\n", "", "32: models.late: expected the key 'task', found only 'rows', 'label', 'features', 'train', 'gates', 'monitor', 'retrain'"),
        ("      estimator: {family: hist_gradient_boosting, max_iter: 50}\n", "", "39: models.late.train: expected the key 'estimator', found only 'history', 'at_least', 'calibrate', 'holdout'"),
        ("family: hist_gradient_boosting, max_iter: 50", "max_iter: 50", "42: models.late.train.estimator: expected the key 'family', found only 'max_iter'"),
        ("{metric: roc_auc, slice: city, at_least: 0.5}", "{slice: city, at_least: 0.5}", "47: models.late.gates[1]: expected the key 'metric', found only 'slice', 'at_least'"),
        ("      - weight > 0", "      - {severity: critical}", "16: tables.silver.orders.rules[1]: expected one key that says what must hold, such as rule, not_null or unique, found none"),
        ("{every: day, first: 2024-01-01, last: 2024-12-31, time_zone: Europe/Berlin, close_after: 3 days}", "{every: day}", "4: windows: expected the key 'first', found only 'every'"),
    ],
)
def test_a_missing_key_is_told_with_those_that_are_there(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    event_time: hour\n", "    event_time: hour\n    event_time: minute\n", "30: tables.features.city_history.event_time: the key 'event_time' stands twice, first in line 29"),
        ("  bronze.arrivals: {", "  bronze.orders: {", "9: tables.bronze.orders: the key 'bronze.orders' stands twice, first in line 6"),
        ("    hook: city_history", "\thook: city_history", "24: not valid YAML: while scanning for the next token found character '\\t' that cannot start any token. Indent with spaces, not with tabs"),
        ("key: [city]", "key: [city", "29: not valid YAML: while parsing a flow sequence expected ',' or ']', but got ':'"),
        ('"arrivals/{window}.csv"', "{window}.csv", "9: not valid YAML: while parsing a flow mapping expected ',' or '}', but got '<scalar>'. Put a text with braces in quotes"),
        ('"arrivals/{window}.csv"', "{window}/a: b.csv", "9: not valid YAML: while parsing a flow mapping expected ',' or '}', but got '<scalar>'. Put a text with braces in quotes"),
        ('warn_if: "> 1 %"', "warn_if: > 1 %", "17: not valid YAML: while scanning for the next token found character '>' that cannot start any token. Put a text that begins with this character in quotes"),
        ("name: deliveries", "name: deliveries: all", "2: not valid YAML: mapping values are not allowed here. Put a text with ': ' in quotes"),
        ("task: binary", "task: !!str binary", "33: models.late.task: the tag !!str is not allowed; YAML is data here"),
        ("alerts: [drift]", "alerts: *standard", "51: alerts: the alias *standard has no anchor &standard before it"),
        ("alerts: [drift]", "alerts: &a [drift, *a]", "51: alerts[1]: an alias inside its own anchor"),
        ("alerts: [drift]", "alerts: [&a drift, &a quality]", "51: alerts[1]: the anchor &a stands twice"),
        ("    event_time: hour\n", "    <<: city\n    event_time: hour\n", "29: tables.features.city_history.<<: '<<' takes a mapping or a list of mappings"),
        ("    event_time: hour\n", "    <<: *base\n    event_time: hour\n", "29: the alias *base has no anchor &base before it"),
        ("    event_time: hour\n", "    <<: {event_time: hour}\n    <<: {valid_for: 1 day}\n", "30: tables.features.city_history.<<: the key '<<' stands twice, first in line 29"),
        ("    event_time: hour\n", "    event_time: hour\n    12: a\n", "30: tables.features.city_history: a key must be a text, not '12'"),
        ("    event_time: hour\n", "    event_time: hour\n    [a, b]: c\n", "30: tables.features.city_history: a key must be a text, not a list or mapping"),
        ("alerts: [drift]", "alerts: [drift]\n---\nspec_version: 1", "52: a second document; a file holds one"),
    ],
)
def test_wrong_yaml_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    write_project(tmp_path, changed(USE_CASE, old, new))
    assert messages(tmp_path) == [f"{USE_CASE}:{message}"]
