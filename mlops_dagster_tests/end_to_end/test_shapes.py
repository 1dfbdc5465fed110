"""Use cases of docs/shapes.md from their files to their reports, beside pandas and scikit-learn."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from sklearn import metrics as sk

from mlops_dagster.engine.transfer import rows_to_client
from mlops_dagster.monitoring.decision import DecisionKind
from mlops_dagster.monitoring.summaries import QualityVerdict
from mlops_dagster.spec.refs import TableRef
from mlops_dagster_tests.end_to_end import shapes
from mlops_dagster_tests.end_to_end.live_project import LiveProject, live_project, step_failure

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Shape:
    """A project that lived, what ran, and the data it was given."""

    project: LiveProject
    ran: tuple[tuple[str, str], ...]
    data: pd.DataFrame

    def rows(self, spark: SparkSession, layer: str, table: str, window: str) -> pd.DataFrame:
        """Return a window of a table as it lies on disk."""
        ref = TableRef(self.project.use_case.name, layer, table)
        frame = self.project.locations.of(ref).read(spark)
        return rows_to_client(frame.where(frame["window"] == window), what=str(ref))

    def metric(self, spark: SparkSession, model: str, window: str, metric: str) -> float:
        """Return a metric of a window's quality over all rows."""
        rows = self.rows(spark, "monitoring", "quality_metrics", window)
        (value,) = rows[
            (rows["model"] == model) & (rows["metric"] == metric) & rows["slice_key"].isna()
        ]["value"]
        return float(value)


@pytest.fixture(scope="module")
def tickets(remote: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shape]:
    data = shapes.tickets()
    root = shapes.write_tickets(tmp_path_factory.mktemp("tickets"), data)
    with live_project(root) as project:
        yield Shape(project, tuple(project.replay(shapes.WEEKS)), data)


@pytest.fixture(scope="module")
def load(remote: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shape]:
    data = shapes.readings()
    root = shapes.write_load(tmp_path_factory.mktemp("load"), data)
    with live_project(root) as project:
        yield Shape(project, tuple(project.replay(shapes.HOURS)), data)


@pytest.fixture(scope="module")
def trips(remote: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shape]:
    data = shapes.trips()
    root = shapes.write_trips(tmp_path_factory.mktemp("trips"), data)
    with live_project(root) as project:
        yield Shape(project, tuple(project.replay(shapes.DAYS[:3])), data)


def counted(data: pd.DataFrame, week: str, *, closed: str) -> pd.DataFrame:
    """Return the tickets of a week whose solution counts and was in when another week closed."""
    start = pd.Timestamp(week, tz="Asia/Kolkata")
    known = pd.Timestamp(closed, tz="Asia/Kolkata") + pd.Timedelta(days=7)
    return data[
        (data["opened_at"] >= start)
        & (data["opened_at"] < start + pd.Timedelta(days=7))
        & (data["solved_at"] - data["opened_at"] <= pd.Timedelta(days=8))
        # A solution lies in the week in which it was found.
        & (data["solved_at"] < known)
    ]


def test_a_training_has_the_labels_that_had_come_and_the_classes_among_them(
    tickets: Shape, spark: SparkSession
) -> None:
    first, second = shapes.WEEKS[:2]
    (attempt,) = tickets.project.ledger("team").trainings
    assert attempt.cutoff_window == second
    rows = tickets.rows(spark, "model", "team_training_set", second)
    expected = pd.concat(
        [counted(tickets.data, week, closed=second) for week in (first, second)]
    ).set_index("ticket")["team"]
    found = rows[rows["label"].notna()].set_index("ticket")["label"]
    assert found.to_dict() == expected.to_dict()
    assert set(rows["label_state"]) == {"labelled", "never", "pending"}
    assert set(found) == {"platform", "payments", "legal"}


def test_a_window_is_final_when_the_next_ones_close_has_brought_its_labels(
    tickets: Shape, spark: SparkSession
) -> None:
    third, fourth = shapes.WEEKS[2:]
    told = tickets.project.told("team").quality
    expected = counted(tickets.data, third, closed=fourth)
    assert (told[third].final, told[third].labelled_rows) == (True, len(expected))
    provisional = counted(tickets.data, fourth, closed=fourth)
    assert (told[fourth].final, told[fourth].labelled_rows) == (False, len(provisional))
    assert told[fourth].verdict is QualityVerdict.UNDECIDED


