"""The comparison of two lives finds what was lost, what is there twice and what differs."""

from collections import Counter
from dataclasses import replace

import pytest

from mlops_dagster_tests.crashes.outcome import Difference, Outcome, difference
from mlops_dagster_tests.end_to_end.live_project import Snapshot

LIFE = Outcome(
    snapshot=Snapshot(
        digests={"slice/shop.bronze.orders/d1": "x"},
        decisions={"shop.buys": ()},
        versions={"shop.buys": (("1", "d1"),)},
        bundles={"shop.buys": ("b",)},
        champions={"shop.buys": "1"},
        mlflow_versions={"shop.buys": ("1",)},
        materialized={"shop/bronze/orders": frozenset({"d1"})},
    ),
    rows={"shop.bronze.orders": Counter({"order 1": 1, "order 2": 1})},
    contracts={"bronze.orders.yaml": "columns"},
    effective={"shop.bronze.orders/d1": frozenset({"x"})},
    events={"shop.buys d1 trained": 1},
    orphans=0,
    twice=(),
)


def test_equal_lives_differ_in_nothing() -> None:
    assert difference(replace(LIFE, orphans=3), LIFE) == Difference()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"rows": {"shop.bronze.orders": Counter({"order 1": 1})}},
            Difference(lost=("shop.bronze.orders: order 2",)),
        ),
        (
            {"rows": {"shop.bronze.orders": Counter({"order 1": 2, "order 2": 1})}},
            Difference(duplicated=("shop.bronze.orders: order 1",)),
        ),
        (
            {"effective": {"shop.bronze.orders/d1": frozenset({"x", "y"})}},
            Difference(duplicated=("shop.bronze.orders/d1 = y",)),
        ),
        ({"events": {}}, Difference(lost=("shop.buys d1 trained",))),
        ({"events": {"shop.buys d1 trained": 2}}, Difference(duplicated=("shop.buys d1 trained",))),
        ({"contracts": {}}, Difference(lost=("contract bronze.orders.yaml",))),
        (
            {"contracts": {"bronze.orders.yaml": "others"}},
            Difference(changed=("contract bronze.orders.yaml",)),
        ),
        ({"twice": ("a commit",)}, Difference(duplicated=("a commit",))),
        (
            {"snapshot": replace(LIFE.snapshot, mlflow_versions={"shop.buys": ("1", "2")})},
            Difference(duplicated=("shop.buys version 2 in MLflow",)),
        ),
        (
            {"snapshot": replace(LIFE.snapshot, champions={"shop.buys": "2"})},
            Difference(changed=("champion of shop.buys",)),
        ),
        (
            {"snapshot": replace(LIFE.snapshot, materialized={"shop/bronze/orders": frozenset()})},
            Difference(lost=("shop/bronze/orders d1 materialized",)),
        ),
    ],
)
def test_what_a_life_lacks_or_has_too_much_of_is_named(
    change: dict[str, object], expected: Difference
) -> None:
    assert difference(replace(LIFE, **change), LIFE) == expected  # type: ignore[arg-type]
