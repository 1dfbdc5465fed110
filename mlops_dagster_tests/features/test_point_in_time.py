from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.engine.transfer import rows_to_client
from mlops_dagster.errors import ContractViolation
from mlops_dagster.features.point_in_time import point_in_time_join
from mlops_dagster.features.view import FeatureView

START = datetime(2024, 3, 30, tzinfo=timezone.utc)
# A failing example is shrunk by running it hundreds of times, which Spark is too slow for.
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
VALID_FOR = timedelta(hours=3)
ROW_SCHEMA = "world bigint, entity string, event_at timestamp, known timestamp, x bigint, y string"
SPINE_SCHEMA = "world bigint, entity string, row bigint, at timestamp, about timestamp"


@dataclass(frozen=True)
class ViewRow:
    entity: str | None
    event_at: int | None
    known: int | None
    x: int | None
    y: str | None


@dataclass(frozen=True)
class SpineRow:
    entity: str | None
    at: int | None
    about: int | None = None


@dataclass(frozen=True)
class World:
    spine: tuple[SpineRow, ...]
    fresh: tuple[ViewRow, ...]
    forever: tuple[ViewRow, ...]
    forecast: tuple[ViewRow, ...]
    static: tuple[ViewRow, ...]


# Few distinct values, so that ties, equal instants, duplicates and edges of valid_for are common.
entities = st.sampled_from(["a", "b", None])
hours = st.one_of(st.integers(0, 8), st.none())
view_rows = st.builds(
    ViewRow,
    entities,
    hours,
    hours,
    st.one_of(st.integers(0, 2), st.none()),
    st.sampled_from(["p", "q", None]),
)
worlds = st.builds(
    World,
    st.lists(st.builds(SpineRow, entities, hours, hours), max_size=5).map(tuple),
    st.lists(view_rows, max_size=8).map(tuple),
    st.lists(view_rows, max_size=8).map(tuple),
    st.lists(view_rows, max_size=8).map(tuple),
    st.lists(view_rows, max_size=3).map(tuple),
)


def orderable(row: ViewRow) -> tuple[object, ...]:
    """Order rows as the join promises; a null value stands below all others."""
    return (
        row.event_at,
        row.known,
        row.x is not None,
        row.x or 0,
        row.y is not None,
        row.y or "",
    )


def newest_known(
    spine: SpineRow, rows: tuple[ViewRow, ...], *, asked: int | None, valid_for: int | None
) -> tuple[int | None, str | None]:
    best: ViewRow | None = None
    for row in rows:
        if row.entity is None or row.entity != spine.entity:
            continue
        if row.event_at is None or row.known is None or spine.at is None or row.known > spine.at:
            continue
        if asked is None or row.event_at > asked:
            continue
        if valid_for is not None and row.event_at < asked - valid_for:
            continue
        if best is None or orderable(row) > orderable(best):
            best = row
    return (None, None) if best is None else (best.x, best.y)


def always_known(spine: SpineRow, rows: tuple[ViewRow, ...]) -> int | None:
    values = [
        (row.x is not None, row.x or 0, row.y is not None, row.y or "", row)
        for row in rows
        if row.entity is not None and row.entity == spine.entity
    ]
    return max(values, key=lambda value: value[:4])[4].x if values else None


def instant(hour: int | None) -> datetime | None:
    return None if hour is None else START + timedelta(hours=hour)


def view_frame(spark: SparkSession, rows: list[tuple[int, ViewRow]]) -> DataFrame:
    data = [(w, r.entity, instant(r.event_at), instant(r.known), r.x, r.y) for w, r in rows]
    return spark.createDataFrame(data, ROW_SCHEMA)


def spine_frame(spark: SparkSession, rows: list[tuple[int, int, SpineRow]]) -> DataFrame:
    return spark.createDataFrame(
        [(w, r.entity, n, instant(r.at), instant(r.about)) for w, n, r in rows], SPINE_SCHEMA
    )


def numbered(found: list[World], part: str) -> list[tuple[int, ViewRow]]:
    return [(number, row) for number, world in enumerate(found) for row in getattr(world, part)]


