"""Rules of every kind before the first build, when a table's columns have no known types."""

from pathlib import Path

import yaml

from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.rule_kinds import KINDS
from mlops_dagster_tests.spec.worlds import CONTRACT, SQL, USE_CASE, changed, write_project

RULES = """
- {rule: weight > 0, name: rule}
- {not_null: weight}
- {not_blank: city}
- {not_empty: parts}
- {any_present: [city, weight]}
- {together: [city, weight]}
- {null_rate: {weight: 5 %}}
- {one_of: {city: [a, b]}}
- {none_of: {city: [c]}}
- {between: {weight: [0, 10]}}
- {positive: weight}
- {not_negative: weight}
- {length: {city: [1, 80]}}
- {decimals: {weight: 2}}
- {case: {city: lower}}
- {matches: {city: "^[a-z]+$"}}
- {format: {city: email}}
- {date_format: {city: dd.MM.yyyy}}
- {json_has: {city: [id]}}
- {json_types: {city: {id: number}}}
- {in_network: {city: 10.0.0.0/8}}
- {free_of: {city: email}}
- {different: [city, street]}
- {not_in_future: ordered_at}
- {age_at_most: {ordered_at: 2 days}}
- {fresh: {ordered_at: 2 days}}
- {no_gaps: {ordered_at: 1 hour}}
- {rows_each: {column: ordered_at, every: 1 hour}}
- {rising: {weight: ordered_at}}
- {unique: city}
- {distinct_rows: true}
- {distinct_rate: {city: 5 %}}
- {references: {city: orders.city}}
- {absent_from: {city: orders.street}}
- {covers: {city: orders.city}}
- {same_values: {city: orders.city}}
- {same_rows: {input: orders, key: order_id, columns: [city]}}
- {statistic: {of: mean(weight), at_least: 1}}
- {outliers: {weight: 4 sigma}}
- {distribution: {column: city, expected: {a: 0.5, b: 0.5}, at_most: 0.1}, name: distribution}
- {distribution: {column: weight, as_in: orders.weight, at_most: 0.1}, name: spread}
- {entropy: {city: [0, 3]}}
- {columns: {have: [city]}}
- {change: {of: mean(weight), at_most: 20 %}}
- {usual: {of: mean(weight), sigma: 3}}
- {forecast: {of: mean(weight), sigma: 3}}
- {fails_as_usual: {rule: rule}}
- {agrees: {of: row_count, input: orders}}
"""


def test_a_rule_of_any_kind_is_kept_while_types_are_unknown(tmp_path: Path) -> None:
    rules = yaml.safe_load(RULES)
    assert {next(key for key in rule if key in KINDS) for rule in rules} == set(KINDS)
    lines = "".join(f"      {line}\n" for line in RULES.strip().splitlines())
    names = "order_id, ordered_at, city, street, weight, parts"
    world = {
        **changed(USE_CASE, "      - row_count > 10\n", lines),
        CONTRACT: None,
        SQL: f"SELECT {names} FROM orders\n",
    }
    write_project(tmp_path, world)
    workspace = load_workspace(tmp_path, "dev")
    table = workspace.table(TableRef.parse("deliveries.silver.orders"))
    kept = [(rule.kind, rule.spec) for rule in table.rules]
    assert len(kept) == len(rules) + 2
    assert {kind for kind, _ in kept} == set(KINDS)
