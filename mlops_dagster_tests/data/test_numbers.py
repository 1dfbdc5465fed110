"""Counts, routes and published rows against a plain-Python reading of the same rules."""

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_dagster.data.verdict import RefusedBatch
from mlops_dagster_tests.data.worlds import Project

Row = tuple[int | None, int, int | None]
TABLE = """
bronze.a:
  files: "a/{window}.csv"
  key: [id]
  event_time: day
  rules:
    - {rule: amount >= 0, name: positive}
    - {rule: amount < 5, name: small, on_fail: drop}
    - {rule: amount != 3, name: not_three, on_fail: record}
    - {rule: amount != -9, name: sane, severity: critical}
    - {rule: sum(amount) >= 0, name: total, on_fail: record}
"""
rows = st.lists(
    st.tuples(
        st.none() | st.integers(1, 4),
        st.integers(27, 33),
        st.none() | st.sampled_from([-9, -1, 0, 1, 3, 7, 7, 1, 1]),
    ),
    max_size=12,
)


def expected(batch: list[Row]) -> tuple[Counter[str], list[Row], dict[str, int]]:
    """Return routes, valid rows and failing rows of each rule."""
    copies = Counter((key, day) for key, day, _ in batch)
    routes: Counter[str] = Counter()
    valid = []
    failed: Counter[str] = Counter()
    for row in batch:
        key, day, amount = row
        broken = {
            "event_time_inside_window": day > 31,
            "key_not_null": key is None,
            "key_unique": key is not None and copies[key, day] > 1,
            "positive": amount is None or amount < 0,
            "small": amount is None or amount >= 5,
            "not_three": amount is None or amount == 3,
            "sane": amount is None or amount == -9,
        }
        failed.update(name for name, is_broken in broken.items() if is_broken)
        if any(broken[name] for name in list(broken)[:4]):
            routes["quarantine"] += 1
        elif broken["small"]:
            routes["drop"] += 1
        else:
            routes["valid"] += 1
            valid.append(row)
    return routes, valid, dict(failed)


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows)
def test_every_row_is_routed_as_a_plain_reading_of_the_rules_says(
    project: Project, batch: list[Row]
) -> None:
    project.declare(TABLE)
    contract = "spec_version: 1\ntable: shop.bronze.a\ncolumns:\n"
    for name, kind in (("id", "bigint"), ("day", "date"), ("amount", "bigint")):
        contract += f"  - {{name: {name}, type: {kind}}}\n"
    project.write("use_cases/shop/contracts/bronze.a.yaml", contract)
    lines = "".join(
        f"{'' if key is None else key},2013-{'02' if day > 31 else '01'}-{(day - 1) % 31 + 1:02d},"
        f"{'' if amount is None else amount}\n"
        for key, day, amount in batch
    )
    project.write("landing/a/2013-01.csv", "id,day,amount\n" + lines)
    routes, valid, failed = expected(batch)
    try:
        built = project.build("bronze.a", "2013-01")
        results = built.rule_results
        assert failed.get("sane", 0) == 0
        counts = (built.valid, built.quarantined, built.dropped)
        assert counts == (routes["valid"], routes["quarantine"], routes["drop"])
        assert built.rows_in == len(batch)
        published = [(key, amount) for key, amount in project.rows("bronze.a", "id", "amount")]
        assert sorted(published, key=repr) == sorted(((k, a) for k, _, a in valid), key=repr)
        assert len(project.quarantine()) == routes["quarantine"]
    except RefusedBatch as error:
        results = error.rule_results
        assert failed.get("sane", 0) > 0
    told = {r.name: r.failed_rows for r in results if r.about == "rows" and r.failed_rows}
    assert told == failed
    total = next(r for r in results if r.name == "total")
    amounts = [amount for _, _, amount in valid if amount is not None]
    assert (total.status == "passed") == (bool(amounts) and sum(amounts) >= 0)
