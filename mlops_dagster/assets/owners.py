"""Who answers for an asset: the nearest owner that the YAML names."""

from mlops_dagster.spec.refs import PROJECT_OWNER
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedTable, ResolvedUseCase, Workspace


def table_owners(workspace: Workspace, table: ResolvedTable) -> list[str] | None:
    """Return the table's owner, else that of its use case or of the project."""
    if table.spec.owner:
        return [table.spec.owner]
    if table.ref.owner == PROJECT_OWNER:
        return _listed(workspace.project.owner)
    return use_case_owners(workspace.use_cases[table.ref.owner])


def model_owners(use_case: ResolvedUseCase, model: ResolvedModel) -> list[str] | None:
    """Return the model's owner, else that of its use case."""
    return _listed(model.spec.owner or use_case.spec.owner)


def use_case_owners(use_case: ResolvedUseCase) -> list[str] | None:
    """Return the owner of the use case."""
    return _listed(use_case.spec.owner)


def _listed(owner: str | None) -> list[str] | None:
    return [owner] if owner else None
