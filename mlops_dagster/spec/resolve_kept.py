"""Tables that keep rows of another one by key: what they need, and who may read them."""

from collections.abc import Iterable, Mapping

from mlops_dagster.spec.calendars import Calendars
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.model_drafts import ModelDraft
from mlops_dagster.spec.positions import Key
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.source import Source
from mlops_dagster.spec.table_columns import HISTORY_COLUMNS
from mlops_dagster.spec.use_case import Project, UseCase


def check_kept(draft: Draft) -> None:
    """Report what a table with `keep` lacks: one input read whole, a key and an event time."""
    spec, source = draft.spec, draft.source
    if spec.keep is None:
        return
    sound = source.sound(*draft.path("inputs"))
    if sound and len(spec.inputs) != 1:
        source.report(
            *draft.path("keep"),
            expected="one input, whose rows are kept",
            found=f"{len(spec.inputs)} inputs",
            at_key=True,
        )
    for name, given in spec.inputs.items():
        for key, value in (("back", given.back), ("until", given.until)):
            if value is not None:
                source.report(
                    *draft.path("inputs", name, key),
                    problem="a table with keep reads all windows of its input",
                    at_key=True,
                )
    for key, missing in (("key", not spec.key), ("event_time", spec.event_time is None)):
        if missing and source.sound(*draft.path(key)):
            source.report(
                *draft.path("keep"),
                problem=f"keep needs {key} beside it, which tells which row is the newest",
                at_key=True,
            )


def kept_columns(draft: Draft, drafts: Mapping[TableRef, Draft]) -> dict[str, str | None] | None:
    """Return the columns that a table with `keep` has; None while its input's are not known."""
    read = [drafts[ref] for ref in draft.inputs.values()]
    if len(read) != 1 or read[0].columns is None:
        return None
    columns = dict(read[0].columns)
    if draft.spec.keep == "history":
        time = columns.get(draft.spec.event_time or "")
        columns |= dict(zip(HISTORY_COLUMNS, (time, "boolean"), strict=True))
    return columns


def check_readers(
    drafts: Mapping[TableRef, Draft], models: Iterable[ModelDraft], calendars: Calendars
) -> None:
    """Report windowed readers of a table with `keep`: it knows what comes after their windows."""
    for draft in drafts.values():
        for name, ref in draft.inputs.items():
            if drafts[ref].spec.keep is not None and draft.calendar is not None:
                _refuse(draft.source, draft.path("inputs", name), drafts[ref])
    for model in models:
        if calendars.of(model.owner.name) is None:
            continue
        for ref in model.features:
            if drafts[ref].spec.keep is not None:
                text = f"{ref.layer}.{ref.name}"
                _refuse(model.source, model.path("features", text), drafts[ref], at_key=True)
        if model.label is not None and model.label.spec.keep is not None:
            _refuse(model.source, model.path("label", "table"), model.label)


def _refuse(
    source: Source[UseCase] | Source[Project],
    path: tuple[Key, ...],
    kept: Draft,
    *,
    at_key: bool = False,
) -> None:
    (read,) = list(kept.inputs.values()) or [kept.ref]
    source.report(
        *path,
        problem=f"{kept.ref} holds what became known after a window, so no window may read it",
        next_step=f"Read {read}: joins take the newest row that was known at the time",
        at_key=at_key,
    )
