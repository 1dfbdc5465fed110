"""All assets of a use case, stage by stage."""

import dagster as dg

from mlops_dagster.assets.champion import champion_asset
from mlops_dagster.assets.model import model_asset
from mlops_dagster.assets.monitoring import monitoring_assets
from mlops_dagster.assets.quality_results import quality_results_asset
from mlops_dagster.assets.quarantine import quarantine_asset
from mlops_dagster.assets.serving import predictions_asset
from mlops_dagster.assets.tables import table_asset
from mlops_dagster.assets.training_set import training_set_asset
from mlops_dagster.spec.workspace import ResolvedUseCase, Workspace


def use_case_assets(workspace: Workspace, use_case: ResolvedUseCase) -> list[dg.AssetsDefinition]:
    """Return the assets of a use case: its tables, their reports, the stages of each model."""
    assets = [
        table_asset(workspace, table, opens=ref in use_case.open_tables)
        for ref, table in use_case.tables.items()
    ]
    assets.append(quarantine_asset(use_case))
    assets.append(quality_results_asset(use_case))
    for model in use_case.models.values():
        assets.append(training_set_asset(workspace, use_case, model))
        assets.append(model_asset(use_case, model))
        assets.append(champion_asset(use_case, model))
        assets.append(predictions_asset(workspace, use_case, model))
        if use_case.calendar is not None:
            assets.append(monitoring_assets(workspace, use_case, model, use_case.calendar))
    return assets
