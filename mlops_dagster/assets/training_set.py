"""The asset of a model's training set, which belongs to its cutoff window."""

from typing import TYPE_CHECKING

import dagster as dg

from mlops_dagster.assets.keys import asset_key, training_set_ref
from mlops_dagster.assets.kinds import DELTA
from mlops_dagster.assets.metadata import Metadata, early_metadata, published_metadata
from mlops_dagster.assets.model_inputs import training_inputs
from mlops_dagster.assets.owners import model_owners
from mlops_dagster.assets.partitions import partitions_of
from mlops_dagster.assets.stage import stage_errors, stage_run
from mlops_dagster.resources.spark import SparkResource
from mlops_dagster.resources.workspace import WorkspaceResource
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedUseCase, Workspace

if TYPE_CHECKING:
    from mlops_dagster.features.training_set import TrainingSetBuilt


def training_set_asset(
    workspace: Workspace, use_case: ResolvedUseCase, model: ResolvedModel
) -> dg.AssetsDefinition:
    """Return the asset of a training set: rows as known when predicted, labels at the cutoff."""
    ref = training_set_ref(model)
    calendar = use_case.calendar

    @dg.asset(
        key=asset_key(ref),
        deps=training_inputs(workspace, model, calendar),
        partitions_def=partitions_of(calendar),
        group_name=use_case.name,
        description=(
            f"Rows to learn {model.stream} from, up to and with the cutoff window: features as "
            "known at each row's prediction time, labels as known when the cutoff closed."
        ),
        owners=model_owners(use_case, model),
        kinds={DELTA},
        code_version=model.code_version,
    )
    def training_set(
        context: dg.AssetExecutionContext, mlops: WorkspaceResource, spark: SparkResource
    ) -> dg.MaterializeResult[None]:
        from mlops_dagster.features.training_set import build_training_set

        run = stage_run(context, calendar)
        with stage_errors(), spark.step(str(ref)) as session:
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
        for early in built.early:
            context.log.warning(str(early))
        return dg.MaterializeResult(
            metadata=training_set_metadata(built, partitioned=calendar is not None),
            data_version=dg.DataVersion(built.published.digest),
        )

    return training_set


def training_set_metadata(built: "TrainingSetBuilt", *, partitioned: bool) -> Metadata:
    """Return what the UI shows of a training set: its rows, features, and what waits in them."""
    counts = built.counts
    return {
        **published_metadata(built.published, partitioned=partitioned),
        "labelled": dg.MetadataValue.int(counts.labelled),
        "without_label": dg.MetadataValue.int(counts.never),
        "label_pending": dg.MetadataValue.int(counts.pending),
        "fit": dg.MetadataValue.int(counts.fit),
        "holdout": dg.MetadataValue.int(counts.holdout),
        "not_known_in_time": dg.MetadataValue.int(counts.unknowable),
        "windows": dg.MetadataValue.text(", ".join(built.windows)),
        "features": dg.MetadataValue.text(", ".join(f.name for f in built.features)),
        **early_metadata(built.early),
    }
