from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.engine.transfer import few_rows, rows_to_client
from mlops_dagster.errors import ContractViolation
from mlops_dagster.features import row_counts
from mlops_dagster.features.inputs import ModelInputs
from mlops_dagster.features.labels import attach_label
from mlops_dagster.features.model_rows import predictable_rows
from mlops_dagster.features.row_counts import RowCounts, count_rows
from mlops_dagster.features.split import is_held_out_day
from mlops_dagster.features.training_set import training_rows
from mlops_dagster.spec.models import Predict
from mlops_dagster.windows import Duration, Grain, WindowCalendar
from mlops_dagster_tests.features.worlds import inputs, model, ref, table, utc

DAYS = WindowCalendar(Grain.DAY, "2024-03-01")
TABLES = dict(
    [
        table("silver.orders", DAYS, key=["order"], event_time="at", known_at="seen"),
        table(
            "silver.weather",
            DAYS,
            key=["place"],
            event_time="at",
            valid_for=Duration.parse("6 hours"),
        ),
        table("silver.places", key=["place"]),
        table("silver.sales", DAYS, key=["order"], event_time="at", known_at="paid"),
    ]
)
MODEL = model(
    rows="silver.orders",
    ahead="2 hours",
    label={"table": "silver.sales", "column": "price", "within": "1 day"},
    features={
        "silver.orders": ["size"],
        "silver.weather": ["rain", "size"],
        "silver.places": "all",
    },
)
ORDERS = [
    # order, place, at, seen, size
    (1, "x", "2024-03-01 12:00", "2024-02-20 00:00", 1.0),
    (2, "x", "2024-03-01 09:59", "2024-02-20 00:00", 2.0),
    (3, "y", "2024-03-02 12:00", "2024-03-02 10:00", 3.0),
    (4, "y", "2024-03-02 12:00", "2024-03-02 10:01", 4.0),
    (5, None, "2024-03-02 23:59", "2024-02-20 00:00", 5.0),
]
WEATHER = [
    # place, at, rain, size
    ("x", "2024-03-01 03:59", 0.1, 10.0),
    ("x", "2024-03-01 10:00", 0.2, None),
    ("x", "2024-03-01 10:01", 0.9, 90.0),
    ("y", "2024-03-02 03:59", 0.3, 30.0),
    (None, "2024-03-02 20:00", 0.4, 40.0),
]
PLACES = [("x", "north"), ("y", "south")]
SALES = [
    # order, at, paid, price
    (1, "2024-03-01 12:00", "2024-03-02 08:00", 11.0),
    (1, "2024-03-01 12:00", "2024-03-02 08:00", 11.0),
    (2, "2024-03-01 11:59", "2024-03-01 12:00", 99.0),
    (3, "2024-03-02 12:00", "2024-03-03 00:01", 33.0),
]
AS_OF = utc("2024-03-03 00:00")
WINDOWS = ("2024-03-01", "2024-03-02")


def orders(spark: SparkSession, rows: list[tuple[object, ...]]) -> DataFrame:
    data = [
        (order, place, utc(str(at)), utc(str(seen)), size, str(at)[:10])
        for order, place, at, seen, size in rows
    ]
    schema = "order bigint, place string, at timestamp, seen timestamp, size double, window string"
    return spark.createDataFrame(data, schema)


def weather(spark: SparkSession, rows: list[tuple[object, ...]]) -> DataFrame:
    data = [(place, utc(str(at)), rain, size, str(at)[:10]) for place, at, rain, size in rows]
    schema = "place string, at timestamp, rain double, size double, window string"
    return spark.createDataFrame(data, schema)


def sales(spark: SparkSession, rows: list[tuple[object, ...]]) -> DataFrame:
    data = [(o, utc(str(at)), utc(str(paid)), price, str(at)[:10]) for o, at, paid, price in rows]
    schema = "order bigint, at timestamp, paid timestamp, price double, window string"
    return spark.createDataFrame(data, schema)


