from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.assets.training_set import training_set_metadata
from mlops_dagster.engine.transfer import few_rows
from mlops_dagster.errors import SourceError, TrainingRefused
from mlops_dagster.features.labelled import LabelCounts, count_labels, labelled_predictions
from mlops_dagster.features.row_counts import RowCounts
from mlops_dagster.features.scoring_rows import ScoringRows, scoring_rows
from mlops_dagster.features.split import is_held_out_group
from mlops_dagster.features.training_set import (
    TrainingSetBuilt,
    TrainingSetCounts,
    build_training_set,
    read_training_set,
    training_windows,
)
from mlops_dagster.spec.contract import Contract, ContractColumn
from mlops_dagster.spec.environment import Environment, LocalEngine, PathTables
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.use_case import Project, UseCase
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedUseCase, Workspace
from mlops_dagster.state.fence import published_windows
from mlops_dagster.state.store import EventStore, open_store
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.publish import publish_frame
from mlops_dagster.tables.slices import Part, Slice
from mlops_dagster.windows import Duration, Grain, WindowCalendar
from mlops_dagster_tests.features.worlds import USE_CASE, model, ref, table, utc

DAYS = WindowCalendar(Grain.DAY, "2024-03-01", close_after=Duration.parse("1 hour"))
ORDERS = table("silver.orders", DAYS, key=["order"], event_time="at", known_at="seen")
SALES = table("silver.sales", DAYS, key=["order"], event_time="at", known_at="paid")
HISTORY = table("features.history", DAYS, key=["shop"], event_time="at", known_at="counted")
CONTRACT = Contract(
    spec_version=1,
    table="features.history",
    columns=[
        ContractColumn(name="shop", type="string"),
        ContractColumn(name="at", type="timestamp"),
        ContractColumn(name="counted", type="timestamp"),
        ContractColumn(name="sold", type="bigint"),
    ],
)
MODEL = model(
    rows="silver.orders",
    label={"table": "silver.sales", "column": "price", "within": "1 day"},
    features={"silver.orders": ["size"], "features.history": ["sold"]},
    at_least="2 windows",
    holdout={"last": "1 window"},
)
CUTOFF = "2024-03-02"
AS_OF = DAYS.as_of_close(CUTOFF)


@dataclass(frozen=True)
class Shop:
    """Two days of orders and sales, published; nothing yet of the shop's history."""

    session: SparkSession
    workspace: Workspace
    store: EventStore
    locations: Locations
    model: ResolvedModel = MODEL

    def publish(self, target: Slice, rows: Sequence[tuple[object, ...]], schema: str) -> None:
        publish_frame(
            self.session,
            frame=self.session.createDataFrame(rows, schema),
            target=target,
            as_of=AS_OF,
            store=self.store,
            locations=self.locations,
            run_id="run",
            code_version="1",
        )

    def publish_sales(self, day: str, rows: Sequence[tuple[object, ...]]) -> None:
        target = Slice(ref("silver.sales"), day)
        data = [(order, utc(str(at)), utc(str(paid)), price) for order, at, paid, price in rows]
        self.publish(target, data, "order bigint, at timestamp, paid timestamp, price double")

    def build(self, cutoff: str = CUTOFF) -> TrainingSetBuilt:
        return build_training_set(
            self.session,
            workspace=self.workspace,
            model=self.model,
            cutoff=cutoff,
            as_of=AS_OF,
            store=self.store,
            locations=self.locations,
            run_id="run",
        )

    def rows(self, built: TrainingSetBuilt) -> DataFrame:
        target = Slice(built.ref, built.cutoff)
        return read_training_set(
            self.session, target=target, published=built.published, locations=self.locations
        )

    def score(self, window: str) -> ScoringRows:
        return scoring_rows(
            self.session,
            workspace=self.workspace,
            model=self.model,
            window=window,
            as_of=AS_OF,
            store=self.store,
            locations=self.locations,
        )