def join(spark: SparkSession, found: list[World]) -> DataFrame:
    spine = spine_frame(
        spark, [(n, m, row) for n, world in enumerate(found) for m, row in enumerate(world.spine)]
    )
    return point_in_time_join(
        spine,
        [
            FeatureView(
                "fresh",
                view_frame(spark, numbered(found, "fresh")),
                ("world", "entity"),
                (("x", "fresh_x"), ("y", "fresh_y")),
                "event_at",
                "known",
                VALID_FOR,
            ),
            FeatureView(
                "forever",
                view_frame(spark, numbered(found, "forever")),
                ("entity", "world"),
                (("x", "forever_x"), ("y", "forever_y")),
                "event_at",
                "known",
            ),
            FeatureView(
                "forecast",
                view_frame(spark, numbered(found, "forecast")),
                ("entity", "world"),
                (("x", "forecast_x"), ("y", "forecast_y")),
                "event_at",
                "known",
                VALID_FOR,
                forecast=True,
            ),
            FeatureView(
                "static",
                view_frame(spark, numbered(found, "static")),
                ("world", "entity"),
                (("x", "static_x"), ("y", "static_y")),
            ),
        ],
        prediction_time="at",
        event_time="about",
    )


@settings(
    max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), phases=WITHOUT_SHRINKING
)
@given(found=st.lists(worlds, min_size=15, max_size=40))
def test_each_row_gets_what_a_nested_loop_over_all_rows_finds(
    spark: SparkSession, found: list[World]
) -> None:
    joined = rows_to_client(join(spark, found), what="joined worlds").astype(object)
    joined = joined.where(joined.notna(), None)
    values = ("fresh_x", "fresh_y", "forever_x", "forever_y", "forecast_x", "forecast_y")
    rows: list[tuple[object, ...]] = sorted(
        joined[["world", "row", *values, "static_x"]].itertuples(index=False, name=None)
    )
    assert rows == sorted(expected(found))


def expected(found: list[World]) -> Iterator[tuple[object, ...]]:
    for number, world in enumerate(found):
        for position, row in enumerate(world.spine):
            yield (
                number,
                position,
                *newest_known(row, world.fresh, asked=row.at, valid_for=3),
                *newest_known(row, world.forever, asked=row.at, valid_for=None),
                *newest_known(row, world.forecast, asked=row.about, valid_for=3),
                always_known(row, world.static),
            )


ONE_WORLD = World(
    spine=(SpineRow("a", 5), SpineRow("a", 5), SpineRow(None, 5)),
    fresh=(ViewRow("a", 2, 2, 1, "p"), ViewRow("a", 1, 5, 2, "q"), ViewRow("a", 3, 6, 0, "q")),
    forever=(),
    forecast=(),
    static=(ViewRow("a", None, None, 7, None),),
)


def test_the_newest_event_wins_over_one_that_became_known_later(spark: SparkSession) -> None:
    rows = rows_to_client(join(spark, [ONE_WORLD]), what="rows")
    assert set(rows.loc[rows["entity"] == "a", "fresh_x"]) == {1}


def test_a_row_about_a_later_time_is_no_value_of_this_moment(spark: SparkSession) -> None:
    # Tomorrow's price was announced at 1; at 5 the price is today's, from 9 on it is tomorrow's.
    prices = [(0, ViewRow("a", 0, 0, 1, None)), (0, ViewRow("a", 9, 1, 2, None))]
    asked = [(0, n, SpineRow("a", at)) for n, at in enumerate((5, 8, 9))]
    view = FeatureView(
        "prices", view_frame(spark, prices), ("entity",), (("x", "price"),), "event_at", "known"
    )
    joined = point_in_time_join(spine_frame(spark, asked), [view], prediction_time="at")
    rows = rows_to_client(joined, what="rows").sort_values("row")
    assert rows["price"].tolist() == [1, 1, 2]


def test_of_forecasts_the_last_one_of_the_rows_own_time_is_taken(spark: SparkSession) -> None:
    told = [
        *((0, ViewRow("a", 6, known, known, None)) for known in (1, 2, 4)),
        *((0, ViewRow("a", 8, known, 80 + known, None)) for known in (1, 2)),
    ]
    # Asked at 3: about 5 nothing was said, about 6 and 7 by then twice; 8 is known from 8 alone.
    asked = [(0, about, SpineRow("a", 3, about)) for about in (5, 6, 7, 8, 12)]
    view = FeatureView(
        "forecast",
        view_frame(spark, told),
        ("entity",),
        (("x", "expected"),),
        "event_at",
        "known",
        VALID_FOR,
        forecast=True,
    )
    joined = point_in_time_join(
        spine_frame(spark, asked), [view], prediction_time="at", event_time="about"
    )
    found = rows_to_client(joined, what="rows").sort_values("row")["expected"].astype(object)
    assert found.where(found.notna(), None).tolist() == [None, 2, 2, 82, None]


def test_equal_rows_of_the_spine_are_all_kept_with_their_columns_first(spark: SparkSession) -> None:
    joined = join(spark, [ONE_WORLD, ONE_WORLD]).drop("row")
    assert joined.columns[:4] == ["world", "entity", "at", "about"]
    assert len(rows_to_client(joined, what="rows")) == 6


