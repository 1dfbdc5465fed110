"""Evaluation on hold-out rows: grouping, slices, and the champion on the same rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mlops_dagster.spec.models import Task
from mlops_dagster.spec.workspace import ResolvedGate, ResolvedModel
from mlops_dagster.training.evaluate import compare_with_champion, evaluate_model, groups_of
from mlops_dagster.training.gate_report import GateOutcome
from mlops_dagster.training.gates import evaluate_gates
from mlops_dagster.training.intervals import MAXIMUM_ROW_GROUPS, value_groups
from mlops_dagster.training.predict import FittedModel
from mlops_dagster.training.slices import MAXIMUM_SLICES, slice_value, slices_of
from mlops_dagster.training.train import TrainedModel, train_model
from mlops_dagster_tests.training.worlds import FEATURES, a_model, a_training_set

BETTER = ResolvedGate("better", ("log_loss",), against_champion=True, better_by=0)


def trained(model: ResolvedModel, frame: pd.DataFrame, count: int = 4) -> TrainedModel:
    return train_model(frame, model=model, features=FEATURES[:count])


def compared(challenger: TrainedModel, champion: FittedModel, model: ResolvedModel) -> GateOutcome:
    found = compare_with_champion(
        champion,
        challenger.outcome,
        challenger.labelled_holdout,
        model=model,
        hooks={},
        seed=1,
    )
    return evaluate_gates(model.gates, challenger.evaluation, found).outcome


def test_a_better_challenger_passes_a_worse_one_fails_and_the_same_one_is_inconclusive() -> None:
    model = a_model(gates=(BETTER,))
    frame = a_training_set(rows=1500)
    good, poor = trained(model, frame), trained(model, frame, count=2)
    assert compared(good, poor.fitted, model) is GateOutcome.PASS
    assert compared(poor, good.fitted, model) is GateOutcome.FAIL
    assert compared(good, good.fitted, model) is GateOutcome.INCONCLUSIVE


def test_a_champion_whose_feature_is_gone_is_a_problem_and_no_error() -> None:
    model = a_model(gates=(BETTER,))
    frame = a_training_set()
    challenger, champion = trained(model, frame, count=2), trained(model, frame)
    found = compare_with_champion(
        champion.fitted,
        challenger.outcome,
        challenger.labelled_holdout.drop(columns="city"),
        model=model,
        hooks={},
        seed=1,
    )
    assert found.evaluation is None
    assert "lack feature columns" in (found.problem or "")


def test_a_champion_that_fails_in_any_way_is_a_problem() -> None:
    model = a_model(gates=(BETTER,))
    challenger = trained(model, a_training_set())
    broken = replace(challenger.fitted, task=Task.REGRESSION, estimator=object())
    found = compare_with_champion(
        broken, challenger.outcome, challenger.labelled_holdout, model=model, hooks={}, seed=1
    )
    assert "AttributeError" in (found.problem or "")


def test_a_champion_of_other_classes_is_compared_on_what_is_defined() -> None:
    model = a_model(Task.MULTICLASS)
    frame = a_training_set(Task.MULTICLASS, rows=900)
    challenger = trained(model, frame)
    champion = trained(model, frame[frame["label"] != "2"])
    found = compare_with_champion(
        champion.fitted,
        challenger.outcome,
        challenger.labelled_holdout,
        model=model,
        hooks={},
        seed=1,
    )
    accuracy, log_loss = found.difference("accuracy"), found.difference("log_loss")
    assert accuracy is not None
    assert accuracy.improvement is not None
    assert accuracy.improvement > 0
    assert log_loss is not None
    assert "champion" in (log_loss.reason or "")


def test_slices_are_the_metrics_of_their_rows_with_null_as_a_slice() -> None:
    found = trained(a_model(slices=("city",)), a_training_set(rows=1500))
    rows, outcome = found.labelled_holdout, found.outcome
    slices = {piece.value: piece for piece in found.evaluation.slices}
    assert set(slices) == {"Bonn", "Kiel", "Ulm", None}
    assert sum(piece.rows for piece in slices.values()) == outcome.rows
    mask = (rows["city"] == "Ulm").to_numpy()
    expected = roc_auc_score(outcome.actual[mask], outcome.predicted[mask])
    measured = slices["Ulm"].metric("roc_auc")
    assert measured is not None
    assert measured.value == pytest.approx(expected)


def test_slices_of_a_gate_are_compared_with_the_champion() -> None:
    gate = ResolvedGate("x", ("log_loss",), slice="city", against_champion=True, better_by=0)
    model = a_model(gates=(gate,))
    found = trained(model, a_training_set())
    champion = compare_with_champion(
        found.fitted, found.outcome, found.labelled_holdout, model=model, hooks={}, seed=1
    )
    assert {piece.value for piece in champion.slices} == {"Bonn", "Kiel", "Ulm", None}
    assert {piece.difference.improvement for piece in champion.slices} == {0.0}


def test_an_unknown_slice_column_is_a_warning() -> None:
    found = trained(a_model(slices=("colour",)), a_training_set())
    assert "no slices by colour: the training set has no such column" in found.evaluation.warnings


def test_only_the_most_frequent_values_are_sliced() -> None:
    rows = pd.DataFrame({"city": [f"c{n % 60:02}" for n in range(130)]})
    warnings: list[str] = []
    found = list(slices_of(rows, a_model(slices=("city",)), warnings))
    assert [value for _, value, _ in found] == [f"c{n:02}" for n in range(MAXIMUM_SLICES)]
    assert warnings == [f"city has 10 more values than the {MAXIMUM_SLICES} shown"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (np.False_, "false"), (3.0, "3"), (2.5, "2.5"), (7, "7"), ("x", "x")],
)
def test_a_slice_is_called_as_spark_writes_its_value(value: object, text: str) -> None:
    assert slice_value(value) == text


@pytest.mark.parametrize("value", [None, float("nan"), np.nan, pd.NA])
def test_null_has_no_name(value: object) -> None:
    assert slice_value(value) is None


def test_rows_are_grouped_by_day_unless_the_hold_out_is_a_share_of_rows() -> None:
    frame = a_training_set(rows=60)
    by_day = groups_of(frame, a_model(), seed=0)
    by_row = groups_of(frame, a_model(holdout={"share": 0.2}), seed=0)
    timeless = groups_of(frame.drop(columns="day"), a_model(), seed=0)
    assert (by_day.kind, by_day.count) == ("day", 30)
    assert (by_row.kind, by_row.count) == ("row", 60)
    assert (timeless.kind, timeless.count) == ("row", 60)


def test_unlabelled_rows_are_counted_and_not_scored() -> None:
    model = a_model()
    found = trained(model, a_training_set())
    frame = found.holdout.copy()
    frame["label"] = frame["label"].astype(object)
    frame.loc[:9, "label"] = None
    evaluation, outcome = evaluate_model(found.fitted, frame, model=model, hooks={}, seed=1)
    assert evaluation.unlabelled_rows == 10
    assert evaluation.rows == outcome.rows == len(frame) - 10


def test_one_class_on_the_hold_out_leaves_metrics_undefined_and_warns() -> None:
    frame = a_training_set()
    frame.loc[frame["split"] == "holdout", "label"] = True
    found = trained(a_model(), frame)
    auc = found.evaluation.metric("roc_auc")
    assert auc is not None
    assert auc.value is None
    warning = "roc_auc is undefined on the hold-out: every row is positive"
    assert warning in found.evaluation.warnings
    assert found.importances == ()


def test_rows_are_resampled_by_the_groups_that_the_hold_out_goes_by() -> None:
    frame = a_training_set(rows=60).assign(holdout_group=[str(n // 3) for n in range(60)])
    model = a_model(holdout={"share": 0.2, "group": "customer"})
    groups = groups_of(frame, model, seed=0)
    assert (groups.kind, groups.count) == ("group", 20)
    of_customer = frame.assign(drawn=groups.of_row).groupby("holdout_group")["drawn"]
    assert (of_customer.nunique() == 1).all()
    assert of_customer.first().nunique() == 20


def test_many_groups_are_drawn_in_blocks_that_keep_each_group_whole() -> None:
    values = np.repeat(np.arange(3 * MAXIMUM_ROW_GROUPS), 2).astype(str)
    groups = value_groups(values, seed=0)
    assert groups.count == MAXIMUM_ROW_GROUPS
    assert (groups.of_row[::2] == groups.of_row[1::2]).all()
    assert set(np.bincount(groups.of_row)) == {6}


def test_intervals_of_copied_rows_are_those_of_the_rows_themselves() -> None:
    frame = a_training_set(rows=400)
    model = a_model(holdout={"share": 0.2, "group": "customer"})
    once = frame.assign(holdout_group=[str(n) for n in range(400)], day=None)
    once["split"] = np.where(np.arange(400) % 4 == 0, "holdout", "fit")
    found = trained(model, once)
    copies = pd.concat([found.holdout] * 4, ignore_index=True)
    widths = []
    for rows in (found.holdout, copies):
        evaluation, _ = evaluate_model(found.fitted, rows, model=model, hooks={}, seed=1)
        auc = evaluation.metric("roc_auc")
        assert auc is not None
        assert auc.interval is not None
        assert (auc.interval.grouped_by, auc.interval.groups) == ("group", 100)
        widths.append(auc.interval.high - auc.interval.low)
    # Taken for independent, four copies of each row would halve the interval.
    assert widths[1] == pytest.approx(widths[0], rel=0.05)
