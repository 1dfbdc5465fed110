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
        ("{format: {city: e-mail}}", ".format.city: expected one of 'date', 'timestamp', 'email', 'url', 'uuid', 'ipv4', 'ipv6', 'network', 'json', 'iban', 'card', 'country', 'country_3', 'currency', 'language', found 'e-mail' (did you mean 'email'?)"),
        ("{not_empty: city}", ".not_empty: expected a list or mapping, found a text in 'city'"),
        ("{together: [city]}", ".together: expected at least 2 entries, found a list"),
        ("{null_rate: {city: 1.5}}", ".null_rate.city: expected a share such as '5 %', or a number from 0 to 1, found 1.5"),
        ("{distinct_rate: {city: 101 %}}", ".distinct_rate.city: expected a share such as '5 %', or a number from 0 to 1, found '101 %'"),
        ("{date_format: {city: dd.MM.yy}}", ".date_format: wrong argument for is_date_as: 'yy' is none of yyyy, MM, dd, HH, mm, ss, SSS at character 18 of"),
        ("{json_has: {city: []}}", ".json_has.city: expected at least 1 entry, found an empty list"),
        ("{json_types: {city: {id: integer}}}", ".json_types.city.id: expected one of 'text', 'number', 'boolean', 'list', 'object', found 'integer'"),
        ("{json_types: {city: {'a?': text}}}", ".json_types: wrong argument for json_type at character 17 of"),
        ("{in_network: {city: 10.0.0.1/8}}", ".in_network: wrong argument for in_network: 10.0.0.1/8 has host bits set at character 18 of"),
        ("{in_network: {city: '::/8'}}", ".in_network: wrong argument for in_network: Expected 4 octets in '::' at character 18 of"),
        ("{free_of: {city: [mail]}}", ".free_of.city[0]: expected one of 'email', 'phone', 'card', found 'mail' (did you mean 'email'?)"),
        ("{free_of: {weight: email}}", ".free_of: expected a text, found a number in 'weight'"),
        ("{matches: {city: '(a+)+$'}}", ".matches: the pattern is refused: the repetition around 2 can read some texts in so many ways that it takes time without end; let each repetition begin or end with something that nothing else in it matches at character 12 of"),
        ("{columns: {match: '(a*)*$'}}", ".columns.match: the pattern is refused: the repetition around 2 can read some texts"),
        ("{rows_each: {column: city, every: 1 hour}}", ".rows_each.column: expected a column of type timestamp or date, found string"),
        ("{rows_each: {column: ordered_at, every: 0 hours}}", ".rows_each.every: expected a span above 0, found '0 hours'"),
        ("{rows_each: {column: ordered_at, every: 1 hour, at_least: 0}}", ".rows_each.at_least: expected a number of at least 1, found 0"),
        ("{rows_each: {column: ordered_at, every: 1 hour}, by: city}", ".by: 'by' groups rows for a statistic, which rows_each does not compute by group"),
        ("{rising: {city: ordered_at}}", ".rising.city: expected a column of numbers or times, found city, string"),
        ("{rising: {weight: weight}}", ".rising: a column stands twice in what rises and its order"),
        ("{rising: {weight: ordered_at, order_id: ordered_at}}", ".rising: expected one column and the one it follows, found 2"),
        ("{covers: {city: orders.city}, on_fail: quarantine}", ".on_fail: expected 'stop' or 'record': the rule is about the data set, not about rows, found 'quarantine'"),
        ('{same_values: {city: orders.city}, warn_if: "> 1 %"}', ".warn_if: 'warn_if' is about failing rows, the rule is about the data set"),
        ("{same_rows: {input: orders, key: order_id, columns: [order_id]}}", ".same_rows.columns: 'order_id' is part of the key, which is equal"),
        ("{same_rows: {input: orders, key: [], columns: [city]}}", ".same_rows.key: expected at least 1 entry, found an empty list"),
        ("{same_rows: {input: orders, key: order_id, columns: {cty: city}}}", ".same_rows.columns: expected a column of deliveries.silver.orders, found 'cty' (did you mean 'city'?)"),
        ("{statistic: {of: mean(weight)}}", ".statistic: expected one of the keys at_least, at_most, found none of them"),
        ("{statistic: {of: mean(weight), at_least: 3, at_most: 1}}", ".statistic.at_least: expected no more than at_most, 1, found 3"),
        ("{statistic: {of: weight, at_least: 3}}", ".statistic.of: not about the data set at character 1 of 'weight'; expected a statistic such as row_count or mean(amount), found weight"),
        ("{statistic: {of: mean(city), at_least: 3}}", ".statistic.of: expected a number, found a text in 'city'"),
        ("{statistic: {of: mean(weight), at_least: 3}, by: town}", ".by: expected a column of deliveries.silver.orders, found 'town'"),
        ("{statistic: {of: mean(weight), at_least: 3}, on_fail: drop}", ".on_fail: expected 'stop' or 'record': the rule is about the data set, not about rows, found 'drop'"),
        ("{entropy: {city: [3, 1]}}", ".entropy.city: expected two rising numbers of at least 0, found 3, 1"),
        ("{entropy: {city: [0, 1], weight: [0, 1]}}", ".entropy: expected one column with its bounds, found 2"),
        ("{distribution: {column: city, as_in: orders.city, distance: ks, at_most: 0.1}}", ".distribution.column: expected a column of numbers, found city, string"),
        ("{distribution: {column: city, as_in: orders, at_most: 0.1}}", ".distribution.as_in: expected a column of an input: 'input.column', found 'orders'"),
        ("{distribution: {column: city, as_in: orders.city, expected: {a: 1}, at_most: 0.1}}", ".distribution: 'as_in' says what is expected; nothing else can"),
        ("{distribution: {column: city, expected: {a: 1}, distance: ks, at_most: 0.1}}", ".distribution: ks compares numbers, so it needs 'edges' with 'shares', or 'as_in'"),
        ("{distribution: {column: city, expected: {a: 1}, at_most: 1}}", ".distribution: total_variation is at most 1, so 'at_most' must be below that"),
        ("{distribution: {column: city, expected: {a: 1}, bins: 3, at_most: 0.1}}", ".distribution: 'bins' is about 'as_in'; here what is expected has its own bins"),
        ("{distribution: {column: city, as_in: orders.city, at_most: 0.1}, by: weight}", ".by: 'by' groups rows for a statistic, which distribution does not compute by group"),
        ("{columns: {types: {city: text}}}", ".columns.types.city: expected a Spark type such as bigint or decimal(10,2), found 'text'"),
        ("{forecast: {of: row_count, at_least: 2 windows}}", ".forecast.at_least: expected at least 3 windows, found '2 windows'"),
        ("{forecast: {of: row_count, season: 7 windows}}", ".forecast.at_least: expected at least 15 windows, two seasons and one more, found '12 windows'"),
        ("{forecast: {of: row_count, season: 1 window}}", ".forecast.season: expected at least 2 windows, found '1 window'"),
        ("{forecast: {of: row_count, at_least: 70 windows}}", ".forecast.at_least: expected no more than last, '60 windows', found '70 windows'"),
        ("{fails_as_usual: {rule: city_is_not_nul}}", ".fails_as_usual.rule: expected the name of a rule about rows of this table, found 'city_is_not_nul' (did you mean 'city_is_not_null'?)"),
        ("{fails_as_usual: {rule: row_count_above_10}}", ".fails_as_usual.rule: expected the name of a rule about rows of this table, found 'row_count_above_10'"),
        ("{fails_as_usual: {rule: city_is_not_null}, when: weight > 0}", ".when: 'when' chooses rows, and a rule about another rule reads none"),
        ("{agrees: {of: sum(weight), input: orders, by: town}}", ".agrees.by: expected a column of deliveries.silver.orders, found 'town'"),
        ("{unique: city, filter: weight > 1}", ".filter: expected one of the keys rule, not_null"),
        ("{matches: {city: '(?<=x)a'}}", ".matches: the pattern is refused"),
        ("{age_at_most: {ordered_at: 3 windows}}", ".age_at_most.ordered_at: expected a time span such as '4 hours' (units: minutes, hours, days, weeks), found '3 windows'"),
        ("{not_in_future: weight}", ".not_in_future: a number cannot be compared with a timestamp in 'as_of()'"),
        ("{outliers: {weight: 4 sigmas}}", ".outliers.weight: expected a spread such as '4 sigma', '3 iqr' or '5 mad', found '4 sigmas'"),
        ("{one_of: {}}", ".one_of: expected at least 1 entry, found an empty mapping"),
        ("{length: {city: [1, 2, 3]}}", ".length.city: expected at most 2 entries, found a list"),
        ("{references: {city: cities.name}}", ".references: expected an input of the table, found 'cities'. Add it to the table's inputs: inputs: {cities: <layer>.<name>}"),
        ("{references: {city: name}}", ".references.city: expected a column of an input: 'input.column', found 'name'"),
        ("{references: {town: orders.city}}", ".references.town: expected a column of deliveries.silver.orders, found 'town'"),
        ("{references: {city: orders.city, weight: other.weight}}", ".references: expected columns of one input; the row that they point to is one row, found 'orders', 'other'"),
        ("{rule: weight > 1, by: city}", ".by: 'by' groups rows for a statistic, and the rule has none"),
        ("{unique: city, by: weight}", ".by: 'by' groups rows for a statistic, which unique does not compute by group"),
        ("{rule: mean(weight) > 1, by: [city, town]}", ".by[1]: expected a column of deliveries.silver.orders, found 'town'"),
        ("{distribution: {column: city, at_most: 0.1}}", ".distribution: either 'expected' (texts), 'edges' with 'shares' (numbers) or 'as_in' says what is expected"),
        ("{distribution: {column: city, expected: {a: 0.5}, at_most: 0.1}}", ".distribution: shares are at least 0 and add up to 1, these to 0.5"),
        ("{distribution: {column: weight, edges: [3, 1], shares: [0.2, 0.3, 0.5], at_most: 0.1}}", ".distribution: the edges must rise"),
        ("{distribution: {column: weight, edges: [3], shares: [1], at_most: 0.1}}", ".distribution: 1 edges make 2 bins, but there are 1 shares"),
        ("{distribution: {column: city, expected: {a: 1}, at_most: 0.1}, by: town}", ".by: expected a column of deliveries.silver.orders, found 'town'"),
        ("{distribution: {column: city, expected: {a: 1}, at_most: 0.1, distance: psy}}", ".distribution.distance: expected one of 'total_variation', 'psi', 'kl', 'chi_square', 'ks', found 'psy' (did you mean 'psi'?)"),
        ("{columns: {}}", ".columns: expected one of the keys have, lack, are, match, types, fits, found none of them"),
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


