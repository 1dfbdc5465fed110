"""The asset of a model's batch predictions: one slice a window and model version."""

import dagster as dg

from mlops_dagster.assets.keys import asset_key, champion_key, predictions_ref
from mlops_dagster.assets.kinds import DELTA, family_kind
from mlops_dagster.assets.metadata import early_metadata, published_metadata
from mlops_dagster.assets.model_inputs import scoring_inputs
from mlops_dagster.assets.owners import model_owners
from mlops_dagster.assets.partitions import champion_mapping, partitions_of
from mlops_dagster.assets.place import stage_place
from mlops_dagster.assets.stage import stage_errors, stage_run
from mlops_dagster.resources.mlflow import MlflowResource
from mlops_dagster.resources.spark import SparkResource
from mlops_dagster.resources.workspace import WorkspaceResource
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedUseCase, Workspace

_WHEN = {
    "open": "Forecasts, made as the window opens",
    "close": "A replay of the closed window, each row as it was known at its own prediction time",
}


def predictions_asset(
    workspace: Workspace, use_case: ResolvedUseCase, model: ResolvedModel
) -> dg.AssetsDefinition:
    """Return the asset that scores a window by the champion in charge of it, never a later one."""
    ref = predictions_ref(model)
    calendar = use_case.calendar
    opens = calendar is not None and model.spec.predict.at == "open"

    @dg.asset(
        key=asset_key(ref),
        deps=[
            *scoring_inputs(workspace, model, calendar),
            dg.AssetDep(
                champion_key(model),
                partition_mapping=None if calendar is None else champion_mapping(calendar),
            ),
        ],
        partitions_def=partitions_of(calendar, opens=opens),
        group_name=use_case.name,
        description=f"{_WHEN[model.spec.predict.at]}, by the champion in charge of it.",
        owners=model_owners(use_case, model),
        kinds={DELTA, family_kind(model)},
        code_version=model.code_version,
    )
    def predictions(
        context: dg.AssetExecutionContext,
        mlops: WorkspaceResource,
        spark: SparkResource,
        mlflow: MlflowResource,
    ) -> dg.MaterializeResult[None]:
        from mlops_dagster.lifecycle.scoring import score_window
        from mlops_dagster.registry.champion import champion_in_charge
        from mlops_dagster.registry.ledger import read_ledger

        place = stage_place(stage_run(context, calendar, opens=opens), mlops, mlflow)
        with stage_errors():
            ledger = read_ledger(place.store, model.stream)
            champion = champion_in_charge(ledger, calendar, place.window, opens=opens)
            if champion is None:
                # The reports that follow decide on the first training, so they must run too.
                return dg.MaterializeResult(
                    metadata={"scored": 0, "champion": "none yet: nothing was scored"}
                )
            with spark.step(str(ref)) as session:
                scored = score_window(session, place, model, champion)
        for early in scored.counts.early:
            context.log.warning(str(early))
        return dg.MaterializeResult(
            metadata={
                **published_metadata(scored.published, partitioned=calendar is not None),
                **early_metadata(scored.counts.early),
                "scored": scored.published.rows,
                "not_known_in_time": scored.counts.unknowable,
                "model_version": champion.version,
                "champion_cutoff": champion.cutoff_window,
            },
            data_version=dg.DataVersion(scored.published.digest),
        )

    return predictions
