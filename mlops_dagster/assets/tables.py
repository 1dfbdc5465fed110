"""The asset of a declared table: one slice a run, its rules as asset checks."""

import logging
from collections.abc import Iterator

import dagster as dg

from mlops_dagster.assets.checks import check_results, check_specs
from mlops_dagster.assets.config import TableRun
from mlops_dagster.assets.keys import asset_key
from mlops_dagster.assets.kinds import table_kinds
from mlops_dagster.assets.metadata import table_built_metadata, table_spec_metadata
from mlops_dagster.assets.owners import table_owners
from mlops_dagster.assets.partitions import input_mapping, partitions_of, same_window
from mlops_dagster.assets.stage import StageRun, stage_errors, stage_run
from mlops_dagster.resources.spark import SparkResource
from mlops_dagster.resources.workspace import WorkspaceResource
from mlops_dagster.spec.workspace import ResolvedTable, Workspace

Results = Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]


def table_asset(workspace: Workspace, table: ResolvedTable, *, opens: bool) -> dg.AssetsDefinition:
    """Return the asset of a table.

    Args:
        workspace: The workspace that the table belongs to; descriptions and owners come from there.
        table: The table.
        opens: The table is built as its window opens.
    """
    key = asset_key(table.ref)
    calendar = table.calendar if table.windowed else None

    declared = dg.asset(
        key=key,
        deps=_dependencies(workspace, table),
        partitions_def=partitions_of(calendar, opens=opens),
        check_specs=check_specs(table),
        group_name=table.ref.owner,
        description=table.spec.description,
        owners=table_owners(workspace, table),
        tags=table.spec.tags,
        kinds=table_kinds(table),
        code_version=table.code_version,
        freshness_policy=freshness_policy(table),
        metadata=table_spec_metadata(workspace, table),
        io_manager_key="delta",
    )
    if table.windowed:
        # A window is written by every run of it: there is nothing to choose.
        @declared
        def build(
            context: dg.AssetExecutionContext, mlops: WorkspaceResource, spark: SparkResource
        ) -> Results:
            run = stage_run(context, calendar, opens=opens)
            yield from _results(run, mlops, spark, table, context.log, force=False)

        return build

    @declared
    def build_whole(
        context: dg.AssetExecutionContext,
        config: TableRun,
        mlops: WorkspaceResource,
        spark: SparkResource,
    ) -> Results:
        run = stage_run(context, calendar, opens=opens)
        yield from _results(run, mlops, spark, table, context.log, force=config.force)

    return build_whole


def freshness_policy(table: ResolvedTable) -> dg.FreshnessPolicy | None:
    """Return what Dagster's daemon holds the table's builds to; None without a promise."""
    promised = table.spec.freshness
    if promised is None:
        return None
    warn_after = None if promised.warn_after is None else promised.warn_after.elapsed
    return dg.FreshnessPolicy.time_window(
        fail_window=promised.within.elapsed, warn_window=warn_after
    )


def _results(
    run: StageRun,
    mlops: WorkspaceResource,
    spark: SparkResource,
    table: ResolvedTable,
    log: logging.Logger,
    *,
    force: bool,
) -> Results:
    from mlops_dagster.data.build import build_table
    from mlops_dagster.data.verdict import RefusedBatch
    from mlops_dagster.errors import ContractViolation, SourceError

    key = asset_key(table.ref)
    with stage_errors(), spark.step(str(table.ref)) as session:
        try:
            built = build_table(
                session,
                workspace=mlops.workspace,
                table=table,
                window=run.window,
                as_of=run.as_of,
                store=mlops.store,
                locations=mlops.locations,
                run_id=run.run_id,
                force=force,
            )
        except RefusedBatch as refused:
            yield from check_results(table, refused.rule_results)
            raise
        except (SourceError, ContractViolation):
            _tell(run, mlops, table, log)
            raise
        _tell(run, mlops, table, log)
    yield from check_results(table, built.rule_results)
    metadata = table_built_metadata(mlops.locations, table, built)
    if force:
        metadata["forced"] = dg.MetadataValue.bool(True)
    yield dg.MaterializeResult(
        asset_key=key, metadata=metadata, data_version=dg.DataVersion(built.published.digest)
    )


def _tell(
    run: StageRun, mlops: WorkspaceResource, table: ResolvedTable, log: logging.Logger
) -> None:
    from mlops_dagster.lifecycle.delivery_alerts import Teller, tell_of_deliveries

    if not table.is_derived:
        teller = Teller(mlops.workspace, mlops.store, run.run_id, log)
        tell_of_deliveries(teller, table)


def _dependencies(workspace: Workspace, table: ResolvedTable) -> list[dg.AssetDep]:
    source = table.spec.source
    if source is not None:
        # Tables behind connections are no assets of this project.
        if source.asset is None:
            return []
        mapping = same_window(table.calendar)
        return [dg.AssetDep(source.asset.split("."), partition_mapping=mapping)]
    return [
        dg.AssetDep(
            asset_key(table_input.ref),
            partition_mapping=(
                input_mapping(table.calendar, table_input)
                if table.calendar is not None and workspace.table(table_input.ref).windowed
                else None
            ),
        )
        for table_input in table.inputs.values()
    ]