def workspace_of(chosen: ResolvedModel, root: Path) -> Workspace:
    history = replace(HISTORY[1], contract=CONTRACT)
    tables = {**dict([ORDERS, SALES]), history.ref: history}
    spec = UseCase(spec_version=1, name=USE_CASE, tables={"silver.orders": ORDERS[1].spec})
    use_case = ResolvedUseCase(USE_CASE, spec, root, DAYS, tables, {"demand": chosen}, frozenset())
    environment = Environment(
        spec_version=1,
        name="dev",
        engine=LocalEngine(kind="local"),
        landing="landing",
        tables=PathTables(kind="paths", warehouse="warehouse"),
    )
    project = Project(spec_version=1, name="shops")
    return Workspace(root, project, environment, {USE_CASE: use_case}, {})


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    root = tmp_path_factory.mktemp("shop")
    workspace = workspace_of(MODEL, root)
    made = Shop(
        spark, workspace, open_store(root / "events.db"), Locations(workspace.environment, root)
    )
    schema = "order bigint, at timestamp, seen timestamp, shop string, size double, gift string"
    for day in ("2024-03-01", "2024-03-02"):
        noon, late = utc(f"{day} 12:00"), utc(f"{day} 12:01")
        rows: list[tuple[object, ...]] = [
            (1, noon, noon, "s", 1.0, "yes"),
            (2, noon, noon, "s", 2.0, None),
            (3, noon, late, "s", 3.0, "no"),
        ]
        made.publish(Slice(ref("silver.orders"), day), rows, schema)
        made.publish_sales(day, [(1, f"{day} 12:00", f"{day} 18:00", 10.0)])
    return made


@pytest.fixture(scope="module")
def built(shop: Shop) -> TrainingSetBuilt:
    return shop.build()


def test_a_training_set_counts_its_rows_by_label_and_side(built: TrainingSetBuilt) -> None:
    assert built.windows == ("2024-03-01", "2024-03-02")
    assert built.counts == TrainingSetCounts(
        rows=4, labelled=2, never=1, pending=1, fit=2, holdout=2, unknowable=2
    )
    assert [feature.name for feature in built.features] == ["size", "sold"]


def test_it_is_the_slice_of_its_cutoff_and_names_what_it_was_made_from(
    shop: Shop, built: TrainingSetBuilt
) -> None:
    assert built.ref == TableRef(USE_CASE, "model", "demand_training_set")
    rows = few_rows(shop.rows(built).select("window", "row_window", "label_state"), what="rows")
    assert {row["window"] for row in rows} == {CUTOFF}
    assert sorted((row["row_window"], row["label_state"]) for row in rows) == [
        ("2024-03-01", "labelled"),
        ("2024-03-01", "never"),
        ("2024-03-02", "labelled"),
        ("2024-03-02", "pending"),
    ]
    assert [version.ref for version in built.published.inputs] == [
        "shop.silver.orders",
        "shop.silver.sales",
    ]
    assert set(built.published.inputs[0].windows) == {"2024-03-01", "2024-03-02"}


def test_scoring_finds_the_rows_and_features_of_training(
    shop: Shop, built: TrainingSetBuilt
) -> None:
    scoring = shop.score(CUTOFF)
    assert scoring.counts == RowCounts(rows=3, unknowable=1, early=())
    assert scoring.features == built.features
    columns = ["order", "event_time", "prediction_time", "size", "sold"]
    assert scoring.frame.columns == columns
    trained = shop.rows(built).where(F.col("row_window") == CUTOFF).select(*columns)
    assert few_rows(scoring.frame.exceptAll(trained), what="rows") == []
    assert few_rows(trained.exceptAll(scoring.frame), what="rows") == []


def test_predictions_stand_beside_the_labels_known_by_an_instant(shop: Shop) -> None:
    noon = utc("2024-03-01 12:00")
    rows: list[tuple[object, ...]] = [(1, noon, noon, 0.5), (2, noon, noon, 0.7)]
    schema = "order bigint, event_time timestamp, prediction_time timestamp, prediction double"
    predictions = TableRef(USE_CASE, "serving", "demand_predictions")
    for version in ("3", "4"):
        part = Part("model_version", version)
        shop.publish(Slice(predictions, "2024-03-01", part), rows, schema)
    found = labelled_predictions(
        shop.session,
        workspace=shop.workspace,
        model=MODEL,
        windows=("2024-03-01", "2024-03-02"),
        as_of=utc("2024-03-02 11:00"),
        store=shop.store,
        locations=shop.locations,
    )
    assert found.windows == ("2024-03-01",)
    assert count_labels(found.frame) == tuple(
        LabelCounts("2024-03-01", version, rows=2, labelled=1, never=0, pending=1)
        for version in ("3", "4")
    )