def world(spark: SparkSession) -> ModelInputs:
    frames = {
        "silver.orders": orders(spark, list(ORDERS)),
        "silver.weather": weather(spark, list(WEATHER)),
        "silver.places": spark.createDataFrame(PLACES, "place string, region string"),
        "silver.sales": sales(spark, list(SALES)),
    }
    return inputs(MODEL, TABLES, frames, calendar=DAYS, windows=WINDOWS, as_of=AS_OF)


def fetched(frame: DataFrame, *, by: str = "order") -> pd.DataFrame:
    return rows_to_client(frame, what="rows").sort_values(by).set_index(by)


def values(column: "pd.Series[float]") -> list[object]:
    return [None if pd.isna(value) else value for value in column]


def test_a_training_set_holds_what_was_known_two_hours_ahead(spark: SparkSession) -> None:
    rows = fetched(training_rows(world(spark)))
    assert list(rows.columns) == [
        "event_time",
        "prediction_time",
        "row_window",
        "orders__size",
        "rain",
        "weather__size",
        "region",
        "label",
        "label_known_at",
        "label_state",
        "split",
        "day",
    ]
    # Order 4 was seen a minute too late to be predicted.
    assert list(rows.index) == [1, 2, 3, 5]
    assert list(rows["orders__size"]) == [1.0, 2.0, 3.0, 5.0]
    # The newest weather known at the minute of prediction; a null in it is not an older value;
    # the weather of order 3 is a minute too old and order 5 has no place.
    assert values(rows["rain"]) == [0.2, 0.1, None, None]
    assert values(rows["weather__size"]) == [None, 10.0, None, None]
    assert values(rows["region"]) == ["north", "north", "south", None]
    assert list(rows["prediction_time"]) == list(rows["event_time"] - pd.Timedelta(hours=2))
    # A label of another event time is another event's; one paid after as_of is not known yet.
    assert values(rows["label"]) == [11.0, None, None, None]
    assert list(rows["label_state"]) == ["labelled", "never", "pending", "pending"]
    assert list(rows["day"]) == ["2024-03-01", "2024-03-01", "2024-03-02", "2024-03-02"]
    held_out = {day: is_held_out_day(datetime.fromisoformat(day).date(), 5) for day in rows["day"]}
    assert list(rows["split"]) == ["holdout" if held_out[day] else "fit" for day in rows["day"]]


def test_rows_seen_too_late_to_be_predicted_are_counted(spark: SparkSession) -> None:
    assert count_rows(world(spark)) == RowCounts(rows=5, unknowable=1, early=())


def test_facts_that_came_later_change_nothing_that_is_built_again(spark: SparkSession) -> None:
    first = world(spark)
    late = "2024-03-03 00:01"
    more = {
        "silver.orders": orders(spark, [*ORDERS, (9, "x", "2024-03-02 12:00", late, 9.0)]),
        "silver.weather": weather(spark, [*WEATHER, ("x", late, 7.0, 7.0)]),
        "silver.sales": sales(spark, [*SALES, (1, "2024-03-01 12:00", late, 0.0)]),
    }
    changed = {ref(name): frame for name, frame in more.items()}
    again = replace(first, frames={**first.frames, **changed})
    pd.testing.assert_frame_equal(
        fetched(training_rows(first)),
        fetched(training_rows(again)),
    )


