"""Mistakes in kinds of rules: what is missing, what does not go together, what does not exist."""
# ruff: noqa: E501 - a message stands in one line, as it is shown.
# fmt: off

from pathlib import Path

import pytest

from mlops_dagster_tests.spec.worlds import USE_CASE, changed, messages, write_project

PLACE = "16: tables.silver.orders.rules[1]"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{not_null: city, unique: city}", ": expected one key that says what must hold, such as rule, not_null or unique, found not_null and unique"),
        ("{not_nul: city}", ".not_nul"),
        ("{not_null: []}", ".not_null: expected at least 1 entry, found an empty list"),
        ("{not_null: town}", ".not_null: unknown column town"),
        ("{unique: [city, cty]}", ".unique[1]: expected a column of deliveries.silver.orders, found 'cty' (did you mean 'city'?)"),
        ("{unique: [city, city]}", ".unique[1]: the column 'city' stands twice"),
        ("{distinct_rows: false}", ".distinct_rows: expected true; without the key rows may be equal, found false"),
        ("{positive: city}", ".positive: a text cannot be compared with a number in '0'"),
        ("{one_of: {weight: [a]}}", ".one_of: a number cannot be compared with a text in ''a''"),
        ("{one_of: {city: [[a]]}}", ".one_of.city[0]: expected a text, a number, true or false, found a list"),
        ("{between: {weight: [1]}}", ".between.weight: expected at least 2 entries, found a list"),
        ("{format: {city: e-mail}}", ".format.city: expected one of 'date', 'timestamp', 'email', 'url', 'uuid', 'ipv4', found 'e-mail' (did you mean 'email'?)"),
        ("{matches: {city: '(?<=x)a'}}", ".matches: the pattern is refused"),
        ("{age_at_most: {ordered_at: 3 windows}}", ".age_at_most.ordered_at: expected a time span such as '4 hours' (units: minutes, hours, days, weeks), found '3 windows'"),
        ("{not_in_future: weight}", ".not_in_future: a number cannot be compared with a timestamp in 'as_of()'"),
        ("{outliers: {weight: 4 sigmas}}", ".outliers.weight: expected a spread such as '4 sigma' or '3 iqr', found '4 sigmas'"),
        ("{one_of: {}}", ".one_of: expected at least 1 entry, found an empty mapping"),
        ("{length: {city: [1, 2, 3]}}", ".length.city: expected at most 2 entries, found a list"),
        ("{references: {city: cities.name}}", ".references: expected an input of the table, found 'cities'. Add it to the table's inputs: inputs: {cities: <layer>.<name>}"),
        ("{references: {city: name}}", ".references.city: expected a column of an input: 'input.column', found 'name'"),
        ("{references: {town: orders.city}}", ".references.town: expected a column of deliveries.silver.orders, found 'town'"),
        ("{references: {city: orders.city, weight: other.weight}}", ".references: expected columns of one input; the row that they point to is one row, found 'orders', 'other'"),
        ("{rule: weight > 1, by: city}", ".by: 'by' groups rows for a statistic, and the rule has none"),
        ("{unique: city, by: weight}", ".by: 'by' groups rows for a statistic, which unique does not compute by group"),
        ("{rule: mean(weight) > 1, by: [city, town]}", ".by[1]: expected a column of deliveries.silver.orders, found 'town'"),
        ("{distribution: {column: city, at_most: 0.1}}", ".distribution: either 'expected' (texts) or 'edges' with 'shares' (numbers) says what is expected"),
        ("{distribution: {column: city, expected: {a: 0.5}, at_most: 0.1}}", ".distribution: shares are at least 0 and add up to 1, these to 0.5"),
        ("{distribution: {column: weight, edges: [3, 1], shares: [0.2, 0.3, 0.5], at_most: 0.1}}", ".distribution: the edges must rise"),
        ("{distribution: {column: weight, edges: [3], shares: [1], at_most: 0.1}}", ".distribution: 1 edges make 2 bins, but there are 1 shares"),
        ("{distribution: {column: city, expected: {a: 1}, at_most: 0.1}, by: town}", ".by: expected a column of deliveries.silver.orders, found 'town'"),
        ("{distribution: {column: city, expected: {a: 1}, at_most: 0.1, distance: psy}}", ".distribution.distance: expected one of 'total_variation', 'psi', found 'psy' (did you mean 'psi'?)"),
        ("{columns: {}}", ".columns: expected one of the keys have, lack, match, found none of them"),
        ("{columns: {match: '['}}", ".columns.match: the pattern is refused: the class at 1 does not end"),
        ("{columns: {have: [city]}, when: weight > 0}", ".when: 'when' chooses rows, and a rule about columns reads none"),
        ("{columns: {have: [city]}, on_fail: quarantine}", ".on_fail: expected 'stop' or 'record': the rule is about the data set, not about rows, found 'quarantine'"),
        ("{change: {of: weight, at_most: 5 %}}", ".change.of: not about the data set at character 1 of 'weight'; expected a statistic such as row_count or mean(amount), found weight"),
        ("{change: {of: mean(weight) > 1, at_most: 5 %}}", ".change.of: a statistic is a number, this is true or false at character 1 of 'mean(weight) > 1'"),
        ("{change: {of: row_count, at_most: 5%%}}", ".change.at_most: expected a share such as '5 %', or a number of at least 0, found '5%%'"),
        ('{change: {of: row_count, at_most: 5 %}, warn_if: "> 1 %"}', ".warn_if: 'warn_if' is about failing rows, the rule is about the data set"),
        ("{change: {of: row_count, at_most: 5 %, same: day}}", ".change.same: expected 'weekday', found 'day'"),
        ("{usual: {of: row_count, last: 3 windows}}", ".usual.at_least: expected no more than last, '3 windows', found '4 windows'"),
        ("{agrees: {of: row_count, input: order}}", ".agrees.input: expected an input of the table, found 'order' (did you mean 'orders'?). Add it to the table's inputs: inputs: {order: <layer>.<name>}"),
        ("{rule: weight > 1, tags: {A: b}}", ".tags.A: expected a name of lower-case letters, digits and '_', starting with a letter, found 'A' (did you mean 'a'?)"),
    ],
)
def test_a_mistake_in_a_rule_is_told_at_its_key(tmp_path: Path, rule: str, message: str) -> None:
    write_project(tmp_path, changed(USE_CASE, "- weight > 0", f"- {rule}"))
    (found,) = messages(tmp_path)
    assert found.startswith(f"{USE_CASE}:{PLACE}{message}")