def test_later_facts_leave_a_set_built_again_as_it_was(shop: Shop, built: TrainingSetBuilt) -> None:
    day = "2024-03-01"
    shop.publish_sales(
        day,
        [(1, f"{day} 12:00", f"{day} 18:00", 10.0), (2, f"{day} 12:00", "2024-03-09 12:00", 7.0)],
    )
    assert shop.build().published.digest == built.published.digest


def test_too_few_windows_are_refused_without_reading_anything(shop: Shop) -> None:
    with pytest.raises(TrainingRefused, match=r"cutoff 2024-03-01: .*at least 2 windows, found 1"):
        training_windows(shop.workspace, MODEL, cutoff="2024-03-01", store=shop.store)


def test_a_cutoff_that_is_not_published_says_what_to_run(shop: Shop) -> None:
    with pytest.raises(SourceError, match=r"silver\.orders: not published for 2024-03-03"):
        shop.build("2024-03-03")


def grouped_by(shop: Shop, column: str) -> Shop:
    """Return the shop with a model of its own whose hold-out goes by groups."""
    chosen = model(
        rows="silver.orders",
        label={"table": "silver.sales", "column": "price", "within": "1 day"},
        features={"silver.orders": ["size"], "features.history": ["sold"]},
        holdout={"share": 0.5, "group": column},
    )
    return replace(
        shop,
        model=replace(chosen, name=f"by_{column}"),
        workspace=workspace_of(chosen, shop.workspace.root),
    )


def test_the_group_of_the_hold_out_goes_along_and_is_no_feature(shop: Shop) -> None:
    grouped = grouped_by(shop, "order")
    built = grouped.build()
    assert [feature.name for feature in built.features] == ["size", "sold"]
    rows = few_rows(grouped.rows(built), what="rows")
    assert {row["holdout_group"] for row in rows} == {"1", "2"}
    for row in rows:
        held_out = is_held_out_group(row["holdout_group"], 0.5)
        assert row["split"] == ("holdout" if held_out else "fit")
    assert "holdout_group" not in grouped.score("2024-03-01").frame.columns


def test_rows_without_a_group_are_refused_before_anything_is_published(shop: Shop) -> None:
    grouped = grouped_by(shop, "gift")
    with pytest.raises(
        TrainingRefused,
        match=r"no hold-out group: gift is null; expected gift in each row of "
        r"shop\.silver\.orders, found 2 of 4 rows without\. Write the rule 'gift is not null'",
    ):
        grouped.build()
    assert published_windows(shop.store, ref("model.by_gift_training_set")) == {}


def test_training_and_scoring_tell_which_feature_rows_wait_for_their_time(
    shop: Shop, built: TrainingSetBuilt
) -> None:
    assert built.early == ()
    assert "known_early" not in training_set_metadata(built, partitioned=True)
    noon, evening = utc("2024-03-01 12:00"), utc("2024-03-01 18:00")
    shop.publish(
        Slice(ref("features.history"), "2024-03-01"),
        [("s", noon, noon, 5), ("s", evening, noon, 9)],
        "shop string, at timestamp, counted timestamp, sold bigint",
    )
    again = shop.build()
    sold = {
        (row["row_window"], row["sold"])
        for row in few_rows(shop.rows(again).select("row_window", "sold"), what="rows")
    }
    # At noon the row about the evening was known already; it is joined on the day after.
    assert sold == {("2024-03-01", 5), ("2024-03-02", 9)}
    (early,) = again.early
    assert (early.table, early.rows, early.early) == (ref("features.history"), 2, 1)
    shown = training_set_metadata(again, partitioned=True)["known_early"]
    assert str(shown.value) == str(early)
    assert shop.score("2024-03-01").counts.early == (early,)