def test_a_forecast_finds_the_features_as_its_model_learnt_them(spark: SparkSession) -> None:
    made = world(spark)
    open_model = replace(MODEL, spec=MODEL.spec.model_copy(update={"predict": Predict(at="open")}))
    before = weather(spark, [*WEATHER, ("x", "2024-02-29 20:00", 0.5, 50.0)])
    learnt = replace(made, model=open_model, frames={**made.frames, ref("silver.weather"): before})
    rows = fetched(predictable_rows(learnt, with_label=False))
    # Orders 3 and 4 were not there yet when their window opened.
    assert list(rows.index) == [1, 2, 5]
    midnights = [pd.Timestamp("2024-03-01")] * 2 + [pd.Timestamp("2024-03-02")]
    assert list(rows["prediction_time"]) == midnights
    assert values(rows["rain"]) == [0.5, 0.5, None]
    opened = replace(learnt, windows=("2024-03-01",), as_of=DAYS.as_of_open("2024-03-01"))
    first_day = {MODEL.rows: made.frames[MODEL.rows].where(F.col("window") == "2024-03-01")}
    forecast = fetched(
        predictable_rows(replace(opened, frames={**learnt.frames, **first_day}), with_label=False)
    )
    pd.testing.assert_frame_equal(forecast, rows.loc[[1, 2]])


OUTLOOK = [
    # place, at, told, rain
    ("x", "2024-03-01 12:00", "2024-02-28 00:00", 0.1),
    ("x", "2024-03-01 12:00", "2024-03-01 10:00", 0.2),
    ("x", "2024-03-01 12:00", "2024-03-01 10:01", 0.9),
    ("x", "2024-03-01 18:00", "2024-02-28 00:00", 0.8),
    ("y", "2024-03-02 05:59", "2024-03-01 00:00", 0.3),
]


def outlook_world(spark: SparkSession, *, forecast: bool) -> ModelInputs:
    """Return the orders with what was said of the weather at their time."""
    spans = {"valid_for": Duration.parse("6 hours"), "forecast": forecast}
    tables = dict(
        [
            TABLES_BY_NAME["silver.orders"],
            TABLES_BY_NAME["silver.sales"],
            table("silver.outlook", DAYS, key=["place"], event_time="at", known_at="told", **spans),
        ]
    )
    chosen = model(
        rows="silver.orders",
        ahead="2 hours",
        label={"table": "silver.sales", "column": "price", "within": "1 day"},
        features={"silver.outlook": ["rain"]},
    )
    rows = [(place, utc(at), utc(told), rain) for place, at, told, rain in OUTLOOK]
    frames = {
        "silver.orders": orders(spark, list(ORDERS)),
        "silver.outlook": spark.createDataFrame(
            rows, "place string, at timestamp, told timestamp, rain double"
        ),
    }
    return inputs(chosen, tables, frames, calendar=DAYS, windows=WINDOWS, as_of=AS_OF)


def test_a_forecast_is_what_was_last_said_of_the_rows_time_when_it_was_predicted(
    spark: SparkSession,
) -> None:
    made = outlook_world(spark, forecast=True)
    rows = fetched(predictable_rows(made, with_label=False))
    # Order 1 is of noon and asked at ten. Of the time of order 2 nothing was said; for order 3 the
    # only word is about a minute too early.
    assert values(rows["rain"]) == [0.2, None, None, None]
    assert count_rows(made).early == ()


