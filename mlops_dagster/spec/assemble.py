"""From drafts without a mistake to the workspace that everything else works with."""

from collections.abc import Iterable, Mapping

from mlops_dagster.spec.contract import contract_path
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.files import Owner, WorkspaceFiles
from mlops_dagster.spec.fingerprint import model_version, table_version
from mlops_dagster.spec.model_drafts import ModelDraft
from mlops_dagster.spec.opening import reads_until_start
from mlops_dagster.spec.refs import PROJECT_OWNER, TableRef
from mlops_dagster.spec.use_case import Project, UseCase
from mlops_dagster.spec.workspace import (
    ResolvedInput,
    ResolvedModel,
    ResolvedTable,
    ResolvedUseCase,
    Workspace,
)


def assemble(
    files: WorkspaceFiles,
    *,
    drafts: Mapping[TableRef, Draft],
    order: Iterable[TableRef],
    models: Iterable[ModelDraft],
    open_tables: frozenset[TableRef],
    use_cases: Iterable[str],
) -> Workspace:
    """Return the workspace of files in which no mistake was found.

    Args:
        files: All files.
        drafts: All tables.
        order: The tables, each after what it reads.
        models: All models.
        open_tables: The tables that are built as a window opens.
        use_cases: The use cases that the environment runs.
    """
    tables = {ref: _table(drafts[ref], drafts, open_tables) for ref in order}
    project, environment = files.project.source.model, files.environment
    if not isinstance(project, Project) or environment is None or environment.model is None:
        raise TypeError("a workspace is assembled only from files that were read without a mistake")
    by_name = {
        name: _use_case(
            files.use_cases[name],
            tables={ref: table for ref, table in tables.items() if ref.owner == name},
            models=[model for model in models if model.owner.name == name],
            drafts=drafts,
            open_tables=open_tables,
        )
        for name in use_cases
    }
    return Workspace(
        root=files.root,
        project=project,
        environment=environment.model,
        use_cases=by_name,
        shared_tables={ref: table for ref, table in tables.items() if ref.owner == PROJECT_OWNER},
    )


def _table(
    draft: Draft, drafts: Mapping[TableRef, Draft], open_tables: frozenset[TableRef]
) -> ResolvedTable:
    until_start = {
        name: reads_until_start(draft, name, open_tables, drafts) for name in draft.inputs
    }
    if draft.kind is None:
        raise TypeError(f"{draft.ref} has no source of rows")
    return ResolvedTable(
        ref=draft.ref,
        spec=draft.spec,
        kind=draft.kind,
        windowed=draft.windowed,
        calendar=draft.calendar if draft.windowed else None,
        inputs={
            name: ResolvedInput(
                name=name,
                ref=ref,
                back=draft.input_spec(name).back,
                until_start=until_start[name],
            )
            for name, ref in draft.inputs.items()
        },
        sql=draft.sql,
        hook=draft.hook,
        rules=tuple(draft.rules),
        contract=draft.contract,
        contract_path=contract_path(draft.owner.folder, draft.ref),
        code_version=table_version(draft, until_start),
        position=(draft.owner.folder / _file_name(draft.owner), draft.source.line(*draft.path())),
    )


def _use_case(
    owner: Owner,
    *,
    tables: dict[TableRef, ResolvedTable],
    models: list[ModelDraft],
    drafts: Mapping[TableRef, Draft],
    open_tables: frozenset[TableRef],
) -> ResolvedUseCase:
    spec = owner.source.model
    if not isinstance(spec, UseCase):
        raise TypeError(f"{owner.name} is no use case")
    return ResolvedUseCase(
        name=owner.name,
        spec=spec,
        folder=owner.folder,
        calendar=None if spec.windows is None else spec.windows.calendar(),
        tables=tables,
        models={model.name: _model(model) for model in models},
        open_tables=frozenset(ref for ref in open_tables if ref in tables),
    )


def _model(model: ModelDraft) -> ResolvedModel:
    if model.rows is None or model.label is None:
        raise TypeError(f"{model.name} has no rows or no label")
    return ResolvedModel(
        name=model.name,
        use_case=model.owner.name,
        spec=model.spec,
        rows=model.rows.ref,
        label=model.label.ref,
        features=dict(model.features),
        gates=tuple(model.gates),
        metric_hooks=tuple(model.metric_hooks),
        estimator_hook=model.estimator_hook,
        code_version=model_version(model),
    )


def _file_name(owner: Owner) -> str:
    return "project.yaml" if owner.name == PROJECT_OWNER else "use_case.yaml"
