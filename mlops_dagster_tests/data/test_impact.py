"""What rules would have made of past batches: as the events tell, and as a build then makes it."""

import json

import pytest
from click.testing import CliRunner, Result

from mlops_dagster.cli import main
from mlops_dagster.cli.preview_rules import lines_of
from mlops_dagster.data.events import BatchJudged, batch_stream
from mlops_dagster.data.impact import BatchImpact, Routes, RuleState, TableImpact, impact
from mlops_dagster.data.past_batches import past_batches
from mlops_dagster.spec.refs import STATIC
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.data.worlds import Project

pytestmark = pytest.mark.long

JANUARY, FEBRUARY = "2013-01", "2013-02"
TABLES = """
bronze.sales:
  files: "sales/{window}.csv"
  key: [id]
  event_time: sold_at
  rules: [%s]
bronze.shops:
  files: shops.csv
  key: [shop]
  rules: [{change: {of: row_count, at_most: 0}, name: as_many, on_fail: record}]
silver.sales:
  inputs: {sales: bronze.sales, shops: bronze.shops}
  key: [id]
  event_time: sold_at
  rules: [%s]
"""
BRONZE_THEN = "{rule: amount < 100, name: small}, {not_null: shop, name: has_shop}"
# The first is loosened, the second gone, the third new.
BRONZE_NOW = """{rule: amount < 300, name: small},
    {rule: "sold_at >= timestamp '2013-01-02 00:00:00.000001'", name: late_enough, on_fail: drop}"""
SILVER_THEN = "{references: {shop: shops.shop}, name: known_shop}"
SILVER_NOW = """{references: {shop: shops.shop}, name: known_shop, on_fail: record},
    {unique: [shop, amount], name: once, warn_if: "> 50 %"},
    {rule: count(id) >= 2, by: shop, name: busy, on_fail: drop},
    {outliers: {amount: 1 sigma}, name: near, severity: warning, on_fail: record},
    {agrees: {of: row_count, input: sales}, name: whole, on_fail: record},
    {change: {of: row_count, at_most: 10 %}, name: steady, on_fail: record},
    {usual: {of: mean(amount), sigma: 1, at_least: 1 window}, name: usual, on_fail: record},
    {rule: max(amount) < 50, name: cheap, on_fail: record}"""
SHOPS = "shop\na\nb\n"
CONTRACT = """
spec_version: 1
table: shop.bronze.sales
columns:
  - {name: id, type: bigint, nullable: true}
  - {name: sold_at, type: timestamp, nullable: true}
  - {name: shop, type: string, nullable: true}
  - {name: amount, type: "decimal(10,2)", nullable: true}
"""


def sales(month: str, *, extra: str = "") -> str:
    """Return a month's sales: good ones, one too dear, an unreadable record, a key that repeats."""
    return f"""id,sold_at,shop,amount
1,{month}-01T12:00:00Z,a,10.5
2,{month}-03T12:00:00.000001Z,b,20
3,{month}-04T12:00:00Z,b,200.25
4,yesterday,a,1
5,{month}-05T12:00:00Z,,5
6,{month}-06T12:00:00Z,c,7
7,{month}-07T12:00:00Z,a,10
7,{month}-07T12:00:00Z,b,12
{extra}"""


@pytest.fixture
def shop(project: Project) -> Project:
    """A project with the files of both months."""
    declare(project, BRONZE_THEN, SILVER_THEN)
    project.sql("silver.sales", "select id, sold_at, shop, amount from sales")
    project.write("use_cases/shop/contracts/bronze.sales.yaml", CONTRACT)
    project.write("landing/shops.csv", SHOPS)
    extra = f"8,{FEBRUARY}-08T12:00:00Z,a,90\n"
    project.write(f"landing/sales/{JANUARY}.csv", sales(JANUARY))
    project.write(f"landing/sales/{FEBRUARY}.csv", sales(FEBRUARY, extra=extra))
    return project


def declare(project: Project, bronze: str, silver: str) -> None:
    project.declare(TABLES % (bronze, silver))


def looked_at(project: Project, name: str) -> TableImpact:
    table = project.table(name)
    return impact(
        project.session,
        past_batches(project.store, table, at_most=12),
        workspace=project.workspace(),
        table=table,
        store=project.store,
        locations=project.locations,
    )


def judged(project: Project, name: str, window: str) -> BatchJudged:
    stored = project.store.last(batch_stream(project.table(name).ref, window), BatchJudged.kind)
    assert stored is not None
    assert isinstance(stored.event, BatchJudged)
    return stored.event


def told_by(batch: BatchImpact) -> dict[str, tuple[str | None, int | None]]:
    return {
        rule.name: (rule.status, rule.failed_rows)
        for rule in batch.rules
        if rule.state is not RuleState.REMOVED
    }


def recorded(event: BatchJudged) -> dict[str, tuple[str, int | None]]:
    return {outcome.name: (outcome.status, outcome.failed_rows) for outcome in event.results}