def test_the_filter_of_a_rule_is_called_when(tmp_path: Path) -> None:
    write_project(tmp_path, changed(USE_CASE, "- weight > 0", "- {unique: city, filter: weight > 1}"))
    (found,) = messages(tmp_path)
    assert found.endswith("found 'filter' (did you mean 'when'?)")


def test_slots_need_windows(tmp_path: Path) -> None:
    calendar = "calendar: {files: calendar.csv, key: [day], export: true"
    rules = "rules: [{rows_each: {column: day, every: 1 hour}}]"
    write_project(tmp_path, changed("project.yaml", calendar, f"{calendar}, {rules}"))
    (found,) = messages(tmp_path)
    assert found.endswith("has no windows, so there are no slots in them")


@pytest.mark.parametrize(
    "rule",
    [
        "{together: [city, weight], owner: team:logistics, tags: {source: scale}, description: both or none}",
        "{null_rate: {city: 5 %}, when: weight > 1, severity: info, on_fail: record}",
        "{free_of: {city: [email, phone, card]}, warn_if: '> 1 %', fail_if: '> 10 %'}",
        "{in_network: {city: [10.0.0.0/8, 192.168.0.0/16]}, unknown: pass, on_fail: drop}",
        "{rows_each: {column: ordered_at, every: 1 hour, at_least: 3, by: city}, on_fail: record}",
        "{rising: {weight: ordered_at}, by: [city], when: weight > 1}",
        "{covers: {city: orders.city}, severity: critical}",
        "{same_rows: {input: orders, key: order_id, columns: {weight: kg}, within: 1 %}, on_fail: drop}",
        "{distribution: {column: weight, as_in: orders.weight, distance: kl, bins: 20, at_most: 2}}",
        "{entropy: {city: [0.5, 3]}}",
        "{statistic: {of: 'median(weight) - min(weight)', at_most: 1.5}, by: city, on_fail: drop}",
        "{columns: {are: [order_id, city], types: {city: string}, fits: {order_id: 'decimal(20,0)'}}}",
        "{usual: {of: row_count, same: weekday}}",
        "{agrees: {of: sum(weight), input: orders, by: city}}",
        "{outliers: {weight: 5 mad}, unknown: pass}",
        "{forecast: {of: mean(weight), season: 7 windows, at_least: 15 windows}}",
        "{fails_as_usual: {rule: city_is_not_null, sigma: 2}, on_fail: record}",
        "median(weight) > 1 and mode(city) = 'a' and approx_distinct_count(city) > 3",
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
