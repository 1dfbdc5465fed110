"""What people may call tables and models, and what an unknown name is answered with."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from mlops_dagster.errors import UnknownName, nearest_name
from mlops_dagster.spec.refs import PROJECT_OWNER, SHARED_LAYER, TableRef
from mlops_dagster.spec.workspace import ResolvedModel, Workspace
from mlops_dagster.state.fence import published_tables
from mlops_dagster.state.store import EventStore

Found = TypeVar("Found", TableRef, ResolvedModel)


def known_tables(workspace: Workspace, store: EventStore) -> tuple[TableRef, ...]:
    """Return the tables that are declared, belong to models, or were ever published, sorted."""
    found = {*workspace.tables, *published_tables(store)}
    for use_case in workspace.use_cases.values():
        for model in use_case.models.values():
            found.add(model.derived("model", "training_set"))
            found.add(model.derived("serving", "predictions"))
    return tuple(sorted(found))


def find_table(workspace: Workspace, store: EventStore, name: str) -> TableRef:
    """Return the table of a name: `layer.name`, `project.name` or `use_case.layer.name`.

    Raises:
        UnknownName: There is none, or several use cases have one and the name says not whose.
    """
    names: dict[str, list[TableRef]] = {}
    for ref in known_tables(workspace, store):
        for text in _names(ref):
            names.setdefault(text, []).append(ref)
    return _only("table", name, names)


def find_model(workspace: Workspace, name: str) -> ResolvedModel:
    """Return the model of a name: its own, or `use_case.model`.

    Raises:
        UnknownName: There is none, or several use cases have one of this name.
    """
    names: dict[str, list[ResolvedModel]] = {}
    for use_case in workspace.use_cases.values():
        for model in use_case.models.values():
            names.setdefault(model.name, []).append(model)
            names.setdefault(model.stream, []).append(model)
    return _only("model", name, names)


def shown(ref: TableRef, known: Iterable[TableRef]) -> str:
    """Return the shortest name that means this table alone."""
    short = _names(ref)[-1]
    return short if sum(_names(other)[-1] == short for other in known) == 1 else str(ref)


def unknown(what: str, name: str, known: Iterable[str], *, where: str | None = None) -> UnknownName:
    """Return the error for a name that does not exist: the nearest one and all that do."""
    there = sorted(known)
    return UnknownName(
        f"no {what} {name}",
        where=where,
        nearest=nearest_name(name, there),
        next_step=f"There are {', '.join(there)}" if there else "There is none yet",
    )


def _only(what: str, name: str, names: Mapping[str, list[Found]]) -> Found:
    alone = [text for text, found in names.items() if len(found) == 1]
    if name not in names:
        raise unknown(what, name, alone)
    if len(names[name]) > 1:
        whose = sorted(text for text in alone if names[text][0] in names[name])
        raise UnknownName(
            f"several use cases have a {what} {name}", next_step=f"Say which: {', '.join(whose)}"
        )
    return names[name][0]


def _names(ref: TableRef) -> tuple[str, ...]:
    if (ref.owner, ref.layer) == (PROJECT_OWNER, SHARED_LAYER):
        return str(ref), f"{PROJECT_OWNER}.{ref.name}"
    return str(ref), f"{ref.layer}.{ref.name}"