def is_as_it_was(project: Project, name: str) -> None:
    """Assert that rules that did not change say what they said."""
    for batch in looked_at(project, name).batches:
        event = judged(project, name, batch.window)
        assert told_by(batch) == recorded(event)
        assert batch.now == batch.then
        assert {rule.state for rule in batch.rules} == {RuleState.SAME}
        assert (batch.rows, batch.not_kept, batch.lost) == (event.rows_in, 0, 0)


def previewed(project: Project, *arguments: str) -> Result:
    return CliRunner().invoke(
        main, ["preview-rules", *arguments, "--root", str(project.root)], catch_exceptions=False
    )


def test_a_preview_tells_what_is_new_and_what_it_would_stop_and_changes_nothing(
    shop: Project, spark_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.build("bronze.sales", JANUARY)
    is_as_it_was(shop, "bronze.sales")

    declare(shop, BRONZE_NOW, SILVER_NOW)
    monkeypatch.setenv(REMOTE_VARIABLE, spark_address)
    shop.serve(REMOTE_VARIABLE)
    events = (shop.root / "events.db").read_bytes()
    files = sorted(shop.root.rglob("*.parquet"))
    (table,) = json.loads(previewed(shop, "bronze.sales", "--json").stdout)
    (batch,) = table["batches"]
    # Unreadable and twice the same key: 3. What was dear or without a shop is valid, 1 is dropped.
    assert batch["now"] == {"valid": 4, "quarantined": 3, "dropped": 1}
    assert batch["then"] == {"valid": 3, "quarantined": 5, "dropped": 0}
    told = {rule["name"]: rule for rule in batch["rules"]}
    assert {name: rule["state"] for name, rule in told.items() if rule["state"] != "same"} == {
        "small": "changed",
        "late_enough": "new",
        "has_shop": "removed",
    }
    assert (told["small"]["failed_rows"], told["small"]["failed_then"]) == (0, 1)
    shown = previewed(shop, "bronze.sales", "--window", JANUARY).stdout
    assert "shop.bronze.sales: changed: small; new: late_enough; removed: has_shop" in shown
    assert ["small", "changed", "quarantine", JANUARY, "0", "1"] in [
        line.split() for line in shown.splitlines()
    ]
    assert previewed(shop, "--window", "2012-01").stdout == "no published batch to look at\n"
    assert (shop.root / "events.db").read_bytes() == events
    assert sorted(shop.root.rglob("*.parquet")) == files


def test_what_a_rule_dropped_is_kept_nowhere_and_the_preview_says_so(shop: Project) -> None:
    declare(shop, "{rule: amount < 100, name: small, on_fail: drop}", SILVER_THEN)
    assert shop.build("bronze.sales", JANUARY).dropped == 1
    declare(shop, "{rule: amount < 300, name: small, on_fail: drop}", SILVER_THEN)
    loosened = looked_at(shop, "bronze.sales")
    (batch,) = loosened.batches
    assert (batch.now.dropped, batch.then.dropped, batch.not_kept) == (0, 1, 1)
    lines = list(lines_of(loosened))
    assert f"small changed drop {JANUARY} 0 of the rest 1" in [" ".join(x.split()) for x in lines]
    not_kept, of_the_rule = lines[-2:]
    assert not_kept.startswith(f"{JANUARY}: 1 rows were dropped or discarded then; they are kept")
    assert of_the_rule == (
        f"{JANUARY}: small dropped 1 rows then; how many of them it would let through as it stands "
        "now cannot be told"
    )
    declare(shop, "{rule: id > 0, name: other}", SILVER_THEN)
    lines = list(lines_of(looked_at(shop, "bronze.sales")))
    assert f"small removed drop {JANUARY} not known 1" in [" ".join(x.split()) for x in lines]


@pytest.mark.verify
def test_a_preview_is_what_a_build_then_makes(shop: Project) -> None:
    shop.build("bronze.shops")
    for window in (JANUARY, FEBRUARY):
        shop.build("bronze.sales", window)
        shop.build("silver.sales", window)
    shop.write("landing/shops.csv", SHOPS + "d\n")
    shop.build("bronze.shops")
    for name in ("bronze.sales", "silver.sales", "bronze.shops"):
        is_as_it_was(shop, name)
    # Of shops the batch before counts, not the batch itself.
    assert told_by(looked_at(shop, "bronze.shops").batches[0])["as_many"] == ("failed", None)
    assert looked_at(shop, "bronze.shops").batches[0].window == STATIC

    declare(shop, BRONZE_NOW, SILVER_NOW)
    bronze, silver = looked_at(shop, "bronze.sales"), looked_at(shop, "silver.sales")
    assert len(silver.batches[0].rules) > 8
    # Silver first: it was looked at as it read bronze then.
    for name, previews in (("silver.sales", silver), ("bronze.sales", bronze)):
        for batch in previews.batches:
            built = shop.build(name, batch.window)
            assert told_by(batch) == recorded(judged(shop, name, batch.window)), batch.window
            assert batch.now == Routes(built.valid, built.quarantined, built.dropped)
    again = looked_at(shop, "bronze.sales")
    assert [(one.rows, one.not_kept, one.lost) for one in again.batches] == [(7, 1, 0), (9, 0, 0)]
