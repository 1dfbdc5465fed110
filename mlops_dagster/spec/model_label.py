"""The label of a model: what its table must have, and whether its labels can find their rows."""

import re
from datetime import timedelta

from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.messages import quoted
from mlops_dagster.spec.model_drafts import ModelDraft
from mlops_dagster.spec.model_features import FEATURE_TYPE
from mlops_dagster.spec.models import LabelMatch, Task
from mlops_dagster.spec.table_columns import TIME_TYPES
from mlops_dagster.windows import Grain

_NUMBER_TYPE = re.compile(r"tinyint|smallint|int|bigint|float|double|decimal\(.+\)")

# With the hour by which clocks go back.
_LONGEST = {
    Grain.HOUR: timedelta(hours=1),
    Grain.DAY: timedelta(hours=25),
    Grain.WEEK: timedelta(days=7, hours=1),
    Grain.MONTH: timedelta(days=31, hours=1),
}


def check_label(model: ModelDraft) -> None:
    """Report what the label of a model lacks, and labels that would never find their row."""
    label, rows, spec, source = model.label, model.rows, model.spec.label, model.source
    if label is None:
        return
    path = model.path("label", "table")
    model.require_event_time(label, path)
    if rows is None or label.ref != rows.ref:
        model.refuse_forecasts(label, path)
    _check_label_key(model, label, rows)
    if spec.match is LabelMatch.KEY:
        _check_match_by_key(model, label, rows)
    elif spec.known_at is None and (rows is None or rows.ref != label.ref):
        _check_arrival(model, label)
    kind = model.table_column(label, spec.column, *model.path("label", "column"))
    if kind is not None and model.source.sound(*model.path("task")):
        _check_label_type(model, label, kind)
    if spec.known_at is not None:
        kind = model.table_column(label, spec.known_at, *model.path("label", "known_at"))
        if kind is not None and kind not in TIME_TYPES:
            source.report(
                *model.path("label", "known_at"),
                expected="a column of type timestamp or date",
                found=kind,
            )
    if spec.within.is_windows and label.calendar is None and label.calendar_known:
        source.report(
            *model.path("label", "within"),
            expected="a time span such as '2 days': the use case declares no windows",
            found=f"'{spec.within}'",
        )


def _check_label_key(model: ModelDraft, label: Draft, rows: Draft | None) -> None:
    if rows is None or not rows.spec.key or set(label.spec.key) == set(rows.spec.key):
        return
    if all(table.key_sound for table in (rows, label)):
        shown = quoted(label.spec.key) or "none"
        model.source.report(
            *model.path("label", "table"),
            expected=f"a table with the key of the rows, {quoted(rows.spec.key)}",
            found=f"{label.ref} with {shown} ({label.declared.place})",
        )


def _check_label_type(model: ModelDraft, label: Draft, kind: str) -> None:
    numeric = model.spec.task is Task.REGRESSION
    pattern = _NUMBER_TYPE if numeric else FEATURE_TYPE
    if pattern.fullmatch(kind) is None:
        model.source.report(
            *model.path("label", "column"),
            expected=(
                f"a column of {'numbers' if numeric else 'classes: truth values, numbers or texts'}"
                f" for task {model.spec.task.value}"
            ),
            found=f"{model.spec.label.column} of type {kind} in {label.ref}",
        )


def _check_match_by_key(model: ModelDraft, label: Draft, rows: Draft | None) -> None:
    source, path = model.source, model.path("label", "match")
    untimed = next((t for t in (label, rows) if t is not None and _is_untimed(t)), None)
    if rows is not None and label.ref == rows.ref:
        source.report(*path, problem="the label of the row itself is matched by 'row'", at_key=True)
    elif untimed is not None:
        source.report(
            *path,
            problem=f"'key' looks for labels after their row, and {untimed.ref} has no event_time",
            at_key=True,
        )
    elif not model.spec.label.within.count and source.sound(*model.path("label", "within")):
        source.report(
            *path,
            expected="'within' beside it: how long after its row a label may come",
            found="none",
            at_key=True,
        )


def _check_arrival(model: ModelDraft, label: Draft) -> None:
    """Report labels that are still to come when the only batch that could hold them is built."""
    calendar, within = label.calendar, model.spec.label.within
    known_at = label.spec.known_at
    if calendar is None or not label.windowed or known_at is None:
        return
    if not model.source.sound(*model.path("label", "within")):
        return
    built_after = _LONGEST[calendar.grain] + calendar.close_after_elapsed
    late = within.count > 1 if within.is_windows else within.elapsed > built_after
    if late:
        model.source.report(
            *model.path("label", "within"),
            problem=(
                f"labels may come {within} after their row, but rows of {label.ref} that become "
                f"known ({known_at}) after their window has closed go to quarantine"
            ),
            next_step=(
                f"Write 'known_at: {known_at}' here and take it from the table, or deliver each "
                "label in the window in which it came and write 'match: key' here"
            ),
        )


def _is_untimed(table: Draft) -> bool:
    return table.spec.event_time is None and table.source.sound(*table.path("event_time"))
