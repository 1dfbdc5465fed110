"""The quarantine of a use case: one asset that reports which rows its tables refused, and why."""

import dagster as dg

from mlops_dagster.assets.keys import asset_key, quarantine_ref
from mlops_dagster.assets.kinds import DELTA
from mlops_dagster.assets.metadata import Metadata
from mlops_dagster.assets.owners import use_case_owners
from mlops_dagster.assets.partitions import look_back, partitions_of
from mlops_dagster.assets.stage import stage_errors, stage_run
from mlops_dagster.data.batches import BatchCounts, window_batches
from mlops_dagster.resources.workspace import WorkspaceResource
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.workspace import ResolvedTable, ResolvedUseCase


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
            for table in last_tables(use_case)
        ],
        partitions_def=partitions,
        group_name=use_case.name,
        description=(
            "Rows that failed a rule, with their reasons and original content, one slice a table "
            "and window. Rows delivered = valid + quarantined + dropped, for every table."
        ),
        owners=use_case_owners(use_case),
        kinds={DELTA},
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


def last_tables(use_case: ResolvedUseCase) -> list[ResolvedTable]:
    """Return the tables that no other table of their job reads: all others come before them.

    They are enough to wait for; an edge from every table would hide the graph of the others.
    """
    opens = use_case.open_tables
    read = {
        (table_input.ref, reader in opens)
        for reader, table in use_case.tables.items()
        for table_input in table.inputs.values()
    }
    return [table for ref, table in use_case.tables.items() if (ref, ref in opens) not in read]


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