def test_a_class_never_seen_counts_as_wrong_and_a_missing_class_as_nothing(
    tickets: Shape, spark: SparkSession
) -> None:
    third, fourth = shapes.WEEKS[2:]
    labels = counted(tickets.data, third, closed=fourth).set_index("ticket")["team"]
    predictions = tickets.rows(spark, "serving", "team_predictions", third)
    predicted = predictions.set_index("ticket")["prediction"][labels.index]
    assert "mobile" in set(labels)
    assert "legal" not in set(labels)
    found = tickets.metric(spark, "team", third, "accuracy")
    assert found == pytest.approx(sk.accuracy_score(labels, predicted))
    assert found > 0.6
    told = tickets.project.told("team").quality[third]
    assert told.verdict is not QualityVerdict.UNDECIDED
    assert "log_loss not judged" in told.text
    assert "have a class that no fitted row had" in told.text


def test_hours_open_and_close_in_order_without_a_contract_that_was_written_before(
    load: Shape,
) -> None:
    expected = []
    for hour in shapes.HOURS:
        expected += [("load_open", hour), ("load_close", hour)]
        if hour == shapes.HOURS[1]:
            expected += [("load_next_hour_train", hour), ("load_filled_in_train", hour)]
    assert list(load.ran) == expected
    for model in ("next_hour", "filled_in"):
        kinds = [d.kind for d in load.project.told(model).decisions.values()]
        assert kinds == [DecisionKind.HOLD, DecisionKind.TRAIN_FIRST, DecisionKind.HOLD]


def test_a_forecast_is_made_from_the_hour_before_also_where_clocks_change(
    load: Shape, spark: SparkSession
) -> None:
    last = shapes.HOURS[-1]
    found = load.rows(spark, "serving", "next_hour_predictions", last)
    at = pd.to_datetime(found["event_time"], utc=True)
    before = load.data.set_index(["meter", "at"])["kwh"]
    expected = before.loc[list(zip(found["meter"], at - pd.Timedelta(hours=1), strict=True))]
    assert len(found) == 4 * shapes.METERS
    assert found["kwh_before"].to_numpy() == pytest.approx(expected.to_numpy())
    # One hour after midnight UTC it is three in Berlin; an hour before it was one.
    assert set(found["local_hour"]) == {3}
    actual = before.loc[list(zip(found["meter"], at, strict=True))]
    error = sk.mean_absolute_error(actual, found["prediction"])
    assert load.metric(spark, "next_hour", last, "mean_absolute_error") == pytest.approx(error)


def expected_of(outlooks: pd.DataFrame, meter: int, at: pd.Timestamp) -> float:
    """Return what was last said, before its hour opened, of the newest time up to a reading's."""
    said = outlooks[
        (outlooks["meter"] == meter)
        & (outlooks["about"] <= at)
        & (outlooks["about"] >= at - pd.Timedelta(minutes=30))
        & (outlooks["issued_at"] <= at.floor("h"))
    ].sort_values(["about", "issued_at"])
    return float(said["kwh_expected"].iloc[-1]) if len(said) else np.nan


@pytest.mark.parametrize(
    ("layer", "table", "row_window"),
    [
        ("serving", "next_hour_predictions", "window"),
        ("model", "next_hour_training_set", "row_window"),
    ],
)
def test_a_row_gets_what_was_last_said_of_its_time_before_its_hour_opened(
    load: Shape, spark: SparkSession, layer: str, table: str, row_window: str
) -> None:
    outlooks = shapes.outlooks()
    window = shapes.HOURS[2 if layer == "serving" else 1]
    found = load.rows(spark, layer, table, window)
    found = found[found[row_window] == window]
    at = pd.to_datetime(found["event_time"], utc=True)
    expected = [
        expected_of(outlooks, meter, moment)
        for meter, moment in zip(found["meter"], at, strict=True)
    ]
    assert len(found) == 4 * shapes.METERS
    assert found["kwh_expected"].to_numpy() == pytest.approx(np.array(expected), nan_ok=True)
    # Corrected for most meters, said once of two, never of the last; each half hour by itself.
    assert np.isnan(expected).sum() == 4
    assert len(set(expected)) > shapes.METERS


