"""The flagship on real flights: no future in its tables, its figures as pandas has them."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.leaks import find_leaks
from mlops_dagster.engine.transfer import rows_to_client
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster_tests.flight_delays.world import MONTHS, Flights, build_flights

DERIVED = (
    "silver.schedule",
    "silver.departures",
    "silver.weather",
    "features.carrier_history",
    "features.route_history",
    "features.flight_history",
    "features.airport_recent",
    "features.airport_carrier_recent",
)
FEBRUARY = "2013-02"


@pytest.fixture(scope="module")
def flights(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Flights:
    return build_flights(spark, tmp_path_factory.mktemp("flights"))


def read(flights: Flights, table: str, month: str) -> pd.DataFrame:
    rows = flights.locations.of(TableRef.parse(f"flight_delays.{table}")).read(flights.session)
    return rows_to_client(rows.where(F.col("window") == month), what=table)


@pytest.mark.parametrize("table", DERIVED)
def test_no_derived_table_shows_the_future(flights: Flights, table: str) -> None:
    start = flights.calendar.window(FEBRUARY).start
    leaks = find_leaks(
        flights.session,
        workspace=flights.workspace,
        table=flights.workspace.table(TableRef.parse(f"flight_delays.{table}")),
        window=FEBRUARY,
        instants=[start + timedelta(hours=30), start + timedelta(days=3, minutes=17)],
        store=flights.store,
        locations=flights.locations,
    )
    assert leaks == ()


def test_the_rules_find_the_faults_that_the_source_has(flights: Flights) -> None:
    month = MONTHS[0]
    delivered, weather = flights.delivered("flights", month), flights.delivered("weather", month)
    planes = pd.read_csv(flights.root / "landing" / "planes.csv")
    tails = delivered["tailnum"].dropna()

    def found(table: str) -> dict[str, tuple[str, int | None]]:
        built = flights.built[TableRef.parse(f"flight_delays.{table}"), month]
        return {r.name: (r.status, r.failed_rows) for r in built.rule_results}

    schedule = found("silver.schedule")
    unknown = int((~tails.isin(planes["tailnum"])).sum())
    assert 0 < unknown < 0.2 * len(delivered)
    assert schedule["references_tail_number"] == ("passed", unknown)
    odd = int((~tails.str.fullmatch("N[0-9A-Z]{1,5}")).sum())
    assert schedule["matches_tail_number"] == ("failed" if odd else "passed", odd)
    assert schedule["agrees_row_count"] == ("passed", None)
    airlines = pd.read_csv(flights.root / "landing" / "airlines.csv")
    flies = set(airlines["carrier"]) <= set(delivered["carrier"])
    assert schedule["covers_carrier"] == ("passed" if flies else "failed", None)
    assert found("silver.departures")["agrees_row_count"] == ("passed", None)
    # Only five days of the month are here: every airport has gaps.
    assert found("silver.weather")["no_gaps_measured_at"] == ("failed", len(weather))


def test_the_airports_in_the_east_are_found(flights: Flights) -> None:
    built = flights.built[TableRef("flight_delays", "bronze", "airports"), STATIC]
    airports = pd.read_csv(flights.root / "landing" / "airports.csv", na_values=["NA"])
    east = airports[airports["lon"] > 0]
    assert set(east["faa"]) == {"DVT", "EEN", "MYF", "SYA"}
    results = {r.name: (r.status, r.failed_rows) for r in built.rule_results}
    assert results["outliers_lon"] == ("failed", len(east))
    assert built.valid == len(airports)


def test_rows_delivered_are_valid_quarantined_or_dropped(flights: Flights) -> None:
    for month in MONTHS:
        for table in ("flights", "weather"):
            built = flights.built[TableRef("flight_delays", "bronze", table), month]
            assert built.rows_in == len(flights.delivered(table, month))
    for built in flights.built.values():
        assert built.rows_in == built.valid + built.quarantined + built.dropped


def test_departures_are_the_flights_that_left(flights: Flights) -> None:
    delivered = flights.delivered("flights", FEBRUARY)
    left = delivered[delivered["dep_delay"].notna()]
    found = read(flights, "silver.departures", FEBRUARY)
    assert len(found) == len(left) < len(delivered)
    assert found["late"].sum() == (left["dep_delay"] > 15).sum()
    assert found["flight_id"].is_unique


def test_scheduled_departures_are_utc_instants_of_new_york_times(flights: Flights) -> None:
    delivered = flights.delivered("flights", FEBRUARY)
    local = pd.to_datetime(delivered[["year", "month", "day", "hour", "minute"]])
    expected = local.dt.tz_localize("America/New_York").dt.tz_convert("UTC").dt.tz_localize(None)
    identity = [
        f"{row['carrier']}-{row['flight']}-{row['origin']}-2013{row['month']:02d}{row['day']:02d}"
        for row in delivered.to_dict("records")
    ]
    found = read(flights, "silver.schedule", FEBRUARY).set_index("flight_id")
    assert sorted(found.index) == sorted(identity)
    times = found["scheduled_departure"].reindex(identity).to_numpy()
    assert (times == expected.to_numpy()).all()


def test_carrier_history_counts_only_flights_that_had_left(flights: Flights) -> None:
    departures = pd.concat([read(flights, "silver.departures", month) for month in MONTHS])
    found = read(flights, "features.carrier_history", FEBRUARY).sample(60, random_state=1)
    for row in found.to_dict("records"):
        hour = pd.Timestamp(row["hour"])
        left = departures[
            (departures["carrier"] == row["carrier"]) & (departures["departed_at"] < hour)
        ]
        hours = left["departed_at"].dt.floor("h") + pd.Timedelta(hours=1)
        week = left[hours >= hour - pd.Timedelta(days=7)]
        assert row["carrier_late_share_7d"] == pytest.approx(week["late"].mean())
        assert row["carrier_mean_delay_7d"] == pytest.approx(week["delay_minutes"].mean())


def test_recent_delays_at_an_airport_count_only_flights_that_had_left(flights: Flights) -> None:
    departures = pd.concat([read(flights, "silver.departures", month) for month in MONTHS])
    found = read(flights, "features.airport_recent", FEBRUARY).sample(60, random_state=2)
    by_carrier = read(flights, "features.airport_carrier_recent", FEBRUARY)
    hours = departures["departed_at"].dt.floor("h") + pd.Timedelta(hours=1)
    for row in found.to_dict("records"):
        hour = pd.Timestamp(row["hour"])
        of_airport = (departures["origin"] == row["origin"]) & (hours <= hour)
        for length in (2, 6, 24):
            recent = departures[of_airport & (hours >= hour - pd.Timedelta(hours=length))]
            assert row[f"airport_late_share_{length}h"] == pytest.approx(recent["late"].mean())
            assert row[f"airport_mean_delay_{length}h"] == pytest.approx(
                recent["delay_minutes"].mean()
            )
            if length == 2:
                assert row["airport_departures_2h"] == len(recent)
        beside = by_carrier[(by_carrier["origin"] == row["origin"]) & (by_carrier["hour"] == hour)]
        for other in beside.to_dict("records"):
            recent = departures[
                of_airport
                & (departures["carrier"] == other["carrier"])
                & (hours >= hour - pd.Timedelta(hours=6))
            ]
            assert other["airport_carrier_late_share_6h"] == pytest.approx(recent["late"].mean())


def test_history_of_a_flight_number_counts_only_its_own_departures(flights: Flights) -> None:
    departures = pd.concat([read(flights, "silver.departures", month) for month in MONTHS])
    hours = departures["departed_at"].dt.floor("h") + pd.Timedelta(hours=1)
    found = read(flights, "features.flight_history", FEBRUARY).sample(60, random_state=3)
    for row in found.to_dict("records"):
        own = departures[
            (departures["carrier"] == row["carrier"])
            & (departures["flight_number"] == row["flight_number"])
            & (hours <= pd.Timestamp(row["hour"]))
        ]
        assert row["flight_departures_28d"] == len(own)
        assert row["flight_late_share_28d"] == pytest.approx(own["late"].mean())


def test_every_feature_row_lies_in_its_window(flights: Flights) -> None:
    window = flights.calendar.window(FEBRUARY)
    for table in (name for name in DERIVED if name.startswith("features.")):
        hours = read(flights, table, FEBRUARY)["hour"].dt.tz_localize("UTC")
        assert hours.min() >= window.start
        assert hours.max() < window.end


def test_unknown_airports_are_recorded_and_warned_about(flights: Flights) -> None:
    built = flights.built[TableRef("flight_delays", "silver", "schedule"), FEBRUARY]
    (rule,) = [r for r in built.rule_results if r.text == "destination_name is not null"]
    airports = pd.read_csv(flights.root / "landing" / "airports.csv")["faa"]
    unknown = ~flights.delivered("flights", FEBRUARY)["dest"].isin(airports)
    assert rule.failed_rows == int(unknown.sum())
    assert not rule.refuses
    assert np.isclose(rule.rate or 0.0, unknown.mean())
