"""The tables of a model: rows, label and features, and what the rows must have."""

from collections.abc import Mapping

from mlops_dagster.spec.directory import Directory
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.model_drafts import ModelDraft
from mlops_dagster.spec.model_features import check_features, check_slices
from mlops_dagster.spec.model_label import check_label
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.windows import WindowCalendar


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
    check_label(model)
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
    model.refuse_forecasts(rows, path)
    ahead = model.spec.rows.ahead
    if ahead.count and rows.spec.event_time is not None and rows.spec.known_at is None:
        if rows.source.sound(*rows.path("known_at")):
            source.report(
                *model.path("rows", "ahead"),
                problem=(
                    f"rows of {rows.ref} become known at their event_time, so none of them is "
                    f"known {ahead} before it"
                ),
                next_step=(
                    "Make a column in the table's SQL that says when a row became known, and name "
                    "it there as 'known_at'"
                ),
            )
    elif ahead.count and rows.spec.event_time is None and not rows.windowed:
        source.report(
            *model.path("rows", "ahead"),
            problem=f"'ahead' counts back from an event_time, which {rows.ref} does not have",
            at_key=True,
        )
