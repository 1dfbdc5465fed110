"""The rows and the label of a model: which tables they are and what these must have."""

import re
from collections.abc import Mapping

from mlops_dagster.spec.directory import Directory
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.messages import quoted
from mlops_dagster.spec.model_drafts import ModelDraft
from mlops_dagster.spec.model_features import FEATURE_TYPE, check_features, check_slices
from mlops_dagster.spec.models import Task
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.table_columns import TIME_TYPES
from mlops_dagster.windows import WindowCalendar

_NUMBER_TYPE = re.compile(r"tinyint|smallint|int|bigint|float|double|decimal\(.+\)")


def resolve_tables(
    model: ModelDraft,
    drafts: Mapping[TableRef, Draft],
    directory: Directory,
    calendar: WindowCalendar | None,
) -> None:
    """Resolve the rows, label and feature tables of a model, reporting what they lack."""
    spec, owner = model.spec, model.owner
    rows = directory.resolve(spec.rows.table, *model.path("rows", "table"), owner=owner)
    label = directory.resolve(spec.label.table, *model.path("label", "table"), owner=owner)
    model.rows = None if rows is None else drafts[rows]
    model.label = None if label is None else drafts[label]
    _check_rows(model, calendar)
    _check_label(model)
    names: set[str] | None = set()
    for text, chosen in spec.features.items():
        path = model.path("features", text)
        ref = directory.resolve(text, *path, owner=owner, at_key=True)
        if ref is None:
            names = None
            continue
        model.features[ref] = None if chosen == "all" else tuple(chosen)
        known = check_features(model, drafts[ref], text)
        names = None if names is None or known is None else names | known
    if names is not None and model.source.sound(*model.path("features")):
        check_slices(model, names)


def _check_rows(model: ModelDraft, calendar: WindowCalendar | None) -> None:
    rows, source, path = model.rows, model.source, model.path("rows", "table")
    if rows is None:
        return
    if not rows.spec.key and rows.source.sound(*rows.path("key")):
        source.report(
            *path,
            expected="a table with a key",
            found=f"{rows.ref} without ({rows.declared.place})",
        )
    if calendar is not None and not rows.windowed and rows.windowed_known:
        source.report(
            *path,
            expected="a table with windows, as the use case has them",
            found=f"{rows.ref} without ({rows.declared.place})",
        )
        # Another table is meant; what the model joins to this one says nothing.
        model.rows = None
        return
    model.require_event_time(rows, path)
    if model.spec.rows.ahead.count and rows.spec.event_time is None and not rows.windowed:
        source.report(
            *model.path("rows", "ahead"),
            problem=f"'ahead' counts back from an event_time, which {rows.ref} does not have",
            at_key=True,
        )


def _check_label(model: ModelDraft) -> None:
    label, rows, spec, source = model.label, model.rows, model.spec.label, model.source
    if label is None:
        return
    path = model.path("label", "table")
    model.require_event_time(label, path)
    _check_label_key(model, label, rows)
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
