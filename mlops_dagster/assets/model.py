"""The assets of a training: training set, model, champion. A training belongs to its cutoff window."""

from collections.abc import Iterator

import dagster as dg

from mlops_dagster.assets.config import TrainingRun
from mlops_dagster.assets.keys import (
    asset_key,
    champion_key,
    group_name,
    model_key,
    training_set_ref,
)
from mlops_dagster.assets.metadata import published_metadata
from mlops_dagster.assets.model_metadata import candidate_metadata, gate_checks, gate_specs
from mlops_dagster.assets.partitions import history_mapping, look_back, partitions_of
from mlops_dagster.assets.place import stage_place
from mlops_dagster.assets.stage import stage_errors, stage_run
from mlops_dagster.assets.tags import DECISION_TAG
from mlops_dagster.resources.mlflow import MlflowResource
from mlops_dagster.resources.spark import SparkResource
from mlops_dagster.resources.workspace import WorkspaceResource
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedUseCase, Workspace

STAGING_TESTS = "staging_tests"


def training_set_asset(
    workspace: Workspace, use_case: ResolvedUseCase, model: ResolvedModel
) -> dg.AssetsDefinition:
    """Return the asset of a model's training set: rows as known when predicted, labels known by the cutoff."""
    refs = dict.fromkeys((model.rows, *model.features, model.label))
    calendar = use_case.calendar

    @dg.asset(
        key=asset_key(training_set_ref(model)),
        deps=[
            dg.AssetDep(
                asset_key(ref),
                partition_mapping=(
                    history_mapping(calendar, model)
                    if calendar is not None and workspace.table(ref).windowed
                    else None
                ),
            )
            for ref in refs
        ],
        partitions_def=partitions_of(calendar),
        group_name=group_name(use_case.name, "model"),
        description=(
            f"Rows to learn {model.stream} from, up to and with the cutoff window: features as known at each row's "
            "prediction time, labels as known when the cutoff closed."
        ),
        owners=_owners(use_case, model),
        kinds={"delta"},
        code_version=model.code_version,
    )
    def training_set(
        context: dg.AssetExecutionContext, mlops: WorkspaceResource, spark: SparkResource
    ) -> dg.MaterializeResult[None]:
        from mlops_dagster.features.training_set import build_training_set

        run = stage_run(context, calendar)
        with stage_errors(), spark.step(str(training_set_ref(model))) as session:
            built = build_training_set(
                session,
                workspace=mlops.workspace,
                model=model,
                cutoff=run.window,
                as_of=run.as_of,
                store=mlops.store,
                locations=mlops.locations,
                run_id=run.run_id,
            )
        counts = built.counts
        return dg.MaterializeResult(
            metadata={
                **published_metadata(built.published, partitioned=calendar is not None),
                "labelled": counts.labelled,
                "without_label": counts.never,
                "label_pending": counts.pending,
                "fit": counts.fit,
                "holdout": counts.holdout,
                "not_known_in_time": counts.unknowable,
                "windows": ", ".join(built.windows),
                "features": ", ".join(feature.name for feature in built.features),
            },
            data_version=dg.DataVersion(built.published.digest),
        )

    return training_set


def model_asset(
    workspace: Workspace, use_case: ResolvedUseCase, model: ResolvedModel
) -> dg.AssetsDefinition:
    """Return the asset of a trained, evaluated and (if its gates pass) registered model; its gates are its checks."""
    key = model_key(model)
    calendar = use_case.calendar

    @dg.asset(
        key=key,
        deps=[
            dg.AssetDep(
                asset_key(training_set_ref(model)),
                partition_mapping=None if calendar is None else look_back(first=0, last=0),
            )
        ],
        partitions_def=partitions_of(calendar),
        check_specs=gate_specs(key, model),
        group_name=group_name(use_case.name, "model"),
        description=model.spec.description,
        owners=_owners(use_case, model),
        kinds={"mlflow", "scikitlearn"},
        code_version=model.code_version,
    )
    def train(
        context: dg.AssetExecutionContext,
        config: TrainingRun,
        mlops: WorkspaceResource,
        spark: SparkResource,
        mlflow: MlflowResource,
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        from mlops_dagster.lifecycle.training import train_candidate

        reason = config.reason or context.run.tags.get(DECISION_TAG, "")
        place = stage_place(stage_run(context, calendar), mlops, mlflow)
        with stage_errors(), spark.step(f"training of {model.stream}") as session:
            candidate = train_candidate(session, place, model, seed=config.seed, reason=reason)
        yield from gate_checks(key, model, candidate.gates)
        yield dg.MaterializeResult(
            asset_key=key,
            metadata=candidate_metadata(candidate, place.tracker.uri),
            data_version=dg.DataVersion(candidate.bundle.digest),
        )

    return train


def champion_asset(
    workspace: Workspace, use_case: ResolvedUseCase, model: ResolvedModel
) -> dg.AssetsDefinition:
    """Return the asset of a promotion: staging tests in a clean process, then one compare-and-swap in the ledger.

    A model that was not registered, or fails its staging tests, leaves the asset unmaterialized for the window: the
    champion in charge stays.
    """
    key = champion_key(model)
    calendar = use_case.calendar

    @dg.asset(
        key=key,
        deps=[
            dg.AssetDep(
                model_key(model),
                partition_mapping=None if calendar is None else look_back(first=0, last=0),
            )
        ],
        partitions_def=partitions_of(calendar),
        check_specs=[
            dg.AssetCheckSpec(
                STAGING_TESTS,
                asset=key,
                description="Loaded in a clean process it predicts its golden rows as when it was trained.",
            )
        ],
        group_name=group_name(use_case.name, "model"),
        description=(
            f"The version of {model.stream} that scores the windows after this one, if its gates and staging tests "
            "let it through."
        ),
        owners=_owners(use_case, model),
        kinds={"mlflow"},
        output_required=False,
    )
    def promote(
        context: dg.AssetExecutionContext, mlops: WorkspaceResource, mlflow: MlflowResource
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        from mlops_dagster.lifecycle.promotion import promote_candidate

        place = stage_place(stage_run(context, calendar), mlops, mlflow)
        with stage_errors():
            promotion = promote_candidate(place, model)
        if promotion.staging is not None:
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=STAGING_TESTS,
                passed=promotion.staging.passed,
                description=promotion.reason,
                metadata=dict(promotion.staging.details),
            )
        context.log.info(promotion.reason)
        if promotion.promoted:
            yield dg.MaterializeResult(
                asset_key=key,
                metadata={
                    "version": str(promotion.version),
                    "cutoff_window": place.window,
                    "reason": promotion.reason,
                },
                data_version=dg.DataVersion(promotion.bundle_digest),
            )

    return promote


def _owners(use_case: ResolvedUseCase, model: ResolvedModel) -> list[str] | None:
    owner = model.spec.owner or use_case.spec.owner
    return [owner] if owner else None