def two_views(spark: SparkSession) -> list[FeatureView]:
    frame = view_frame(spark, numbered([ONE_WORLD], "fresh"))
    its_x, its_y = (("x", "its_x"),), (("y", "its_y"),)
    return [
        FeatureView("x", frame, ("world", "entity"), its_x, "event_at", "known", VALID_FOR),
        FeatureView("y", frame, ("entity", "world"), its_y, "event_at", "known", VALID_FOR),
    ]


def test_views_of_one_key_cost_one_shuffle(
    spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    spine = spine_frame(spark, [(0, 0, SpineRow("a", 5))])
    point_in_time_join(spine, two_views(spark), prediction_time="at").explain()
    plan = capsys.readouterr().out
    assert plan.count("Exchange ") == 1
    assert "Join" not in plan


def test_forecasts_cost_a_grouping_of_their_own_and_a_join(
    spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, other = two_views(spark)
    spine = spine_frame(spark, [(0, 0, SpineRow("a", 5))])
    point_in_time_join(
        spine, [plain, replace(other, forecast=True)], prediction_time="at", event_time="about"
    ).explain()
    plan = capsys.readouterr().out
    # The spine and the plain view together, the forecasts by key and slot, one side of the join.
    assert plan.count("Exchange ") + plan.count("BroadcastExchange") <= 4
    assert plan.count("Join") == 1


def test_a_second_set_of_key_columns_costs_a_second_shuffle(
    spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = view_frame(spark, numbered([ONE_WORLD], "fresh"))
    spine = spine_frame(spark, [(0, 0, SpineRow("a", 5))])
    by_entity = FeatureView("e", frame, ("entity",), (("x", "e_x"),), "event_at", "known")
    by_world = FeatureView("w", frame, ("world",), (("x", "w_x"),), "event_at", "known")
    joined = point_in_time_join(
        spine, [by_entity, by_world, by_entity_again(by_entity)], prediction_time="at"
    )
    joined.explain()
    assert capsys.readouterr().out.count("Exchange ") == 2


def by_entity_again(view: FeatureView) -> FeatureView:
    return FeatureView("again", view.frame, ("entity",), (("y", "again_y"),), "event_at", "known")


def test_without_a_prediction_time_the_newest_row_of_all_is_taken(spark: SparkSession) -> None:
    frame = view_frame(spark, numbered([ONE_WORLD], "fresh"))
    spine = spine_frame(spark, [(0, 0, SpineRow("a", None))])
    view = FeatureView("v", frame, ("entity",), (("x", "v_x"),), "event_at", "known")
    joined = point_in_time_join(spine, [view], prediction_time=None)
    assert rows_to_client(joined, what="rows")["v_x"].tolist() == [0]


def test_names_with_dots_and_backticks_are_only_names(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("a", 1)], "`odd.key` string, `x``y` bigint")
    spine = spark.createDataFrame([("a", 5)], "`odd.key` string, `row.id` bigint")
    view = FeatureView("v", frame, ("odd.key",), (("x`y", "v.x`y"),))
    joined = point_in_time_join(spine, [view], prediction_time=None)
    assert rows_to_client(joined, what="rows").to_dict("records") == [
        {"odd.key": "a", "row.id": 5, "v.x`y": 1}
    ]


def test_a_key_of_another_type_is_refused(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(1, 1)], "entity bigint, x bigint")
    spine = spark.createDataFrame([("a",)], "entity string")
    with pytest.raises(
        ContractViolation, match=r"key column entity.*expected bigint.*found string"
    ):
        point_in_time_join(
            spine, [FeatureView("v", frame, ("entity",), (("x", "x"),))], prediction_time=None
        )


def test_a_result_column_that_would_hide_another_is_refused(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("a", 1)], "entity string, x bigint")
    spine = spark.createDataFrame([("a", 2)], "entity string, X bigint")
    with pytest.raises(ContractViolation, match="column x of v would hide another"):
        point_in_time_join(
            spine, [FeatureView("v", frame, ("entity",), (("x", "x"),))], prediction_time=None
        )


def test_a_view_with_one_time_only_is_refused(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("a", START)], "entity string, at timestamp")
    with pytest.raises(ValueError, match="both event_time and known_at"):
        FeatureView("v", frame, ("entity",), (), event_time="at")


def test_forecasts_without_a_time_in_which_they_count_are_refused(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("a", START, START)], "entity string, at timestamp, t timestamp")
    with pytest.raises(ValueError, match="needs event_time and valid_for"):
        FeatureView("f", frame, ("entity",), (), event_time="at", known_at="t", forecast=True)
