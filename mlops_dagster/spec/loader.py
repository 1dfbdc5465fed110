"""Reading a workspace: every file, every name, all mistakes at once."""

from dataclasses import dataclass
from pathlib import Path

from mlops_dagster.spec.assemble import assemble
from mlops_dagster.spec.calendars import Calendars, calendars_of
from mlops_dagster.spec.check_environment import check_environment, selected
from mlops_dagster.spec.directory import Directory, directory_of
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.files import WorkspaceFiles, read_files
from mlops_dagster.spec.model_drafts import ModelDraft
from mlops_dagster.spec.model_tables import resolve_tables
from mlops_dagster.spec.model_training import check_opening, check_training
from mlops_dagster.spec.opening import find_open_tables
from mlops_dagster.spec.problems import Problem
from mlops_dagster.spec.refs import PROJECT_OWNER, TableRef
from mlops_dagster.spec.resolve_gates import resolve_gates
from mlops_dagster.spec.resolve_kept import check_readers, kept_columns
from mlops_dagster.spec.resolve_rules import resolve_rules
from mlops_dagster.spec.resolve_sources import check_connections, check_source_columns
from mlops_dagster.spec.table_columns import check_freshness, check_key_and_times, learn_columns
from mlops_dagster.spec.table_order import mark_windowed, order_tables
from mlops_dagster.spec.table_sources import draft_tables, parse_sql, report_unused
from mlops_dagster.spec.use_case import UseCase
from mlops_dagster.spec.workspace import Workspace


def load_workspace(root: Path, environment: str) -> Workspace:
    """Read project.yaml, one environment and all use cases below a folder, and resolve them.

    Nothing is imported, no engine is started: hooks are found in their text.

    Args:
        root: The folder that holds project.yaml.
        environment: The name of a file in environments/, without `.yaml`.

    Raises:
        SpecError: Something is wrong; the message lists every mistake of every file, one a line.
    """
    reading = _read(root, environment)
    reading.files.problems.raise_if_any()
    return assemble(
        reading.files,
        drafts=reading.drafts,
        order=reading.order,
        models=reading.models,
        open_tables=reading.open_tables,
        use_cases=selected(reading.files),
    )


def find_problems(root: Path, environment: str) -> tuple[Problem, ...]:
    """Return every mistake of every file of a workspace, ordered by file and line."""
    return _read(root, environment).files.problems.sorted()


@dataclass(frozen=True)
class _Reading:
    files: WorkspaceFiles
    drafts: dict[TableRef, Draft]
    order: list[TableRef]
    models: list[ModelDraft]
    open_tables: frozenset[TableRef]


def _read(root: Path, environment: str) -> _Reading:
    files = read_files(root.resolve(), environment)
    _check_names(files)
    check_environment(files)
    directory, calendars = directory_of(files), calendars_of(files)
    drafts, order = _tables(files, directory, calendars)
    check_connections(files, drafts)
    _check_selection(files, drafts)
    models = _models(files, drafts, directory, calendars)
    check_readers(drafts, models, calendars)
    open_tables = find_open_tables(models, drafts, order)
    for model in models:
        check_opening(model, open_tables)
    return _Reading(files, drafts, order, models, open_tables)


def _tables(
    files: WorkspaceFiles, directory: Directory, calendars: Calendars
) -> tuple[dict[TableRef, Draft], list[TableRef]]:
    drafts = draft_tables(directory, calendars)
    for owner in files.owners():
        report_unused(owner, directory, files.problems)
    order = order_tables(drafts)
    mark_windowed(drafts, order)
    for ref in order:
        draft = drafts[ref]
        parse_sql(draft, drafts, files.problems)
        learn_columns(draft)
        if draft.kind == "keep" and draft.columns is None:
            draft.columns = kept_columns(draft, drafts)
        check_key_and_times(draft)
        check_source_columns(draft)
        check_freshness(draft)
        resolve_rules(draft, drafts)
    return drafts, order


def _models(
    files: WorkspaceFiles,
    drafts: dict[TableRef, Draft],
    directory: Directory,
    calendars: Calendars,
) -> list[ModelDraft]:
    models = [
        ModelDraft(name, owner, spec)
        for owner in files.use_cases.values()
        if isinstance(owner.source.model, UseCase)
        for name, spec in owner.source.model.models.items()
    ]
    for model in models:
        owner = model.owner.name
        resolve_tables(model, drafts, directory, calendars.of(owner))
        check_training(model, calendars.of(owner), known=calendars.known(owner))
        resolve_gates(model)
    return models


def _check_names(files: WorkspaceFiles) -> None:
    for name, owner in files.use_cases.items():
        model = owner.source.model
        if model is not None and model.name != name:
            owner.source.report(
                "name", expected=f"the name of the folder, '{name}'", found=f"'{model.name}'"
            )
        elif name == PROJECT_OWNER:
            owner.source.report(
                "name", problem="'project' is how tables of project.yaml are called"
            )


def _check_selection(files: WorkspaceFiles, drafts: dict[TableRef, Draft]) -> None:
    """Report inputs from use cases that the environment leaves out."""
    running = {PROJECT_OWNER, *selected(files)}
    environment = files.environment
    for draft in drafts.values():
        for name, ref in draft.inputs.items():
            if environment is not None and draft.owner.name in running and ref.owner not in running:
                environment.report(
                    "use_cases",
                    expected=f"the use case '{ref.owner}' too",
                    found=f"{draft.ref}, which reads its {ref.layer}.{ref.name} as '{name}'",
                    at_key=True,
                )
