"""How a model is trained and predicts: what does not fit its task, its windows or its hooks."""

import re

from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.find_hook import find_hook
from mlops_dagster.spec.messages import quoted
from mlops_dagster.spec.model_drafts import ModelDraft
from mlops_dagster.spec.models import (
    Calibration,
    HistGradientBoosting,
    HookEstimator,
    LightGbm,
    LogisticRegression,
    Ridge,
    Task,
)
from mlops_dagster.spec.positions import Key
from mlops_dagster.windows import WindowCalendar

# What has one text a value on every engine; a double has several, and an instant depends on zones.
GROUP_TYPE = re.compile(
    r"tinyint|smallint|int|bigint|decimal\(.+\)|string|varchar.*|char.*|boolean|date"
)


def check_training(model: ModelDraft, calendar: WindowCalendar | None, *, known: bool) -> None:
    """Report what is wrong with a model's training and prediction, and find its estimator hook.

    Args:
        model: The model, its tables resolved.
        calendar: The calendar of its use case, None without windows.
        known: Whether that is certain.
    """
    _check_estimator(model)
    _check_holdout(model)
    _check_history(model)
    if known and calendar is None:
        _check_windowless(model)


def check_opening(model: ModelDraft, open_tables: frozenset[object]) -> None:
    """Report rows that are not there yet when a window opens and they are to be predicted."""
    rows = model.rows
    if model.spec.predict.at != "open" or rows is None or not rows.windowed:
        return
    if rows.ref not in open_tables:
        model.source.report(
            *model.path("predict", "at"),
            expected=(
                "rows that can be built as their window opens, so that they can be predicted then"
            ),
            found=f"{rows.ref} ({rows.declared.place}), {_why_closed(rows)}",
            next_step=(
                "Read windows before its own, with 'back' and 'until: start', or predict at close"
            ),
        )


def _why_closed(rows: Draft) -> str:
    if rows.kind == "files":
        return "whose files are there when the window has closed"
    if rows.kind == "source":
        return "whose source is read when the window has closed"
    return "which reads its own window"


def _check_estimator(model: ModelDraft) -> None:
    source, train, task = model.source, model.spec.train, model.spec.task
    estimator, path = train.estimator, model.path("train", "estimator")
    if isinstance(estimator, HookEstimator):
        model.estimator_hook = find_hook(model.owner, estimator.hook, "estimator", *path, "hook")
    if not source.sound(*model.path("task")):
        return
    regression = task is Task.REGRESSION
    wrong = LogisticRegression if regression else Ridge
    right = "ridge" if regression else "logistic_regression"
    if isinstance(estimator, wrong):
        source.report(
            *path,
            "family",
            expected=(
                f"a family for task {task.value}: "
                f"{quoted(('hist_gradient_boosting', 'lightgbm', right, 'hook'))}"
            ),
            found=f"'{estimator.family}'",
        )
    weighted = (HistGradientBoosting, LightGbm, LogisticRegression)
    if regression and isinstance(estimator, weighted) and estimator.class_weight != "none":
        source.report(
            *path, "class_weight", problem="only classification has classes to weigh", at_key=True
        )
    if train.calibrate is not Calibration.NONE and regression:
        source.report(
            *model.path("train", "calibrate"),
            problem="only classification has probabilities to calibrate",
            at_key=True,
        )


def _check_holdout(model: ModelDraft) -> None:
    source, holdout, path = model.source, model.spec.train.holdout, model.path("train", "holdout")
    if not source.sound(*path):
        return
    present = source.keys_at(*path)
    forms: list[str] = [name for name in ("last", "share") if name in present]
    if "by" in present or "every" in present:
        forms.append("by and every")
    if len(forms) != 1:
        source.report(
            *path,
            expected=(
                "exactly one of the forms {by: day, every: 5}, {last: 7 windows}, {share: 0.2}, "
                "{share: 0.2, group: <column>}"
            ),
            found=" beside ".join(forms) or "none",
        )
    elif (holdout.by is None) != (holdout.every is None):
        there, missing = ("by", "every") if holdout.every is None else ("every", "by")
        source.report(*path, expected=f"the key '{missing}' beside '{there}'", found="none")
    elif holdout.group is not None:
        _check_group(model, holdout.group, *path, "group")
    rows = model.rows
    if (
        holdout.by is None
        or rows is None
        or rows.windowed
        or not rows.windowed_known
        or rows.spec.event_time is not None
    ):
        return
    if rows.source.sound(*rows.path("event_time")):
        source.report(*path, "by", problem=f"{rows.ref} has no event_time that would have days")


def _check_group(model: ModelDraft, group: str, *path: Key) -> None:
    """Report a group that is no column of the rows, cannot be compared, or is the label."""
    source, rows = model.source, model.rows
    if model.spec.train.holdout.share is None:
        source.report(*path, expected="the key 'share' beside 'group'", found="none", at_key=True)
        return
    if rows is None:
        return
    kind = model.table_column(rows, group, *path)
    if kind is not None and GROUP_TYPE.fullmatch(kind) is None:
        source.report(
            *path,
            expected="a column of whole numbers, texts, truth values or dates",
            found=f"{group} of type {kind}",
        )
    if model.label is rows and group == model.spec.label.column:
        source.report(
            *path,
            problem="grouped by the label, one side would have all rows of a class",
            next_step="Group by what rows have in common, such as a customer or their content",
        )


def _check_history(model: ModelDraft) -> None:
    source, train = model.source, model.spec.train
    history, at_least, last = train.history, train.at_least, train.holdout.last
    path = model.path("train")
    if history is not None and history.count < 1:
        source.report(*path, "history", expected="at least '1 window'", found=f"'{history}'")
    elif at_least.count < 1:
        source.report(*path, "at_least", expected="at least '1 window'", found=f"'{at_least}'")
    elif history is not None and history.count < at_least.count:
        source.report(
            *path,
            "history",
            expected=f"at least as many windows as at_least, '{at_least}'",
            found=f"'{history}'",
        )
    if last is None or not source.sound(*path, "at_least"):
        return
    if last.count < 1:
        source.report(*path, "holdout", "last", expected="at least '1 window'", found=f"'{last}'")
    elif last.count >= at_least.count:
        source.report(
            *path,
            "holdout",
            "last",
            expected=f"fewer windows than at_least, '{at_least}', so that some are left to fit",
            found=f"'{last}'",
        )


def _check_windowless(model: ModelDraft) -> None:
    source, spec, problem = model.source, model.spec, "the use case declares no windows"
    if spec.train.history is not None:
        source.report(*model.path("train", "history"), problem=problem, at_key=True)
    if "at_least" in source.keys_at(*model.path("train")):
        source.report(*model.path("train", "at_least"), problem=problem, at_key=True)
    if spec.train.holdout.last is not None:
        source.report(*model.path("train", "holdout", "last"), problem=problem, at_key=True)
    if spec.predict.at == "open":
        source.report(*model.path("predict", "at"), problem=problem)
