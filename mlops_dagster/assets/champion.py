"""The asset of a promotion: which version scores the windows after a cutoff."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from mlops_dagster.assets.keys import champion_key, model_key
from mlops_dagster.assets.kinds import MLFLOW
from mlops_dagster.assets.owners import model_owners
from mlops_dagster.assets.partitions import partitions_of, same_window
from mlops_dagster.assets.place import stage_place
from mlops_dagster.assets.stage import stage_errors, stage_run
from mlops_dagster.assets.tags import EXPERIMENTAL_TAG
from mlops_dagster.resources.mlflow import MlflowResource
from mlops_dagster.resources.workspace import WorkspaceResource
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedUseCase

if TYPE_CHECKING:
    from mlops_dagster.lifecycle.promotion import Promotion

STAGING_TESTS = "staging_tests"


def champion_asset(use_case: ResolvedUseCase, model: ResolvedModel) -> dg.AssetsDefinition:
    """Return the asset of a promotion: staging tests in a clean process, then a compare-and-swap.

    A model that was not registered, is experimental, or fails its staging tests, leaves the asset
    unmaterialized for the window: the champion in charge stays.
    """
    key = champion_key(model)
    calendar = use_case.calendar

    @dg.multi_asset(
        name="__".join(key.path),
        specs=[
            dg.AssetSpec(
                key,
                deps=[dg.AssetDep(model_key(model), partition_mapping=same_window(calendar))],
                group_name=use_case.name,
                description=(
                    f"The version of {model.stream} that scores the windows after this one, if its "
                    "gates and staging tests let it through."
                ),
                owners=model_owners(use_case, model),
                kinds={MLFLOW},
                skippable=True,
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                STAGING_TESTS,
                asset=key,
                description="In a clean process it predicts its golden rows as when trained.",
            )
        ],
        partitions_def=partitions_of(calendar),
        # A model that its gates stop is not tested: only a multi-asset may leave its check out.
        can_subset=True,
    )
    def promote(
        context: dg.AssetExecutionContext, mlops: WorkspaceResource, mlflow: MlflowResource
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        from mlops_dagster.lifecycle.alerts import gate_alerts, tell_alerts
        from mlops_dagster.lifecycle.promotion import promote_candidate

        place = stage_place(stage_run(context, calendar), mlops, mlflow)
        with stage_errors():
            run = context.instance.get_run_by_id(context.run.run_id)
            promotion = promote_candidate(
                place, model, experimental=run is not None and EXPERIMENTAL_TAG in run.tags
            )
        if not promotion.promoted and not promotion.experimental:
            alerts = gate_alerts(place, use_case, model, promotion.reason)
            tell_alerts(place, model, alerts, context.log)
        context.log.info(promotion.reason)
        yield from _results(key, promotion, place.window)

    return promote


def _results(
    key: dg.AssetKey, promotion: "Promotion", window: str
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
    if promotion.staging is not None:
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=STAGING_TESTS,
            passed=promotion.staging.passed,
            description=promotion.reason,
            metadata=dict(promotion.staging.details),
        )
    if promotion.promoted:
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "version": str(promotion.version),
                "cutoff_window": window,
                "reason": promotion.reason,
            },
            data_version=dg.DataVersion(promotion.bundle_digest),
        )
