"""The quarantine of a use case: one asset that reports which rows its tables refused, and why."""

import dagster as dg

from mlops_dagster.assets.keys import asset_key, group_name, quarantine_ref
from mlops_dagster.assets.metadata import Metadata
from mlops_dagster.assets.owners import use_case_owners
from mlops_dagster.assets.partitions import look_back, partitions_of
from mlops_dagster.assets.stage import stage_errors, stage_run
from mlops_dagster.data.batches import BatchCounts, window_batches
from mlops_dagster.resources.workspace import WorkspaceResource
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.workspace import ResolvedUseCase


def quarantine_asset(use_case: ResolvedUseCase) -> dg.AssetsDefinition:
    """Return the asset that counts a window's quarantined rows by table and rule, from events."""
    ref = quarantine_ref(use_case.name)
    partitions = partitions_of(use_case.calendar)

    @dg.asset(
        key=asset_key(ref),
        deps=[
            dg.AssetDep(
                asset_key(table.ref),
                partition_mapping=look_back(first=0, last=0) if table.windowed else None,
            )
            for table in use_case.tables.values()
        ],
        partitions_def=partitions,
        group_name=group_name(use_case.name, "monitoring"),
        description=(
            "Rows that failed a rule, with their reasons and original content, one slice a table "
            "and window. Rows delivered = valid + quarantined + dropped, for every table."
        ),
        owners=use_case_owners(use_case),
        kinds={"delta"},
    )
    def report(
        context: dg.AssetExecutionContext, mlops: WorkspaceResource
    ) -> dg.MaterializeResult[None]:
        run = stage_run(context, use_case.calendar)
        with stage_errors():
            batches = window_batches(
                mlops.store,
                [
                    (table.ref, run.window if table.windowed else STATIC)
                    for table in use_case.tables.values()
                ],
            )
        return dg.MaterializeResult(metadata=_metadata(batches))

    return report


def _metadata(batches: tuple[BatchCounts, ...]) -> Metadata:
    tables = [
        dg.TableRecord(
            {
                "table": f"{batch.ref.layer}.{batch.ref.name}",
                "rows_in": batch.rows_in,
                "valid": batch.valid,
                "quarantined": batch.quarantined,
                "dropped": batch.dropped,
                "failed_rules": ", ".join(
                    rule if rows is None else f"{rule} ({rows})"
                    for rule, rows in batch.failed_rules.items()
                ),
            }
        )
        for batch in batches
    ]
    metadata: Metadata = {
        "quarantined": dg.MetadataValue.int(sum(batch.quarantined for batch in batches)),
        "dropped": dg.MetadataValue.int(sum(batch.dropped for batch in batches)),
        "rows_in": dg.MetadataValue.int(sum(batch.rows_in for batch in batches)),
    }
    if tables:
        metadata["tables"] = dg.MetadataValue.table(tables)
    return metadata
