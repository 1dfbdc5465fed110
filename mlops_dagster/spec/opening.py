"""Which tables are built as a window opens.

A model that predicts at open needs its rows and features then. An *open table* is a SQL or hook
table with windows that such a model's rows or features need, directly or through others, and whose
every input with windows is either read until the window's start or an open table itself. Where
`until` is not written, an input with `back` of a table so needed is read until the start, unless it
is an open table; everything else is read until the window's end.
"""

from collections.abc import Iterable, Mapping

from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.model_drafts import ModelDraft
from mlops_dagster.spec.refs import TableRef


def find_open_tables(
    models: Iterable[ModelDraft], drafts: Mapping[TableRef, Draft], order: Iterable[TableRef]
) -> frozenset[TableRef]:
    """Return the tables that can be and need to be built as a window opens.

    Args:
        models: All models of the workspace.
        drafts: All tables.
        order: The tables, each after what it reads.
    """
    needed: set[TableRef] = set()
    for model in models:
        if model.spec.predict.at == "open":
            wanted = [*model.features, *([] if model.rows is None else [model.rows.ref])]
            for ref in wanted:
                _need(ref, drafts, needed)
    found: set[TableRef] = set()
    for ref in order:
        draft = drafts[ref]
        if ref in needed and draft.kind in ("sql", "hook") and draft.windowed:
            windowed = {n: read for n, read in draft.inputs.items() if drafts[read].windowed}
            if all(
                read in found or _until_start(draft, name, open_needed=True)
                for name, read in windowed.items()
            ):
                found.add(ref)
    return frozenset(found)


def reads_until_start(
    draft: Draft, name: str, open_tables: frozenset[TableRef], drafts: Mapping[TableRef, Draft]
) -> bool:
    """Tell whether an input is read until its window's start rather than its end."""
    read = draft.inputs[name]
    if not drafts[read].windowed:
        return False
    by_default = draft.ref in open_tables and read not in open_tables
    return _until_start(draft, name, open_needed=by_default)


def _until_start(draft: Draft, name: str, *, open_needed: bool) -> bool:
    given = draft.input_spec(name)
    if given.until is not None:
        return given.until == "start"
    return open_needed and given.back is not None


def _need(ref: TableRef, drafts: Mapping[TableRef, Draft], needed: set[TableRef]) -> None:
    waiting = [ref]
    while waiting:
        current = waiting.pop()
        if current not in needed:
            needed.add(current)
            waiting.extend(drafts[current].inputs.values())
