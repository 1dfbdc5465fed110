import pytest

from mlops_dagster.errors import SpecError
from mlops_dagster.features.columns import check_tables, feature_names
from mlops_dagster.windows import Grain, WindowCalendar
from mlops_dagster_tests.features.worlds import model, ref, table

DAYS = WindowCalendar(Grain.DAY, "2024-03-01")
ORDERS = table("silver.orders", DAYS, key=["order"], event_time="at", known_at="seen")
WEATHER = table("silver.weather", DAYS, key=["place"], event_time="at")
SALES = table("silver.sales", DAYS, key=["order"], event_time="at", known_at="paid")
TABLES = dict([ORDERS, WEATHER, SALES])
TYPES = {
    ref("silver.orders"): {
        "order": "bigint",
        "at": "timestamp",
        "seen": "timestamp",
        "place": "string",
        "size": "double",
        "window": "string",
    },
    ref("silver.weather"): {
        "place": "string",
        "at": "timestamp",
        "rain": "double",
        "size": "double",
        "window": "string",
    },
    ref("silver.sales"): {
        "order": "bigint",
        "at": "timestamp",
        "paid": "timestamp",
        "price": "double",
        "rate": "double",
        "rated": "timestamp",
        "window": "string",
    },
}
LABEL = {"table": "silver.sales", "column": "rate"}


def names(**features: object) -> list[str]:
    chosen = model(
        rows="silver.orders",
        label=LABEL,
        features={f"silver.{name}": columns for name, columns in features.items()},
    )
    return [feature.name for feature in feature_names(chosen, TABLES, TYPES)]


def test_all_means_neither_key_nor_times_nor_window_nor_label() -> None:
    assert names(orders="all") == ["place", "size"]
    types = {**TYPES, ref("silver.sales"): {"order": "bigint", "price": "double", "rate": "double"}}
    chosen = model(rows="silver.orders", label=LABEL, features={"silver.sales": "all"})
    assert [feature.name for feature in feature_names(chosen, TABLES, types)] == ["price"]


def test_all_leaves_out_the_group_of_the_hold_out() -> None:
    chosen = model(
        rows="silver.orders",
        label=LABEL,
        features={"silver.orders": "all", "silver.weather": "all"},
        holdout={"share": 0.2, "group": "place"},
    )
    found = [feature.name for feature in feature_names(chosen, TABLES, TYPES)]
    assert found == ["orders__size", "rain", "weather__size"]


def test_only_the_names_that_collide_are_qualified() -> None:
    assert names(orders="all", weather="all") == [
        "place",
        "orders__size",
        "rain",
        "weather__size",
    ]


def test_a_name_that_predictions_use_themselves_is_qualified() -> None:
    types = {**TYPES, ref("silver.weather"): {"label": "double", "order": "bigint", "x": "int"}}
    chosen = model(
        rows="silver.orders", label=LABEL, features={"silver.weather": ["label", "order", "x"]}
    )
    found = feature_names(chosen, TABLES, types)
    assert [feature.name for feature in found] == ["weather__label", "weather__order", "x"]


def test_letter_case_does_not_tell_names_apart() -> None:
    types = {**TYPES, ref("silver.weather"): {"SIZE": "double"}}
    chosen = model(
        rows="silver.orders",
        label=LABEL,
        features={"silver.orders": ["size"], "silver.weather": ["SIZE"]},
    )
    found = feature_names(chosen, TABLES, types)
    assert [feature.name for feature in found] == ["orders__size", "weather__SIZE"]


def test_tables_of_one_name_are_told_apart_by_layer() -> None:
    gold = table("gold.weather", DAYS, key=["place"], event_time="at")
    types = {**TYPES, ref("gold.weather"): {"rain": "double"}}
    chosen = model(
        rows="silver.orders",
        label=LABEL,
        features={"silver.weather": ["rain"], "gold.weather": ["rain"]},
    )
    found = feature_names(chosen, {**TABLES, gold[0]: gold[1]}, types)
    assert [feature.name for feature in found] == ["silver_weather__rain", "gold_weather__rain"]


def test_the_label_is_refused_as_a_feature() -> None:
    with pytest.raises(SpecError, match=r"column rate of shop\.silver\.sales belongs to the label"):
        names(sales=["rate"])


def test_a_column_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"silver\.weather: .*found rian \(did you mean rain\?\)"):
        names(weather=["rian"])


def test_a_type_that_no_encoder_takes_is_refused() -> None:
    with pytest.raises(SpecError, match=r"column rated cannot be a feature; .*found timestamp"):
        names(sales=["price", "rated"])


def test_the_same_feature_twice_is_refused() -> None:
    with pytest.raises(SpecError, match="a feature is listed twice"):
        names(weather=["rain", "rain"])


def test_rows_without_a_key_are_refused_at_their_place() -> None:
    keyless = table("silver.orders", DAYS, event_time="at")
    chosen = model(rows="silver.orders", label=LABEL, features={"silver.orders": "all"})
    with pytest.raises(SpecError, match=r"yaml:7: shop\.silver\.orders\.key: .*need a key"):
        check_tables(chosen, {**TABLES, keyless[0]: keyless[1]})


def test_a_windowed_table_without_event_time_is_refused() -> None:
    timeless = table("silver.weather", DAYS, key=["place"])
    chosen = model(rows="silver.orders", label=LABEL, features={"silver.weather": "all"})
    with pytest.raises(SpecError, match="windows but no event_time"):
        check_tables(chosen, {**TABLES, timeless[0]: timeless[1]})


def test_a_key_named_as_a_column_of_predictions_is_refused() -> None:
    clash = table("silver.orders", DAYS, key=["order", "Score"], event_time="at")
    chosen = model(rows="silver.orders", label=LABEL, features={"silver.orders": "all"})
    with pytest.raises(SpecError, match="named as predictions name theirs, found Score"):
        check_tables(chosen, {**TABLES, clash[0]: clash[1]})