def test_a_weekday_needs_windows_that_have_one(tmp_path: Path) -> None:
    rule = "- {usual: {of: row_count, same: weekday}}"
    text = changed(USE_CASE, "- weight > 0", rule)[USE_CASE]
    days = "{every: day, first: 2024-01-01, last: 2024-12-31,"
    assert days in text
    write_project(tmp_path, {USE_CASE: text})
    assert messages(tmp_path) == []
    write_project(tmp_path, {USE_CASE: text.replace(days, "{every: week, first: 2024-01-01,")})
    found = [one for one in messages(tmp_path) if "same" in one]
    assert found == [f"{USE_CASE}:{PLACE}.usual.same: expected windows of a day or an hour, which have a weekday, found windows of a week"]


def test_a_rule_about_windows_needs_windows_and_files_point_to_nothing(tmp_path: Path) -> None:
    calendar = "calendar: {files: calendar.csv, key: [day], export: true"
    rules = "rules: [day < window_end(), {references: {day: suppliers.day}}]"
    write_project(tmp_path, changed("project.yaml", calendar, f"{calendar}, {rules}"))
    windows, points = messages(tmp_path)
    assert windows.endswith("has no windows, so there is no window_end()")
    assert points.endswith("A table of files reads no other tables: hold the table made from it to this")


@pytest.mark.parametrize(
    "rule",
    [
        "{no_gaps: {ordered_at: 1 hour}, by: city, unknown: pass}",
        "{rule: share(weight > 3) < 0.5, when: city is not null, on_fail: record}",
        "{rule: weight > 0, owner: team:logistics, tags: {source: scale}}",
        "{distinct_rows: true, warn_if: '> 1 %'}",
        "{fresh: {ordered_at: 3 days}}",
        "{references: {order_id: orders.order_id}}",
        "{agrees: {of: row_count, input: orders, its: count(order_id), within: 1 %}}",
        "{usual: {of: mean(weight), sigma: 4}}",
    ],
)
def test_a_rule_that_fits_its_table_is_taken(tmp_path: Path, rule: str) -> None:
    write_project(tmp_path, changed(USE_CASE, "- weight > 0", f"- {rule}"))
    assert messages(tmp_path) == []
