"""A small project without a mistake, to be written to a folder and to be broken in one place."""

from collections.abc import Mapping
from pathlib import Path

from mlops_dagster.spec.loader import find_problems

USE_CASE = "use_cases/deliveries/use_case.yaml"
CONTRACT = "use_cases/deliveries/contracts/silver.orders.yaml"
SQL = "use_cases/deliveries/silver/orders.sql"
HOOKS = "use_cases/deliveries/hooks.py"
STOCK = "use_cases/stock/use_case.yaml"
DEV = "environments/dev.yaml"

PROJECT: Mapping[str, str] = {
    "project.yaml": """\
spec_version: 1
name: shop
tables:
  calendar: {files: calendar.csv, key: [day], export: true}
  suppliers: {files: suppliers.csv, key: [supplier]}
""",
    DEV: """\
spec_version: 1
name: dev
engine: {kind: local, memory: 2 GB}
landing: landing
tables: {kind: paths, warehouse: .mlops/dev/warehouse}
""",
    USE_CASE: """\
spec_version: 1
name: deliveries
owner: team:logistics
windows: {every: day, first: 2024-01-01, last: 2024-12-31, time_zone: Europe/Berlin, close_after: 3 days}
tables:
  bronze.orders:
    files: "orders/{window}.csv"
    nulls: [NA]
  bronze.arrivals: {files: "arrivals/{window}.csv"}
  silver.orders:
    inputs: {orders: bronze.orders}
    key: [order_id]
    event_time: ordered_at
    rules:
      - row_count > 10
      - weight > 0
      - {rule: city is not null, on_fail: record, warn_if: "> 1 %", fail_if: "> 10 %"}
  silver.arrivals:
    inputs: {arrivals: bronze.arrivals}
    key: [order_id]
    event_time: ordered_at
    known_at: arrived_at
  features.city_history:
    hook: city_history
    inputs:
      arrivals: {table: silver.arrivals, back: 7 days}
      calendar: project.calendar
    key: [city]
    event_time: hour
    valid_for: 2 days
models:
  late:
    task: binary
    rows: {table: silver.orders, ahead: 0 hours}
    label: {table: silver.arrivals, column: late, within: 3 days}
    features:
      silver.orders: [weight, city]
      features.city_history: [late_share]
    train:
      history: 30 windows
      at_least: 7 windows
      estimator: {family: hist_gradient_boosting, max_iter: 50}
      calibrate: isotonic
      holdout: {by: day, every: 5}
    gates:
      - roc_auc >= 0.6
      - {metric: roc_auc, slice: city, at_least: 0.5}
      - {metric: cost, against: champion, better_by: 0}
    monitor: {slices: [city]}
    retrain: {confirm: 2 of 4 windows}
alerts: [drift]
""",  # noqa: E501
    SQL: """\
SELECT
  order_id,
  ordered_at,
  weight,
  city
FROM orders
WHERE weight IS NOT NULL
""",
    CONTRACT: """\
spec_version: 1
table: deliveries.silver.orders
columns:
  - {name: order_id, type: bigint, nullable: false}
  - {name: ordered_at, type: timestamp}
  - {name: weight, type: double}
  - {name: city, type: string}
""",
    "use_cases/deliveries/silver/arrivals.sql": """\
SELECT order_id, city, ordered_at, arrived_at, arrived_at > promised_at AS late
FROM arrivals
""",
    HOOKS: '''\
"""Hooks of deliveries."""

from mlops_dagster.hooks import metric, transform

PRICE = 3.0


@transform
def city_history(arrivals, calendar):
    """Share of late orders, by city and hour."""
    return arrivals.join(calendar, "day")


@metric(lower_is_better=True)
def cost(actual, predicted):
    """Euros an order."""
    return PRICE * abs(actual - predicted).mean()


def helper(rows):
    return rows
''',
    STOCK: """\
spec_version: 1
name: stock
windows: {every: week, first: 2024-01-01}
tables:
  bronze.counts: {files: "counts/{window}.csv", export: true}
""",
}


def write_project(root: Path, changes: Mapping[str, str | None] | None = None) -> Path:
    """Write the project below a folder; `changes` replace or (None) leave out files."""
    for name, text in {**PROJECT, **(changes or {})}.items():
        if text is not None:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return root


def changed(name: str, old: str, new: str) -> dict[str, str]:
    """Return one of the project's files with a text replaced, which must stand there once."""
    text = PROJECT[name]
    if text.count(old) != 1:
        raise ValueError(f"{old!r} stands {text.count(old)} times in {name}")
    return {name: text.replace(old, new)}


def messages(root: Path, environment: str = "dev") -> list[str]:
    """Return what is wrong with a project, as it is shown."""
    return [str(problem) for problem in find_problems(root, environment)]
