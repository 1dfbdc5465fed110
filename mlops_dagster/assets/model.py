"""The asset of a trained, evaluated and registered model; it belongs to its cutoff window."""

from collections.abc import Iterator

import dagster as dg

from mlops_dagster.assets.config import TrainingRun
from mlops_dagster.assets.keys import asset_key, model_key, training_set_ref
from mlops_dagster.assets.kinds import MLFLOW, family_kind
from mlops_dagster.assets.model_metadata import candidate_metadata, gate_checks, gate_specs
from mlops_dagster.assets.owners import model_owners
from mlops_dagster.assets.partitions import partitions_of, same_window
from mlops_dagster.assets.place import stage_place
from mlops_dagster.assets.stage import stage_errors, stage_run
from mlops_dagster.assets.tags import DECISION_TAG, EXPERIMENTAL_TAG
from mlops_dagster.resources.mlflow import MlflowResource
from mlops_dagster.resources.spark import SparkResource
from mlops_dagster.resources.workspace import WorkspaceResource
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedUseCase


def model_asset(use_case: ResolvedUseCase, model: ResolvedModel) -> dg.AssetsDefinition:
    """Return the asset of a model, registered if its gates pass; its gates are its checks."""
    key = model_key(model)
    calendar = use_case.calendar

    @dg.asset(
        key=key,
        deps=[
            dg.AssetDep(asset_key(training_set_ref(model)), partition_mapping=same_window(calendar))
        ],
        partitions_def=partitions_of(calendar),
        check_specs=gate_specs(key, model),
        group_name=use_case.name,
        description=model.spec.description,
        owners=model_owners(use_case, model),
        kinds={MLFLOW, family_kind(model)},
        code_version=model.code_version,
    )
    def train(
        context: dg.AssetExecutionContext,
        config: TrainingRun,
        mlops: WorkspaceResource,
        spark: SparkResource,
        mlflow: MlflowResource,
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        from mlops_dagster.lifecycle.overrides import Overrides
        from mlops_dagster.lifecycle.training import train_candidate

        reason = config.reason or context.run.tags.get(DECISION_TAG, "")
        overrides = Overrides(config.max_rows, config.ignore_gates)
        if overrides.words:
            words = ", ".join(overrides.words)
            context.instance.add_run_tags(context.run.run_id, {EXPERIMENTAL_TAG: words})
        place = stage_place(stage_run(context, calendar), mlops, mlflow)
        with stage_errors(), spark.step(f"training of {model.stream}") as session:
            candidate = train_candidate(
                session, place, model, seed=config.seed, reason=reason, overrides=overrides
            )
        if not candidate.fitted_now:
            context.log.info("Not fitted again: an earlier try kept this training.")
        yield from gate_checks(key, model, candidate.gates)
        yield dg.MaterializeResult(
            asset_key=key,
            metadata=candidate_metadata(candidate, place.tracker.uri, reason=reason),
            data_version=dg.DataVersion(candidate.bundle.digest),
        )

    return train