def test_rows_about_later_times_wait_and_are_told_where_nobody_called_them_forecasts(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = outlook_world(spark, forecast=False)
    rows = fetched(predictable_rows(made, with_label=False))
    # What was said of noon is no value at ten; of 05:59, of which order 3 is asked at ten, it is.
    assert values(rows["rain"]) == [None, None, 0.3, None]
    queries: list[DataFrame] = []

    def counted(frame: DataFrame, *, what: str, at_most: int) -> list[Row]:
        queries.append(frame)
        return few_rows(frame, what=what, at_most=at_most)

    monkeypatch.setattr(row_counts, "few_rows", counted)
    (told,) = count_rows(made).early
    assert len(queries) == 1
    assert (told.table, told.rows, told.early) == (ref("silver.outlook"), 5, 5)
    assert str(told) == (
        "shop.silver.outlook: 5 of 5 rows were known before their event_time and are joined from "
        "then on. If they say what is to come, declare `forecast: true`"
    )


def test_rows_without_a_time_are_asked_as_of_the_batch(spark: SparkSession) -> None:
    made = outlook_world(spark, forecast=False)
    tables = {**made.tables, **dict([table("silver.orders", key=["order"])])}
    early = replace(made, tables=tables, windows=(), as_of=utc("2024-03-01 17:00"))
    rows = fetched(predictable_rows(early, with_label=False))
    assert values(rows["rain"]) == [0.9, 0.9, None, None, None]
    named = dict([table("silver.outlook", key=["place"], event_time="at", known_at="told")])
    outlook = replace(named[ref("silver.outlook")], spec=made.tables[ref("silver.outlook")].spec)
    spec = outlook.spec.model_copy(update={"forecast": True})
    asked = replace(early, tables={**tables, outlook.ref: replace(outlook, spec=spec)})
    with pytest.raises(ContractViolation, match=r"forecasts of .*outlook.*rows with an event_time"):
        predictable_rows(asked, with_label=False)


def test_the_cost_is_a_shuffle_for_the_features_and_one_for_the_label(
    spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    training_rows(world(spark)).explain()
    plan = capsys.readouterr().out
    assert plan.count("Exchange ") == 2
    assert "Join" not in plan


def test_one_static_table_with_its_label_needs_no_shuffle_and_no_times(
    spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = dict([table("gold.houses", key=["house"])])
    chosen = model(
        rows="gold.houses",
        label={"table": "gold.houses", "column": "price"},
        features={"gold.houses": "all"},
        holdout={"share": 0.5},
    )
    # Houses 1 and 101, 2 and 102, ... look the same and differ in their price only.
    data = [(n, float(n % 100), "ab"[n % 2], float(n) if n else None) for n in range(200)]
    frame = spark.createDataFrame(data, "house bigint, area double, kind string, price double")
    made = inputs(chosen, tables, {"gold.houses": frame}, calendar=None, as_of=AS_OF)
    rows = training_rows(made)
    rows.explain()
    assert "Exchange" not in capsys.readouterr().out
    found = fetched(rows, by="house")
    assert list(found.columns) == [
        *("area", "kind", "label", "label_known_at", "label_state", "split", "day")
    ]
    assert list(found["label_state"].value_counts().to_dict().items()) == [
        ("labelled", 199),
        ("never", 1),
    ]
    assert list(found["split"][:100]) == list(found["split"][100:])
    assert 30 < (found["split"] == "holdout").sum() < 170


def test_features_may_stand_in_another_table_with_the_key_of_the_rows(spark: SparkSession) -> None:
    tables = dict(
        [table("silver.customers", key=["customer"]), table("features.bills", key=["customer"])]
    )
    chosen = model(
        rows="silver.customers",
        label={"table": "silver.customers", "column": "left"},
        features={"silver.customers": ["age"], "features.bills": "all"},
        task="binary",
        holdout={"share": 0.2, "group": "household"},
        estimator={"family": "logistic_regression"},
    )
    schema = "customer bigint, household string, age int, left boolean"
    customers = [(1, "a", 30, True), (2, "a", 40, False), (3, "b", 50, True)]
    frames = {
        "silver.customers": spark.createDataFrame(customers, schema),
        "features.bills": spark.createDataFrame(
            [(2, 9.5), (1, 7.5)], "customer bigint, bill double"
        ),
    }
    made = inputs(chosen, tables, frames, calendar=None, as_of=AS_OF)
    rows = fetched(training_rows(made), by="customer")
    assert values(rows["bill"]) == [7.5, 9.5, None]
    assert values(rows["label"]) == [True, False, True]
    assert rows["holdout_group"].tolist() == ["a", "a", "b"]
    scored = fetched(predictable_rows(made, with_label=False), by="customer")
    assert scored.columns.tolist() == ["age", "bill"]


def test_a_label_in_its_own_row_counts_from_its_own_instant_on(spark: SparkSession) -> None:
    tables = dict([table("gold.loans", DAYS, key=["loan"], event_time="at", known_at="seen")])
    label = {"table": "gold.loans", "column": "lost", "known_at": "settled", "within": "1 day"}
    chosen = model(rows="gold.loans", label=label, features={"gold.loans": "all"})
    noon = utc("2024-03-02 12:00")
    data = [
        (1, noon, noon, 5.0, True, utc("2024-03-03 00:00"), "2024-03-02"),
        (2, noon, noon, 6.0, True, utc("2024-03-03 00:01"), "2024-03-02"),
        (3, noon, noon, 7.0, None, None, "2024-03-02"),
    ]
    frame = spark.createDataFrame(
        data,
        "loan bigint, at timestamp, seen timestamp, sum double, lost boolean, settled timestamp, "
        "window string",
    )
    made = inputs(
        chosen,
        tables,
        {"gold.loans": frame},
        calendar=DAYS,
        windows=("2024-03-02",),
        as_of=AS_OF,
    )
    rows = fetched(training_rows(made), by="loan")
    assert [feature.name for feature in made.features] == ["sum"]
    assert values(rows["label"]) == [True, None, None]
    assert list(rows["label_known_at"].isna()) == [False, True, True]
    assert list(rows["label_state"]) == ["labelled", "pending", "pending"]


def test_dates_are_midnights_of_the_time_zone(spark: SparkSession) -> None:
    berlin = WindowCalendar(Grain.DAY, "2024-03-01", "Europe/Berlin")
    tables = dict(
        [
            table("gold.days", berlin, key=["house"], event_time="day"),
            table("bronze.meters", berlin, key=["house"], event_time="day", known_at="read_at"),
        ]
    )
    chosen = model(
        rows="gold.days",
        label={"table": "bronze.meters", "column": "kwh", "within": "1 day"},
        features={"gold.days": ["lag"]},
        holdout={"last": Duration.parse("1 window")},
    )
    days = spark.createDataFrame(
        [(1, datetime(2024, 3, d).date(), float(d), f"2024-03-{d:02}") for d in (30, 31)],
        "house bigint, day date, lag double, window string",
    )
    read = [utc("2024-03-30 22:30"), utc("2024-03-31 22:00")]
    meters = spark.createDataFrame(
        [(1, datetime(2024, 3, 30 + n).date(), read[n], 50.0 + n, "w") for n in range(2)],
        "house bigint, day date, read_at timestamp, kwh double, window string",
    )
    # The window of the 31st ends when clocks were put forward: 23 hours after it began.
    made = inputs(
        chosen,
        tables,
        {"gold.days": days, "bronze.meters": meters},
        calendar=berlin,
        windows=("2024-03-30", "2024-03-31"),
        as_of=berlin.as_of_close("2024-03-31"),
    )
    rows = fetched(training_rows(made), by="day")
    assert list(rows.index) == ["2024-03-30", "2024-03-31"]
    assert list(rows["event_time"]) == [
        pd.Timestamp("2024-03-29 23:00"),
        pd.Timestamp("2024-03-30 23:00"),
    ]
    assert values(rows["label"]) == [50.0, 51.0]
    assert list(rows["split"]) == ["fit", "holdout"]


def test_features_of_another_table_are_joined_by_the_key_of_the_rows_itself(
    spark: SparkSession,
) -> None:
    tables = dict(
        [
            table("bronze.meters", DAYS, key=["house"], event_time="at"),
            table("features.history", DAYS, key=["house"], event_time="at"),
        ]
    )
    chosen = model(
        rows="bronze.meters",
        label={"table": "bronze.meters", "column": "kwh"},
        features={"features.history": ["kwh"], "bronze.meters": ["volts"]},
    )
    noon, day = utc("2024-03-01 12:00"), "2024-03-01"
    meters = spark.createDataFrame(
        [(1, noon, 5.0, 230.0, day), (2, noon, 6.0, 231.0, day)],
        "house bigint, at timestamp, kwh double, volts double, window string",
    )
    history = spark.createDataFrame(
        [(1, utc("2024-03-01 11:00"), 4.0, day), (1, utc("2024-03-01 13:00"), 9.0, day)],
        "house bigint, at timestamp, kwh double, window string",
    )
    made = inputs(
        chosen,
        tables,
        {"bronze.meters": meters, "features.history": history},
        calendar=DAYS,
        windows=(day,),
        as_of=AS_OF,
    )
    rows = fetched(training_rows(made), by="house")
    assert values(rows["kwh"]) == [4.0, None]
    assert values(rows["volts"]) == [230.0, 231.0]
    assert values(rows["label"]) == [5.0, 6.0]


def test_a_feature_table_whose_key_the_rows_lack_is_refused(spark: SparkSession) -> None:
    made = world(spark)
    stripped = {
        **made.frames,
        made.rows.ref: made.frames[made.rows.ref].withColumnRenamed("place", "plase"),
    }
    with pytest.raises(ContractViolation, match=r"expected columns place in the rows.*mean plase"):
        predictable_rows(replace(made, frames=stripped), with_label=False)


START = datetime(2024, 3, 1, tzinfo=timezone.utc)
# A failing example is shrunk by running it hundreds of times, which Spark is too slow for.
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
label_rows = st.tuples(
    st.integers(0, 3),
    st.integers(0, 40),
    st.integers(0, 60),
    st.one_of(st.none(), st.integers(0, 3)),
)


@settings(
    max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=WITHOUT_SHRINKING
)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), min_size=10, max_size=40),
    st.lists(label_rows, min_size=30, max_size=60),
    st.sampled_from(["0 hours", "5 hours", "1 day", "0 windows", "1 window"]),
    st.sampled_from(["row", "key"]),
)
def test_labels_are_those_a_loop_over_all_label_rows_finds(
    spark: SparkSession,
    asked: list[tuple[int, int]],
    labels: list[tuple[int, int, int, int | None]],
    within: str,
    match: str,
) -> None:
    tables = dict([TABLES_BY_NAME["silver.orders"], TABLES_BY_NAME["silver.sales"]])
    chosen = model(
        rows="silver.orders",
        label={"table": "silver.sales", "column": "price", "within": within, "match": match},
        features={"silver.orders": "all"},
    )
    now = 30
    made = ModelInputs(
        model=chosen,
        tables=tables,
        frames={
            chosen.label: spark.createDataFrame(
                [(o, hour(at), hour(paid), price) for o, at, paid, price in labels],
                "order bigint, at timestamp, paid timestamp, price bigint",
            )
        },
        features=(),
        calendar=DAYS,
        windows=WINDOWS,
        as_of=hour(now),
    )
    rows = spark.createDataFrame(
        [(n, order, hour(at), f"{hour(at):%Y-%m-%d}") for n, (order, at) in enumerate(asked)],
        "n bigint, order bigint, event_time timestamp, window string",
    )
    found = fetched(attach_label(rows, made), by="n")
    expected = []
    for order, at in asked:
        delay = Duration.parse(within)
        end_of_day = 24 * (at // 24 + 1 + delay.count)
        matures = end_of_day if delay.is_windows else at + delay.elapsed // timedelta(hours=1)
        last = matures if match == "key" else at
        known = [
            (a, paid, price is not None, price or 0, price)
            for o, a, paid, price in labels
            if o == order and at <= a <= last and paid <= now
        ]
        label = max(known)[-1] if known else None
        state = "labelled" if label is not None else "never" if matures <= now else "pending"
        expected.append((label, state))
    assert list(zip(values(found["label"]), found["label_state"], strict=True)) == expected


TABLES_BY_NAME = {f"{r.layer}.{r.name}": (r, t) for r, t in TABLES.items()}


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)