def test_a_replay_joins_another_table_by_the_rows_own_key(load: Shape, spark: SparkSession) -> None:
    last = shapes.HOURS[-1]
    found = load.rows(spark, "serving", "filled_in_predictions", last)
    at = pd.to_datetime(found["event_time"], utc=True)
    data = load.data.set_index(["meter", "at"])
    expected = data.loc[list(zip(found["meter"], at, strict=True))]
    assert found["volts"].to_numpy() == pytest.approx(expected["volts"].to_numpy())
    error = sk.mean_absolute_error(expected["kwh"], found["prediction"])
    assert load.metric(spark, "filled_in", last, "mean_absolute_error") == pytest.approx(error)
    told = load.project.told("filled_in").quality[last]
    assert told.verdict is QualityVerdict.AS_EXPECTED


def test_odd_names_three_kinds_of_files_and_own_code_give_a_model(
    trips: Shape, spark: SparkSession
) -> None:
    (attempt,) = trips.project.ledger("fare").trainings
    assert (attempt.cutoff_window, attempt.version) == (shapes.DAYS[1], "1")
    rows = trips.rows(spark, "model", "fare_training_set", shapes.DAYS[1]).set_index("trip-id")
    data = trips.data.set_index("trip-id").loc[rows.index]
    assert rows["label"].to_numpy() == pytest.approx(data["fare €"].to_numpy())
    assert rows["a.b"].isna().to_numpy().tolist() == data["a.b"].isna().tolist()
    assert rows["temp °C"].to_numpy() == pytest.approx(
        10.5 + data["started (UTC)"].dt.hour.to_numpy()
    )
    assert rows["seats"].tolist() == (data["car id"] % 4 + 2).tolist()
    held = rows[rows["split"] == "holdout"]
    assert attempt.evaluated is not None
    assert attempt.evaluated.metrics["worst_error"] is not None
    assert attempt.evaluated.metrics["r2"] is not None
    assert np.isfinite(held["label"]).all()


def test_days_with_few_rows_none_or_no_file_are_what_they_are(trips: Shape) -> None:
    counts = [trips.project.batch("silver.trips", day).valid for day in shapes.DAYS[:3]]
    assert counts == [3, 200, 0]
    decisions = trips.project.told("fare").decisions
    assert [d.kind for d in decisions.values()] == [
        DecisionKind.HOLD,
        DecisionKind.TRAIN_FIRST,
        DecisionKind.BLOCKED,
    ]
    told = step_failure(trips.project.close(shapes.DAYS[3]))
    assert f"city trips/{shapes.DAYS[3]} of all.csv.gz: there is no such file" in told
    assert "did you mean" not in told
    assert "one without rows has its header alone" in told


@pytest.mark.verify
def test_months_whose_labels_take_45_days_are_final_two_closes_later(
    remote: None, tmp_path: Path
) -> None:
    data = shapes.loans()
    month = shapes.MONTHS[3]
    granted = data[data["granted_at"].dt.strftime("%Y-%m") == month]
    seen = []
    with live_project(shapes.write_credit(tmp_path, data)) as project:
        for closing in shapes.MONTHS:
            project.replay([closing])
            told = project.told("default").quality.get(month)
            if told is not None:
                known = granted["reported_at"].dt.strftime("%Y-%m") <= closing
                assert told.labelled_rows == known.sum()
                seen.append(told)
        attempts = project.ledger("default").trainings
    assert [attempt.cutoff_window for attempt in attempts][:1] == [shapes.MONTHS[2]]
    assert [told.final for told in seen] == [False, False, True]
    assert seen[0].verdict is QualityVerdict.UNDECIDED
    assert seen[-1].verdict is not QualityVerdict.UNDECIDED
